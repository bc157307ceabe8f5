"""DICS against MNE-Python, on a sphere: the same gain, noise and cross-spectrum through both."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import inverse, metrics, records

mne = pytest.importorskip('mne')
from mne.beamformer import apply_dics_csd, make_dics  # noqa: E402
from mne.time_frequency import CrossSpectralDensity, csd_array_fourier  # noqa: E402

pytestmark = pytest.mark.peers

SENSORS = {'eeg': ('eeg',), 'meg': ('mag', 'grad'), 'both': ('mag', 'grad', 'eeg')}
ORIENTATIONS = {'fixed': None, 'free': 'max-power', 'vector': 'vector'}
NORMS = ['unit-gain', 'unit-noise-gain', 'nai']
BAND = (8 * u.Hz, 13 * u.Hz)


def _close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) < 1e-6 * np.linalg.norm(theirs)


@pytest.fixture(scope='module', params=SENSORS)
def problem(request, sphere_problem):
    """Sensors of some types, with sources that lag behind each other in noise."""
    with mne.utils.use_log_level('error'):
        picked = sphere_problem.pick(SENSORS[request.param])
        rng, n_times = np.random.default_rng(5), 4000
        white = rng.normal(size=(n_times + 30, 1))
        courses = np.concatenate([white[30 - lag : n_times + 30 - lag] for lag in (0, 5, 11)], axis=1)
        data = 30e-9 * courses @ picked.forward['sol']['data'][:, [4, 37, 80]].T
        data += rng.normal(size=data.shape) @ np.linalg.cholesky(picked.noise).T
        picked.ours, picked.sensors = picked.lead_field(), request.param
        recording = records.Recording(data, picked.ours.channels, 2 * u.ms)
        picked.cross = metrics.cross_spectrum(recording, BAND)
        picked.noise_cov = records.NoiseCovariance(picked.noise, picked.ours.channels)
        return picked


def _csd(problem, matrix):
    projectors = problem.info['projs']
    upper = np.asarray(matrix, complex)[np.triu_indices(len(matrix))]
    return CrossSpectralDensity(upper[:, None], problem.info.ch_names, [10.0], 1000, projs=projectors)


def _theirs(problem, orientation, weight_norm, real_filter, reg):
    with mne.utils.use_log_level('error'):
        forward = problem.forward
        if orientation == 'fixed':
            forward = mne.convert_forward_solution(forward, force_fixed=True)
        if orientation == 'free':
            forward = mne.convert_forward_solution(forward, surf_ori=True)
        filters = make_dics(
            problem.info, forward, _csd(problem, problem.cross.matrix_si), noise_csd=_csd(problem, problem.noise),
            pick_ori=ORIENTATIONS[orientation], weight_norm=None if weight_norm == 'unit-gain' else weight_norm,
            reduce_rank=problem.sensors == 'meg' and orientation != 'fixed', depth=None, real_filter=real_filter,
            rank='info', reg=reg,
        )  # fmt: skip
        return filters, apply_dics_csd(_csd(problem, problem.cross.matrix_si), filters)[0].data[:, 0]


@pytest.mark.parametrize('real_filter', [True, False], ids=['real', 'complex'])
@pytest.mark.parametrize('weight_norm', NORMS)
@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_equals_mne(problem, orientation, weight_norm, real_filter):
    # theirs is the real part of the best complex direction, ours the best real one: without loading, of more power
    another = orientation == 'free' and not real_filter
    reg = 0.0 if another else 0.05
    filters, power = _theirs(problem, orientation, weight_norm, real_filter, reg)
    solver = inverse.DICS(orientation=orientation, weight_norm=weight_norm, real_filter=real_filter, reg=reg)
    solver.fit(problem.ours, problem.noise_cov, data_cov=problem.cross)
    ours = solver.power(problem.cross)
    ours = u.get_mantissa(ours) if u.is_unitless(ours) else ours.to_decimal((u.amp * u.meter) ** 2)
    if another:
        assert (ours > power * (1 - 1e-9)).all()
        return
    _close(ours, power)
    kernel = problem.kernel(solver)
    _close(kernel.reshape(-1, kernel.shape[-1]), filters['weights'][0] @ filters['whitener'])


def test_cross_spectra_have_the_phases_of_theirs():
    t = np.arange(1000) * 0.002
    data = np.stack([np.sin(2 * np.pi * 10 * (t - lag)) for lag in (0.0, 0.01, 0.03)])
    with mne.utils.use_log_level('error'):
        theirs = csd_array_fourier(data[None], 500.0, fmin=9, fmax=11).sum().get_data(index=0)
    channels = records.Channels(('a', 'b', 'c'), ('eeg',) * 3)
    ours = metrics.cross_spectrum(records.Recording(data.T, channels, 2 * u.ms), (9 * u.Hz, 11 * u.Hz)).matrix_si
    np.testing.assert_allclose(np.angle(ours), np.angle(theirs), atol=1e-6)
    assert np.angle(ours[0, 2]) > 1


def test_cross_spectra_of_theirs_in_our_scale():
    """Theirs is a density: times the distance of frequencies it is the variance within the band."""
    data = np.random.default_rng(0).normal(size=(3, 1000))
    data[1] += data[0]
    with mne.utils.use_log_level('error'):
        csd = csd_array_fourier(data[None], 500.0, fmin=8, fmax=13)
    channels = records.Channels(('a', 'b', 'c'), ('eeg',) * 3)
    theirs = records.CrossSpectrum(csd.sum().get_data(index=0) * 500.0 / csd.n_fft, channels).matrix_si
    ours = metrics.cross_spectrum(records.Recording(data.T, channels, 2 * u.ms), BAND).matrix_si
    # their window, of the same shape, is zero at both ends
    assert abs(theirs - ours).max() < 0.01 * abs(ours).max()
