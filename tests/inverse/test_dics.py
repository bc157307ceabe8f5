"""DICS: the beamformer of a band, its maps of power and coherence."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm
from brainfwd.inverse import DICS, LCMV

BAND = (8 * u.Hz, 13 * u.Hz)
A, B, QUIET = 3, 11, 20


def _cross(lead_field, noise_cov, between, moment=100e-9):
    """Of two sources along their normals, `between` the cross-spectrum of their time courses, in noise."""
    gain = lead_field.fixed().gain_si[:, [A, B]]
    matrix = moment**2 * gain @ np.asarray(between) @ gain.T + noise_cov.matrix_si
    return records.CrossSpectrum(matrix, lead_field.channels, BAND)


def _relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.fixture(scope='module')
def both(problem):
    """Two sources of coherence 0.64, the second a quarter of a cycle behind the first."""
    lead_field, noise_cov = problem('both')
    return lead_field, noise_cov, _cross(lead_field, noise_cov, [[1, 0.8j], [-0.8j, 1]])


@pytest.mark.parametrize('weight_norm', ['unit-gain', 'unit-noise-gain-invariant'])
@pytest.mark.parametrize('orientation', ['fixed', 'free', 'vector'])
def test_of_what_is_in_phase_it_is_lcmv(orientation, weight_norm, both):
    lead_field, noise_cov, cross = both
    options = {'orientation': orientation, 'weight_norm': weight_norm}
    dics = DICS(**options).fit(lead_field, noise_cov, data_cov=cross)
    lcmv = LCMV(**options).fit(lead_field, noise_cov, data_cov=cross.in_phase)
    for kind, part in dics.kernel.items():
        assert _relative(part.mantissa, lcmv.kernel[kind].mantissa) < 1e-12
    assert _relative(u.get_mantissa(dics.power(cross)), u.get_mantissa(lcmv.power(cross.in_phase))) < 1e-12
    # without phases a complex filter is a real one
    real = records.CrossSpectrum(cross.matrix_si.real, cross.channels, BAND)
    other = DICS(real_filter=False, **options).fit(lead_field, noise_cov, data_cov=real)
    for kind, part in other.kernel.items():
        assert _relative(part.mantissa, lcmv.kernel[kind].mantissa) < 1e-9


@pytest.mark.parametrize('real_filter', [True, False])
def test_power_and_coherence_are_those_of_the_sources(real_filter, problem):
    """Where noise is weak, and they are a quarter of a cycle apart."""
    lead_field, noise_cov = problem('both')
    between = np.array([[1, 0.5j], [-0.5j, 1]])
    cross = _cross(lead_field, noise_cov, between, moment=1e-5)
    solver = DICS(weight_norm='unit-gain', reg=0.0, real_filter=real_filter)
    solver.fit(lead_field, noise_cov, data_cov=cross)
    power = solver.power(cross)
    assert power.unit == nAm**2
    # real filters do not see what is out of phase; of complex ones each takes out what is coherent with the other
    expected = 1e8 if real_filter else 1e8 * (1 - 0.5**2)
    np.testing.assert_allclose(power[np.array([A, B])].mantissa, expected, rtol=1e-3)
    if real_filter:
        assert solver.coherency(cross, A)[B] == pytest.approx(between[1, 0], abs=1e-3)
        assert solver.coherency(cross, B)[A] == pytest.approx(between[0, 1], abs=1e-3)


def test_coherency_of_a_source_with_itself_is_1(both):
    lead_field, noise_cov, cross = both
    solver = DICS(orientation='free').fit(lead_field, noise_cov, data_cov=cross)
    coherency = solver.coherency(cross, A)
    assert coherency[A] == pytest.approx(1.0)
    assert (abs(coherency) <= 1 + 1e-12).all()
    # a scale of the filters cancels
    scaled = DICS(orientation='free', weight_norm='nai').fit(lead_field, noise_cov, data_cov=cross)
    np.testing.assert_allclose(scaled.coherency(cross, A), coherency, atol=1e-9)


def test_coherency_with_a_sensor(both):
    lead_field, noise_cov, cross = both
    solver = DICS().fit(lead_field, noise_cov, data_cov=cross)
    channels = lead_field.channels
    row = channels.names.index('grad4')
    weights = np.empty((30, len(channels)))
    for kind, part in solver.kernel.items():
        weights[:, channels.indices(kind)] = part.mantissa
    matrix = cross.matrix_si
    power = np.einsum('im,mn,in->i', weights, matrix, weights).real
    expected = weights @ matrix[:, row] / np.sqrt(power * matrix[row, row].real)
    np.testing.assert_allclose(solver.coherency(cross, 'grad4'), expected, rtol=1e-9)


def test_finds_a_source_that_oscillates_and_one_coherent_with_it(problem):
    """From a recording: a source at 10 Hz, a second that follows it by 24 ms, and a stronger one at 30 Hz."""
    lead_field, noise_cov = problem('both')
    rng, n = np.random.default_rng(0), 20_000
    t = np.arange(n) * 0.004
    phase = 2 * np.pi * 10 * t + np.cumsum(rng.normal(size=n)) * 0.05
    lag = 6
    courses = 40e-9 * np.stack([np.sin(phase), np.sin(np.roll(phase, lag)), 3 * np.sin(2 * np.pi * 30 * t)], axis=1)
    data = courses @ lead_field.fixed().gain_si[:, [A, B, QUIET]].T
    data += rng.normal(size=data.shape) @ np.linalg.cholesky(noise_cov.matrix_si).T
    recording = records.Recording(data, lead_field.channels, 4 * u.ms)
    cross = metrics.cross_spectrum(recording, BAND)
    solver = DICS(weight_norm='nai').fit(lead_field, noise_cov, data_cov=cross)
    strongest = np.argsort(solver.power(cross))[-2:]
    assert set(strongest) == {A, B}
    coherency = solver.coherency(cross, A)
    assert np.argmax(abs(coherency.imag)) == B
    # the reference leads by a quarter of a cycle
    assert np.angle(coherency[B]) == pytest.approx(-2 * np.pi * 10 * lag * 0.004, abs=0.15)


def test_noise_may_be_a_cross_spectrum(both):
    lead_field, noise_cov, cross = both
    phases = 0.01j * np.triu(noise_cov.matrix_si, 1)
    noise = records.CrossSpectrum(noise_cov.matrix_si + phases + phases.conj().T, lead_field.channels, BAND)
    expected = DICS().fit(lead_field, noise_cov, data_cov=cross).power(cross)
    np.testing.assert_allclose(DICS().fit(lead_field, noise, data_cov=cross).power(cross), expected, rtol=1e-12)


def test_a_rule_compares_with_noise_of_a_single_repetition_in_the_same_band(problem):
    """An average of 16, of 16 times the power over its noise, is as a single repetition of 4 times the amplitude."""
    lead_field, noise_cov = problem('eeg')
    rng = np.random.default_rng(0)
    rest, noise = rng.normal(size=(2, 2000, 12)) @ np.linalg.cholesky(noise_cov.matrix_si).T
    evoked = 3e-9 * rng.normal(size=(2000, 30)) @ lead_field.fixed().gain_si.T
    single, average = (
        metrics.cross_spectrum(records.Recording(y, lead_field.channels, 4 * u.ms, nave=n), BAND)
        for y, n in ((4 * evoked + noise, 1), (evoked + noise / 4, 16))
    )
    rest = metrics.cross_spectrum(records.Recording(rest, lead_field.channels, 4 * u.ms), BAND)
    for rule in ('evidence', 'discrepancy'):
        solvers = [DICS(regularisation=rule).fit(lead_field, rest, data_cov=cross) for cross in (single, average)]
        assert 0.01 < solvers[0].chosen_reg < 0.5
        assert solvers[1].chosen_reg == pytest.approx(solvers[0].chosen_reg)
        assert _relative(u.get_mantissa(solvers[1].kernel), u.get_mantissa(solvers[0].kernel)) < 1e-9


def test_a_rule_takes_noise_of_the_band_alone(both):
    lead_field, noise_cov, cross = both
    with pytest.raises(TypeError, match=r'got a NoiseCovariance: write metrics\.cross_spectrum\(rest, band\)'):
        DICS(regularisation='evidence').fit(lead_field, noise_cov, data_cov=cross)
    other = records.CrossSpectrum(noise_cov.matrix_si, lead_field.channels, (8 * u.Hz, 30 * u.Hz))
    with pytest.raises(ValueError, match='8 to 13 Hz; got 8 to 30 Hz'):
        DICS(regularisation='evidence').fit(lead_field, other, data_cov=cross)


@pytest.mark.parametrize('real_filter', [True, False])
def test_order_of_channels_does_not_matter(real_filter, both):
    lead_field, noise_cov, cross = both
    order = np.random.default_rng(0).permutation(len(lead_field.channels))
    names, types = lead_field.channels.names, lead_field.channels.types
    shuffled = records.Channels(tuple(names[i] for i in order), tuple(types[i] for i in order))
    other = records.CrossSpectrum(cross.matrix_si[np.ix_(order, order)], shuffled, BAND)
    solver = DICS(real_filter=real_filter).fit(lead_field, noise_cov, data_cov=cross)
    expected = solver.power(cross)
    np.testing.assert_allclose(solver.power(other), expected, rtol=1e-9)
    np.testing.assert_allclose(solver.fit(lead_field, noise_cov, data_cov=other).power(cross), expected, rtol=1e-9)


@pytest.mark.parametrize('exponent', [-13, 6])
def test_invariant_to_the_scale_of_the_data(exponent, problem):
    maps = []
    for a in (1.0, 10.0**exponent):
        lead_field, noise_cov = problem('both', scale=a)
        cross = _cross(lead_field, noise_cov, [[1, 0.8j], [-0.8j, 1]])
        solver = DICS(orientation='free', weight_norm='unit-gain', real_filter=False)
        solver.fit(lead_field, noise_cov, data_cov=cross)
        maps.append((solver.power(cross).mantissa, solver.coherency(cross, A)))
    for one, other in zip(*maps, strict=True):
        assert _relative(one, other) < 1e-9


def test_series_through_real_filters(both, data):
    lead_field, noise_cov, cross = both
    y = data(lead_field, (5,))
    recording = records.Recording(y, lead_field.channels, 2 * u.ms)
    estimate = DICS().fit(lead_field, noise_cov, data_cov=cross).update(recording)
    assert estimate.method == 'DICS'
    assert estimate.data.shape == (5, 30)
    complex_filters = DICS(real_filter=False).fit(lead_field, noise_cov, data_cov=cross)
    with pytest.raises(ValueError, match='real_filter=True'):
        complex_filters.update(recording)


@pytest.mark.parametrize('orientation', ['fixed', 'vector'])
def test_fourier_coefficients_through_complex_filters(orientation, both, data):
    lead_field, noise_cov, cross = both
    solver = DICS(real_filter=False, orientation=orientation).fit(lead_field, noise_cov, data_cov=cross)
    y = records.values(data(lead_field) + 1j * data(lead_field, seed=2), lead_field.channels)
    outside, kernel = solver.update(y), solver.kernel
    parts = sum(np.einsum('n...m,tm->tn...', kernel[kind].mantissa, y[kind].mantissa) for kind in y)
    np.testing.assert_allclose(outside, parts if orientation == 'fixed' else np.linalg.norm(parts, axis=-1), rtol=1e-9)
    inside = brainstate.transform.jit(solver.update)(jax.tree.map(lambda x: jnp.asarray(x, jnp.complex64), y))
    assert _relative(np.asarray(inside), outside) < 1e-5


def test_repr_tells_what_differs():
    shown = repr(DICS(orientation='free', reg=0.1, weight_norm='nai', real_filter=False))
    assert shown == "DICS(orientation='free', reg=0.1, weight_norm='nai', real_filter=False): not fitted"


def test_errors(both, problem):
    lead_field, noise_cov, cross = both
    with pytest.raises(TypeError, match=r'got None: write data_cov=metrics\.cross_spectrum\(recording, band\)'):
        DICS().fit(lead_field, noise_cov)
    with pytest.raises(TypeError, match=r'CrossSpectrum.*; got NoiseCovariance'):
        DICS().fit(lead_field, noise_cov, data_cov=noise_cov)
    eeg, eeg_noise = problem('eeg')
    with pytest.raises(UnitError, match=r'in V\^2; got V'):
        DICS().fit(eeg, eeg_noise, data_cov=np.eye(12) * u.volt)
    with pytest.raises(ShapeError, match=r'\(12, 12\)'):
        DICS().fit(eeg, eeg_noise, data_cov=np.eye(3) * u.volt**2)
    solver = DICS().fit(lead_field, noise_cov, data_cov=cross)
    with pytest.raises(ValueError, match='0 to 29; got 30'):
        solver.coherency(cross, 30)
    with pytest.raises(ValueError, match=r"got 'grad44'\. Did you mean 'grad4'"):
        solver.coherency(cross, 'grad44')
    with pytest.raises(TypeError, match='number of a source or the name of a sensor; got float'):
        solver.coherency(cross, 1.0)
    with pytest.raises(ValueError, match="orientation='fixed' or 'free'"):
        DICS(orientation='vector').fit(lead_field, noise_cov, data_cov=cross).coherency(cross, 0)
