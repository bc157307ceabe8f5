import brainunit as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import Connectome

WEIGHTS = np.array([[0.0, 2.0, 1.0], [4.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
LENGTHS = np.array([[0.0, 60.0, 30.0], [60.0, 0.0, 12.0], [30.0, 12.0, 0.0]]) * u.mm


def make(**changes):
    given = {
        'weights': WEIGHTS,
        'tract_lengths': LENGTHS,
        'labels': ('A', 'B', 'C'),
        'region_ids': [1, 2, 3],
        'is_cortical': [True, False, True],
        'functional_connectivity': np.eye(3),
    }
    return Connectome(**(given | changes))


def test_subset_keeps_rows_and_columns_together():
    brain = make(centres=np.arange(9.0).reshape(3, 3) * u.mm)
    cortical = brain.cortical()
    assert cortical.labels == ('A', 'C')
    np.testing.assert_array_equal(cortical.weights, [[0, 1], [1, 0]])
    np.testing.assert_array_equal(cortical.tract_lengths.mantissa, [[0, 30], [30, 0]])
    np.testing.assert_array_equal(cortical.region_ids, [1, 3])
    np.testing.assert_array_equal(cortical.centres.mantissa, [[0, 1, 2], [6, 7, 8]])
    assert cortical.functional_connectivity.shape == (2, 2)

    turned = brain.subset(['C', 'A'])
    assert turned.labels == ('C', 'A')
    assert turned.weights[turned.index('C'), turned.index('A')] == brain.weights[2, 0]
    assert brain.subset('B').n_regions == 1


@given(hnp.arrays(float, (4, 4), elements=st.floats(0, 1e6)).filter(lambda w: w.sum() > 0))
def test_normalized_largest_row_sum_is_one(weights):
    brain = Connectome(weights, np.ones((4, 4)) * u.mm, 'ABCD', range(4))
    rows = brain.normalized().weights.sum(axis=1)
    assert rows.max() == pytest.approx(1.0)
    # proportions between regions are kept
    np.testing.assert_allclose(rows * weights.sum(axis=1).max(), weights.sum(axis=1), rtol=1e-12, atol=1e-300)


def test_normalized_needs_a_connection():
    with pytest.raises(ValueError, match='every weight is 0'):
        make(weights=np.zeros((3, 3))).normalized()


def test_delays():
    delays = make().delays(6 * u.meter / u.second)
    assert delays.unit == u.ms
    np.testing.assert_allclose(delays.mantissa[0], [0.0, 10.0, 5.0])
    with pytest.raises(UnitError, match='how fast'):
        make().delays(6.0)
    with pytest.raises(ValueError, match='positive'):
        make().delays(0.0 * u.meter / u.second)


def test_lengths_come_in_any_length_unit():
    np.testing.assert_allclose(make(tract_lengths=LENGTHS.in_unit(u.cm)).tract_lengths.mantissa, LENGTHS.mantissa)


def test_does_not_share_memory_with_the_caller():
    weights = WEIGHTS.copy()
    brain = make(weights=weights)
    weights[0, 1] = 99.0
    assert brain.weights[0, 1] == 2.0
    with pytest.raises(ValueError, match='read-only'):
        brain.weights[0, 1] = 0.0


@pytest.mark.parametrize(
    ('bad', 'error', 'says'),
    [
        ({'weights': np.ones((3, 2))}, ShapeError, r'square matrix \[target, source\]; got shape \(3, 2\)'),
        ({'weights': np.where(np.eye(3), np.nan, 1)}, ValueError, r'finite; got 3 .* index \(0, 0\)'),
        ({'weights': -WEIGHTS}, ValueError, 'negative; got -4'),
        ({'weights': WEIGHTS * u.Hz}, UnitError, 'dimensionless'),
        ({'tract_lengths': LENGTHS.mantissa}, UnitError, r'in mm; got a bare array: write <array> \* u.mm'),
        ({'tract_lengths': -LENGTHS}, ValueError, 'tract_lengths=.* negative'),
        ({'tract_lengths': LENGTHS[:2]}, ShapeError, r'\(3, 3\)'),
        ({'labels': ('A', 'B')}, ShapeError, 'one name per region, 3; got 2'),
        ({'labels': ('A', 'B', 'A')}, ValueError, "'A' more than once"),
        ({'region_ids': [1, 2]}, ShapeError, r'\(3,\)'),
        ({'centres': np.ones((3, 3))}, UnitError, 'in mm'),
        ({'functional_connectivity': np.eye(2)}, ShapeError, r'\(3, 3\)'),
    ],
)
def test_bad_input(bad, error, says):
    with pytest.raises(error, match=says):
        make(**bad)


def test_unknown_region_names_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'L\.BSTS'"):
        make(labels=('L.BSTS', 'R.BSTS', 'L.CU')).index('L.BST')
