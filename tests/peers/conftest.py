"""One inverse problem on a sphere, as MNE-Python has it and as we have it."""

import types

import brainunit as u
import numpy as np
import pytest

from brainfwd import io, records

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


def _covariance(rng, channels):
    mixing = np.eye(len(channels)) + 0.2 * rng.normal(size=(len(channels),) * 2)
    std = np.array([STD[kind] for kind in channels.types])
    return (mixing @ mixing.T) * np.outer(std, std)


class SphereProblem(types.SimpleNamespace):
    """``info``, a free-orientation ``forward`` of dipoles in a sphere, and a full ``noise`` covariance, SI."""

    def pick(self, kinds):
        """The same of the sensors of some types, EEG of average reference."""
        import mne

        every = zip(self.info.ch_names, self.info.get_channel_types(), strict=True)
        names = [name for name, kind in every if kind in kinds]
        index = [self.info.ch_names.index(name) for name in names]
        info = mne.pick_info(self.info, index)
        if 'eeg' in kinds:
            info = mne.io.RawArray(np.zeros((len(names), 1)), info).set_eeg_reference(projection=True).info
        forward = mne.pick_channels_forward(self.forward, names, ordered=True)
        return SphereProblem(info=info, forward=forward, noise=self.noise[np.ix_(index, index)])

    def covariance(self, matrix):
        """As MNE-Python has it."""
        import mne

        return mne.Covariance(matrix, self.info.ch_names, [], self.info['projs'], nfree=1)

    def lead_field(self):
        """As we have it."""
        return io.from_mne(self.forward, info=self.info, areas=np.ones(self.forward['nsource']) * u.mm**2)

    def kernel(self, solver):
        """That of a solver of ours as SI numbers, last axis the channels in order."""
        types = np.array(self.info.get_channel_types())
        kernel = solver.kernel if isinstance(solver.kernel, dict) else {types[0]: solver.kernel}
        parts = [self.si(part * records.SENSOR_UNITS[kind]) for kind, part in kernel.items()]
        order = np.argsort(np.concatenate([np.flatnonzero(types == kind) for kind in kernel]))
        return np.concatenate(parts, axis=-1)[..., order]

    @staticmethod
    def si(value):
        """A m, or as it is without a unit."""
        return u.get_mantissa(value) if u.is_unitless(value) else value.to_decimal(u.amp * u.meter)


def _problem(seed):
    import mne

    with mne.utils.use_log_level('error'):
        rng = np.random.default_rng(seed)
        channels = _channels(rng)
        info = io.to_mne(channels, sampling_period=2 * u.ms)
        places = CENTRE + rng.uniform(0.02, 0.075, (40, 1)) * _directions(rng, 40)
        src = mne.setup_volume_source_space(pos={'rr': places, 'nn': _directions(rng, 40)}, sphere_units='m')
        forward = mne.make_forward_solution(
            info, trans=None, src=src, bem=mne.make_sphere_model(CENTRE, 0.09), mindist=0.0
        )
        return SphereProblem(info=info, forward=_representable(forward), noise=_covariance(rng, channels))


def _representable(forward):
    """The same but for 1e-8: along the normals a gain that float32 can hold, to which MNE-Python rounds it there."""
    normals = forward['src'][0]['nn']
    gain = forward['sol']['data'].reshape(-1, *normals.shape)
    along = np.einsum('mnk,nk->mn', gain, normals)
    gain += (along.astype(np.float32) - along)[:, :, None] * normals
    forward['_orig_sol'] = forward['sol']['data'].copy()
    return forward


@pytest.fixture(scope='session', params=[0, 1], ids='seed {}'.format)
def sphere_problem(request):
    return _problem(request.param)
