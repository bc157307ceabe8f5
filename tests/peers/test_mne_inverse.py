"""The linear solvers against MNE-Python, on a sphere: the same gain, covariance and data through both."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import inverse, io, records

mne = pytest.importorskip('mne')
from mne.minimum_norm import apply_inverse, make_inverse_operator  # noqa: E402
from mne.minimum_norm.inverse import _assemble_kernel, prepare_inverse_operator  # noqa: E402

pytestmark = pytest.mark.peers

SOLVERS = {'MNE': inverse.MinimumNorm, 'dSPM': inverse.DSPM, 'sLORETA': inverse.SLORETA}
SENSORS = {'eeg': ('eeg',), 'meg': ('mag', 'grad'), 'both': ('mag', 'grad', 'eeg')}
STD = {'eeg': 0.3e-6, 'mag': 20e-15, 'grad': 5e-13}
CENTRE = np.array([0.0, 0.0, 0.04])


def _directions(rng, n):
    """Unit vectors that point up, as sensors around a head do."""
    vectors = rng.normal(size=(n, 3)) + np.array([0, 0, 0.8])
    vectors[:, 2] = abs(vectors[:, 2])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _channels(rng, n_eeg=24, n_sites=10):
    """Electrodes on the scalp, and a magnetometer with two planar gradiometers at each site of a helmet."""
    names, types = [f'E{i:02d}' for i in range(n_eeg)], ['eeg'] * n_eeg
    places, coils, axes = [*(CENTRE + 0.09 * _directions(rng, n_eeg))], [''] * n_eeg, [np.zeros((3, 3))] * n_eeg
    for site, z in enumerate(_directions(rng, n_sites)):
        x = np.cross(z, [1.0, 0.0, 0.0])
        x /= np.linalg.norm(x)
        y = np.cross(z, x)
        names += [f'MEG{site:02d}{k}' for k in (1, 2, 3)]
        types += ['mag', 'grad', 'grad']
        places += [CENTRE + 0.12 * z] * 3
        coils += ['neuromag magnetometer', 'neuromag planar gradiometer', 'neuromag planar gradiometer']
        axes += [np.stack(rows) for rows in ((x, y, z), (x, y, z), (y, -x, z))]
    return records.Channels(tuple(names), tuple(types), np.array(places) * u.meter, tuple(coils), np.array(axes))


def _problem(seed):
    """Sensors, a free-orientation forward solution of dipoles in a sphere, and a full noise covariance."""
    rng = np.random.default_rng(seed)
    channels = _channels(rng)
    info = io.to_mne(channels, sampling_period=2 * u.ms)
    places = CENTRE + rng.uniform(0.02, 0.075, (40, 1)) * _directions(rng, 40)
    src = mne.setup_volume_source_space(pos={'rr': places, 'nn': _directions(rng, 40)}, sphere_units='m')
    sphere = mne.make_sphere_model(CENTRE, 0.09)
    forward = mne.make_forward_solution(info, trans=None, src=src, bem=sphere, mindist=0.0)
    mixing = np.eye(len(channels)) + 0.2 * rng.normal(size=(len(channels),) * 2)
    std = np.array([STD[kind] for kind in channels.types])
    return info, forward, (mixing @ mixing.T) * np.outer(std, std)


@pytest.fixture(scope='module', params=[0, 1])
def problem(request):
    with mne.utils.use_log_level('error'):
        return _problem(request.param)


def _as_mne(info, forward, covariance, kinds):
    names = [name for name, kind in zip(info.ch_names, info.get_channel_types(), strict=True) if kind in kinds]
    index = [info.ch_names.index(name) for name in names]
    info = mne.pick_info(info, index)
    if 'eeg' in kinds:
        info = mne.io.RawArray(np.zeros((len(names), 1)), info).set_eeg_reference(projection=True).info
    covariance = mne.Covariance(covariance[np.ix_(index, index)], names, [], [], nfree=1)
    return info, mne.pick_channels_forward(forward, names, ordered=True), covariance


def _as_ours(info, forward, covariance):
    areas = np.ones(forward['nsource']) * u.mm**2
    noise_cov = io.from_mne(covariance, info=info, apply_proj=False)
    return io.from_mne(forward, info=info, areas=areas), noise_cov


@pytest.mark.parametrize('nave', [1, 4])
@pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
@pytest.mark.parametrize('sensors', SENSORS)
def test_equals_mne(problem, sensors, orientation, nave):
    with mne.utils.use_log_level('error'):
        _assert_equal(*_as_mne(*problem, SENSORS[sensors]), orientation, nave, snr=3.0 if nave == 1 else 1.0)


@pytest.mark.parametrize('depth', [0.0, 0.5])
def test_equals_mne_with_another_depth(problem, depth):
    with mne.utils.use_log_level('error'):
        _assert_equal(*_as_mne(*problem, SENSORS['both']), 'loose', nave=1, snr=3.0, depth=depth)


@pytest.mark.parametrize('sensors', SENSORS)
def test_equals_mne_with_a_covariance_of_few_samples(problem, sensors):
    info, forward, covariance = problem
    samples = np.random.default_rng(3).multivariate_normal(np.zeros(len(covariance)), covariance, size=15)
    with mne.utils.use_log_level('error'):
        _assert_equal(*_as_mne(info, forward, np.cov(samples.T), SENSORS[sensors]), 'loose', nave=1, snr=3.0)


@pytest.mark.parametrize('nave', [1, 9])
def test_data_of_mne_through_our_solver(problem, nave):
    """Bad channels, a projector of MEG and the average reference: MNE's objects, through the bridge alone."""
    info, forward, covariance = problem
    rng = np.random.default_rng(5)
    with mne.utils.use_log_level('error'):
        data = rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=6)
        evoked = mne.EvokedArray(data.T, info, tmin=-0.004, nave=nave)
        evoked.info['bads'] = ['E03', 'MEG022']
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
        assert noise_cov.rank == {'meg': 29 - 1, 'eeg': 23 - 1}
        for method, solver in SOLVERS.items():
            fitted = solver(orientation='free').fit(lead_field, noise_cov, nave=recording.nave)
            ours = fitted.update(recording)
            theirs = apply_inverse(evoked, operator, 1 / 9, method)
            back = io.to_mne(ours)
            _assert_close(back.data, theirs.data)
            assert np.array_equal(back.vertices[0], theirs.vertices[0])
            np.testing.assert_allclose(back.times, theirs.times, atol=1e-12)


