"""CRPS, PIT and sharpness against integrals and scipy."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brainfwd import uncertainty
from brainfwd._core.checks import ShapeError, UnitError

NAM = u.nA * u.meter
numbers = st.floats(-5, 5)


@given(numbers, numbers, st.floats(0.05, 5))
def test_crps_is_the_integral_of_the_squared_difference(truth, mean, std):
    cdf = scipy.stats.norm(mean, std).cdf
    below = scipy.integrate.quad(lambda y: cdf(y) ** 2, -np.inf, truth)[0]
    above = scipy.integrate.quad(lambda y: (1 - cdf(y)) ** 2, truth, np.inf)[0]
    assert uncertainty.crps(truth, mean, std**2) == pytest.approx(below + above, rel=1e-6, abs=1e-8)


def test_crps_of_samples():
    """E|X - x| - E|X - X'|/2, by quadrature over the posterior."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    x = 0.7 + 2.0 * nodes
    expected = weights @ abs(x - 1.9) - weights @ abs(x[:, None] - x) @ weights / 2
    assert uncertainty.crps(1.9, 0.7, 4.0) == pytest.approx(expected, rel=1e-2)


def test_crps_has_the_unit_of_the_mean_and_is_the_absolute_error_without_variance():
    truth, mean = np.array([1.0, 2.0, 2.0]) * 1e-9 * u.amp * u.meter, np.array([1.5, 0.0, 2.0]) * NAM
    score = uncertainty.crps(truth, mean, np.zeros(3) * NAM**2)
    np.testing.assert_allclose(score.to_decimal(NAM), [0.5, 2.0, 0.0], atol=1e-12)
    assert score.mantissa.dtype == np.float64
    small = uncertainty.crps(1e-15, 3e-15, 4e-30)
    assert small == pytest.approx(1e-15 * uncertainty.crps(1.0, 3.0, 4.0))


def test_the_true_variance_has_the_least_crps():
    errors = 1.3 * np.random.default_rng(0).normal(size=50_000)
    stds = [0.7, 1.0, 1.3, 1.6, 2.0]
    assert min(stds, key=lambda std: uncertainty.crps(errors, 0.0, std**2).mean()) == 1.3


@given(numbers, numbers, st.floats(0.05, 5))
def test_pit_is_the_distribution_function(truth, mean, std):
    assert uncertainty.pit(truth, mean, std**2) == pytest.approx(scipy.stats.norm.cdf(truth, mean, std), abs=1e-12)


def test_pit_is_uniform_if_calibrated_and_steps_without_variance():
    errors = np.random.default_rng(1).normal(size=5000) * NAM
    values = uncertainty.pit(errors, 0.0 * NAM, 1.0 * NAM**2)
    assert scipy.stats.kstest(values, 'uniform').pvalue > 0.01
    np.testing.assert_array_equal(uncertainty.pit([-1.0, 0.0, 1.0], np.zeros(3), np.zeros(3)), [0.0, 0.5, 1.0])


def test_sharpness():
    variance = np.array([1.0, 4.0, 9.0, 0.0]) * NAM**2
    assert uncertainty.sharpness(variance).to_decimal(NAM) == pytest.approx(1.5)
    width = uncertainty.credible_interval(np.zeros(4) * NAM, variance, 0.8).width
    assert uncertainty.sharpness(variance, level=0.8).to_decimal(NAM) == pytest.approx(width.to_decimal(NAM).mean())
    half = np.random.default_rng(2).normal(size=(6, 3, 3))
    blocks = half @ half.swapaxes(-1, -2)
    semi = uncertainty.credible_ellipsoid(np.zeros((6, 3)), blocks, 0.8).semi_axes
    expected = (2 * np.sqrt((semi**2).mean(axis=-1))).mean()
    assert uncertainty.sharpness(blocks=blocks, level=0.8) == pytest.approx(expected)
    turn = scipy.stats.special_ortho_group.rvs(3, random_state=0)
    assert uncertainty.sharpness(blocks=turn @ blocks @ turn.T) == pytest.approx(uncertainty.sharpness(blocks=blocks))


SCORES = {
    'crps': uncertainty.crps,
    'pit': uncertainty.pit,
    'sharpness': lambda x, mean, variance: uncertainty.sharpness(variance + 0 * x, level=0.5),
}


@pytest.mark.parametrize('name', SCORES)
def test_compiled_batched_and_differentiated(name):
    brainstate.environ.set(precision=64)
    score, rng = SCORES[name], np.random.default_rng(3)
    truth, mean, variance = rng.normal(size=(2, 3)), rng.normal(size=3), rng.gamma(1.0, size=3)
    batched = jax.jit(jax.vmap(lambda x: score(x, mean, variance)))(jnp.asarray(truth))
    np.testing.assert_allclose(batched, [score(each, mean, variance) for each in truth], rtol=1e-10)

    def total(x, m, v):
        return score(x, m, v).sum()

    slopes = jax.jit(jax.grad(total, argnums=(0, 1, 2)))(truth[0], mean, variance)
    given, h = (truth[0], mean, variance), 1e-6
    for i, slope in enumerate(slopes):
        for k in range(3):
            step = h * np.eye(3)[k]
            ends = (total(*(each + sign * step * (j == i) for j, each in enumerate(given))) for sign in (1, -1))
            assert slope[k] == pytest.approx(np.subtract(*ends) / (2 * h), rel=1e-5, abs=1e-8)
    # where there is no variance, too
    assert np.isfinite(jax.grad(total, argnums=2)(truth[0], mean, jnp.zeros(3))).all()


def test_bad_input():
    with pytest.raises(ValueError, match=r'crps\(variance\) must not be negative'):
        uncertainty.crps(0.0, 0.0, -1.0)
    with pytest.raises(UnitError, match=r'crps\(truth\) is what the posterior is about, in m \* nA; got a bare number'):
        uncertainty.crps(0.0, 0.0 * NAM, 1.0 * NAM**2)
    with pytest.raises(ShapeError, match=r'pit: shapes that do not fit each other'):
        uncertainty.pit(np.zeros(3), np.zeros(2), 1.0)
    with pytest.raises(ValueError, match='one of them'):
        uncertainty.sharpness()
    with pytest.raises(ShapeError, match='at least one entry'):
        uncertainty.sharpness(np.zeros(0))
    with pytest.raises(ShapeError, match=r'sharpness\(blocks\) has shape'):
        uncertainty.sharpness(blocks=np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match='fraction'):
        uncertainty.sharpness(1.0, level=95)
