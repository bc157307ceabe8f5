r"""Least squares with a penalty on the length of groups of numbers: the minimum, its certificate, its derivative.

.. math:: \min_X \tfrac12 \|Y - G X\|^2 + \sum_g t_g \|X_g\|

of arrays without units: ``gain`` (sensors, sources, K), ``data`` (sensors, times), X (sources, K, times), a threshold
for each source. ``group`` are the axes of X that a group goes over: (1,) for each time by itself, (1, 2) for all times.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ['back', 'dual_norm', 'minimum', 'objective', 'seen']

# iterations between two looks at the gap
_EVERY = 10
# over-relaxation (Eckstein & Bertsekas, 1992; Boyd et al., 2011, 3.4.3)
_RELAXATION = 1.6


def seen(gain: Any, sources: Any) -> Any:
    """(sensors, times) of (sources, K, times)."""
    return gain.reshape(len(gain), -1) @ sources.reshape(-1, sources.shape[-1])


def back(gain: Any, data: Any) -> Any:
    """(sources, K, times) of (sensors, times): the transpose of `seen`."""
    return (gain.reshape(len(gain), -1).T @ data).reshape(*gain.shape[1:], -1)


def _length(x: Any, group: tuple[int, ...]) -> Any:
    return jnp.sqrt(jnp.square(x).sum(axis=group, keepdims=True))


def dual_norm(x: Any, threshold: Any, group: tuple[int, ...]) -> Any:
    """(1, 1, times) or (1, 1, 1): by how much groups are longer than their thresholds, at most."""
    return (_length(x, group) / threshold[:, None, None]).max(axis=0, keepdims=True)


def objective(data: Any, gain: Any, threshold: Any, x: Any, group: tuple[int, ...]) -> Any:
    """What is to be as small as can be."""
    penalty = (threshold[:, None, None] * _length(x, group)).sum()
    return jnp.square(data - seen(gain, x)).sum() / 2 + penalty


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def minimum(data: Any, gain: Any, threshold: Any, tol: Any, group: tuple[int, ...], maxiter: int) -> tuple:
    """(sources, K, times), the objective, the relative gap, and the number of iterations."""
    values, vectors = jnp.linalg.eigh(jnp.einsum('mnk,lnk->ml', gain, gain))
    values = jnp.maximum(values, 0.0)
    empty = jnp.square(data).sum() / 2
    empty = jnp.where(empty > 0, empty, 1.0)

    def step(_: Any, state: tuple) -> tuple:
        z, dual, _, _, rho = state
        # x = argmin |Y - G x|^2 + rho |x - z + dual|^2, by the matrix inversion lemma
        target = z - dual
        inverted = vectors @ ((vectors.T @ (data - seen(gain, target))) / (values + rho)[:, None])
        x = target + back(gain, inverted)
        relaxed = _RELAXATION * x + (1 - _RELAXATION) * z + dual
        length = _length(relaxed, group)
        kept = jnp.maximum(1 - threshold[:, None, None] / (rho * jnp.where(length > 0, length, 1.0)), 0.0)
        new = kept * relaxed
        return new, relaxed - new, x, z, rho

    def block(carry: tuple) -> tuple:
        state, objective, _, n = carry
        here = jnp.minimum(maxiter - n, _EVERY)
        z, dual, x, before, rho = jax.lax.fori_loop(0, here, step, state)
        value, gap = _objective_and_gap(data, gain, threshold, z, group)
        objective = objective.at[n // _EVERY].set(value)
        primal = _norm(x - z) / jnp.maximum(_norm(x), _norm(z))
        change = _norm(z - before) / _norm(dual)
        known = (primal > 0) & (change > 0) & jnp.isfinite(primal) & jnp.isfinite(change)
        factor = jnp.where(known, jnp.clip(jnp.sqrt(primal / change), 0.5, 2.0), 1.0)
        return (z, dual / factor, x, before, rho * factor), objective, gap / empty, n + here

    def unfinished(carry: tuple) -> Any:
        _, _, gap, n = carry
        return (n < maxiter) & ~(gap <= tol)

    zeros = jnp.zeros((*gain.shape[1:], data.shape[1]))
    start = (zeros, zeros, zeros, zeros, values.mean())
    objective = jnp.full(-(-maxiter // _EVERY), jnp.nan)
    state, objective, gap, n = jax.lax.while_loop(unfinished, block, (start, objective, jnp.inf, 0))
    return state[0], objective, gap, jnp.asarray(n, float)


def _norm(x: Any) -> Any:
    return jnp.sqrt(jnp.square(x).sum())


def _objective_and_gap(data: Any, gain: Any, threshold: Any, z: Any, group: tuple[int, ...]) -> tuple[Any, Any]:
    residual = data - seen(gain, z)
    value = objective(data, gain, threshold, z, group)
    # the dual: max <Y, D> - |D|^2 / 2 over all D that no source sees by more than its threshold
    dual = residual / jnp.maximum(dual_norm(back(gain, residual), threshold, group)[0], 1.0)
    return value, value - (dual * data).sum() + jnp.square(dual).sum() / 2


def _forward(data: Any, gain: Any, threshold: Any, tol: Any, group: tuple[int, ...], maxiter: int) -> tuple:
    result = minimum(data, gain, threshold, tol, group, maxiter)
    return result, (result[0], data, gain, threshold, tol)


def _backward(group: tuple[int, ...], maxiter: int, saved: tuple, cotangents: tuple) -> tuple:
    """Of the minimum: on the active set its gradient vanishes, whatever the data, gain and thresholds are."""
    z, data, gain, threshold, tol = saved
    length = _length(z, group)
    active = length > 0
    length = jnp.where(active, length, 1.0)
    along = z / length

    def slope(data: Any, gain: Any, threshold: Any) -> Any:
        return active * (threshold[:, None, None] * along - back(gain, data - seen(gain, z)))

    def hessian(v: Any) -> Any:
        across = v - along * (along * v).sum(axis=group, keepdims=True)
        return active * (back(gain, seen(gain, v)) + threshold[:, None, None] * across / length)

    adjoint, _ = jax.scipy.sparse.linalg.cg(hessian, active * cotangents[0], tol=1e-10)
    _, pull = jax.vjp(slope, data, gain, threshold)
    return *pull(-adjoint), jnp.zeros_like(tol)


minimum.defvjp(_forward, _backward)
