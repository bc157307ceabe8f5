"""The solvers on the shipped lead fields."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, metrics, records
from brainfwd.inverse import DSPM, ELORETA, LCMV, SLORETA, MinimumNorm


@pytest.fixture(scope='module')
def heads():
    return datasets.load_lead_field('eeg'), datasets.load_lead_field('eeg', head='second')


def _noise(lead_field, snr):
    """White, so much below the strongest sources of the cortex."""
    return records.NoiseCovariance.diagonal(abs(lead_field.gain_si).max() / snr * 1e-8 * u.volt, lead_field.channels)


@pytest.mark.parametrize('solver', [SLORETA, ELORETA])
def test_every_single_source_is_found(solver, heads):
    head, _ = heads
    fitted = solver().fit(head, _noise(head, 10), inverse_crime=True)
    truth = np.arange(head.n_sources)
    found = [
        abs(u.get_mantissa(fitted.update(y * 1e-8 * u.volt))).argmax(axis=-1) for y in np.array_split(head.gain_si.T, 8)
    ]
    assert np.array_equal(np.concatenate(found), truth)


@pytest.mark.parametrize(('solver', 'millimetres'), [(SLORETA, 10), (ELORETA, 10), (MinimumNorm, 20), (DSPM, 40)])
def test_regions_through_another_head(heads, solver, millimetres):
    """One region at a time, all of it active, without noise: the peak is in it or near."""
    head, other = heads
    fitted = solver().fit(other, _noise(other, 10))
    errors, areas = [], []
    for region in np.unique(head.sources.region_ids):
        driven = head.sources.in_region(region)
        y = head.gain_si @ (driven * head.sources.areas.to_decimal(u.mm**2) * 1e-10)
        estimate = fitted.update(y * u.volt)
        errors.append(metrics.peak_localisation_error(estimate, other.sources, driven).mantissa)
        areas.append(metrics.auc(estimate, driven))
    assert np.median(errors) < millimetres
    assert np.median(areas) > 0.85


def test_a_beamformer_finds_two_sources_that_are_independent(heads):
    """One in each half of the brain, in noise, through the head that made them: each peak is at its source."""
    head, _ = heads
    sources, noise_cov = head.sources, _noise(head, 10)
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(10):
        truth = [rng.choice(np.flatnonzero(sources.hemisphere == side)) for side in (0, 1)]
        white = np.linalg.cholesky(noise_cov.matrix_si)
        y = 1e-8 * rng.normal(size=(2000, 2)) @ head.gain_si[:, truth].T + rng.normal(size=(2000, 64)) @ white.T
        recording = records.Recording(y, head.channels, 2 * u.ms)
        fitted = LCMV().fit(head, noise_cov, data_cov=recording.covariance())
        power = fitted.power(recording.covariance())
        for side, at in enumerate(truth):
            here = np.flatnonzero(sources.hemisphere == side)
            peak = here[power[here].argmax()]
            errors.append(np.linalg.norm((sources.positions[peak] - sources.positions[at]).to_decimal(u.mm)))
    assert max(errors) < 5


def test_the_head_it_was_simulated_with_is_refused(heads):
    head, other = heads
    recording = records.Recording(1e-8 * head.gain_si.T[:20], head.channels, 2 * u.ms, head=head.head)
    with pytest.raises(ValueError, match='inverse crime'):
        SLORETA().fit(head, _noise(head, 10)).update(recording)
    assert SLORETA().fit(other, _noise(other, 10)).update(recording).n_times == 20
