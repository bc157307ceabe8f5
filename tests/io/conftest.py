"""A head that MNE-Python knows all about: two small hemispheres, a helmet, electrodes, a way from MRI to head."""

import mne
import numpy as np
import pytest
from scipy.spatial import ConvexHull

RADIUS = 0.03
"""Of each hemisphere, m."""


def ball(n):
    """n points on the unit sphere, and the triangles between them, outward."""
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (1 + 5**0.5) * np.arange(n)
    points = np.c_[np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z]
    tris = ConvexHull(points).simplices
    a, b, c = points[tris].swapaxes(0, 1)
    inward = np.einsum('ij,ij->i', np.cross(b - a, c - a), a) < 0
    tris[inward] = tris[inward][:, ::-1]
    return points, tris


@pytest.fixture(scope='session')
def mri_head_t():
    move = mne.transforms.rotation(0.2, -0.1, 0.3)
    move[:3, 3] = [0.003, -0.002, 0.04]
    return mne.transforms.Transform('mri', 'head', move)


@pytest.fixture(scope='session')
def src():
    """Every tenth point of two balls, in MRI coordinates, with the patch of each."""
    points, tris = ball(300)
    spaces = []
    for hemi, x in ((101, -0.033), (102, 0.033)):
        used = np.arange(hemi - 98, 300, 10)
        inuse = np.zeros(300, int)
        inuse[used] = 1
        space = {
            'type': 'surf', 'id': hemi, 'coord_frame': 5, 'rr': RADIUS * points + [x, 0, 0], 'nn': points, 'np': 300,
            'tris': tris, 'ntri': len(tris), 'inuse': inuse, 'vertno': used, 'nuse': len(used), 'nuse_tri': 0,
            'subject_his_id': 'twoballs',
        }  # fmt: skip
        rest = ('use_tris', 'nearest', 'nearest_dist', 'pinfo', 'patch_inds', 'dist', 'dist_limit')
        spaces.append(space | dict.fromkeys(rest))
    with mne.utils.use_log_level('error'):
        return mne.add_source_space_distances(mne.SourceSpaces(spaces), dist_limit=0)


@pytest.fixture(scope='session')
def info():
    """5 sites of a helmet that is turned against the head, 12 electrodes, an EOG, a trigger; bad ones of each type."""
    rng = np.random.default_rng(0)
    out = rng.normal(size=(17, 3)) + [0, 0, 1.0]
    out[:, 2] = abs(out[:, 2])
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    electrodes = [f'EEG {i:03d}' for i in range(12)]
    coils = [f'MEG {i:03d}{k}' for i in range(5) for k in (1, 2, 3)]
    names = ['STI 014', *coils, 'EOG 061', *electrodes]
    info = mne.create_info(names, 600.0, ['stim', *['mag', 'grad', 'grad'] * 5, 'eog', *['eeg'] * 12])
    centre = np.array([0, 0, 0.04])
    places = dict(zip(electrodes, centre + 0.09 * out[:12], strict=True))
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame='head'))
    for i, z in enumerate(out[12:]):
        x = np.cross(z, [1.0, 0, 0])
        x /= np.linalg.norm(x)
        y = np.cross(z, x)
        for k, axes in enumerate(((x, y, z), (x, y, z), (y, -x, z))):
            ch = info['chs'][1 + 3 * i + k]
            ch['loc'] = np.concatenate([[0.01, 0, -0.02] + 0.13 * z, *axes])
            ch['coil_type'] = 3024 if k == 0 else 3012
    with info._unlock():
        turn = mne.transforms.rotation(-0.1, 0.05, 0.2)
        turn[:3, 3] = centre
        info['dev_head_t'] = mne.transforms.Transform('meg', 'head', turn)
    info['bads'] = ['MEG 0021', 'MEG 0033', 'EEG 005']
    return info


@pytest.fixture(scope='session')
def forward(info, src, mri_head_t):
    """Free orientation; all channels, the bad ones too, MEG before EEG."""
    with mne.utils.use_log_level('error'):
        sphere = mne.make_sphere_model((0, 0, 0.04), 0.09)
        return mne.make_forward_solution(info, mri_head_t, src, sphere)


@pytest.fixture(scope='session')
def raw(info):
    """Two seconds that begin late, with projectors that are not applied: one of MEG, and the average reference."""
    rng = np.random.default_rng(1)
    scale = {'mag': 1e-13, 'grad': 5e-12, 'eeg': 1e-5, 'eog': 1e-4, 'stim': 1.0}
    data = rng.normal(size=(len(info['ch_names']), 1200))
    data *= np.array([scale[kind] for kind in info.get_channel_types()])[:, None]
    with mne.utils.use_log_level('error'):
        raw = mne.io.RawArray(data, info.copy(), first_samp=1234)
        raw.filter(1.0, 100.0, picks='data')
        magnetometers = [
            name for name, kind in zip(info.ch_names, info.get_channel_types(), strict=True) if kind == 'mag'
        ]
        vector = {
            'data': rng.normal(size=(1, 5)), 'nrow': 1, 'ncol': 5, 'row_names': None, 'col_names': magnetometers,
        }  # fmt: skip
        vector['data'] /= np.linalg.norm(vector['data'])
        raw.add_proj([mne.Projection(active=False, data=vector, desc='drift', kind=1)])
        raw.set_eeg_reference(projection=True)
    return raw
