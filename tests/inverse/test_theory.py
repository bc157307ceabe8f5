"""The solvers against what is known of them."""

import brainunit as u
import numpy as np
import pytest
import scipy.linalg

from brainfwd import records
from brainfwd.inverse import DSPM, SLORETA, MinimumNorm
from brainfwd.inverse.depth import depth_prior
from brainfwd.inverse.orientation import orientation_root
from brainfwd.records.whitening import whitener

every_sensor = pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])


def _kernel(solver, lead_field):
    """As SI numbers, the sensors in order."""
    channels = lead_field.channels
    parts = solver.kernel if channels.is_mixed else {channels.kinds[0]: solver.kernel}
    order = np.argsort(np.concatenate([channels.indices(kind) for kind in parts]))
    scale = 1.0 if solver.unit.is_unitless else 1e-9
    return scale * np.concatenate([part.mantissa for part in parts.values()], axis=-1)[..., order]


@every_sensor
def test_whitener(kinds, problem):
    _, noise_cov = problem(kinds)
    white, projector = whitener(noise_cov, 'test'), records.average_reference(noise_cov.channels)
    blocks = np.equal.outer(*(np.array(noise_cov.channels.types) == 'eeg',) * 2)
    assert len(white) == len(noise_cov.channels) - ('eeg' in noise_cov.channels.kinds)
    assert np.allclose(white @ (noise_cov.matrix_si * blocks) @ white.T, np.eye(len(white)), atol=1e-9)
    assert np.allclose(white @ projector, white, rtol=0, atol=1e-9 * abs(white).max())


def test_rank_of_few_samples(problem):
    _, noise_cov = problem('both')
    samples = np.random.default_rng(0).multivariate_normal(np.zeros(21), noise_cov.matrix_si, size=7)
    few = records.Recording(samples, noise_cov.channels, 2 * u.ms).covariance()
    white = whitener(few, 'test')
    assert white.shape == (6 + 6, 21)  # samples but one, for MEG and for EEG


def test_rank_that_is_given(problem):
    """As after a filter that leaves 6 directions of MEG, and the rounding of what it took away."""
    _, noise_cov = problem('both')
    channels = noise_cov.channels
    kept, scale = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 6)))[0], np.ones(21)
    scale[12:] = np.sqrt(np.diagonal(noise_cov.matrix_si)[12:])
    matrix = np.eye(21) * 1e-7
    matrix[:12, :12] += kept @ kept.T
    matrix[12:, 12:] = np.eye(9)
    matrix *= np.outer(scale, scale)
    assert len(whitener(records.NoiseCovariance(matrix, channels), 'test')) == 12 + 8
    white = whitener(records.NoiseCovariance(matrix, channels, rank={'meg': 6}), 'test')
    assert white.shape == (6 + 8, 21)
    # nothing is seen of what was filtered out
    gone = np.eye(12) - kept @ kept.T
    assert abs(white[:6, :12] @ gone).max() < 1e-9 * abs(white[:6, :12]).max()
    assert np.allclose(white @ matrix @ white.T, np.eye(14), atol=1e-9)
    # a rank above what the eigenvalues say, as one counted before the average reference, changes nothing
    assert len(whitener(records.NoiseCovariance(matrix, channels, rank={'meg': 6, 'eeg': 9}), 'test')) == 6 + 8


@pytest.mark.parametrize('snr', [1.0, 3.0, 10.0])
def test_minimum_norm_is_the_minimum(snr, problem):
    """Against the textbook solution of the regularised least squares, without whitening or singular values."""
    lead_field, noise_cov = problem('meg', 'fixed')
    gain, cov = lead_field.gain_si, noise_cov.matrix_si
    prior = depth_prior(lead_field.pick('grad').gain_si, 0.8)
    whitened = scipy.linalg.solve_triangular(np.linalg.cholesky(cov), gain, lower=True)
    prior = prior * len(cov) / (whitened**2 * prior).sum()
    gram = (gain * prior) @ gain.T + cov / snr**2
    expected = np.linalg.solve(gram, gain * prior).T
    kernel = _kernel(MinimumNorm(snr=snr).fit(lead_field, noise_cov), lead_field)
    assert np.linalg.norm(kernel - expected) < 1e-9 * np.linalg.norm(expected)
    # and the same through the sources: (G' C^-1 G + lambda2 R^-1)^-1 G' C^-1
    by_sources = np.linalg.solve(whitened.T @ whitened + np.diag(1 / prior) / snr**2, gain.T @ np.linalg.inv(cov))
    assert np.linalg.norm(kernel - by_sources) < 1e-6 * np.linalg.norm(expected)


