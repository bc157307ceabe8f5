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
    assert np.allclose(metrics.point_spread(solver.kernel, mags.gain, 100), answer, rtol=1e-10)


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
