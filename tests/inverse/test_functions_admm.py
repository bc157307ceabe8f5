"""Sparse sources: closed forms, the conditions of the minimum, and the certificate that it was reached."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core.checks import UnitError
from brainfwd._core.units import nAm
from brainfwd.inverse import lambda_max, solve_inverse_admm

PENALTIES = ['l1', 'l21']
every_penalty = pytest.mark.parametrize('penalty', PENALTIES)


def _length(x, penalty):
    """Of the groups of (sources, 3, times): at each time, or over all."""
    return np.sqrt(np.square(x).sum(axis=1 if penalty == 'l1' else (1, 2), keepdims=True))


def _shrunk(x, threshold, penalty):
    length = _length(x, penalty)
    return x * np.maximum(1 - threshold / np.where(length > 0, length, 1), 0)


@pytest.fixture(scope='module')
def problem():
    """Twelve sensors, 40 sources of free orientation at different depths, five times."""
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(12, 40, 3)) * rng.uniform(0.1, 1.0, (1, 40, 1))
    sources = np.zeros((40, 3, 5))
    sources[[3, 25]] = rng.normal(size=(2, 3, 5))
    data = np.einsum('mnk,nkt->mt', gain, sources) + 0.05 * rng.normal(size=(12, 5))
    return data, gain


@every_penalty
def test_orthonormal_columns_are_shrunk(penalty):
    """There every source can be told from its own projection of the data."""
    rng = np.random.default_rng(1)
    columns = np.linalg.qr(rng.normal(size=(20, 9)))[0]
    # one number to a source, or three
    k = 1 if penalty == 'l1' else 3
    data = rng.normal(size=(20, 4))
    projected = (columns.T @ data).reshape(-1, k, 4)
    threshold = np.median(_length(projected, penalty))
    gain = columns if k == 1 else columns.reshape(20, -1, k)
    found = solve_inverse_admm(data, gain, threshold, penalty=penalty, tol=1e-13)
    expected = _shrunk(projected, threshold, penalty).reshape(found.sources.shape)
    assert found.converged
    np.testing.assert_allclose(found.sources, expected, atol=1e-6)
    assert 0 < (expected == 0).mean() < 1


@every_penalty
@pytest.mark.parametrize('depth', [0.0, 0.8])
def test_conditions_of_the_minimum(penalty, depth, problem):
    """No source sees more of the residuals than its threshold, and those that are active exactly that, along theirs."""
    data, gain = problem
    lambda_reg = 0.2 * lambda_max(data, gain, penalty=penalty, depth=depth)
    found = solve_inverse_admm(data, gain, lambda_reg, penalty=penalty, depth=depth, tol=1e-12)
    assert found.converged
    np.testing.assert_allclose(found.residuals, data - np.einsum('mnk,nkt->mt', gain, found.sources), atol=1e-12)
    strength = np.linalg.norm(gain.transpose(1, 0, 2), ord=2, axis=(1, 2))
    threshold = lambda_reg * (strength / strength.max())[:, None, None] ** depth
    slope = np.einsum('mnk,mt->nkt', gain, found.residuals)
    length = _length(found.sources, penalty)
    assert (_length(slope, penalty) <= threshold * (1 + 1e-5)).all()
    active = np.broadcast_to(length > 0, slope.shape)
    assert 0 < active.mean() < 0.5
    expected = threshold * found.sources / np.where(length > 0, length, 1)
    np.testing.assert_allclose(slope[active], expected[active], atol=1e-5 * lambda_reg)


@every_penalty
def test_the_gap_bounds_the_distance_to_the_minimum(penalty, problem):
    data, gain = problem
    lambda_reg = 0.1 * lambda_max(data, gain, penalty=penalty)
    best = solve_inverse_admm(data, gain, lambda_reg, penalty=penalty, tol=1e-12)
    lowest, empty = np.nanmin(best.objective), 0.5 * np.square(data).sum()
    for maxiter in (5, 15):
        early = solve_inverse_admm(data, gain, lambda_reg, maxiter, penalty=penalty, tol=1e-12)
        residual = data - np.einsum('mnk,nkt->mt', gain, early.sources)
        reached = 0.5 * np.square(residual).sum() + lambda_reg * _length(early.sources, penalty).sum()
        assert early.objective[-1] == pytest.approx(reached)
        assert 0 < reached - lowest <= early.gap * empty
        assert not early.converged
        assert early.n_iter == maxiter
        assert early.stopped.startswith(f'out of iterations: after {maxiter}')
    assert best.stopped.startswith(f'converged: after {best.n_iter} iterations')
    assert best.n_iter < 1000
    assert np.isfinite(best.objective).sum() == -(-best.n_iter // 10)


@every_penalty
def test_lambda_max_is_where_the_first_source_appears(penalty, problem):
    data, gain = problem
    largest = lambda_max(data, gain, penalty=penalty, depth=0.8)
    options = {'penalty': penalty, 'depth': 0.8, 'tol': 1e-10}
    assert not solve_inverse_admm(data, gain, 1.001 * largest, **options).sources.any()
    assert solve_inverse_admm(data, gain, 0.98 * largest, **options).sources.any()


def test_depth_weighting_lets_deep_sources_through():
    """Two sources explain the same; without the weighting the one near the sensors is the cheaper."""
    field = np.array([1.0, 2.0, -1.0])
    gain = np.column_stack([field, 0.1 * field + [0, 0, 1e-3]])
    data = gain[:, 1:] * [[1.0, 2.0]]
    near, deep = (solve_inverse_admm(data, gain, 1e-3, depth=depth, tol=1e-10).sources for depth in (0.0, 1.5))
    assert near[0].all()
    assert not near[1].any()
    assert deep[1].all()
    assert not deep[0].any()


@every_penalty
def test_axes_do_not_matter(penalty, problem):
    data, gain = problem
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    lambda_reg = 0.3 * lambda_max(data, gain, penalty=penalty)
    options = {'penalty': penalty, 'depth': 0.8, 'tol': 1e-12}
    straight = solve_inverse_admm(data, gain, lambda_reg, **options).sources
    turned = solve_inverse_admm(data, gain @ turn, lambda_reg, **options).sources
    np.testing.assert_allclose(np.einsum('kl,nlt->nkt', turn, turned), straight, atol=1e-5)


def test_a_share_of_lambda_max_means_the_same_in_every_unit(problem):
    data, gain = problem[0], problem[1][:, :, 0]
    found = []
    for volt, moment in ((u.volt, u.amp * u.meter), (1e-15 * u.tesla, 1e-9 * u.amp * u.meter)):
        y, g = data * volt, gain * volt / moment
        found.append(solve_inverse_admm(y, g, 0.1 * lambda_max(y, g)))
    assert found[0].n_iter == found[1].n_iter
    np.testing.assert_allclose(found[1].sources.mantissa, 1e-9 * found[0].sources.mantissa, rtol=1e-9)
    assert str(found[1].sources.unit) == 'm * nA'
    assert u.have_same_dim(found[1].objective.unit, u.tesla**2)


def test_compiled_with_units(problem):
    """The result is a tree of arrays that passes through transformations, and says itself why it stopped."""
    data, gain = problem[0] * u.volt, problem[1][:, :, 0] * u.volt / (u.amp * u.meter)

    def solve(y, g, share):
        return solve_inverse_admm(y, g, share * lambda_max(y, g))

    found = jax.jit(solve)(data, gain, 0.1)
    expected = solve_inverse_admm(data, gain, 0.1 * lambda_max(data, gain))
    assert found.stopped == expected.stopped
    np.testing.assert_allclose(found.sources.to_decimal(nAm), expected.sources.to_decimal(nAm), rtol=1e-4, atol=1e5)
    many = jax.jit(jax.vmap(solve, (None, None, 0)))(data, gain, jnp.array([0.1, 1.01]))
    assert many.n_iter.tolist() == [found.n_iter, 10]
    assert not many.sources[1].mantissa.any()


def test_gradient_of_free_orientation(problem):
    """Through groups of more than one number, where the length of a group bends, and through the depth weighting."""
    data, gain = problem
    lambda_reg = 0.3 * lambda_max(data, gain, penalty='l21', depth=0.8)

    def score(gain, xp=np):
        found = solve_inverse_admm(data, gain, lambda_reg, penalty='l21', depth=0.8, tol=1e-13)
        return xp.sum(xp.sin(found.sources))

    direction = gain * np.random.default_rng(3).normal(size=gain.shape)
    expected = (score(gain + 1e-5 * direction) - score(gain - 1e-5 * direction)) / 2e-5
    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(lambda gain: score(gain, jnp))(jnp.asarray(gain)))
    assert (gradient * direction).sum() == pytest.approx(expected, rel=1e-4)
    assert abs(expected) > 1e-2


@every_penalty
def test_gradient_of_the_objective(penalty, problem):
    """At the minimum that of the data are the residuals, that of the gain is what they leave of each source."""
    data, gain = problem
    lambda_reg = 0.3 * lambda_max(data, gain, penalty=penalty)

    def lowest(data, gain, share):
        found = solve_inverse_admm(data, gain, share * lambda_reg, penalty=penalty, tol=1e-12)
        return jnp.nanmin(found.objective), found

    with jax.enable_x64(True):
        given = [jnp.asarray(x) for x in (data, gain, 1.0)]
        gradients, found = jax.grad(lowest, (0, 1, 2), has_aux=True)(*given)
    assert found.converged
    assert found.sources.any()
    np.testing.assert_allclose(gradients[0], found.residuals, atol=1e-9)
    np.testing.assert_allclose(gradients[1], -np.einsum('mt,nkt->mnk', found.residuals, found.sources), atol=1e-9)
    assert gradients[2] == pytest.approx(lambda_reg * _length(found.sources, penalty).sum(), rel=1e-6)


def test_nothing_in_nothing_out(problem):
    data, gain = problem
    found = solve_inverse_admm(0 * data, gain, 1.0)
    assert found.converged
    assert not found.sources.any()


def test_bad_input(problem):
    data, gain = problem[0], problem[1][:, :, 0].copy()
    volts = u.volt / (u.amp * u.meter)
    with pytest.raises(UnitError, match=r'got a bare number: write 0\.1 \* bf\.inverse\.lambda_max\(data, gain\)'):
        solve_inverse_admm(data * u.volt, gain * volts, 0.1)
    with pytest.raises(ValueError, match=r"\(penalty=\.\.\.\) is one of 'l1', 'l21'; got 'l2'"):
        solve_inverse_admm(data, gain, 0.1, penalty='l2')
    for options, message in (
        ({'maxiter': 0}, r'maxiter=\.\.\.\) is a whole number'),
        ({'tol': 0.0}, r'tol=\.\.\.\) must be above zero'),
        ({'depth': -1.0}, r'depth=\.\.\.\) must not be negative'),
        ({'lambda_reg': 0.0}, r'lambda_reg\) must be above zero'),
    ):
        with pytest.raises(ValueError, match=message):
            solve_inverse_admm(data, gain, **({'lambda_reg': 0.1} | options))
    gain[:, [4, 7]] = 0
    with pytest.raises(ValueError, match='no sensor sees, 4, 7: leave them out'):
        solve_inverse_admm(data, gain, 0.1)
