"""Linear algebra written once, for NumPy and for JAX."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['FLOOR', 'in_double', 'inverse_factor', 'is_traced', 'solve_positive', 'symmetric_power', 'xp_of']

FLOOR = 1e-12
"""Of the largest eigenvalue of a covariance: what is below is rounding.

Above what rounding to float32 leaves of a lost rank, 1e-14, and below any noise that was measured.
"""


def is_traced(arrays: Any) -> bool:
    """Whether JAX traces any of the arrays of a tree: their values are not known."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arrays))


def xp_of(*arrays: Any) -> Any:
    """``jax.numpy`` if one of the arrays is JAX's, else ``numpy``."""
    return jnp if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(arrays)) else np


def solve_positive(matrix: Any, right: Any) -> Any:
    """The solution of ``matrix @ x = right`` for a symmetric or Hermitian positive definite matrix, by Cholesky."""
    if xp_of(matrix, right) is jnp:
        return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(matrix, lower=True), right)
    from scipy.linalg import cho_factor, cho_solve

    return cho_solve(cho_factor(matrix, lower=True, check_finite=False), right, check_finite=False)


def inverse_factor(matrix: Any) -> tuple[Any, Any]:
    r""":math:`L^{-1}` of a positive definite matrix :math:`L L^T`, and the logarithm of its determinant."""
    if xp_of(matrix) is jnp:
        factor = jnp.linalg.cholesky(matrix)
        inverse = jax.scipy.linalg.solve_triangular(factor, jnp.eye(len(factor)), lower=True)
        return inverse, 2 * jnp.log(jnp.diagonal(factor)).sum()
    from scipy.linalg import cholesky, solve_triangular

    factor = cholesky(matrix, lower=True, check_finite=False)
    inverse = solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False)
    return inverse, 2 * np.log(np.diagonal(factor)).sum()


def symmetric_power(matrices: Any, exponent: float, floor: float = FLOOR) -> Any:
    """(..., k, k) symmetric or Hermitian positive semidefinite matrices to a power.

    Eigenvalues up to ``floor`` of the largest count as 0 and stay 0, so that -1 is the pseudo-inverse. Has a derivative
    where eigenvalues are equal, too.
    """
    xp = xp_of(matrices)
    if matrices.shape[-1] == 1:
        kept = matrices.real > 0
        return xp.where(kept, xp.where(kept, matrices.real, 1.0) ** exponent, 0.0)
    if xp is np:
        _, vectors, powers = _powers(matrices, exponent, floor, np)
        return _assembled(vectors, powers)
    return _symmetric_power(matrices, exponent, floor)


def _powers(matrices: Any, exponent: float, floor: float, xp: Any) -> tuple[Any, Any, Any]:
    values, vectors = xp.linalg.eigh(matrices)
    kept = values > floor * values[..., -1:]
    return values, vectors, xp.where(kept, xp.where(kept, values, 1.0) ** exponent, 0.0)


def _assembled(vectors: Any, powers: Any) -> Any:
    return (vectors * powers[..., None, :]) @ vectors.conj().swapaxes(-1, -2)


def _symmetric_power_of(matrices: Any, exponent: float, floor: float) -> Any:
    _, vectors, powers = _powers(matrices, exponent, floor, jnp)
    return _assembled(vectors, powers)


_symmetric_power = jax.custom_jvp(_symmetric_power_of, nondiff_argnums=(1, 2))


@_symmetric_power.defjvp
def _symmetric_power_derivative(exponent: float, floor: float, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    r""":math:`V (F \circ V^* \dot A V) V^*` with F the divided differences of the power (Daleckii & Krein, 1965)."""
    values, vectors, powers = _powers(primals[0], exponent, floor, jnp)
    gap = values[..., :, None] - values[..., None, :]
    size = abs(values)
    near = abs(gap) <= 1e-8 * jnp.maximum(size[..., :, None], size[..., None, :])
    # between equal eigenvalues the divided difference is the slope
    slope = exponent * powers / jnp.where(powers > 0, values, 1.0)
    mean = (slope[..., :, None] + slope[..., None, :]) / 2
    differences = jnp.where(near, mean, (powers[..., :, None] - powers[..., None, :]) / jnp.where(near, 1.0, gap))
    back = vectors.conj().swapaxes(-1, -2)
    return _assembled(vectors, powers), vectors @ (differences * (back @ tangents[0] @ vectors)) @ back


def in_double(fn: Callable, *args: Any, either: bool = False) -> Any:
    """``fn(*args)`` in float64, whatever the ambient precision: what it returns is in that of JAX.

    ``args`` are pytrees of JAX or NumPy arrays. By those of JAX ``fn`` may be differentiated, in reverse mode; those of
    NumPy stay so, and what follows from them alone is computed once, when ``fn`` is compiled. What ``jax.vmap`` maps is
    computed in a loop: on a CPU that is quicker and takes less memory, and of two branches only one is computed. With
    ``either``, ``fn`` is written for NumPy as well as for JAX: where nothing is traced NumPy computes, as there is
    nothing to compile.
    """
    leaves, tree = jax.tree.flatten(args)
    traced = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    held = [None if isinstance(leaf, jax.Array) else _double(leaf) for leaf in leaves]
    if not traced:
        return fn(*jax.tree.unflatten(tree, held))
    ambient = jnp.result_type(float)
    if either and not is_traced(traced):
        answer = fn(*jax.tree.map(_double, args))
        return jax.tree.map(lambda x: jnp.asarray(x, _precision(x, ambient)), answer)

    def wide(*traced: Any) -> Any:
        given = iter(traced)
        return fn(*jax.tree.unflatten(tree, [next(given) if x is None else x for x in held]))

    def narrow(*traced: Any) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(lambda x: jnp.asarray(x, _precision(x, ambient)), wide(*_widened(traced)))

    @jax.custom_vjp
    def run(*traced: Any) -> Any:
        # where nothing is mapped, not even traced: what has values can be checked
        concrete = not any(isinstance(x, jax.core.Tracer) for x in traced)
        return (narrow if concrete else jax.custom_batching.sequential_vmap(narrow))(*traced)

    def backward(traced: Any, cotangent: Any) -> Any:
        # under its own scope: a rule that JAX derived by itself would be evaluated in the ambient precision
        with jax.enable_x64(True):
            _, pull = jax.vjp(wide, *_widened(traced))
            return jax.tree.map(lambda x, arg: x.astype(arg.dtype), pull(_widened(cotangent)), traced)

    run.defvjp(lambda *traced: (run(*traced), traced), backward)
    return run(*traced)


def _double(x: Any) -> np.ndarray:
    return np.asarray(x, complex if np.iscomplexobj(x) else float)


def _widened(values: Any) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x, _precision(x, jnp.float64)), values)


def _precision(x: Any, real: Any) -> Any:
    """The type of real or of complex numbers of the precision of ``real``."""
    return jnp.result_type(real, jnp.complex64) if jnp.iscomplexobj(x) else real
