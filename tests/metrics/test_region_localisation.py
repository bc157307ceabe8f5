"""The region of the peak, against centres worked out by hand."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics

SCORE = metrics.region_localisation_error
LINE = np.outer([0.0, 10, 20, 30, 40, 50, 60], [1, 0, 0])
REGIONS = [7, 7, 8, 8, 9, 9, -1]


@pytest.fixture(scope='module')
def line(space):
    """Two sources in each of three regions, 10 mm apart, and one in none; the centres are at 5, 22.5 and 45 mm."""
    return space(LINE, REGIONS, [10, 10, 30, 10, 10, 10, 10])


def test_distance_between_centres(line):
    in_8 = line.in_region(8)
    maps = np.eye(7)[[0, 1, 2, 3, 5]]
    errors = SCORE(maps, line, in_8)
    assert errors.unit == u.mm
    np.testing.assert_allclose(errors.mantissa, [17.5, 17.5, 0, 0, 22.5], atol=1e-12)
    # the region of a single source, and the nearest of two
    np.testing.assert_allclose(SCORE(maps, line, 2).mantissa, errors.mantissa)
    np.testing.assert_allclose(SCORE(maps, line, in_8 | line.in_region(7)).mantissa, [0, 0, 0, 0, 22.5], atol=1e-12)


def test_means_by_area_decide_not_a_single_source(line):
    # means 5, 4 and 5.5: the largest single source is in the first region, the largest sum by area in the second
    estimate = np.array([9, 1, 4, 4, -5.5, 5.5, 0])
    assert SCORE(estimate, line, 4).mantissa == pytest.approx(0, abs=1e-12)
    assert metrics.peak_localisation_error(estimate, line, 4).mantissa == pytest.approx(40)
    # (30 * 6 + 10 * 1) / 40 = 4.75 is above (10 * 6 + 10 * 1) / 20 = 3.5, with the same values
    assert SCORE([6.0, 1, 6, 1, 0, 0, 0], line, 0).mantissa == pytest.approx(17.5)


def test_sources_of_no_region_are_left_out(line, space):
    estimate = np.array([1.0, 0, 0, 0, 0, 0, 100])
    assert SCORE(estimate, line, 0).mantissa == pytest.approx(0, abs=1e-12)
    assert SCORE(estimate, line, np.isin(np.arange(7), [6, 5])).mantissa == pytest.approx(40)
    with pytest.raises(ValueError, match='sources that belong to none'):
        SCORE(estimate, line, 6)
    with pytest.raises(ValueError, match='zero in all of them'):
        SCORE(np.eye(7)[6], line, 0)
    with pytest.raises(ValueError, match='sources that belong to none'):
        SCORE(np.ones(7), space(LINE, np.full(7, -1)), 0)


def test_volumes_have_no_areas(space):
    volume = space(LINE, REGIONS, np.zeros(7))
    assert SCORE(np.eye(7)[0], volume, 2).mantissa == pytest.approx(20)


@pytest.mark.parametrize('scale', [-1.0, 1e-200, 1e-30 * u.tesla**2])
def test_scale_rotation_and_order_do_not_matter(space, scale):
    rng = np.random.default_rng(0)
    places, regions, areas = rng.normal(size=(40, 3)) * 50, rng.integers(0, 5, 40), rng.uniform(1, 9, 40)
    maps = rng.normal(size=(3, 40))
    expected = SCORE(maps, space(places, regions, areas), 3).mantissa
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(40)
    moved = space((places @ turn + 7)[order], regions[order], areas[order])
    found = SCORE(maps[:, order] * scale, moved, int(np.flatnonzero(order == 3)[0]))
    np.testing.assert_allclose(found.mantissa, expected, atol=1e-9)
    assert expected.any()


def test_errors(line):
    with pytest.raises(ValueError, match=r'region_localisation_error\(estimate\) .* zero everywhere'):
        SCORE(np.zeros(7), line, 0)
    with pytest.raises(TypeError, match=r'region_localisation_error\(sources\) is a brainfwd\.records\.SourceSpace'):
        SCORE(np.ones(7), line.positions, 0)