@every_sensor
def test_resolution(kinds, problem):
    """Minimum norm without priors: K G is symmetric, with eigenvalues in 0 to 1; at high SNR it explains the data."""
    lead_field, noise_cov = problem(kinds, 'fixed')
    resolution = _kernel(MinimumNorm(depth=0.0).fit(lead_field, noise_cov), lead_field) @ lead_field.gain_si
    assert np.allclose(resolution, resolution.T, atol=1e-9)
    eigenvalues = np.linalg.eigvalsh((resolution + resolution.T) / 2)
    rank = len(whitener(noise_cov, 'test'))
    assert eigenvalues[0] > -1e-9
    assert eigenvalues[-1] < 1
    assert np.allclose(eigenvalues[:-rank], 0, atol=1e-9)
    white_gain = whitener(noise_cov, 'test') @ lead_field.gain_si
    sharp = _kernel(MinimumNorm(snr=1e6).fit(lead_field, noise_cov), lead_field)
    assert np.allclose(white_gain @ sharp @ lead_field.gain_si, white_gain, atol=1e-6 * abs(white_gain).max())


@pytest.mark.parametrize('kinds', ['eeg', 'both'])
def test_dspm_of_noise_is_standard_normal(kinds, problem):
    lead_field, noise_cov = problem(kinds, 'fixed')
    kernel = _kernel(DSPM().fit(lead_field, noise_cov, nave=4), lead_field)
    eeg = np.array(lead_field.channels.types) == 'eeg'
    averaged = noise_cov.matrix_si * np.equal.outer(eeg, eeg) / 4
    assert np.allclose(np.einsum('nm,mk,nk->n', kernel, averaged, kernel), 1.0)


@every_sensor
def test_sloreta_is_standardised_by_the_resolution(kinds, problem):
    """Pascual-Marqui: what the estimate varies by, under prior and noise, is the diagonal of the resolution."""
    lead_field, noise_cov = problem(kinds, 'fixed')
    settings = {'snr': 2.0, 'depth': 0.0}
    plain = _kernel(MinimumNorm(**settings).fit(lead_field, noise_cov), lead_field)
    ours = _kernel(SLORETA(**settings).fit(lead_field, noise_cov), lead_field)
    resolution = np.einsum('nm,mn->n', plain, lead_field.gain_si)
    ratio = ours / plain * np.sqrt(resolution)[:, None]
    assert np.allclose(ratio, ratio[0, 0])


@pytest.mark.parametrize('depth', [0.0, 0.8])
@pytest.mark.parametrize('snr', [0.3, 3.0, 30.0])
@every_sensor
def test_sloreta_peaks_at_every_single_source(kinds, snr, depth, problem):
    lead_field, noise_cov = problem(kinds, 'fixed')
    fitted = SLORETA(snr=snr, depth=depth).fit(lead_field, noise_cov)
    maps = fitted.update(records.values(lead_field.gain_si.T * 1e-8, lead_field.channels))
    assert np.array_equal(abs(maps).argmax(axis=-1), np.arange(lead_field.n_sources))


@pytest.mark.parametrize('solver', [DSPM, SLORETA])
def test_averaging_sharpens_the_noise_norm_alone(solver, problem):
    lead_field, noise_cov = problem('eeg', 'fixed')
    once, four = (solver().fit(lead_field, noise_cov, nave=n).kernel.mantissa for n in (1, 4))
    assert np.allclose(four, 2 * once)
    plain = [MinimumNorm().fit(lead_field, noise_cov, nave=n).kernel.mantissa for n in (1, 4)]
    assert np.array_equal(*plain)


def test_lambda2_and_snr(problem):
    lead_field, noise_cov = problem('eeg', 'fixed')
    by_snr = MinimumNorm(snr=2.0).fit(lead_field, noise_cov).kernel.mantissa
    assert np.array_equal(by_snr, MinimumNorm(lambda2=0.25).fit(lead_field, noise_cov).kernel.mantissa)


def test_moments_come_back_in_nA_m(problem):
    """At high SNR and with fewer sources than sensors the inverse is exact."""
    lead_field, noise_cov = problem('eeg', 'fixed', n=8)
    moments = np.random.default_rng(0).normal(size=(5, 8)) * 10
    y = records.Recording(moments * 1e-9 @ lead_field.gain_si.T, lead_field.channels, 2 * u.ms)
    estimate = MinimumNorm(snr=1e5).fit(lead_field, noise_cov).update(y)
    assert np.allclose(estimate.data.to_decimal(u.nA * u.meter), moments, atol=1e-5)


