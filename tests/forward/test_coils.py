import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import COILS
from brainfwd.forward.heads.coils import windings
from brainfwd.records import Channels


def channels(coils, kinds, **fields):
    n = len(coils)
    fields = {'positions': np.zeros((n, 3)) * u.meter, 'coil_axes': np.tile(np.eye(3), (n, 1, 1)), **fields}
    return Channels(tuple(f'M{i}' for i in range(n)), kinds, fields['positions'], coils, fields['coil_axes'])


@pytest.mark.parametrize('coil', COILS.values(), ids=lambda coil: coil.name)
def test_uniform_fields(coil):
    # a magnetometer shows them, a gradiometer does not
    is_gradiometer = coil.kind == 'grad' or 'axial' in coil.name
    assert coil.weights.sum() == pytest.approx(0 if is_gradiometer else 1, abs=1e-12)


@pytest.mark.parametrize('coil', [c for c in COILS.values() if c.kind == 'grad'], ids=lambda coil: coil.name)
def test_planar_gradiometers_measure_the_gradient(coil):
    x, y, z = coil.points.T
    # of a field along z of 1 T/m along x, to the digits with which points and weights are published
    assert coil.weights @ x == pytest.approx(1, rel=2e-4)
    # and of no other
    np.testing.assert_allclose(coil.weights @ np.c_[y, z, x * y, x**2, y**2], 0, atol=1e-12)


def test_discs_are_averaged():
    # the mean of x^2 y^2 and x^4 over a disc of radius R are R^4/24 and R^4/8, and x^2 is R^2/4
    coil, radius = COILS['magnes magnetometer'], 11.5e-3
    x, y, _ = coil.points.T
    assert coil.weights @ x**2 == pytest.approx(radius**2 / 4, rel=1e-4)
    assert coil.weights @ x**4 == pytest.approx(radius**4 / 8, rel=2e-4)
    assert coil.weights @ (x**2 * y**2) == pytest.approx(radius**4 / 24, rel=2e-4)


def test_squares_are_averaged():
    # midpoints of four by four leave 1/16 of the mean of x^2 over a square, side^2/12
    coil, side = COILS['neuromag magnetometer'], 21e-3
    assert coil.weights @ coil.points[:, 0] ** 2 == pytest.approx(side**2 / 12 * 15 / 16, rel=1e-12)


def test_the_outer_loop_of_an_axial_gradiometer_is_turned():
    coil = COILS['ctf axial gradiometer']
    outer = coil.points[:, 2] > 0
    np.testing.assert_allclose(coil.points[outer] - coil.points[~outer], np.tile([0, 0, 0.05], (7, 1)), atol=1e-15)
    np.testing.assert_array_equal(coil.weights[outer], -coil.weights[~outer])


def test_numbers_of_fiff_come_once():
    assert len({coil.fiff for coil in COILS.values()}) == len(COILS)


def test_windings_stand_in_the_head():
    turned = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    sensors = channels(
        ('', 'point magnetometer', 'ctf axial gradiometer', 'point magnetometer'),
        ('eeg', 'mag', 'mag', 'mag'),
        positions=np.arange(12.0).reshape(4, 3) * u.meter,
        coil_axes=np.array([np.zeros((3, 3)), np.eye(3), turned, turned]),
    )
    points, axial = windings(sensors)
    # among the MEG channels
    np.testing.assert_array_equal(points.sensors, [0, 2])
    np.testing.assert_array_equal(points.points[:, 0], [[3, 4, 5], [9, 10, 11]])
    np.testing.assert_array_equal(points.normals, [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(axial.sensors, [1])
    # the normal is the head's x: the outer loop lies 50 mm along it
    assert axial.points[0, :, 0].max() == pytest.approx(6.05)
    assert np.ptp(axial.points[0, :7], axis=0)[0] == 0


def test_bad_coils():
    with pytest.raises(ValueError, match=r'without coils: write Channels\(.*load_helmet'):
        list(windings(Channels(('M',), ('mag',), np.zeros((1, 3)) * u.meter)))
    with pytest.raises(ValueError, match='without positions'):
        list(windings(Channels(('M',), ('mag',), None, ('point magnetometer',), np.eye(3)[None])))
    with pytest.raises(ValueError, match="Did you mean 'neuromag magnetometer'"):
        list(windings(channels(('neuromag magnetomter',), ('mag',))))
    with pytest.raises(ValueError, match="of a ctf axial gradiometer is 'mag'; got 'grad' for M0"):
        list(windings(channels(('ctf axial gradiometer',), ('grad',))))
    assert not list(windings(Channels(('E',), ('eeg',))))
