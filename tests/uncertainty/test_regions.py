"""Credible intervals and ellipsoids against scipy, and their invariances."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brainfwd import uncertainty
from brainfwd._core.checks import ShapeError, UnitError

NAM = u.nA * u.meter
levels = st.floats(0.01, 0.999)
seeds = st.integers(0, 2**31)


def _blocks(rng, *shape, rank=3):
    half = rng.normal(size=(*shape, 3, rank))
    return half @ half.swapaxes(-1, -2)


@given(levels, seeds, st.floats(1e-15, 1e9))
def test_intervals_are_those_of_scipy(level, seed, scale):
    rng = np.random.default_rng(seed)
    mean, std = scale * rng.normal(size=(2, 4)), scale * rng.gamma(1.0, size=4)
    interval = uncertainty.credible_interval(mean, std**2, level)
    lower, upper = scipy.stats.norm.interval(level, mean, std)
    np.testing.assert_allclose(interval.lower, lower, rtol=1e-9, atol=1e-9 * scale)
    np.testing.assert_allclose(interval.upper, upper, rtol=1e-9, atol=1e-9 * scale)
    assert interval.lower.dtype == np.float64


def test_intervals_have_the_unit_of_the_mean():
    interval = uncertainty.credible_interval(np.ones(3) * NAM, np.full(3, 4e-18) * (u.amp * u.meter) ** 2, 0.5)
    np.testing.assert_allclose(interval.upper.to_decimal(NAM), 1 + 2 * scipy.stats.norm.ppf(0.75))
    np.testing.assert_allclose(interval.width.to_decimal(NAM), 4 * scipy.stats.norm.ppf(0.75))
    inside = interval.contains(np.array([1.0, -0.34, 2.4]) * 1e-9 * u.amp * u.meter)
    np.testing.assert_array_equal(inside, [True, True, False])
    with pytest.raises(UnitError, match=r'contains\(truth\).* in m \* nA; got a bare array'):
        interval.contains(np.ones(3))


def test_without_variance_the_interval_is_the_mean():
    interval = uncertainty.credible_interval(np.array([0.0, 2.0]), np.zeros(2))
    np.testing.assert_array_equal(interval, [[0.0, 2.0], [0.0, 2.0]])
    np.testing.assert_array_equal(interval.contains(np.array([0.0, 2.0 + 1e-12])), [True, False])


@given(levels, seeds, st.floats(1e-12, 1e9))
def test_ellipsoids_hold_what_the_mahalanobis_distance_says(level, seed, scale):
    rng = np.random.default_rng(seed)
    blocks, mean, truth = _blocks(rng, 20), *rng.normal(size=(2, 20, 3))
    error = truth - mean
    square = np.einsum('ni,nij,nj->n', error, np.linalg.inv(blocks), error)
    expected = square <= scipy.stats.chi2.ppf(level, 3)
    ellipsoid = uncertainty.credible_ellipsoid(scale * mean, scale**2 * blocks, level)
    np.testing.assert_array_equal(ellipsoid.contains(scale * truth), expected)
    # the same seen from elsewhere
    turn = scipy.stats.special_ortho_group.rvs(3, random_state=rng)
    turned = uncertainty.credible_ellipsoid(mean @ turn.T, turn @ blocks @ turn.T, level)
    np.testing.assert_array_equal(turned.contains(truth @ turn.T), expected)
    np.testing.assert_allclose(turned.semi_axes, ellipsoid.semi_axes / scale, rtol=1e-6)


def test_the_ends_of_the_axes_lie_on_the_surface():
    rng = np.random.default_rng(0)
    blocks = _blocks(rng, 5) * NAM**2
    mean = rng.normal(size=(5, 3)) * NAM
    centre, semi_axes, axes = uncertainty.credible_ellipsoid(mean, blocks, 0.8)
    ends = (centre[..., None] + semi_axes[..., None, :] * axes - mean[..., None]).mantissa
    square = np.einsum('nik,nij,njk->nk', ends, np.linalg.inv(blocks.mantissa), ends)
    np.testing.assert_allclose(square, scipy.stats.chi2.ppf(0.8, 3))


def test_of_one_dimension_the_ellipsoid_is_the_interval():
    interval = uncertainty.credible_interval(np.array([2.0]), np.array([3.0]), 0.7)
    ellipsoid = uncertainty.credible_ellipsoid(np.array([[2.0]]), np.array([[[3.0]]]), 0.7)
    np.testing.assert_allclose(ellipsoid.semi_axes[..., 0], interval.width / 2)


def test_a_flat_ellipsoid_is_the_ellipse_of_its_plane():
    rng = np.random.default_rng(1)
    plane = np.linalg.qr(rng.normal(size=(3, 3)))[0][:, :2]
    flat = plane @ np.diag([4.0, 1.0]) @ plane.T
    ellipsoid = uncertainty.credible_ellipsoid(np.zeros((1, 3)), flat[None], 0.9)
    radius = np.sqrt(scipy.stats.chi2.ppf(0.9, 2))
    np.testing.assert_allclose(ellipsoid.semi_axes[0], [0, radius, 2 * radius], atol=1e-6)
    inside, normal = plane @ [1.9 * radius, 0], np.cross(*plane.T)
    np.testing.assert_array_equal(ellipsoid.contains(inside), [True])
    np.testing.assert_array_equal(ellipsoid.contains(inside + 1e-3 * normal), [False])


def test_compiled_batched_and_differentiated():
    rng = np.random.default_rng(2)
    mean, variance = rng.normal(size=(2, 4, 3)), rng.gamma(1.0, size=(4, 3))
    compiled = jax.jit(jax.vmap(lambda m: uncertainty.credible_interval(m * NAM, variance * NAM**2, 0.9)))
    expected = uncertainty.credible_interval(mean, variance, 0.9)
    np.testing.assert_allclose(compiled(jnp.asarray(mean, jnp.float32)).lower.mantissa, expected.lower, rtol=1e-5)
    # the width of an interval grows with the root of the variance, and stands still without
    slope = jax.grad(lambda v: uncertainty.credible_interval(0.0, v, 0.9).upper)
    assert slope(4.0) == pytest.approx(scipy.stats.norm.ppf(0.95) / 4, rel=1e-5)
    assert slope(0.0) == 0
    blocks, vectors = _blocks(rng, 4), rng.normal(size=(5, 4, 3))

    def inside(m, truth):
        return uncertainty.credible_ellipsoid(m, blocks, 0.5).contains(truth)

    both = jax.jit(jax.vmap(inside))(jnp.asarray(vectors), jnp.asarray(vectors[::-1]))
    np.testing.assert_array_equal(both, inside(vectors, vectors[::-1]))
    assert both.any()
    assert not both.all()


def test_bad_input():
    interval, ellipsoid = uncertainty.credible_interval, uncertainty.credible_ellipsoid
    with pytest.raises(ValueError, match=r'credible_interval\(variance\) must not be negative; got -1'):
        interval(np.zeros(2), [1.0, -1.0])
    for level in (0.0, 1.0, 90):
        with pytest.raises(ValueError, match=r'credible_interval\(level=\.\.\.\) is a fraction, between 0 and 1'):
            interval(0.0, 1.0, level)
    with pytest.raises(UnitError, match=r'variance of the posterior, in m\^2 \* nA\^2; got m \* nA'):
        interval(np.zeros(2) * NAM, np.ones(2) * NAM)
    with pytest.raises(UnitError, match='bare array'):
        interval(np.zeros(2) * NAM, np.ones(2))
    with pytest.raises(ShapeError, match=r'do not fit each other, mean \(2,\), variance \(3,\)'):
        interval(np.zeros(2), np.ones(3))
    with pytest.raises(ShapeError, match=r'would be \(2, 2\) together, a shape that none of them has'):
        interval(np.zeros(2), np.ones((2, 1)))
    with pytest.raises(ValueError, match=r'\(mean\) must be finite; .* index \(1,\)'):
        interval([0.0, np.nan], np.ones(2))
    with pytest.raises(TypeError, match='real numbers'):
        interval(np.zeros(2) + 1j, np.ones(2))
    with pytest.raises(ShapeError, match=r'blocks\) has shape \(\.\.\., sources, 3, 3\) .* got \(2, 3\)'):
        ellipsoid(np.zeros((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r'blocks\) are symmetric; got 1 that are not, the first at index \(1,\)'):
        ellipsoid(np.zeros((2, 3)), np.stack([np.eye(3), np.eye(3) + np.eye(3, k=1)]))
    with pytest.raises(ValueError, match='positive semidefinite; got 2'):
        ellipsoid(np.zeros((2, 3)), np.stack([np.diag([1.0, 1, -0.1])] * 2))
    with pytest.raises(ShapeError, match=r'contains\(truth\) has shape \(\.\.\., sources, 3\)'):
        ellipsoid(np.zeros((1, 3)), np.eye(3)[None]).contains(np.zeros(2))