def test_free_moments_come_back_in_length(problem):
    lead_field, noise_cov = problem('meg', 'free', n=4)
    moments = np.random.default_rng(0).normal(size=(5, 4, 3)) * 10
    y = np.einsum('tnk,mnk->tm', moments * 1e-9, lead_field.gain_si)
    fitted = MinimumNorm(snr=1e5, orientation='free').fit(lead_field, noise_cov)
    answer = fitted.update(records.values(y, lead_field.channels))
    assert np.allclose(answer.mantissa, np.linalg.norm(moments, axis=-1), atol=1e-5)


@pytest.mark.parametrize('solver', [MinimumNorm, DSPM, SLORETA])
def test_orientations_meet_at_the_ends(solver, problem):
    lead_field, noise_cov = problem('eeg')
    normals = lead_field.sources.normals

    def kernel(orientation, loose=0.2):
        return solver(orientation=orientation, loose=loose).fit(lead_field, noise_cov).kernel.mantissa

    assert np.allclose(kernel('loose', 1.0), kernel('free'))
    # almost no freedom but along the normals: the fixed answer, times the normal
    assert np.allclose(
        kernel('loose', 1e-12), kernel('fixed')[:, None] * normals[:, :, None], atol=1e-6 * kernel('fixed').max()
    )


def test_free_answers_turn_with_the_head(problem):
    lead_field, noise_cov = problem('eeg')
    turn = scipy.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    s = lead_field.sources
    turned = records.SourceSpace(
        s.positions @ turn.T, s.normals @ turn.T, s.areas, s.hemisphere, s.vertices, s.region_ids
    )
    other = records.LeadField(lead_field.gain_si @ turn.T, lead_field.channels, turned)
    for solver in (MinimumNorm, DSPM, SLORETA):
        here = solver(orientation='loose').fit(lead_field, noise_cov).kernel.mantissa
        there = solver(orientation='loose').fit(other, noise_cov).kernel.mantissa
        assert np.allclose(there, np.einsum('ab,nbm->nam', turn, here), atol=1e-9 * abs(here).max())


def test_orientation_root_squares_to_the_prior():
    normals = np.array([[0, 0, 1.0], [0.6, 0.8, 0]])
    root = orientation_root(normals, 0.2)
    assert np.allclose(root[0] @ root[0], np.diag([0.2, 0.2, 1.0]))
    assert np.allclose(np.linalg.eigvalsh(root @ root), [[0.2, 0.2, 1.0]] * 2)


def test_depth_prior(problem):
    lead_field, _ = problem('eeg', 'fixed')
    strength = (lead_field.gain_si**2).sum(axis=0)
    assert np.allclose(depth_prior(lead_field.gain_si, 1.0), strength.min() / strength)
    assert np.allclose(depth_prior(lead_field.gain_si, 0.8), (strength.min() / strength) ** 0.8)
    # a source a thousand times weaker gets no more freedom than the first one 10 times weaker
    gain = lead_field.gain_si * np.where(np.arange(30) == 3, 1e-3, np.where(np.arange(30) == 4, 0.05, 1.0))
    prior = depth_prior(gain, 0.8)
    assert prior[3] == prior[4] == 1
    assert (np.delete(prior, [3, 4]) < 1).all()


@pytest.mark.parametrize(('kinds', 'first'), [('both', 'grad'), (['mag', 'eeg'], 'mag'), ('eeg', 'eeg')])
def test_depth_is_that_of_the_first_type_that_tells_it(kinds, first, problem):
    """Scaling the gain of the others changes nothing but what the noise does; whitened by it, nothing at all."""
    lead_field, noise_cov = problem('both')
    if kinds != 'both':
        lead_field, noise_cov = lead_field.pick(kinds), noise_cov.pick(kinds)
    scale = np.where(np.array(lead_field.channels.types) == first, 1.0, np.linspace(1, 2, len(lead_field.channels)))
    other = records.LeadField(lead_field.gain_si * scale[:, None, None], lead_field.channels, lead_field.sources)
    if 'eeg' in lead_field.channels.kinds:  # what the average reference leaves alone is one scale for all electrodes
        scale[lead_field.channels.indices('eeg')] = 1.0
        other = records.LeadField(lead_field.gain_si * scale[:, None, None], lead_field.channels, lead_field.sources)
    scaled_cov = records.NoiseCovariance(noise_cov.matrix_si * np.outer(scale, scale), lead_field.channels)
    here = _kernel(MinimumNorm().fit(lead_field, noise_cov), lead_field)
    there = _kernel(MinimumNorm().fit(other, scaled_cov), other)
    assert np.allclose(here, there * scale, rtol=1e-6, atol=1e-9 * abs(here).max())
