"""Distances between matrices of connectivity, by hand and against scipy."""

import brainunit as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from brainfwd import metrics
from brainfwd._core.checks import ShapeError, UnitError

correlation, ks, wasserstein = (
    metrics.matrix_correlation,
    metrics.kolmogorov_smirnov_distance,
    metrics.wasserstein_distance,
)


def symmetric(seed, n, decimals=12):
    x = np.random.default_rng(seed).uniform(-1, 1, size=(n, n)).round(decimals)
    return np.triu(x, 1) + np.triu(x, 1).T + np.eye(n)


def upper(matrix):
    return matrix[np.triu_indices(len(matrix), k=1)]


def test_correlation_is_that_of_the_upper_triangles():
    a, b = symmetric(0, 6), symmetric(1, 6)
    expected = np.corrcoef(upper(a), upper(b))[0, 1]
    assert correlation(a, b) == pytest.approx(expected, abs=1e-14)
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a * u.mm) == pytest.approx(-1)
    # the diagonal may hold anything
    assert correlation(a + np.diag([np.nan] * 6), b - 100 * np.eye(6)) == pytest.approx(expected, abs=1e-14)


def test_correlation_of_matrices_that_are_not_symmetric_takes_both_directions():
    a, b = np.random.default_rng(0).normal(size=(2, 5, 5))
    off = ~np.eye(5, dtype=bool)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a[off], b[off])[0, 1], abs=1e-14)


@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(2, 6), st.integers(0, 12))
def test_distances_of_distributions_are_those_of_scipy(seed, n, m, decimals):
    # few decimals make ties
    a, b = symmetric(seed, n, decimals), symmetric(seed + 1, m, decimals)
    assert ks(a, b) == pytest.approx(stats.ks_2samp(upper(a), upper(b)).statistic, abs=1e-12)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(upper(a), upper(b)), abs=1e-12)
    assert ks(a, b) == pytest.approx(ks(b, a))
    assert ks(a, a) == wasserstein(a, a) == 0


def test_distances_by_hand():
    a = np.array([[1.0, 0.0], [0.0, 1.0]])
    b = np.array([[1.0, 0.3, 0.3], [0.3, 1.0, 0.0], [0.3, 0.0, 1.0]])
    assert ks(a, b) == pytest.approx(2 / 3)
    assert wasserstein(a, b) == pytest.approx(0.2)
    assert ks(a, a + 5) == 1
    assert wasserstein(a, a + 5) == pytest.approx(5)


def test_batches():
    a = np.stack([symmetric(seed, 4) for seed in range(3)])
    b = np.stack([symmetric(seed, 5) for seed in range(3, 6)])
    for distance in (ks, wasserstein):
        np.testing.assert_allclose(distance(a, b), [distance(x, y) for x, y in zip(a, b, strict=True)])
    np.testing.assert_allclose(correlation(a, a[::-1])[1], 1.0)


def test_errors():
    a = symmetric(0, 4)
    for measure, second in ((correlation, 'truth'), (ks, 'b'), (wasserstein, 'b')):
        with pytest.raises(ShapeError, match=rf'\({second}\) is a square matrix, .* got shape \(3, 4\)'):
            measure(a, a[1:])
        with pytest.raises(ShapeError, match=r'at least 2 by 2; got shape \(1, 1\)'):
            measure(a[:1, :1], a)
        with pytest.raises(ValueError, match=rf'\({second}\), off the diagonal, must be finite; got 12'):
            measure(a, a * np.nan)
    with pytest.raises(ShapeError, match='shape of the estimate'):
        correlation(a, symmetric(0, 5))
    with pytest.raises(ValueError, match=r'matrix_correlation\(truth\) varies over pairs; got a constant'):
        correlation(a, np.eye(4))
    with pytest.raises(ShapeError, match=r'as many matrices as a, \(\); got \(2,\)'):
        ks(a, np.stack([a, a]))
    with pytest.raises(UnitError, match=r'wasserstein_distance\(b\) is an array without a unit; got one in mm'):
        wasserstein(a, a * u.mm)
