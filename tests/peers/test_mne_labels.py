"""Vertices to regions against MNE-Python: its own fixed-orientation gain, summed over labels."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import build_fixed_orientation_weights, compress_vertex_leadfield

mne = pytest.importorskip('mne')
pytestmark = pytest.mark.peers

CENTRE = np.array([0.0, 0.0, 0.04])


@pytest.fixture(scope='module')
def forward(tmp_path_factory):
    """Both hemispheres bumpy shells inside a sphere, every second vertex a source; EEG, free orientation."""
    rng = np.random.default_rng(5)
    spaces = []
    for side, shift in ((101, -0.005), (102, 0.005)):
        surface = mne.surface._get_ico_surface(2)
        rr = CENTRE + surface['rr'] * (0.05 + 0.01 * rng.uniform(size=(len(surface['rr']), 1))) + [shift, 0, 0]
        surface = mne.surface.complete_surface_info(
            {'rr': rr, 'tris': surface['tris'], 'ntri': surface['ntri'], 'np': surface['np']}
        )
        vertno = np.arange(0, surface['np'], 2)
        inuse = np.zeros(surface['np'], int)
        inuse[vertno] = 1
        spaces.append(
            dict(
                surface, id=side, type='surf', coord_frame=mne._fiff.constants.FIFF.FIFFV_COORD_HEAD, vertno=vertno,
                inuse=inuse, nuse=len(vertno), nuse_tri=0, use_tris=None, nearest=None, nearest_dist=None, pinfo=None,
                patch_inds=None, dist=None, dist_limit=None, subject_his_id='drawn',
            )
        )  # fmt: skip
    src = mne.SourceSpaces(spaces)
    out = rng.normal(size=(20, 3))
    out[:, 2] = abs(out[:, 2])
    places = CENTRE + 0.09 * out / np.linalg.norm(out, axis=1, keepdims=True)
    info = mne.create_info([f'E{i}' for i in range(20)], 500.0, 'eeg')
    montage = mne.channels.make_dig_montage(dict(zip(info.ch_names, places, strict=True)), coord_frame='head')
    info.set_montage(montage)
    return mne.make_forward_solution(info, trans=None, src=src, bem=mne.make_sphere_model(CENTRE, 0.09), mindist=0.0)


def test_equals_the_fixed_gain_summed_over_labels(forward):
    rng = np.random.default_rng(6)
    fixed = mne.convert_forward_solution(forward, force_fixed=True, use_cps=False)
    vertices = [space['vertno'] for space in forward['src']]
    regions = [rng.integers(0, 3, len(v)) for v in vertices]
    # theirs: the columns of a label, found by MNE
    expected = []
    for side, name in enumerate(('lh', 'rh')):
        for region in range(3):
            label = mne.Label(vertices[side][regions[side] == region], hemi=name, subject='drawn')
            part = mne.forward.restrict_forward_to_label(fixed, label)
            expected.append(part['sol']['data'].sum(axis=1))
    normals = np.concatenate([space['nn'][space['vertno']] for space in forward['src']])
    column = np.concatenate([regions[0], 3 + regions[1]])
    # MNE stores x1 y1 z1 x2 ...
    W = build_fixed_orientation_weights(normals, column, aggregate='sum')
    L = compress_vertex_leadfield(forward['sol']['data'] * u.volt / (u.amp * u.meter), W)
    np.testing.assert_allclose(L.mantissa, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
