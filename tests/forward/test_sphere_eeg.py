"""Potentials in spheres, against closed forms, boundary conditions, and themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre, lpmv

from brainfwd.forward.heads.sphere_eeg import homogeneous, orders_needed, series, transmission

RADII = {
    'mne': np.array([0.90, 0.92, 0.97, 1.0]),
    'three': np.array([0.87, 0.92, 1.0]),
    'two, far apart': np.array([0.3, 1.0]),
}
SIGMAS = {
    'mne': np.array([0.33, 1.0, 0.004, 0.33]),
    'three': np.array([0.33, 0.0042, 0.33]),
    'two, far apart': np.array([0.33, 1.5]),
}
HEADS = list(RADII)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def _unit(rng, n):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _gain(sums, r, x):
    """(electrodes, dipoles, 3)."""
    S_r, S_x = sums(r @ x.T, (x * x).sum(axis=1))
    return np.asarray(S_r)[..., None] * r[:, None] - np.asarray(S_x)[..., None] * x


def _drawn(rng, deepest, n=12):
    return _unit(rng, n), deepest * rng.uniform(size=(n, 1)) ** (1 / 3) * _unit(rng, n)


def test_homogeneous_is_the_closed_form_of_the_literature():
    """Mosher, Leahy & Lewis (1999), EEG and MEG: forward solutions for inverse methods, IEEE Trans. Biomed. Eng. 46."""
    rng = np.random.default_rng(0)
    r, x = _drawn(rng, 0.99)
    d, q2, rq = r[:, None] - x, (x * x).sum(axis=1), r @ x.T
    distance = np.linalg.norm(d, axis=-1)
    f = distance * (distance + 1 - rq)
    c1 = (2 * (d * x).sum(axis=-1) / distance**3 + 1 / distance - 1) / q2
    c2 = 2 / distance**3 + (distance + 1) / f
    expected = (c1 - c2 * rq / q2)[..., None] * x + c2[..., None] * r[:, None]
    np.testing.assert_allclose(_gain(homogeneous, r, x), expected, rtol=0, atol=1e-9 * abs(expected).max())


def test_series_of_a_homogeneous_sphere_is_its_closed_form():
    rng = np.random.default_rng(1)
    r, x = _drawn(rng, 0.85)
    got, expected = _gain(lambda t, s: series(t, s, np.ones(260)), r, x), _gain(homogeneous, r, x)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('n', [1, 2, 7, 20])
@pytest.mark.parametrize('head', HEADS)
def test_transmission_satisfies_the_boundary_conditions(head, n):
    """a r^n + b r^-(n+1) in each shell, b of a point source in the first: equal potentials and currents at each border,
    and no current through the outermost."""
    radii, sigmas = RADII[head], SIGMAS[head]
    shells = len(radii)
    # unknowns: a of every shell, then b of all but the first, where it is 1; scaled by the radius of the shell
    system, right = np.zeros((2 * shells - 1, 2 * shells - 1)), np.zeros(2 * shells - 1)

    def terms(k, r):
        z = r / radii[k]
        value, flux = (z**n, z ** -(n + 1.0)), (n * z**n * sigmas[k], -(n + 1) * z ** -(n + 1.0) * sigmas[k])
        return value, flux

    def put(row, k, kind, r, sign):
        grows, falls = terms(k, r)[kind]
        system[row, k] += sign * grows
        if k == 0:
            right[row] -= sign * falls
        else:
            system[row, shells + k - 1] += sign * falls

    for k in range(shells - 1):
        for kind in (0, 1):
            put(2 * k + kind, k, kind, radii[k], 1)
            put(2 * k + kind, k + 1, kind, radii[k], -1)
    put(2 * shells - 2, shells - 1, 1, radii[-1], 1)
    solved = np.linalg.solve(system, right)
    surface = solved[shells - 1] + (solved[-1] if shells > 1 else 1)
    # b of the first shell is 1 at its own radius: the source is r_1^(n+1); the factor of a homogeneous sphere off
    expected = surface / radii[0] ** (n + 1) / ((2 * n + 1) / n)
    np.testing.assert_allclose(transmission(radii, sigmas, np.array([n])), expected, rtol=1e-10)


@pytest.mark.parametrize('head', HEADS)
def test_transmission_of_high_orders(head):
    through = transmission(RADII[head], SIGMAS[head], np.array([1, 500, 5000, 10**7]))
    assert np.isfinite(through).all()
    assert (through > 0).all()
    # far up, every border acts alone
    ratios = SIGMAS[head][1:] / SIGMAS[head][:-1]
    np.testing.assert_allclose(through[-1], np.prod(2 / (1 + ratios)), rtol=1e-5)


def test_equal_conductivities_are_one_sphere():
    n = np.arange(1, 501)
    np.testing.assert_allclose(transmission(RADII['mne'], np.full(4, 0.2), n), 1, rtol=1e-12)


def test_series_is_that_of_zhang():
    """With angles and associated Legendre functions (Zhang 1995, eq. 9), which SciPy has."""
    rng = np.random.default_rng(2)
    n = np.arange(1, 61)
    through = transmission(RADII['mne'], SIGMAS['mne'], n)
    r, x = _drawn(rng, 0.6, 5)
    gain = _gain(lambda t, s: series(t, s, through), r, x)
    q = _unit(rng, 5)
    for i, e in enumerate(r):
        for j, (place, moment) in enumerate(zip(x, q, strict=True)):
            depth = np.linalg.norm(place)
            out = place / depth
            cos_alpha, cos_gamma = moment @ out, e @ out
            # along the projection of the electrode perpendicular to the place of the dipole
            across = (e - cos_gamma * out) / np.linalg.norm(e - cos_gamma * out)
            sin_alpha_cos_beta = moment @ across
            # SciPy's P_n^1 carries the sign of Condon and Shortley
            terms = n * cos_alpha * eval_legendre(n, cos_gamma) - sin_alpha_cos_beta * lpmv(1, n, cos_gamma)
            expected = ((2 * n + 1) / n * depth ** (n - 1.0) * through * terms).sum()
            np.testing.assert_allclose(gain[i, j] @ moment, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('tolerance', [1e-3, 1e-8])
@pytest.mark.parametrize('head', HEADS)
def test_truncation_keeps_what_it_states(head, tolerance):
    radii, sigmas = RADII[head], SIGMAS[head]
    rng = np.random.default_rng(3)
    count = orders_needed(radii, sigmas, tolerance)
    rho = radii[0] / radii[-1]
    # below the electrodes, at the antipode, and anywhere, some at the border of the innermost shell
    x = np.concatenate([rho * _unit(rng, 6), _drawn(rng, rho, 6)[1]])
    out = x / np.linalg.norm(x, axis=1, keepdims=True)
    r = np.concatenate([out, -out, _unit(rng, 6)])
    short, long = (
        _gain(lambda t, s, m=m: series(t, s, transmission(radii, sigmas, np.arange(1, m + 1))), r, x)
        for m in (count, 2 * count)
    )
    error = np.linalg.norm(short - long, axis=-1).max(axis=0) / np.linalg.norm(long, axis=-1).max(axis=0)
    assert (error <= tolerance).all()
    # the bound is reached at the border, but for the last term: no more terms than it takes
    assert error[:6].min() > 0.2 * tolerance


@pytest.mark.parametrize('sums', ['series', 'homogeneous'])
def test_mean_over_the_sphere_is_zero(sums):
    rng = np.random.default_rng(4)
    through = transmission(RADII['mne'], SIGMAS['mne'], np.arange(1, 41))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    phi = 2 * np.pi * np.arange(80) / 80
    sine = np.sqrt(1 - nodes**2)[:, None]
    r = np.stack([sine * np.cos(phi), sine * np.sin(phi), nodes[:, None] + 0 * phi], axis=-1).reshape(-1, 3)
    gain = _gain(
        homogeneous if sums == 'homogeneous' else lambda t, s: series(t, s, through), r, _drawn(rng, 0.5, 4)[1]
    )
    mean = np.repeat(weights, 80) @ gain.reshape(len(r), -1) / (2 * 80)
    np.testing.assert_allclose(mean, 0, atol=1e-9 * abs(gain).max())


@pytest.mark.parametrize('sums', ['series', 'homogeneous'])
def test_gradients_are_those_of_differences_everywhere(sums):
    through = transmission(RADII['mne'], SIGMAS['mne'], np.arange(1, 121))
    function = homogeneous if sums == 'homogeneous' else lambda t, s: series(t, s, through)
    electrode = jnp.array([0.0, 0.6, 0.8])

    def potential(x):
        S_r, S_x = function(electrode @ x, x @ x)
        return (S_r * electrode - S_x * x) @ jnp.array([1.0, -2.0, 0.5])

    at_centre, below, antipode, on_axis = np.zeros(3), 0.7 * electrode, -0.7 * electrode, np.array([0, 0, 0.5])
    places = np.stack([at_centre, below, antipode, on_axis])
    gradient = jax.jit(jax.vmap(jax.grad(potential)))(places)
    steps = 1e-5 * np.eye(3)[:, None]
    ahead, behind = (jax.jit(jax.vmap(jax.vmap(potential)))(places + side * steps) for side in (1, -1))
    differences = (ahead - behind).T / 2e-5
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-6)
    # the slope at the centre is that of the quadrupole, not zero
    assert abs(gradient[0]).max() > 1
    assert np.isfinite(jax.jit(jax.vmap(jax.hessian(potential)))(places)).all()


def _sizes(jaxpr):
    for equation in jaxpr.eqns:
        yield from (var.aval.size for var in equation.outvars)
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else [value]:
                if hasattr(inner, 'eqns') or hasattr(inner, 'jaxpr'):
                    yield from _sizes(getattr(inner, 'jaxpr', inner))


def test_memory_does_not_grow_with_orders():
    t, s, through = jnp.full((10, 50), 0.1), jnp.full((10, 50), 0.2), np.ones(300)
    gradient = jax.make_jaxpr(jax.grad(lambda t, s: sum(S.sum() for S in series(t, s, through)), (0, 1)))(t, s)
    sizes = list(_sizes(gradient.jaxpr))
    assert len(sizes) > 20
    assert max(sizes) < 10 * t.size
