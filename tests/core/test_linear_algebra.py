"""Powers of matrices, solving by Cholesky, and float64 inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from brainfwd._core.linear_algebra import in_double, solve_positive, symmetric_power, xp_of


def matrices(k=3, n=5, rank=None, kind=float, seed=0):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(n, k, rank or 2 * k)).astype(kind)
    if kind is complex:
        half = half + 1j * rng.normal(size=half.shape)
    return half @ half.conj().swapaxes(-1, -2)


def test_xp_of_looks_into_trees():
    assert xp_of(np.ones(2), None, {'a': 1.0}) is np
    assert xp_of({'a': jnp.ones(2)}, np.ones(2)) is jnp


@pytest.mark.parametrize('kind', [float, complex])
@pytest.mark.parametrize('precision', [np, jnp])
def test_powers(precision, kind):
    given = matrices(kind=kind)
    with jax.enable_x64(True):
        root = symmetric_power(precision.asarray(given), 0.5)
        np.testing.assert_allclose(root @ root, given, atol=1e-10)
        np.testing.assert_allclose(symmetric_power(precision.asarray(given), -1.0), np.linalg.inv(given), rtol=1e-8)


@pytest.mark.parametrize('scale', [1e-26, 1.0, 1e12])
def test_the_power_minus_one_is_the_pseudo_inverse(scale):
    given = scale * matrices(k=4, rank=2)
    np.testing.assert_allclose(scale * symmetric_power(given, -1.0), scale * np.linalg.pinv(given, rcond=1e-10))


@pytest.mark.parametrize('exponent', [0.5, -0.5, -1.0])
@pytest.mark.parametrize('given', [matrices(n=1, seed=2)[0], 2 * np.eye(3), np.diag([2.0, 2.0, 1.0])])
def test_derivative_of_a_power_also_where_eigenvalues_are_equal(exponent, given):
    with jax.enable_x64(True):
        check_grads(lambda a: symmetric_power((a + a.T) / 2, exponent), (jnp.asarray(given),), 1, rtol=1e-5)


def test_derivative_of_a_pseudo_inverse():
    """Along factors, where the rank stays: of the projector onto their span and of the matrix itself."""
    factor = np.random.default_rng(0).normal(size=(4, 2))
    with jax.enable_x64(True):
        check_grads(lambda f: symmetric_power(f @ f.T, -1.0), (jnp.asarray(factor),), 1, modes=['rev'], rtol=1e-5)


def test_solves():
    matrix, right = matrices(k=6, n=1)[0], np.random.default_rng(1).normal(size=(6, 4))
    np.testing.assert_allclose(matrix @ solve_positive(matrix, right), right, atol=1e-10)
    with jax.enable_x64(True):
        np.testing.assert_allclose(matrix @ solve_positive(jnp.asarray(matrix), right), right, atol=1e-10)


def _hilbert(shift):
    """Too ill-conditioned for float32."""
    n = 7
    hilbert = 1.0 / (jnp.arange(n)[:, None] + jnp.arange(n) + 1.0 + shift)
    return solve_positive(hilbert, jnp.ones(n))


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('through', [lambda f: f, jax.jit, lambda f: lambda x: jax.vmap(f)(x[None])[0]])
def test_float64_inside(through):
    shift = jnp.asarray(0.5, jnp.float32)
    with jax.enable_x64(True):
        expected = np.asarray(_hilbert(jnp.asarray(0.5)))
        slope = np.asarray(jax.grad(lambda x: _hilbert(x).sum())(jnp.asarray(0.5)))

    def solved(x):
        return in_double(_hilbert, x)

    answer = through(solved)(shift)
    assert answer.dtype == jnp.float32
    assert np.linalg.norm(_hilbert(shift) - expected) > 1e-3 * np.linalg.norm(expected)
    np.testing.assert_allclose(answer, expected, rtol=1e-6)
    np.testing.assert_allclose(through(jax.grad(lambda x: solved(x).sum()))(shift), slope, rtol=1e-6)


def test_numpy_stays_numpy():
    assert isinstance(in_double(lambda x: 2 * x, np.ones(2, np.float32)), np.ndarray)
    assert in_double(lambda x: 2 * x, np.ones(2, np.float32)).dtype == np.float64


def test_numbers_of_numpy_are_not_rounded_on_the_way_in():
    """Squares of the fields of dipoles have no place in float32."""
    tiny = np.array([1e-54, 2e-54])

    for through in (lambda f: f, jax.jit, jax.grad):
        answer = through(lambda x: in_double(lambda x, tiny: x**2 * tiny[1] / tiny[0], x, tiny))(jnp.float32(3.0))
        assert answer.dtype == jnp.float32
        assert answer == (12.0 if through is jax.grad else 18.0)


@pytest.mark.filterwarnings('error')
def test_what_comes_out_may_be_anything():
    def fn(x, z):
        return {'number': 1.5, 'count': (x > 0).sum(), 'complex': x * z}

    x, z = jnp.arange(3.0), jnp.asarray([1j, 2.0, 3.0])
    for through in (
        lambda f: f,
        jax.jit,
        lambda f: lambda x, z: jax.tree.map(lambda y: y[0], jax.vmap(f)(x[None], z[None])),
    ):
        answer = through(lambda x, z: in_double(fn, x, z))(x, z)
        assert {name: value.dtype for name, value in answer.items()} == {
            'number': jnp.float32, 'count': jnp.float32, 'complex': jnp.complex64,
        }  # fmt: skip
        assert [float(answer[name]) for name in ('number', 'count')] == [1.5, 2.0]
        np.testing.assert_allclose(answer['complex'], [0, 2, 6])


def test_derivative_with_respect_to_complex_numbers():
    given = matrices(kind=complex, n=1)[0]
    with jax.enable_x64(True):
        power = lambda a: symmetric_power((a + a.conj().T) / 2, -0.5)  # noqa: E731
        check_grads(power, (jnp.asarray(given),), 1, rtol=1e-5)