def test_records_of_ours_through_the_solver_of_mne(problem):
    """A lead field, its noise and data that never were in MNE."""
    info, forward, covariance = problem
    lead_field, _ = _as_ours(info, forward, mne.Covariance(covariance, info.ch_names, [], [], nfree=1))
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


def _assert_equal(info, forward, covariance, orientation, nave, snr, depth=0.8):
    options = {'fixed': {'fixed': True}, 'loose': {'loose': 0.2}, 'free': {'loose': 1.0}}[orientation]
    operator = make_inverse_operator(info, forward, covariance, depth=depth, **options)
    lead_field, noise_cov = _as_ours(info, forward, covariance)
    data = np.random.default_rng(7).multivariate_normal(np.zeros(len(info.ch_names)), covariance['data'], size=5)
    evoked = mne.EvokedArray(data.T, info, tmin=0.0, nave=nave)
    recording = records.Recording(data, lead_field.channels, 2 * u.ms)
    for method, solver in SOLVERS.items():
        ours = solver(snr=snr, depth=depth, orientation=orientation).fit(lead_field, noise_cov, nave=nave)
        _assert_close(_joined(ours, lead_field), _mne_kernel(operator, method, nave, snr, orientation))
        _assert_close(_si(ours.update(recording).data), apply_inverse(evoked, operator, snr**-2, method).data.T)


def _mne_kernel(operator, method, nave, snr, orientation):
    prepared = prepare_inverse_operator(operator, nave, snr**-2, method)
    kernel, norm, _, axes = _assemble_kernel(prepared, None, method, None)
    kernel = kernel.reshape(operator['nsource'], -1, kernel.shape[-1])
    if norm is not None:
        kernel = kernel * norm[:, :, None]
    # for three components along axes of its own choice
    return kernel[:, 0] if orientation == 'fixed' else np.einsum('nka,nkm->nam', axes.reshape(-1, 3, 3), kernel)


def _joined(solver, lead_field):
    """The kernel as SI numbers, last axis the channels in order."""
    channels = lead_field.channels
    kernel = solver.kernel if channels.is_mixed else {channels.kinds[0]: solver.kernel}
    order = np.argsort(np.concatenate([channels.indices(kind) for kind in kernel]))
    parts = [_si(part * records.SENSOR_UNITS[kind]) for kind, part in kernel.items()]
    return np.concatenate(parts, axis=-1)[..., order]


def _si(value):
    return u.get_mantissa(value) if u.is_unitless(value) else value.to_decimal(u.amp * u.meter)


def _assert_close(ours, theirs):
    # MNE rounds the gain of fixed orientations to float32; of loose and free ones they agree to 1e-12
    assert np.linalg.norm(ours - theirs) < 1e-6 * np.linalg.norm(theirs)
