"""Ornstein-Uhlenbeck noise: spread and memory that do not depend on dt."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf

N = 10_000
UNIT = u.mV / u.second
TAU = 10.0


def network_of(linear, n=N, mean=220.0, std=22.0):
    noise = bf.noise.OrnsteinUhlenbeck(mean=mean * UNIT, std=std * UNIT, tau=TAU * u.ms)
    return bf.Network(linear(n), noise={'inp': noise})


def values(network, dt, duration=30.0, seed=4, **options):
    """The noise after every 5 ms, (times, regions)."""
    read = {'noise': bf.Monitor(lambda net: net.noise['inp'].value, sampling_period=5 * u.ms)}
    result = bf.Simulator(network, dt=dt * u.ms).run(duration * u.ms, monitors=read, seed=seed, **options)
    return np.asarray(result['noise'].in_unit(UNIT).mantissa)


@pytest.mark.parametrize('dt', [0.25, 1.0, 5.0])
def test_stationary_spread_and_memory(linear, dt):
    x = values(network_of(linear), dt)
    np.testing.assert_allclose(x.mean(axis=1), 220.0, atol=4 * 22 / np.sqrt(N))
    # from the first sample on: it starts in its stationary distribution
    np.testing.assert_allclose(x.std(axis=1), 22.0, rtol=4 / np.sqrt(2 * N))
    for lag in range(1, len(x)):
        remembered = np.corrcoef(x[0], x[lag])[0, 1]
        assert remembered == pytest.approx(np.exp(-5 * lag / TAU), abs=4 / np.sqrt(N))


@pytest.mark.parametrize('dt', [0.1, 0.4])
def test_what_it_drives(linear, dt):
    # y' = (x - y) / T: var(y) = std^2 T^2 tau / (tau + T) for y in the unit of x times T, T = 20 ms
    network = bf.Network(linear(N, rate=50.0 * u.Hz), noise=network_of(linear, mean=0.0).noise)
    result = bf.Simulator(network, dt=dt * u.ms).run(120 * u.ms, sampling_period=120 * u.ms, seed=5)
    expected = 22.0 * 0.020 * np.sqrt(TAU / (TAU + 20.0))
    assert np.asarray(result['output'].mantissa).std() == pytest.approx(expected, rel=4 / np.sqrt(2 * N) + 3e-3)


@pytest.mark.parametrize('method', ['heun', 'rk4'])
def test_within_a_step_it_goes_from_its_value_to_the_next(linear, method):
    # so that what is integrated is the trapezoidal rule
    noise = bf.noise.OrnsteinUhlenbeck(mean=220.0 * UNIT, std=22.0 * UNIT, tau=TAU * u.ms)
    network = bf.Network(linear(3, method=method), noise={'inp': noise})
    monitors = {'x': 'x', 'noise': lambda net: net.noise['inp'].value}
    result = bf.Simulator(network, dt=1 * u.ms).run(40 * u.ms, monitors=monitors, seed=6)
    x, noise = (np.asarray(result[name].mantissa, float) for name in ('x', 'noise'))
    np.testing.assert_allclose(np.diff(x, axis=0), 1e-3 * (noise[:-1] + noise[1:]) / 2, atol=2e-6)


def test_numbers_per_region(linear):
    mean, std = np.array([0.0, 100.0, -50.0]) * UNIT, np.array([1.0, 0.0, 3.0]) * UNIT
    network = bf.Network(linear(3), noise={'inp': bf.noise.OrnsteinUhlenbeck(mean, std, 10 * u.ms)})
    x = values(network, 0.5, 20_000.0)
    np.testing.assert_allclose(x.mean(axis=0), [0, 100, -50], atol=0.4)
    np.testing.assert_allclose(x.std(axis=0), [1, 0, 3], rtol=0.1, atol=1e-3)


def test_mean_and_spread_act_at_once(linear):
    # the state has unit variance, so that the same fluctuation is scaled
    network = network_of(linear, 3)
    first = values(network, 1.0)
    network.noise['inp'].mean = 80.0 * UNIT
    network.noise['inp'].std = 11.0 * UNIT
    np.testing.assert_allclose(values(network, 1.0) - 80, (first - 220) / 2, atol=1e-4)


def test_a_draw_depends_on_key_and_step_alone(linear):
    one, three, many = (network_of(linear, n).noise['inp'] for n in (3, 3, 3))
    key = jax.random.key(7)
    for noise, batch in ((one, None), (three, 3), (many, 5)):
        noise.init_all_states(batch_size=batch)
        noise.seed(key)
    np.testing.assert_array_equal(three.normal(11), many.normal(11)[:3])
    np.testing.assert_array_equal(one.normal(11), many.normal(11)[0])  # alone is member 0
    assert not np.array_equal(many.normal(11)[0], many.normal(11)[1])
    assert not np.array_equal(one.normal(11), one.normal(12))
    compiled = brainstate.transform.jit(one.normal)
    np.testing.assert_array_equal(one.normal(11), compiled(11))


def test_another_source_changes_nothing_for_this_one(linear):
    class TwoInputs(linear):
        other = bf.Input(0.0 * UNIT, 'another input')

        def derivative(self, x, inp, other):
            return {'x': inp + other - self.rate * x}

    make = lambda: bf.noise.OrnsteinUhlenbeck(220.0 * UNIT, 22.0 * UNIT, 10.0 * u.ms)  # noqa: E731
    alone = values(bf.Network(TwoInputs(3), noise={'inp': make()}), 1.0)
    beside = values(bf.Network(TwoInputs(3), noise={'other': make(), 'inp': make()}), 1.0)
    np.testing.assert_array_equal(alone, beside)


def test_in_a_loop_of_ones_own_every_noise_has_its_own_key():
    make = lambda: bf.noise.OrnsteinUhlenbeck(0.0, 1.0, 10.0 * u.ms)  # noqa: E731
    network = bf.Network(bf.HopfOscillator(4000), noise={'x_inp': make(), 'y_inp': make()}).init_all_states()
    x, y = (np.asarray(network.noise[name].value) for name in ('x_inp', 'y_inp'))
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(4000)
    assert x.std() == pytest.approx(1.0, rel=4 / np.sqrt(8000))


def test_errors(linear):
    make = bf.noise.OrnsteinUhlenbeck
    with pytest.raises(
        ValueError, match=r'OrnsteinUhlenbeck feeds an input; x is a variable, which takes bf\.noise\.Whi'
    ):
        bf.Network(linear(2), noise={'x': make(1.0 * UNIT, 1.0 * UNIT, 1.0 * u.ms)})
    with pytest.raises(
        bf.UnitError, match=r"Network\(noise={'inp': \.\.\.}\) OrnsteinUhlenbeck\.std is the stationary"
    ):
        bf.Network(linear(2), noise={'inp': make(1.0 * UNIT, 1.0, 1.0 * u.ms)})
    with pytest.raises(bf.UnitError, match=r'OrnsteinUhlenbeck\.tau is the time constant of the noise, in ms; got mV'):
        bf.Network(linear(2), noise={'inp': make(1.0 * UNIT, 1.0 * UNIT, 1.0 * u.mV)})
    with pytest.raises(ValueError, match=r'OrnsteinUhlenbeck\.tau must be above zero'):
        bf.Network(linear(2), noise={'inp': make(1.0 * UNIT, 1.0 * UNIT, 0.0 * u.ms)})
    network = network_of(linear, 2)
    with pytest.raises(
        ValueError, match=r"this OrnsteinUhlenbeck feeds Network\(noise={'inp': \.\.\.}\) already: make one"
    ):
        bf.Network(linear(3), noise=network.noise)
    with pytest.raises(bf.UnitError, match=r'OrnsteinUhlenbeck\.mean is the mean of the noise, .* got a bare number'):
        network.noise['inp'].mean = 220.0
    with pytest.raises(bf.ShapeError, match=r'OrnsteinUhlenbeck\.mean is a number or an array that fits \(2,\); got'):
        network.noise['inp'].mean = np.ones(3) * UNIT
    with pytest.raises(ValueError, match=r"what noise feeds in Linear is one of 'inp', 'x'; got 'p'"):
        bf.Network(linear(2), noise={'p': make(1.0 * UNIT, 1.0 * UNIT, 1.0 * u.ms)})
