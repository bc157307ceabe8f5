"""EEG in spheres against MNE-Python, which replaces the shells by three dipoles in a homogeneous sphere."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import SphericalHead
from brainfwd.records import Channels, SourceSpace

mne = pytest.importorskip('mne')

pytestmark = pytest.mark.peers

RADIUS = 0.09
HEADS = {
    'four shells': ((0.90, 0.92, 0.97, 1.0), (0.33, 1.0, 0.004, 0.33)),
    'three shells': ((0.87, 0.92, 1.0), (0.33, 0.0042, 0.33)),
}


def _unit(rng, n):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _drawn(seed, deepest):
    """A centre, 40 electrodes on the sphere, and 60 sources in the inner one, 1.8 mm below its border or deeper.

    Off the sphere, MNE-Python takes one as large as the electrode is far away, and we project.
    """
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-0.02, 0.02, 3) + [0, 0, 0.04]
    electrodes = centre + RADIUS * _unit(rng, 40)
    reach = deepest * RADIUS * rng.uniform(size=(60, 1)) ** (1 / 3)
    return centre, electrodes, centre + reach * _unit(rng, 60), _unit(rng, 60)


def _mne_gain(centre, electrodes, places, normals, relative_radii, conductivities):
    names = [f'E{i:02d}' for i in range(len(electrodes))]
    info = mne.create_info(names, 500.0, 'eeg')
    montage = mne.channels.make_dig_montage(ch_pos=dict(zip(names, electrodes, strict=True)), coord_frame='head')
    info.set_montage(montage)
    src = mne.setup_volume_source_space(pos={'rr': places, 'nn': normals}, sphere_units='m', verbose='error')
    sphere = mne.make_sphere_model(centre, RADIUS, None, relative_radii, conductivities, verbose='error')
    options = {'meg': False, 'eeg': True, 'mindist': 0.0, 'verbose': 'error'}
    solution = mne.make_forward_solution(info, trans=None, src=src, bem=sphere, **options)
    assert solution['nsource'] == len(places)
    return solution['sol']['data'].reshape(len(electrodes), len(places), 3)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('method', ['series', 'berg-scherg'])
@pytest.mark.parametrize('shells', HEADS)
def test_equals_mne(shells, method, seed):
    relative_radii, conductivities = HEADS[shells]
    centre, electrodes, places, normals = _drawn(seed, relative_radii[0] - 0.02)
    expected = _mne_gain(centre, electrodes, places, normals, relative_radii, conductivities)
    head = SphericalHead(
        1e3 * RADIUS * np.array(relative_radii) * u.mm,
        np.array(conductivities) * (u.siemens / u.meter),
        centre * u.meter,
        method,
    )
    n = len(places)
    sources = SourceSpace(
        places * u.meter, normals, np.ones(n) * u.mm**2, np.zeros(n, int), np.arange(n), np.zeros(n, int)
    )
    names = tuple(f'E{i}' for i in range(len(electrodes)))
    channels = Channels(names, ('eeg',) * len(electrodes), electrodes * u.meter)
    gain = head.lead_field(sources, channels).gain_si
    # no reference is taken: both potentials have mean zero over the whole sphere
    error = np.linalg.norm(gain - expected, axis=(0, 2)) / np.linalg.norm(expected, axis=(0, 2))
    assert error.max() < 0.01
