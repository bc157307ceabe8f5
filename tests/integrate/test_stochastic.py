r"""Schemes with noise: strong and weak orders against exact solutions on the same Wiener paths.

A strong order is the slope of the mean error of paths at a fixed time over dt, both as logarithms. A weak order is that
of a moment; the moments of linear equations are worked out from one step of the scheme and a quadrature over its
increment, so that there is no sampling error.
"""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.integrate import SCHEMES

PATHS, FINEST = 4000, 1024
COARSER = (32, 16, 8, 4)
SECOND = u.second


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


def stepping(method, drift, sigma, of=None, milstein=False):
    """``step(x, dw, dt)`` of dx = drift(x) dt + sigma g(x) dW in seconds, with the noise of the package."""
    if of is None:
        noise, sigma = bf.noise.WhiteNoise(sigma / SECOND**0.5), None
    else:
        noise = bf.noise.MultiplicativeNoise(sigma / SECOND**0.5, of=of, milstein=milstein)
    variable = bf.Variable(1.0, 'anything')
    variable.__set_name__(bf.NeuralMass, 'x')

    def step(x, dw, dt):
        noise.normal = lambda step: dw / np.sqrt(dt)
        noise.place = None
        noise.bind(np.shape(x), variable, 'noise', {'x': x})
        increments = {'x': noise.increment(0, dt * SECOND, {'x': x})}
        return SCHEMES[method](lambda s, _: {'x': drift(s['x']) / SECOND}, {'x': x}, dt * SECOND, increments)['x']

    return step


def strong_order(step, start, dw, exact):
    """The slope of the mean error at t = 1 over dt; ``dw`` are the increments of the finest steps, (steps, paths)."""

    def end(steps):
        increments = dw.reshape(steps, -1, dw.shape[1]).sum(axis=1)
        body = lambda x, w: (step(x, w, 1 / steps), None)  # noqa: E731
        return jax.jit(lambda: jax.lax.scan(body, jnp.full(dw.shape[1], start), jnp.asarray(increments))[0])()

    errors = [np.abs(np.asarray(end(FINEST // coarser)) - exact).mean() for coarser in COARSER]
    return np.polyfit(np.log(COARSER), np.log(errors), 1)[0]


def mean_of_square(step, steps, start):
    """E x(1)^2 of a step that is linear in x and noise: its response to each, and Gauss-Hermite over the noise."""
    z, weights = np.polynomial.hermite_e.hermegauss(8)
    weights = weights / weights.sum()
    dt = 1 / steps
    rows = [np.asarray(step(jnp.full(8, x), jnp.asarray(z * np.sqrt(dt)), dt)) for x in (0.0, 1.0)]
    constant, slope = rows[0], rows[1] - rows[0]
    mean, square = start, start**2
    for _ in range(steps):
        mean, square = (
            weights @ constant + weights @ slope * mean,
            weights @ constant**2 + 2 * weights @ (constant * slope) * mean + weights @ slope**2 * square,
        )
    return square


def weak_order(step, start, exact):
    several = 64, 128, 256, 512
    errors = [abs(mean_of_square(step, steps, start) - exact) for steps in several]
    return -np.polyfit(np.log(several), np.log(errors), 1)[0]


# ---- additive: dx = -2 x dt + 0.7 dW

RATE, SIGMA = 2.0, 0.7


@pytest.mark.parametrize(('method', 'strong', 'weak'), [('euler', 1, 1), ('heun', 1, 2)])
def test_additive_noise(method, strong, weak):
    step = stepping(method, lambda x: -RATE * x, SIGMA)
    # the increments of W and of the solution are Gaussian together: both are drawn, exactly
    h = 1 / FINEST
    decay = np.exp(-RATE * h)
    across = (1 - decay) / RATE
    covariance = [[h, across], [across, (1 - decay**2) / (2 * RATE)]]
    dw, moved = np.moveaxis(
        np.random.default_rng(0).multivariate_normal([0, 0], covariance, (FINEST, PATHS), method='cholesky'), -1, 0
    )
    exact = np.full(PATHS, 1.5)
    for each in moved:
        exact = decay * exact + SIGMA * each
    # mean errors of 4000 paths are known to 2 %, which over a factor of 8 in dt is 0.01; the next order adds 0.05
    assert strong_order(step, 1.5, dw, exact) == pytest.approx(strong, abs=0.08)
    variance = SIGMA**2 * (1 - np.exp(-2 * RATE)) / (2 * RATE)
    assert weak_order(step, 0.0, variance) == pytest.approx(weak, abs=0.03)


# ---- multiplicative: geometric Brownian motion, dx = 0.5 x dt + 0.8 x dW in the sense of Ito

GROWTH, SPREAD = 0.5, 0.8


@pytest.mark.parametrize('method', ['euler', 'heun'])
@pytest.mark.parametrize(('milstein', 'strong'), [(False, 0.5), (True, 1)])
def test_multiplicative_noise(method, milstein, strong):
    step = stepping(method, lambda x: GROWTH * x, SPREAD, of=lambda x: x, milstein=milstein)
    dw = np.random.default_rng(1).normal(size=(FINEST, PATHS)) / np.sqrt(FINEST)
    exact = np.exp(GROWTH - SPREAD**2 / 2 + SPREAD * dw.sum(axis=0))
    assert strong_order(step, 1.0, dw, exact) == pytest.approx(strong, abs=0.08)
    assert weak_order(step, 1.0, np.exp(2 * GROWTH + SPREAD**2)) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize('method', ['euler', 'heun'])
def test_it_is_the_solution_of_ito(method):
    # without a drift the mean stays; that of Stratonovich would grow by exp(sigma^2 / 2)
    step = stepping(method, lambda x: 0.0 * x, SPREAD, of=lambda x: x)
    z, weights = np.polynomial.hermite_e.hermegauss(8)
    one = np.asarray(step(jnp.ones(8), jnp.asarray(z * 0.1), 0.01))
    assert weights @ one / weights.sum() == pytest.approx(1.0, rel=1e-12)


def test_milstein_is_its_formula_for_a_nonlinear_size():
    # x' = x + s g dW + s^2 g g' (dW^2 - dt) / 2
    step = stepping('euler', lambda x: 0.0 * x, 0.6, of=lambda x: x**2 + 1, milstein=True)
    x, dw, dt = np.array([0.3, -1.2]), np.array([0.2, -0.4]), 0.04
    g, slope = x**2 + 1, 2 * x
    expected = x + 0.6 * g * dw + 0.36 * g * slope * (dw**2 - dt) / 2
    np.testing.assert_allclose(step(jnp.asarray(x), jnp.asarray(dw), dt), expected, rtol=1e-12)
