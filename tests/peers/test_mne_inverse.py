"""The linear solvers against MNE-Python, on a sphere: the same gain, covariance and data through both."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import inverse, io, records

mne = pytest.importorskip('mne')
from mne.minimum_norm import apply_inverse, make_inverse_operator  # noqa: E402
from mne.minimum_norm.inverse import _assemble_kernel, prepare_inverse_operator  # noqa: E402

pytestmark = pytest.mark.peers

SOLVERS = {
    'MNE': inverse.MinimumNorm, 'dSPM': inverse.DSPM, 'sLORETA': inverse.SLORETA, 'eLORETA': inverse.ELORETA
}  # fmt: skip
SENSORS = {'eeg': ('eeg',), 'meg': ('mag', 'grad'), 'both': ('mag', 'grad', 'eeg')}


@pytest.mark.parametrize('nave', [1, 4])
@pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
@pytest.mark.parametrize('sensors', SENSORS)
def test_equals_mne(sphere_problem, sensors, orientation, nave):
    picked = sphere_problem.pick(SENSORS[sensors])
    _assert_equal(picked, picked.noise, orientation, nave, snr=3.0 if nave == 1 else 1.0)


@pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
def test_equals_mne_where_the_data_are_believed(sphere_problem, orientation):
    picked = sphere_problem.pick(SENSORS['both'])
    _assert_equal(picked, picked.noise, orientation, nave=1, snr=10.0)


@pytest.mark.parametrize('depth', [0.0, 0.5])
def test_equals_mne_with_another_depth(sphere_problem, depth):
    picked = sphere_problem.pick(SENSORS['both'])
    _assert_equal(picked, picked.noise, 'loose', nave=1, snr=3.0, depth=depth)


@pytest.mark.parametrize('sensors', SENSORS)
def test_equals_mne_with_a_covariance_of_few_samples(sphere_problem, sensors):
    picked = sphere_problem.pick(SENSORS[sensors])
    samples = np.random.default_rng(3).multivariate_normal(np.zeros(len(picked.noise)), picked.noise, size=15)
    _assert_equal(picked, np.cov(samples.T), 'loose', nave=1, snr=3.0)


@pytest.mark.parametrize('nave', [1, 9])
def test_data_of_mne_through_our_solver(sphere_problem, nave):
    """Bad channels, a projector of MEG and the average reference: MNE's objects, through the bridge alone."""
    info, forward, covariance = sphere_problem.info, sphere_problem.forward, sphere_problem.noise
    rng = np.random.default_rng(5)
    with mne.utils.use_log_level('error'):
        data = rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=6)
        evoked = mne.EvokedArray(data.T, info, tmin=-0.004, nave=nave)
        evoked.info['bads'] = ['F3', next(name for name in info.ch_names if name.startswith('MEG'))]
        gradiometers = [name for name in info.ch_names if name.startswith('MEG') and name[-1] != '1']
        vector = rng.normal(size=(1, len(gradiometers)))
        pattern = {
            'data': vector / np.linalg.norm(vector), 'nrow': 1, 'ncol': len(gradiometers), 'row_names': None,
            'col_names': gradiometers,
        }  # fmt: skip
        evoked.add_proj([mne.Projection(active=False, data=pattern, desc='drift', kind=1)])
        evoked.set_eeg_reference(projection=True)
        cov = mne.Covariance(covariance, info.ch_names, [], [], nfree=1000)
        operator = make_inverse_operator(evoked.info, forward, cov, loose=1.0)
        lead_field = io.from_mne(forward, info=evoked.info, areas=np.ones(40) * u.mm**2)
        recording, noise_cov = io.from_mne(evoked), io.from_mne(cov, info=evoked.info)
        assert noise_cov.rank == {'meg': 29 - 1, 'eeg': 20 - 1}
        for method, solver in SOLVERS.items():
            fitted = solver(orientation='free').fit(lead_field, noise_cov, nave=recording.nave)
            ours = fitted.update(recording)
            theirs = apply_inverse(evoked, operator, 1 / 9, method)
            back = io.to_mne(ours)
            _assert_close(back.data, theirs.data)
            assert np.array_equal(back.vertices[0], theirs.vertices[0])
            np.testing.assert_allclose(back.times, theirs.times, atol=1e-12)


def test_records_of_ours_through_the_solver_of_mne(sphere_problem):
    """A lead field, its noise and data that never were in MNE."""
    lead_field, covariance = sphere_problem.lead_field(), sphere_problem.noise
    noise_cov = records.NoiseCovariance(covariance, lead_field.channels)
    data = np.random.default_rng(7).multivariate_normal(np.zeros(len(covariance)), covariance, size=5)
    recording = records.Recording(data, lead_field.channels, 2 * u.ms, nave=3)
    ours = inverse.DSPM(orientation='loose').fit(lead_field, noise_cov, nave=3).update(recording)
    with mne.utils.use_log_level('error'):
        evoked = io.to_mne(recording, kind='evoked').set_eeg_reference(projection=True)
        theirs = io.to_mne(lead_field)
        operator = make_inverse_operator(evoked.info, theirs, io.to_mne(noise_cov), loose=0.2)
        stc = apply_inverse(evoked, operator, 1 / 9, 'dSPM')
    back = io.from_mne(stc, sources=lead_field.sources, unit=u.UNITLESS)
    _assert_close(back.data, ours.data)


def _assert_equal(problem, noise, orientation, nave, snr, depth=0.8):
    options = {'fixed': {'fixed': True}, 'loose': {'loose': 0.2}, 'free': {'loose': 1.0}}[orientation]
    lead_field, theirs = problem.lead_field(), problem.covariance(noise)
    noise_cov = records.NoiseCovariance(noise, lead_field.channels)
    data = np.random.default_rng(7).multivariate_normal(np.zeros(len(noise)), noise, size=5)
    recording = records.Recording(data, lead_field.channels, 2 * u.ms)
    with mne.utils.use_log_level('error'):
        operator = make_inverse_operator(problem.info, problem.forward, theirs, depth=depth, **options)
        evoked = mne.EvokedArray(data.T, problem.info, tmin=0.0, nave=nave)
        for method, solver in SOLVERS.items():
            # eLORETA has no depth weighting, and undoes that of MNE-Python
            settings = {} if method == 'eLORETA' else {'depth': depth}
            ours = solver(snr=snr, orientation=orientation, **settings).fit(lead_field, noise_cov, nave=nave)
            _assert_close(problem.kernel(ours), _mne_kernel(operator, method, nave, snr, orientation))
            answer = apply_inverse(evoked, operator, snr**-2, method).data.T
            _assert_close(problem.si(ours.update(recording).data), answer)


def _mne_kernel(operator, method, nave, snr, orientation):
    prepared = prepare_inverse_operator(operator, nave, snr**-2, method)
    kernel, norm, _, axes = _assemble_kernel(prepared, None, method, None)
    kernel = kernel.reshape(operator['nsource'], -1, kernel.shape[-1])
    if norm is not None:
        kernel = kernel * norm[:, :, None]
    # for three components along axes of its own choice
    return kernel[:, 0] if orientation == 'fixed' else np.einsum('nka,nkm->nam', axes.reshape(-1, 3, 3), kernel)


def _assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) < 1e-9 * np.linalg.norm(theirs)
