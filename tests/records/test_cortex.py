import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import Cortex


def make(**changes):
    given = {
        'pial': np.eye(3) * u.cm,
        'white': np.eye(3) * u.mm,
        'triangles': [[0, 1, 2]],
        'region_ids': [1, 1, 2],
        'on_cortex': [True, True, False],
        'hemisphere': [0, 0, 0],
    }
    return Cortex(**(given | changes))


def test_units():
    cortex = make()
    assert cortex.n_vertices == 3
    np.testing.assert_allclose(cortex.pial.to_decimal(u.mm), 10 * np.eye(3))


@pytest.mark.parametrize(
    ('bad', 'error', 'says'),
    [
        ({'pial': np.eye(3)}, UnitError, 'outer surface, in mm'),
        ({'white': np.eye(2) * u.mm}, ShapeError, r'\(3, 3\)'),
        ({'triangles': [[0, 1, 3]]}, ValueError, 'vertices 0 to 2; got 0 to 3'),
        ({'triangles': [[0, 1]]}, ShapeError, r'\(1, 3\)'),
        ({'on_cortex': [True]}, ShapeError, r'\(3,\)'),
    ],
)
def test_bad_input(bad, error, says):
    with pytest.raises(error, match=says):
        make(**bad)
