import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import SourceSpace


def fields(space):
    return {name: getattr(space, name) for name in SourceSpace.__dataclass_fields__}


def test_units_and_dtypes(sources):
    assert sources.n_sources == 4
    assert sources.positions.unit == u.meter
    np.testing.assert_allclose(sources.positions.mantissa[1], [3e-3, 4e-3, 5e-3])
    assert sources.areas.unit == u.mm**2
    assert sources.positions.mantissa.dtype == np.float64
    assert sources.hemisphere.dtype == np.int8


def test_mask_and_region(sources):
    np.testing.assert_array_equal(sources.in_region(1001), [True, True, False, False])
    inside = sources.mask(sources.in_region(1001))
    assert inside.n_sources == 2
    np.testing.assert_array_equal(inside.vertices, [3, 5])
    with pytest.raises(ValueError, match='no source'):
        sources.in_region(7)
    with pytest.raises(ShapeError, match=r'\(4,\)'):
        sources.mask([True])
    with pytest.raises(ValueError, match='bool'):
        sources.mask([0, 1, 2, 3])


def test_mean_over_regions(sources):
    np.testing.assert_allclose(sources.mean_over([1001, 2003]), [[0.25, 0], [0.75, 0], [0, 0], [0, 1]])
    volume = SourceSpace(**(fields(sources) | {'areas': np.zeros(4) * u.mm**2, 'kind': 'volume'}))
    np.testing.assert_allclose(volume.mean_over([1001, 2003]), [[0.5, 0], [0.5, 0], [0, 0], [0, 1]])
    assert volume.mask([True, False, True, True]).kind == 'volume'
    assert repr(volume) == 'SourceSpace(4 sources in a volume, 3 regions)'


def test_read_only(sources):
    with pytest.raises(ValueError, match='read-only'):
        sources.positions.mantissa[0] = 0.0
    with pytest.raises(AttributeError):
        sources.areas = None


@pytest.mark.parametrize(
    ('bad', 'error', 'says'),
    [
        ({'positions': np.zeros((4, 3))}, UnitError, r'SourceSpace\(positions'),
        ({'positions': np.zeros((4, 3)) * u.second}, UnitError, 'in m; got s'),
        ({'positions': np.zeros(3) * u.meter}, ShapeError, r'\(sources, 3\)'),
        ({'normals': np.zeros((4, 3))}, ValueError, 'unit vectors'),
        ({'normals': np.eye(3)}, ShapeError, r'\(4, 3\)'),
        ({'areas': np.array([1.0, -1.0, 1.0, 1.0]) * u.mm**2}, ValueError, 'negative'),
        ({'areas': np.array([1.0, np.nan, 1.0, 1.0]) * u.mm**2}, ValueError, 'finite'),
        ({'hemisphere': [0, 1, 2, 0]}, ValueError, 'left'),
        ({'vertices': [0.5, 1, 2, 3]}, ValueError, 'int64'),
        ({'region_ids': [1, 2]}, ShapeError, r'\(4,\)'),
        ({'kind': 'vol'}, ValueError, "Did you mean 'volume'"),
    ],
)
def test_bad_input(sources, bad, error, says):
    with pytest.raises(error, match=says):
        SourceSpace(**(fields(sources) | bad))
