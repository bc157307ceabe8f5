"""sLORETA of loose and free orientation, standardised by 3 x 3 blocks."""

import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import SLORETA, MinimumNorm, WhitenedProblem

loose_and_free = pytest.mark.parametrize('orientation', ['loose', 'free'])


def _peaks(fitted, lead_field, seed):
    """Where the map of each source has its maximum; each points somewhere."""
    moments = np.random.default_rng(seed).normal(size=(lead_field.n_sources, 3)) * 1e-8
    data = np.einsum('mnk,nk->nm', lead_field.gain_si, moments)
    return fitted.update(records.values(data, lead_field.channels)).argmax(axis=-1)


@loose_and_free
@pytest.mark.parametrize('snr', [0.3, 3.0, 30.0])
@pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])
def test_peaks_at_every_single_source(kinds, snr, orientation, problem):
    lead_field, noise_cov = problem(kinds)
    fitted = SLORETA(orientation=orientation, snr=snr, standardise='block').fit(lead_field, noise_cov)
    for seed in range(3):
        assert np.array_equal(_peaks(fitted, lead_field, seed), np.arange(30))


def test_by_the_trace_it_need_not(problem):
    lead_field, noise_cov = problem('eeg')
    fitted = SLORETA(orientation='free').fit(lead_field, noise_cov)
    assert fitted.standardise == 'trace'
    assert (_peaks(fitted, lead_field, 0) != np.arange(30)).any()


@loose_and_free
@pytest.mark.parametrize('nave', [1, 4])
def test_standardised(orientation, nave, problem):
    """Under the noise and the prior, the components of each source are uncorrelated and of variance 1.

    The covariance they assume is what minimum norm implies: :math:`G K = I - \\lambda^2 (G R G^T + \\lambda^2 I)^{-1}`.
    """
    rng = np.random.default_rng(0)
    normals = np.linalg.qr(rng.normal(size=(40, 3, 3)))[0][:, 0]
    gain = rng.normal(size=(12, 40, 3))
    white = WhitenedProblem(gain, np.eye(12), 12, unwhitened=gain, normals=normals, nave=nave)
    explained = np.einsum('rnk,nks->rs', gain, MinimumNorm(orientation=orientation).whitened_kernel(white))
    data_cov = np.linalg.inv(np.eye(12) - explained) / nave
    kernel = SLORETA(orientation=orientation, standardise='block').whitened_kernel(white)
    assert np.allclose(np.einsum('nkr,rs,nls->nkl', kernel, data_cov, kernel), np.eye(3), atol=1e-9)


def test_fixed_has_one_component(problem):
    lead_field, noise_cov = problem('eeg', 'fixed')
    trace, block = (SLORETA(standardise=how).fit(lead_field, noise_cov).kernel for how in ('trace', 'block'))
    assert np.allclose(block.mantissa, trace.mantissa, rtol=1e-9)


def test_other_ways_are_refused():
    with pytest.raises(ValueError, match=r"SLORETA\(standardise=\.\.\.\) is one of 'trace', 'block'; got 'blocks'"):
        SLORETA(standardise='blocks')
