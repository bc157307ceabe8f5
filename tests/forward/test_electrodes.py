import itertools

import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import SphericalHead, electrodes

HEAD = SphericalHead(radii=np.array([80.0, 92.0]) * u.mm, conductivities=np.array([0.3, 0.1]) * u.siemens / u.meter)


def directions(channels, head=HEAD):
    away = channels.positions.mantissa - head.centre.mantissa
    return dict(zip(channels.names, away / np.linalg.norm(away, axis=1, keepdims=True), strict=True))


def angle(a, b):
    return np.degrees(np.arccos(a @ b))


@pytest.fixture(scope='module')
def all_of_them():
    return electrodes('10-05', HEAD)


@pytest.mark.parametrize(('layout', 'count'), [('10-20', 21), ('10-10', 73), ('10-05', 345)])
def test_layouts(layout, count, all_of_them):
    channels = electrodes(layout, HEAD)
    assert len(channels) == count
    assert set(channels.types) == {'eeg'}
    assert set(channels.names) <= set(all_of_them.names)
    away = np.linalg.norm(channels.positions.mantissa - HEAD.centre.mantissa, axis=1)
    np.testing.assert_allclose(away, 0.092, rtol=1e-12)


def test_names():
    assert ' '.join(electrodes().names) == ('Fp1 Fpz Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2')
    names = electrodes('10-10').names
    assert names[:9] == ('Nz', 'Fp1', 'Fpz', 'Fp2', 'AF7', 'AF3', 'AFz', 'AF4', 'AF8')
    assert {'FT9', 'FT7', 'FC5', 'T10', 'TP8', 'CP6', 'PO3', 'Iz'} <= set(names)


def test_left_and_right_mirror_each_other(all_of_them):
    place = dict(zip(all_of_them.names, all_of_them.positions.mantissa, strict=True))
    for name, (x, y, z) in place.items():
        half = 'h' if name.endswith('h') else ''
        stem = name.removesuffix('h')
        if stem.endswith('z'):
            assert x == 0
            continue
        digits = stem[len(stem.rstrip('0123456789')) :]
        number = int(digits)
        assert (x < 0) == (number % 2 == 1), 'odd is left'
        other = f'{stem.removesuffix(digits)}{number + 1 if number % 2 else number - 1}{half}'
        np.testing.assert_array_equal(place[other], [-x, y, z])


def test_steps_of_ten_percent(all_of_them):
    at = directions(all_of_them)
    # nasion, inion and ears at z = 0: 40 mm below the centre
    whole = 2 * (90 + np.degrees(np.arcsin(40 / 92)))
    for line in ('Nz Fpz AFz Fz FCz Cz CPz Pz POz Oz Iz', 'T9 T7 C5 C3 C1 Cz C2 C4 C6 T8 T10'):
        line = line.split()
        steps = [angle(at[a], at[b]) for a, b in itertools.pairwise(line)]
        np.testing.assert_allclose(steps, whole / 10, rtol=1e-9)
    ring = [at[name] for name in ('Fpz', 'Fp2', 'AF8', 'F8', 'FT8', 'T8', 'TP8', 'P8', 'PO8', 'O2', 'Oz')]
    np.testing.assert_allclose([place[2] for place in ring], np.cos(np.radians(0.4 * whole)), atol=1e-12)
    np.testing.assert_allclose(np.degrees(np.arctan2(*np.transpose(ring)[:2])), np.arange(0, 181, 18), atol=1e-9)
    for name in ('Nz', 'Iz', 'T9', 'T10', 'F9', 'TP10'):
        assert at[name][2] * 0.092 == pytest.approx(-0.04)


def test_arcs_are_cut_in_equal_parts_of_a_plane(all_of_them):
    at = directions(all_of_them)
    left = ['F7', 'F7h', 'F5', 'F5h', 'F3', 'F3h', 'F1', 'F1h', 'Fz']
    row = np.array([at[name] for name in [*left, 'F2h', 'F2', 'F4h', 'F4', 'F6h', 'F6', 'F8h', 'F8']])
    steps = np.linalg.norm(np.diff(row, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    assert np.linalg.svd(row - row.mean(axis=0))[1][2] < 1e-12


def test_some_names():
    channels = electrodes(['CZ', 'fp1', 'T3', 'M2'], HEAD)
    assert channels.names == ('CZ', 'fp1', 'T3', 'M2')
    at, known = directions(channels), directions(electrodes(['Cz', 'Fp1', 'T7', 'TP10'], HEAD))
    for name, same in (('CZ', 'Cz'), ('fp1', 'Fp1'), ('T3', 'T7')):
        np.testing.assert_array_equal(at[name], known[same])
    # the mastoid below TP10, half a step
    assert angle(at['M2'], known['TP10']) == pytest.approx(0.1 * (90 + np.degrees(np.arcsin(40 / 92))))
    assert at['M2'][2] < known['TP10'][2]
    assert electrodes([]).names == ()


def test_bad_input():
    with pytest.raises(ValueError, match=r"one of '10-20', '10-10', '10-05'; got '10-5'. Did you mean '10-05'"):
        electrodes('10-5')
    with pytest.raises(ValueError, match=r"names of the 10-05 system; got 'FFz'. Did you mean "):
        electrodes(['Cz', 'FFz'])
    with pytest.raises(ValueError, match='each name once'):
        electrodes(['Cz', 'Cz'])
    with pytest.raises(TypeError, match=r'electrodes\(head=...\) is a SphericalHead; got float'):
        electrodes('10-20', 0.09)
    with pytest.raises(ValueError, match=r'z = 0 of the head frame.*lies above it'):
        electrodes('10-20', SphericalHead(centre=np.array([0, 0, 0.1]) * u.meter))
