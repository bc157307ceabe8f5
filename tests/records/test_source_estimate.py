import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import SourceEstimate


def test_keeps_the_unit_the_solver_answers_in(sources, rng):
    moments = SourceEstimate(rng.standard_normal((5, 4)) * u.nA * u.meter, sources, 2 * u.ms, method='MinimumNorm')
    assert moments.unit == u.nA * u.meter
    maps = SourceEstimate(rng.standard_normal((5, 4)), sources, 2 * u.ms, start=1 * u.second)
    assert maps.unit.is_unitless
    np.testing.assert_array_equal(maps.times.mantissa, [1.0, 1.002, 1.004, 1.006, 1.008])


def test_regions_are_means_weighted_by_area(sources):
    data = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 4.0, 0.0, 0.0]]) * u.nA * u.meter
    regions = SourceEstimate(data, sources, 2 * u.ms).in_regions([2002, 1001])
    assert regions.unit == u.nA * u.meter
    # areas 10 and 30 in region 1001
    np.testing.assert_allclose(regions.mantissa, [[3.0, 1.75], [0.0, 3.0]])
    with pytest.raises(ValueError, match='no source'):
        SourceEstimate(data, sources, 2 * u.ms).in_regions([4])


def test_crop(sources):
    estimate = SourceEstimate(np.arange(40.0).reshape(10, 4), sources, 2 * u.ms)
    np.testing.assert_array_equal(estimate.crop(4 * u.ms, 8 * u.ms).data, [[8, 9, 10, 11], [12, 13, 14, 15]])


def test_bad_input(sources):
    with pytest.raises(ShapeError, match=r'\(times, 4\)'):
        SourceEstimate(np.ones((4, 5)), sources, 2 * u.ms)
    with pytest.raises(ValueError, match='finite'):
        SourceEstimate(np.full((1, 4), np.nan), sources, 2 * u.ms)
    with pytest.raises(UnitError, match='time between samples'):
        SourceEstimate(np.ones((1, 4)), sources, 2)
