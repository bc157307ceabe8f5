"""One inverse problem on a sphere, with sensors of a real cap and helmet, as MNE-Python has it and as we have it."""

import dataclasses
import types

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, forward, io, records

STD = {'eeg': 0.3e-6, 'mag': 20e-15, 'grad': 5e-13}
CENTRE = np.array([0.0, 0.0, 0.04])


def _directions(rng, n):
    """Unit vectors that point up, as sources under sensors do."""
    vectors = rng.normal(size=(n, 3)) + np.array([0, 0, 0.8])
    vectors[:, 2] = abs(vectors[:, 2])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _channels(rng, n_sites=10):
    """The electrodes of the 10-20 system, and all three coils at some of the sites of a Neuromag helmet."""
    electrodes, helmet = forward.electrodes('10-20'), datasets.load_helmet()
    sites = np.sort(rng.choice(len(helmet) // 3, n_sites, replace=False))
    coils = helmet.at((3 * sites[:, None] + np.arange(3)).ravel())
    return records.Channels(
        electrodes.names + coils.names,
        electrodes.types + coils.types,
        np.concatenate([each.positions.to_decimal(u.meter) for each in (electrodes, coils)]) * u.meter,
        ('',) * len(electrodes) + coils.coils,
        np.concatenate([np.zeros((len(electrodes), 3, 3)), coils.coil_axes]),
    )


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
        picked = mne.pick_channels_forward(self.forward, names, ordered=True)
        return SphereProblem(info=info, forward=picked, noise=self.noise[np.ix_(index, index)])

    def covariance(self, matrix):
        """As MNE-Python has it."""
        import mne

        return mne.Covariance(matrix, self.info.ch_names, [], self.info['projs'], nfree=1)

    def lead_field(self):
        """As we have it: the normals of a surface, though MNE-Python's dipoles lie on none."""
        ours = io.from_mne(self.forward, info=self.info, areas=np.ones(self.forward['nsource']) * u.mm**2)
        return dataclasses.replace(ours, sources=dataclasses.replace(ours.sources, kind='surface'))

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
        # left before right, as MNE-Python sorts surfaces
        places = places[np.argsort(places[:, 0] >= CENTRE[0])]
        src = mne.setup_volume_source_space(pos={'rr': places, 'nn': _directions(rng, 40)}, sphere_units='m')
        solution = mne.make_forward_solution(
            info, trans=None, src=src, bem=mne.make_sphere_model(CENTRE, 0.09), mindist=0.0
        )
        return SphereProblem(info=info, forward=_representable(solution), noise=_covariance(rng, channels))


def _representable(solution):
    """The same but for 1e-8: along the normals a gain that float32 can hold, to which MNE-Python rounds it there."""
    normals = solution['src'][0]['nn']
    gain = solution['sol']['data'].reshape(-1, *normals.shape)
    along = np.einsum('mnk,nk->mn', gain, normals)
    gain += (along.astype(np.float32) - along)[:, :, None] * normals
    solution['_orig_sol'] = solution['sol']['data'].copy()
    return solution


@pytest.fixture(scope='session', params=[0, 1], ids='seed {}'.format)
def sphere_problem(request):
    return _problem(request.param)
