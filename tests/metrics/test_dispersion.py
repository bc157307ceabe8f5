"""Spread of a map, against distances worked out by hand."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError


@pytest.fixture
def line():
    """Four sources 10 mm apart, the last two in one region."""
    return records.SourceSpace(
        np.outer(np.arange(4), [10.0, 0, 0]) * u.mm,
        np.tile([0, 0, 1.0], (4, 1)),
        np.ones(4) * u.mm**2,
        np.zeros(4),
        np.arange(4),
        [7, 8, 9, 9],
    )


def test_one_source(line):
    spread = metrics.spatial_dispersion([1.0, -2, 0, 1], line, 1)
    assert spread.unit == u.mm
    assert spread.mantissa == pytest.approx(np.sqrt((100 + 400) / 6))
    assert metrics.spatial_dispersion([0, 5.0, 0, 0], line, 1).mantissa == 0


def test_to_the_nearest_source_of_a_region(line):
    region = line.in_region(9)
    maps = np.array([[0, 0, 1.0, 3], [1, 0, 1, 0], [0, 1, 0, 0]])
    spread = metrics.spatial_dispersion(maps, line, region)
    assert np.allclose(spread.mantissa, [0, np.sqrt(400 / 2), 10])


@pytest.mark.parametrize('scale', [-1.0, 1e-30 * u.tesla, 1e-200])
def test_sign_and_scale_do_not_matter(line, scale):
    estimate = np.array([1.0, -2, 0, 1])
    expected = metrics.spatial_dispersion(estimate, line, 1).mantissa
    assert metrics.spatial_dispersion(estimate * scale, line, 1).mantissa == pytest.approx(expected)


def test_errors(line):
    with pytest.raises(ShapeError, match=r'\(4,\) \(\.\.\., sources\); got \(3,\)'):
        metrics.spatial_dispersion(np.ones(3), line, 0)
    with pytest.raises(ValueError, match='zero everywhere'):
        metrics.spatial_dispersion(np.zeros(4), line, 0)
    with pytest.raises(ValueError, match='0 to 3; got 4'):
        metrics.spatial_dispersion(np.ones(4), line, 4)
