"""Coils, and the magnetic field in a sphere, against MNE-Python."""

import brainunit as u
import jax
import numpy as np
import pytest

from brainfwd.forward import COILS
from brainfwd.forward.heads.sphere_meg import magnetic_gain
from brainfwd.records import Channels

mne = pytest.importorskip('mne')
from mne.forward._make_forward import _read_coil_defs  # noqa: E402

pytestmark = pytest.mark.peers

# MNE-Python rounds the weights of optically pumped magnetometers, 1/24, to 0.0417: a uniform field reads 1.0008
_ROUNDED = {8001: 24 * 0.0417, 8002: 24 * 0.0417, 8101: 24 * 0.0417}


def _rotations(rng, n):
    q = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    return q * np.linalg.det(q)[:, None, None]


def _drawn(seed, n_sensors=36, n_sources=30):
    """Sensors of every coil, tilted at will, around a centre, and sources within."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-0.02, 0.02, 3) + [0, 0, 0.04]
    out = rng.normal(size=(n_sensors, 3))
    places = centre + out / np.linalg.norm(out, axis=1, keepdims=True) * rng.uniform(0.14, 0.17, (n_sensors, 1))
    into = rng.normal(size=(n_sources, 3))
    sources = centre + into / np.linalg.norm(into, axis=1, keepdims=True) * rng.uniform(0, 0.085, (n_sources, 1))
    coils = tuple(list(COILS)[i % len(COILS)] for i in range(n_sensors))
    kinds = tuple(COILS[coil].kind for coil in coils)
    names = tuple(f'MEG{i:03d}' for i in range(n_sensors))
    return Channels(names, kinds, places * u.meter, coils, _rotations(rng, n_sensors)), sources, centre


def _mne_gain(channels, sources, centre):
    info = mne.create_info(list(channels.names), 1000.0, list(channels.types))
    with info._unlock():
        info['dev_head_t'] = mne.transforms.Transform('meg', 'head', np.eye(4))
    for i, ch in enumerate(info['chs']):
        ch['loc'] = np.r_[channels.positions[i].mantissa, channels.coil_axes[i].ravel()]
        ch['coil_type'] = COILS[channels.coils[i]].fiff
        ch['coord_frame'] = 1
    up = np.tile([0.0, 0.0, 1.0], (len(sources), 1))
    src = mne.setup_volume_source_space(pos={'rr': sources, 'nn': up}, sphere_units='m', verbose='error')
    sphere = mne.make_sphere_model(centre, head_radius=None, verbose='error')
    solution = mne.make_forward_solution(
        info, trans=None, src=src, bem=sphere, meg=True, eeg=False, mindist=0.0, verbose='error'
    )
    rounded = np.array([_ROUNDED.get(COILS[coil].fiff, 1.0) for coil in channels.coils])
    return solution['sol']['data'].reshape(len(channels), len(sources), 3) / rounded[:, None, None]


@pytest.mark.parametrize('seed', range(3))
def test_equals_mne(seed):
    channels, sources, centre = _drawn(seed)
    expected = _mne_gain(channels, sources, centre)
    with jax.enable_x64(True):
        gain = np.asarray(magnetic_gain(sources * u.meter, channels, centre * u.meter))
    # each sensor by the largest that it sees
    scale = abs(expected).max(axis=(1, 2), keepdims=True)
    assert (abs(gain - expected) / scale).max() < 1e-6


@pytest.mark.parametrize('name', COILS)
def test_coils_are_those_of_mne(name):
    coil = COILS[name]
    (theirs,) = [c for c in _read_coil_defs() if c['coil_type'] == coil.fiff and c['accuracy'] == 2]
    ours = np.c_[coil.points, coil.weights]
    expected = np.c_[theirs['rmag'], theirs['w'] / _ROUNDED.get(coil.fiff, 1.0)]
    ours, expected = (table[np.lexsort(table.round(6).T)] for table in (ours, expected))
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(theirs['cosmag'], np.tile([0, 0, 1], (len(ours), 1)))
