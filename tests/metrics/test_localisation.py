"""Distance of the peak, against distances worked out by hand."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError


@pytest.fixture
def line():
    """Six sources 10 mm apart, two in each of three regions."""
    return records.SourceSpace(
        np.outer(np.arange(6), [10.0, 0, 0]) * u.mm,
        np.tile([0, 0, 1.0], (6, 1)),
        np.array([10, 10, 30, 10, 10, 10.0]) * u.mm**2,
        np.zeros(6),
        np.arange(6),
        [7, 7, 8, 8, 9, 9],
    )


def _peak_at(i):
    return np.eye(6)[i]


@pytest.mark.parametrize(
    ('peak', 'nearest', 'centroid'), [(0, 20, 22.5), (1, 10, 12.5), (2, 0, 2.5), (3, 0, 7.5), (5, 20, 27.5)]
)
def test_to_a_region(line, peak, nearest, centroid):
    region = line.region_ids == 8
    error = metrics.peak_localisation_error(_peak_at(peak), line, region)
    assert error.unit == u.mm
    assert error.mantissa == pytest.approx(nearest)
    assert metrics.peak_localisation_error(_peak_at(peak), line, region, to='centroid').mantissa == pytest.approx(
        centroid
    )


@pytest.mark.parametrize('to', ['nearest', 'centroid'])
def test_to_one_source(line, to):
    assert metrics.peak_localisation_error(_peak_at(5), line, 2, to=to).mantissa == pytest.approx(30)
    assert metrics.peak_localisation_error(_peak_at(2), line, np.int64(2), to=to).mantissa == pytest.approx(0)


def test_sign_and_unit_do_not_matter(line):
    estimate = np.array([0.1, 0, -0.9, 0, 0.3, 0])
    for scale in (1.0, -1.0, 1e-30, 1e-30 * u.tesla**2, jnp.float32(2.0) * u.nA * u.meter):
        assert metrics.peak_localisation_error(estimate * scale, line, 0).mantissa == pytest.approx(20)


def test_many_maps_at_once(line):
    errors = metrics.peak_localisation_error(np.eye(6).reshape(2, 3, 6), line, 0)
    assert np.allclose(errors.mantissa, [[0, 10, 20], [30, 40, 50]])


def test_an_estimate_is_a_map_for_each_time(line):
    data = np.random.default_rng(0).normal(size=(3, 6))
    estimate = records.SourceEstimate(data * u.nA * u.meter, line, 2 * u.ms)
    for score in (
        lambda maps: metrics.peak_localisation_error(maps, line, 0),
        lambda maps: metrics.region_localisation_error(maps, line, 0),
        lambda maps: metrics.spatial_dispersion(maps, line, 0),
        lambda maps: metrics.earth_movers_distance(maps, line, data[::-1]),
        lambda maps: metrics.earth_movers_distance(data, line, maps),
        lambda maps: metrics.auc(maps, 0),
        lambda maps: metrics.precision_recall(maps, 0, threshold=0.5).precision,
    ):
        np.testing.assert_array_equal(u.get_mantissa(score(estimate)), u.get_mantissa(score(data)))
    with pytest.raises(ShapeError, match=r'estimate\) has shape \(\.\.\., sources, 3\); got \(3, 6\)'):
        metrics.orientation_error(estimate, line.normals)


def test_errors(line):
    ones = np.ones(6)
    score = metrics.peak_localisation_error
    with pytest.raises(ShapeError, match=r'\(6,\) \(\.\.\., sources\); got \(5,\)'):
        score(ones[1:], line, 0)
    with pytest.raises(ShapeError, match=r'estimate\) is an array of numbers; got SourceSpace'):
        score(line, line, 0)
    with pytest.raises(ValueError, match='zero everywhere'):
        score(np.stack([ones, 0 * ones]), line, 0)
    with pytest.raises(ValueError, match='finite'):
        score(ones * np.nan, line, 0)
    with pytest.raises(ValueError, match='index of a source, 0 to 5; got 6'):
        score(ones, line, 6)
    with pytest.raises(ValueError, match='at least one active source'):
        score(ones, line, line.region_ids == 99)
    with pytest.raises(TypeError, match=r'write sources\.region_ids == region'):
        score(ones, line, [0, 1])
    with pytest.raises(ShapeError, match='truth'):
        score(ones, line, [True, False])
    with pytest.raises(UnitError, match='got a Quantity'):
        score(ones, line, ones * u.mm)
    with pytest.raises(ValueError, match="Did you mean 'nearest'"):
        score(ones, line, 0, to='nearst')
