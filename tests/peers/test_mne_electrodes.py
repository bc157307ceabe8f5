"""Names and places of electrodes against the montages of MNE-Python."""

import brainunit as u
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from brainfwd.forward import SphericalHead, electrodes

mne = pytest.importorskip('mne')

pytestmark = pytest.mark.peers


def montage(name):
    """Names and places in the head frame."""
    theirs = mne.channels.make_standard_montage(name)
    to_head = mne.channels.compute_native_head_t(theirs)
    places = theirs.get_positions()['ch_pos']
    return list(places), mne.transforms.apply_trans(to_head, np.array(list(places.values())))


def directions(places, centre):
    away = places - centre
    return away / np.linalg.norm(away, axis=1, keepdims=True)


@pytest.mark.parametrize('system', ['1020', '1010', '1005'])
def test_equals_the_spherical_montages(system):
    # nasion and ears on the equator; theirs are rounded to four digits
    names, places = montage(f'spherical_{system}')
    ours = electrodes(names, SphericalHead(centre=np.zeros(3) * u.meter))
    np.testing.assert_allclose(directions(ours.positions.mantissa, 0), directions(places, 0), atol=1e-4)
    if system == '1020':
        assert set(electrodes('10-20').names) == set(names)
    if system == '1005':
        assert set(electrodes('10-05').names) == {*names, 'Nz'}


def test_near_a_real_head():
    # computed on the head of one person, with the ears behind the ring's middle
    names, places = montage('colin27_1005')
    head = SphericalHead.around(places * u.meter)
    theirs, ours = (directions(p, head.centre.mantissa) for p in (places, electrodes(names, head).positions.mantissa))
    turned, _ = Rotation.align_vectors(theirs, ours)
    assert np.degrees(turned.magnitude()) < 10
    angles = np.degrees(np.arccos((turned.apply(ours) * theirs).sum(axis=1)))
    # a step of 10 % is 23 degrees
    assert np.median(angles) < 3
    assert angles.max() < 7


def test_old_names():
    (old, old_places), (new, new_places) = montage('colin27_1020'), montage('colin27_1005')
    for name, other in {'T3': 'T7', 'T4': 'T8', 'T5': 'P7', 'T6': 'P8', 'O9': 'I1', 'O10': 'I2'}.items():
        first, second = electrodes([name, other]).positions.mantissa
        np.testing.assert_array_equal(first, second)
        assert np.linalg.norm(old_places[old.index(name)] - new_places[new.index(other)]) < 1e-3
