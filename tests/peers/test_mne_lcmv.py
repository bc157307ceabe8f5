"""LCMV against MNE-Python, on a sphere: the same gain and covariances through both."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import inverse, records

mne = pytest.importorskip('mne')
from mne.beamformer import apply_lcmv, apply_lcmv_cov, make_lcmv  # noqa: E402

pytestmark = pytest.mark.peers

NORMS = ['unit-gain', 'unit-noise-gain', 'unit-noise-gain-invariant', 'nai']
ORIENTATIONS = {'fixed': None, 'free': 'max-power', 'vector': 'vector'}
SENSORS = {'eeg': ('eeg',), 'meg': ('mag', 'grad'), 'both': ('mag', 'grad', 'eeg')}


def _assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) < 1e-6 * np.linalg.norm(theirs)


@pytest.fixture(scope='module', params=['eeg', 'meg', 'both'])
def problem(request, sphere_problem):
    """Sensors of some types, with data of few active sources in noise."""
    with mne.utils.use_log_level('error'):
        picked = sphere_problem.pick(SENSORS[request.param])
        rng = np.random.default_rng(5)
        gain = picked.forward['sol']['data']
        moments = 20e-9 * rng.normal(size=(gain.shape[1], 12)) * (rng.uniform(size=(gain.shape[1], 1)) < 0.1)
        data = gain @ moments @ rng.normal(size=(12, 400))
        data += np.linalg.cholesky(picked.noise) @ rng.normal(size=data.shape)
        picked.data, picked.data_cov, picked.sensors = data, np.cov(data), request.param
        picked.ours = picked.lead_field()
        yield picked


def _theirs(problem, orientation, weight_norm, noise, data_cov, **options):
    with mne.utils.use_log_level('error'):
        forward = problem.forward
        if orientation == 'fixed':
            forward = mne.convert_forward_solution(forward, force_fixed=True)
        if orientation == 'free':  # or the sign is that of the z axis
            forward = mne.convert_forward_solution(forward, surf_ori=True)
        noise_cov = None if noise is None else problem.covariance(noise)
        return make_lcmv(
            problem.info, forward, problem.covariance(data_cov), noise_cov=noise_cov,
            pick_ori=ORIENTATIONS[orientation], weight_norm=None if weight_norm == 'unit-gain' else weight_norm,
            reduce_rank=problem.sensors == 'meg' and orientation != 'fixed', **options,
        )  # fmt: skip


def _ours(problem, orientation, weight_norm, noise, data_cov, reg=0.05, rank=None):
    solver = inverse.LCMV(orientation=orientation, weight_norm=weight_norm, reg=reg, rank=rank)
    channels = problem.ours.channels
    cov = records.NoiseCovariance(noise, channels)
    return solver.fit(problem.ours, cov, data_cov=records.NoiseCovariance(data_cov, channels))


@pytest.mark.parametrize('reg', [0.05, 0.0])
@pytest.mark.parametrize('weight_norm', NORMS)
@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_equals_mne(problem, orientation, weight_norm, reg):
    theirs = _theirs(problem, orientation, weight_norm, problem.noise, problem.data_cov, reg=reg)
    ours = _ours(problem, orientation, weight_norm, problem.noise, problem.data_cov, reg)
    kernel = problem.kernel(ours)
    _assert_close(kernel.reshape(-1, kernel.shape[-1]), theirs['weights'] @ theirs['whitener'])
    if orientation == 'free':
        axes = theirs['source_nn'].reshape(-1, 3, 3)
        _assert_close(ours.directions, np.einsum('nk,nka->na', theirs['max_power_ori'], axes))


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_equals_mne_with_covariances_of_few_samples(problem, orientation):
    """Fewer samples than sensors, and as many directions as they span."""
    rng = np.random.default_rng(3)
    noise = np.cov(np.linalg.cholesky(problem.noise) @ rng.normal(size=(len(problem.noise), 19)))
    data_cov = np.cov(problem.data[:, :19])
    blocks = problem.ours.channels.blocks
    rank = dict.fromkeys(blocks, 18 // len(blocks))
    options = {'weight_norm': 'nai', 'noise': noise, 'data_cov': data_cov, 'reg': 0.05, 'rank': rank}
    theirs, ours = _theirs(problem, orientation, **options), _ours(problem, orientation, **options)
    kernel = problem.kernel(ours)
    _assert_close(kernel.reshape(-1, kernel.shape[-1]), theirs['weights'] @ theirs['whitener'])


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_maps_and_power(problem, orientation):
    options = {'weight_norm': 'unit-gain', 'noise': problem.noise, 'data_cov': problem.data_cov}
    filters, ours = _theirs(problem, orientation, **options), _ours(problem, orientation, **options)
    data = problem.data[:, :5]
    with mne.utils.use_log_level('error'):
        theirs = apply_lcmv(mne.EvokedArray(data, problem.info, tmin=0.0), filters).data
        power = apply_lcmv_cov(problem.covariance(problem.data_cov), filters).data[:, 0]
    y = records.values(data.T, problem.ours.channels)
    answer = ours.vectors(y) if orientation == 'vector' else ours.update(y)
    _assert_close(problem.si(answer), np.moveaxis(theirs, -1, 0))
    data_cov = records.NoiseCovariance(problem.data_cov, problem.ours.channels)
    _assert_close(ours.power(data_cov).to_decimal((u.amp * u.meter) ** 2), power)


@pytest.mark.parametrize('problem', ['eeg'], indirect=True)
@pytest.mark.parametrize('weight_norm', ['unit-gain', 'nai'])
def test_equals_mne_without_noise_covariance(problem, weight_norm):
    channels = problem.ours.channels
    theirs = _theirs(problem, 'free', weight_norm, None, problem.data_cov)
    solver = inverse.LCMV(orientation='free', weight_norm=weight_norm)
    solver.fit(problem.ours, data_cov=records.NoiseCovariance(problem.data_cov, channels))
    _assert_close(problem.kernel(solver), theirs['weights'] @ theirs['whitener'])
