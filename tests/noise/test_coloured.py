"""Coloured noise: its spectrum, and a spread that does not depend on dt."""

import brainunit as u
import numpy as np
import pytest
import scipy.signal

import brainfwd as bf

UNIT = u.mV / u.second
EXPONENTS = [0.5, 1.0, 1.5]


def network_of(linear, n, **options):
    return bf.Network(linear(n), noise={'inp': bf.noise.ColouredNoise(5.0 * UNIT, 2.0 * UNIT, **options)})


def values(network, dt, duration, period, seed=4):
    """The noise in mV/s, (times, regions); dt and period in ms, duration in s."""
    read = {'noise': bf.Monitor(lambda net: net.noise['inp'].value, sampling_period=period * u.ms)}
    result = bf.Simulator(network, dt=dt * u.ms).run(duration * u.second, monitors=read, seed=seed)
    return np.asarray(result['noise'].in_unit(UNIT).mantissa)


def processes(noise):
    """Weights and corner frequencies in Hz."""
    eye = np.eye(noise.n_processes, dtype=np.float32)[..., None]
    weights = np.array([float(noise.mixed(row)[0]) ** 2 for row in eye])
    assert weights.sum() == pytest.approx(1, rel=1e-5)
    return weights, np.asarray(noise.relaxation(1 * u.second)).ravel() / (2 * np.pi)


@pytest.mark.parametrize('band', [(1.0, 100.0), (0.02, 200.0), (3.0, 20.0)])
@pytest.mark.parametrize('exponent', [0.05, *EXPONENTS, 1.95])
def test_the_weights_make_a_power_law(linear, exponent, band):
    noise = network_of(linear, 1, exponent=exponent, low=band[0] * u.Hz, high=band[1] * u.Hz).noise['inp']
    f = np.geomspace(*band, 500)
    weights, corners = processes(noise)
    spectrum = (weights * corners / (corners**2 + f[:, None] ** 2)).sum(axis=1)
    departure = np.ptp(np.log(spectrum * f**exponent))
    assert departure / 2 < (0.04 if exponent in EXPONENTS else 0.07)
    assert noise.n_processes <= 2 * np.log10(band[1] / band[0]) + 4


@pytest.mark.parametrize('exponent', EXPONENTS)
def test_the_spectrum_follows_it(linear, exponent):
    network = network_of(linear, 64, exponent=exponent, low=2 * u.Hz, high=50 * u.Hz)
    x = values(network, 1.0, 16.0, 1.0)
    f, spectrum = scipy.signal.welch(x, fs=1000, nperseg=2048, axis=0)
    spectrum = spectrum.mean(axis=1)
    band = (f >= 2) & (f <= 50)
    slope = np.polyfit(np.log(f[band]), np.log(spectrum[band]), 1)[0]
    # 64 regions of 15 segments: 3 % for one frequency; the window adds leakage at the lowest ones
    assert slope == pytest.approx(-exponent, abs=0.06)
    # of each process, sampled: what lies above half the sampling rate is folded back
    weights, corners = processes(network.noise['inp'])
    kept = np.exp(-2 * np.pi * corners * 1e-3)
    folded = 2e-3 * (1 - kept**2) / (1 - 2 * kept * np.cos(2 * np.pi * f[band, None] * 1e-3) + kept**2)
    expected = 2.0**2 * (weights * folded).sum(axis=1)
    np.testing.assert_allclose(spectrum[band], expected, rtol=0.16)
    assert np.mean(spectrum[band] / expected) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('dt', [0.5, 10.0])
def test_the_spread_does_not_depend_on_dt(linear, dt):
    n = 10_000
    x = values(network_of(linear, n), dt, 0.03, 10.0)
    np.testing.assert_allclose(x.mean(axis=1), 5.0, atol=4 * 2 / np.sqrt(n))
    # from the first sample on: it starts in its stationary distribution
    np.testing.assert_allclose(x.std(axis=1), 2.0, rtol=4 / np.sqrt(2 * n))


def test_memory_over_many_steps_and_one(linear):
    # the correlation over 20 ms is a property of the noise, not of dt
    def remembered(dt):
        x = values(network_of(linear, 20_000), dt, 0.04, 20.0)
        return np.corrcoef(x)[0, 1]

    weights, corners = processes(network_of(linear, 1).noise['inp'])
    expected = weights @ np.exp(-2 * np.pi * corners * 0.020)
    for dt in (1.0, 20.0):
        assert remembered(dt) == pytest.approx(expected, abs=4 / np.sqrt(20_000))


def test_an_exponent_per_region(linear):
    exponents = np.repeat([0.5, 1.5], 24)
    x = values(network_of(linear, 48, exponent=exponents, low=2 * u.Hz, high=50 * u.Hz), 2.0, 16.0, 2.0)
    f, spectrum = scipy.signal.welch(x, fs=500, nperseg=1024, axis=0)
    band = (f >= 2) & (f <= 50)
    for exponent in (0.5, 1.5):
        mean = spectrum[:, exponents == exponent].mean(axis=1)
        assert np.polyfit(np.log(f[band]), np.log(mean[band]), 1)[0] == pytest.approx(-exponent, abs=0.08)


@pytest.mark.parametrize('name', ['exponent', 'high'])
def test_members_of_a_batch_have_their_own(linear, name):
    # as many members as processes, which must not be taken for each other
    each = {'exponent': np.array([0.4, 1.0, 1.6]), 'high': np.array([10.6, 10.8, 11.0]) * u.Hz}[name]
    options = {'exponent': 1.0, 'low': 10.0 * u.Hz, 'high': 11.0 * u.Hz}
    read = {'noise': lambda net: net.noise['inp'].value}

    def run(value, seed):
        network = network_of(linear, 2, **{**options, name: value})
        assert network.noise['inp'].n_processes == 3
        return bf.Simulator(network, dt=1 * u.ms).run(20 * u.ms, monitors=read, seed=seed)['noise'].mantissa

    together = run(each[:, None], [5, 5, 5])
    for value, member in zip(each, together, strict=True):
        np.testing.assert_allclose(member, run(value, 5), rtol=1e-5)


def test_errors(linear):
    make = lambda **options: bf.noise.ColouredNoise(0.0 * UNIT, 1.0 * UNIT, **options)  # noqa: E731
    with pytest.raises(ValueError, match=r'ColouredNoise\.exponent is below 2; got 2: use OrnsteinUhlenbeck'):
        bf.Network(linear(2), noise={'inp': make(exponent=2.0)})
    with pytest.raises(ValueError, match=r'ColouredNoise\.exponent must be above zero'):
        make(exponent=0.0)
    with pytest.raises(ValueError, match=r'ColouredNoise\.low is below high; got 5'):
        make(low=5 * u.Hz, high=5 * u.Hz)
    with pytest.raises(bf.UnitError, match=r'ColouredNoise\.high is in Hz; got a bare number: write 40\. \* u\.Hz'):
        make(high=40.0)
    with pytest.raises(ValueError, match=r'ColouredNoise feeds an input; x is a variable, which takes bf'):
        bf.Network(linear(2), noise={'x': make()})
    with pytest.raises(bf.UnitError, match=r"Network\(noise={'inp': \.\.\.}\) ColouredNoise\.std is the stationary"):
        bf.Network(linear(2), noise={'inp': bf.noise.ColouredNoise(0.0 * UNIT, 1.0)})
