"""Gaussian patches, against the formula written out."""

import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.inverse.bayes import spatial_basis as module
from brainfwd.inverse.bayes.spatial_basis import spatial_basis


def _written_out(places, sigma, cutoff):
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    weights = np.exp(-(distance**2) / (2 * sigma**2)) * (distance <= cutoff * sigma)
    return weights / np.sqrt(np.outer(weights.sum(axis=0), weights.sum(axis=1)))


@pytest.fixture(scope='module')
def places():
    return np.random.default_rng(0).normal(scale=0.03, size=(150, 3))


@pytest.mark.parametrize('cutoff', [2.0, 3.0, 5.0])
@pytest.mark.parametrize('block', [1024, 40])
def test_is_the_formula(places, cutoff, block, monkeypatch):
    monkeypatch.setattr(module, '_BLOCK', block)
    expected = _written_out(places, 0.01, cutoff)
    for positions in (places * u.meter, places * 1e3 * u.mm):
        basis = spatial_basis(positions, 10.0 * u.mm, cutoff)
        np.testing.assert_allclose(basis.toarray(), expected, rtol=1e-12)
    assert basis.nnz == (expected > 0).sum() < 150**2


def test_neighbours_at_the_cutoff_of_a_grid_are_in():
    """Eight neighbours 30 mm away along the axes of a 10 mm grid: all or none, wherever the grid begins."""
    grid = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing='ij'), axis=-1).reshape(-1, 3)
    middle = np.flatnonzero((grid == 4).all(axis=1))[0]
    counts = {
        spatial_basis((0.01 * grid + shift) * u.meter, 10.0 * u.mm)[middle].nnz for shift in (0.0, 0.1, 0.237, -0.3331)
    }
    assert counts == {sum(1 for d in grid - 4 if d @ d <= 9)}


def test_far_sources_are_patches_of_their_own():
    with pytest.warns(UserWarning, match=r'within 3 sigma, 30 mm, .* 100 mm apart. Take a larger sigma'):
        basis = spatial_basis(np.array([[0, 0, 0], [0, 0, 0.1]]) * u.meter, 10.0 * u.mm)
    np.testing.assert_array_equal(basis.toarray(), np.eye(2))


def test_patches_far_from_the_border_sum_to_one():
    line = np.zeros((400, 3))
    line[:, 0] = np.arange(400) * 1e-3
    sums = np.asarray(spatial_basis(line * u.meter, 10.0 * u.mm).sum(axis=0)).ravel()
    np.testing.assert_allclose(sums[100:300], 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ('change', 'error', 'match'),
    [
        ({'sigma': 0.01}, UnitError, 'in mm; got a bare number'),
        ({'sigma': 0.0 * u.mm}, ValueError, 'above zero'),
        ({'cutoff': -1.0}, ValueError, 'above zero'),
        ({'positions': np.zeros((4, 3))}, UnitError, 'in m; got a bare array'),
        ({'positions': 80 * np.eye(3) * u.meter}, ValueError, r'80 m from .* Write them \* u\.mm'),
        ({'sigma': 10.0 * u.meter}, ValueError, 'sigma of 10 m'),
        ({'positions': np.zeros((4, 2)) * u.meter}, ShapeError, r'\(sources, 3\); got \(4, 2\)'),
        ({'positions': np.full((4, 3), np.nan) * u.meter}, ValueError, 'finite'),
        ({'positions': np.zeros((4, 3)) * u.second}, UnitError, 'in m; got s'),
    ],
)
def test_bad_input(change, error, match):
    with pytest.raises(error, match=match):
        spatial_basis(**({'positions': np.zeros((4, 3)) * u.meter, 'sigma': 10.0 * u.mm} | change))
