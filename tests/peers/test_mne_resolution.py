"""Resolution against MNE-Python, on a sphere: point spread, cross talk and their scores, for the same operators."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import forward as head_models
from brainfwd import inverse, io, metrics

mne = pytest.importorskip('mne')
from mne.minimum_norm import (  # noqa: E402
    get_cross_talk,
    get_point_spread,
    make_inverse_operator,
    make_inverse_resolution_matrix,
    resolution_metrics,
)

pytestmark = pytest.mark.peers

SOLVERS = {'MNE': inverse.MinimumNorm, 'dSPM': inverse.DSPM, 'sLORETA': inverse.SLORETA}
OF = {'psf': 'point spread', 'ctf': 'cross talk'}
CENTRE = np.array([0.0, 0.0, 0.04])


def _source_spaces(rng, n=20):
    """Two surfaces of sources, one in each half of the sphere, with triangles that nothing depends on."""
    spaces = []
    for side in (-1, 1):
        outward = rng.normal(size=(n, 3))
        outward[:, 0] = side * abs(outward[:, 0])
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        normals = outward + 0.5 * rng.normal(size=(n, 3))
        spaces.append({
            'type': 'surf', 'coord_frame': mne.io.constants.FIFF.FIFFV_COORD_HEAD, 'subject_his_id': 'sphere',
            'id': 101 if side < 0 else 102, 'rr': CENTRE + rng.uniform(0.03, 0.075, (n, 1)) * outward,
            'nn': normals / np.linalg.norm(normals, axis=1, keepdims=True), 'np': n, 'nuse': n, 'vertno': np.arange(n),
            'inuse': np.ones(n, int), 'ntri': 1, 'tris': np.array([[0, 1, 2]]), 'nuse_tri': 0, 'use_tris': None,
            'nearest': None, 'nearest_dist': None, 'pinfo': None, 'patch_inds': None, 'dist': None, 'dist_limit': None,
        })  # fmt: skip
    return mne.SourceSpaces(spaces)


@pytest.fixture(scope='module', params=[0, 1])
def problem(request):
    """Electrodes, a forward solution of free orientation along x, y, z, and a full noise covariance."""
    rng = np.random.default_rng(request.param)
    channels = head_models.electrodes('10-20')
    m = len(channels)
    with mne.utils.use_log_level('error'):
        info = io.to_mne(channels, sampling_period=2 * u.ms)
        info = mne.io.RawArray(np.zeros((m, 1)), info).set_eeg_reference(projection=True).info
        sphere = mne.make_sphere_model(CENTRE, 0.09)
        forward = mne.make_forward_solution(info, trans=None, src=_source_spaces(rng), bem=sphere, mindist=0.0)
    mixing = 0.3e-6 * (np.eye(m) + 0.2 * rng.normal(size=(m, m)))
    return info, forward, mne.Covariance(mixing @ mixing.T, info.ch_names, [], [], nfree=1)


@pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
@pytest.mark.parametrize('method', SOLVERS)
def test_dipoles_along_the_normals(problem, method, orientation):
    info, forward, covariance = problem
    options = {'fixed': {'fixed': True}, 'loose': {'loose': 0.2}, 'free': {'loose': 1.0}}[orientation]
    with mne.utils.use_log_level('error'):
        operator = make_inverse_operator(info, forward, covariance, **options)
        fixed = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True, use_cps=False)
        matrix = make_inverse_resolution_matrix(fixed, operator, method)
        kernel, lead_field = _ours(*problem, method, orientation)
        gain, sources, index = lead_field.fixed().gain, lead_field.sources, [3, 30]
        spread = _si(metrics.point_spread(kernel, gain, index))
        theirs = get_point_spread(matrix, forward['src'], index).data.T
        _assert_close(spread if orientation == 'fixed' else np.linalg.norm(spread, axis=-1), theirs)
        if orientation == 'fixed':
            # of several components, MNE takes each row as the cross talk of another source
            talk = _si(metrics.cross_talk(kernel, gain, index))
            _assert_close(talk, get_cross_talk(matrix, forward['src'], index).data.T)
        for function, of in OF.items():
            ours = metrics.resolution(kernel, gain, sources, of)
            # MNE has centimetres, and takes lengths of vectors in this score alone
            peak_error = resolution_metrics(matrix, forward['src'], function, 'peak_err').data[:, 0]
            _assert_close(ours.peak_error.mantissa, 10 * peak_error)
            lengths = np.linalg.norm(matrix.reshape(40, -1, 40), axis=1)
            dispersion = resolution_metrics(lengths, forward['src'], function, 'sd_ext').data[:, 0]
            _assert_close(ours.dispersion.mantissa, 10 * dispersion)
            relative = resolution_metrics(lengths, forward['src'], function, 'peak_amp').data[:, 0]
            _assert_close(_si(ours.peak_amplitude / ours.peak_amplitude.max()), relative)
            _assert_close(_si(ours.amplitude), np.diag(lengths))


def test_dipoles_in_three_directions(problem):
    info, forward, covariance = problem
    with mne.utils.use_log_level('error'):
        operator = make_inverse_operator(info, forward, covariance, loose=1.0)
        matrix = make_inverse_resolution_matrix(forward, operator, 'MNE')
        kernel, lead_field = _ours(*problem, 'MNE', 'free')
        theirs = get_point_spread(matrix, forward['src'], [7]).data.T
        root_mean_square = np.sqrt(np.square(theirs).mean(axis=0, keepdims=True))
        at_7 = np.zeros((40, 40))
        at_7[:, 7] = root_mean_square
        at_7 += np.diag(np.arange(40) != 7)
        dispersion = resolution_metrics(at_7, forward['src'], 'psf', 'sd_ext').data[7, 0]
    _assert_close(np.linalg.norm(metrics.point_spread(kernel, lead_field.gain, 7), axis=-1), theirs)
    scores = metrics.resolution(kernel, lead_field.gain, lead_field.sources)
    _assert_close(scores.amplitude[7], root_mean_square[0, 7])
    _assert_close(scores.dispersion[7].mantissa, 10 * dispersion)


def _ours(info, forward, covariance, method, orientation):
    lead_field = io.from_mne(forward, info=info, areas=np.ones(40) * u.mm**2)
    noise_cov = io.from_mne(covariance, info=info, apply_proj=False)
    solver = SOLVERS[method](snr=3.0, orientation=orientation).fit(lead_field, noise_cov)
    return solver.kernel, lead_field


def _si(value):
    return np.asarray(value) if u.is_unitless(value) else value.to_decimal((u.amp * u.meter) ** -1)


def _assert_close(ours, theirs):
    # MNE rounds the gain of fixed orientations to float32; an error may be zero for every source
    assert np.linalg.norm(ours - theirs) <= 1e-6 * np.linalg.norm(theirs)
