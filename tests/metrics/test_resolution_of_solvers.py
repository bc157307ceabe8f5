"""What is known of the resolution of each solver, on the shipped head."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, inverse, metrics, records
from brainfwd._core.units import nAm

STD = {'mag': 20e-15, 'grad': 5e-13, 'eeg': 5e-7}


@pytest.fixture(scope='module')
def meg():
    """Magnetometers and gradiometers, every eighth source, and white noise."""
    every = datasets.load_lead_field('meg')
    some = np.arange(every.n_sources) % 8 == 0
    field = records.LeadField(every.gain_si[:, some], every.channels, every.sources.mask(some))
    variance = np.square([STD[kind] for kind in field.channels.types])
    return field, records.NoiseCovariance(np.diag(variance), field.channels)


@pytest.mark.parametrize('solver', [inverse.SLORETA, inverse.ELORETA])
def test_peak_at_the_truth(meg, solver):
    field, noise_cov = meg
    scores = metrics.resolution(solver().fit(field, noise_cov).kernel, field.gain, field.sources)
    assert np.array_equal(scores.peak_error.mantissa, np.zeros(field.n_sources))
    assert np.array_equal(u.get_mantissa(scores.amplitude), u.get_mantissa(scores.peak_amplitude))
    # and yet it is spread: 306 sensors cannot tell 593 sources apart
    assert np.median(scores.dispersion.mantissa) > 5


def test_a_beamformer_of_unit_gain_keeps_the_amplitude(meg):
    field, noise_cov = meg
    gain = field.gain_si[:, ::50]
    power = noise_cov.matrix_si + gain @ gain.T * (20e-9) ** 2
    data_cov = records.NoiseCovariance(power, field.channels)
    solver = inverse.LCMV(weight_norm='unit-gain').fit(field, noise_cov, data_cov=data_cov)
    assert np.allclose(metrics.resolution(solver.kernel, field.gain, field.sources).amplitude, 1)


def test_point_spread_is_the_answer_to_one_dipole(meg):
    field, noise_cov = meg
    mags, noise_cov = field.pick('mag'), noise_cov.pick('mag')
    solver = inverse.MinimumNorm().fit(mags, noise_cov)
    answer = solver.update(mags.gain[:, 100] * (5 * nAm)) / (5 * nAm)
    spread = metrics.point_spread(solver.kernel, mags.gain, 100)
    assert np.allclose(spread, answer, rtol=1e-10)
    assert np.array_equal(metrics.point_spread(solver, mags, 100), spread)
    with pytest.raises(TypeError, match='come swapped, LeadField and MinimumNorm'):
        metrics.point_spread(mags, solver, 100)


def test_the_gain_says_which_dipoles(meg):
    field, noise_cov = (each.pick('mag') for each in meg)
    gain = np.random.default_rng(0).normal(size=(102, 40, 3))
    free = records.LeadField(1e-6 * gain, field.channels, field.sources.mask(np.arange(field.n_sources) < 40))
    solver = inverse.DSPM(orientation='fixed').fit(free, noise_cov)
    every = np.arange(40)
    along = metrics.cross_talk(solver, free.fixed(), every)
    assert np.allclose(along.to_decimal(nAm**-1), solver.resolution_matrix().to_decimal(nAm**-1))
    assert metrics.cross_talk(solver, free, every).shape == (40, 40, 3)


def test_a_complex_beamformer_keeps_the_amplitude(meg):
    field, noise_cov = (each.pick('mag') for each in meg)
    field = records.LeadField(
        field.gain_si[:, ::50], field.channels, field.sources.mask(np.arange(field.n_sources) % 50 == 0)
    )
    rng = np.random.default_rng(0)
    activity = field.gain_si @ (20e-9 * rng.normal(size=(field.n_sources, 4, 2)) @ [1, 1j])
    cross = records.CrossSpectrum(noise_cov.matrix_si + activity @ activity.conj().T, field.channels)
    solver = inverse.DICS(real_filter=False, weight_norm='unit-gain').fit(field, noise_cov, data_cov=cross)
    assert np.iscomplexobj(u.get_mantissa(solver.kernel))
    assert np.allclose(metrics.resolution(solver, field, field.sources).amplitude, 1)
    assert np.allclose(metrics.point_spread(solver, field, 3), solver.resolution_matrix()[:, 3])


def test_minimum_norm_without_a_prior(meg):
    """A symmetric matrix, whose trace is what regularisation leaves of the rank."""
    field, noise_cov = meg
    solver = inverse.MinimumNorm(depth=0.0).fit(field, noise_cov)
    spread, talk = (
        metrics.resolution(solver.kernel, field.gain, field.sources, of) for of in ('point spread', 'cross talk')
    )
    for a, b in zip(spread, talk, strict=True):
        assert np.allclose(u.get_mantissa(a), u.get_mantissa(b))
    power = np.linalg.svd(field.gain_si / np.sqrt(np.diag(noise_cov.matrix_si))[:, None], compute_uv=False) ** 2
    power *= len(power) / power.sum()
    assert spread.amplitude.sum() == pytest.approx((power / (power + 1 / 9)).sum(), rel=1e-9)
