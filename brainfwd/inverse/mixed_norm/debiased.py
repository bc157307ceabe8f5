r"""The size that a penalty on lengths took from the sources, given back: time courses and directions stay.

.. math:: \min_{d \ge 1} \tfrac12 \Big\| Y - \sum_i d_i\, G_i X_i \Big\|^2

of arrays without units: data (sensors, times), gain (sensors, sources, K), sources (sources, K, times).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd.inverse.functions.group_lasso import back, seen

__all__ = ['factors', 'factors_in_compiled_code']

# of the slope at the start
_TOL = 1e-9
_STEPS = 5000


def factors(data: np.ndarray, gain: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(sources,) factors d, by the active set method of Lawson & Hanson: of NumPy arrays, for the sources there are."""
    from scipy.optimize import nnls

    if not len(x):
        return np.ones(0)
    fields = gain.swapaxes(0, 1) @ x
    left = data - fields.sum(axis=0)
    size = np.linalg.norm(fields, axis=(1, 2))
    # no row more than there are columns
    basis, small = np.linalg.qr((fields / size[:, None, None]).reshape(len(x), -1).T)
    scale = np.linalg.norm(left) or 1.0
    more, _ = nnls(small, basis.T @ left.ravel() / scale)
    return 1 + more * scale / size


def factors_in_compiled_code(data: Any, gain: Any, x: Any) -> Any:
    """The same among all sources, 1 where ``x`` is 0: by accelerated gradients (Beck & Teboulle, 2009), restarted.

    The derivative is that of the minimum: the factors above 1 are where the slope is 0, the others do not move.
    """
    gram = jnp.einsum('mnk,mnl->nkl', gain, gain)
    power = jnp.einsum('nkt,nkl,nlt->n', x, gram, x)
    active = power > 0
    size = jnp.sqrt(jnp.where(active, power, 1.0))
    unit, left = x / size[:, None, None], data - seen(gain, x)
    more = jax.lax.stop_gradient(_not_negative(*jax.lax.stop_gradient((left, gain, unit))))
    free = active & (more > 0)
    slope = jnp.where(free, _onto(gain, unit, _field(gain, unit, more) - left), 0.0)

    def curvature(v: Any) -> Any:
        return jnp.where(free, _onto(gain, unit, _field(gain, unit, jnp.where(free, v, 0.0))), v)

    step, _ = jax.scipy.sparse.linalg.cg(curvature, slope, tol=1e-10)
    return 1 + (more - step) / size


def _field(gain: Any, unit: Any, v: Any) -> Any:
    return seen(gain, v[:, None, None] * unit)


def _onto(gain: Any, unit: Any, data: Any) -> Any:
    return (back(gain, data) * unit).sum(axis=(1, 2))


def _not_negative(left: Any, gain: Any, unit: Any) -> Any:
    """(sources,) v >= 0 of the least ``|left - field(v)|``."""

    def curved(v: Any) -> Any:
        return _onto(gain, unit, _field(gain, unit, v))

    def normalised(v: Any) -> Any:
        return v / jnp.maximum(jnp.sqrt(jnp.square(v).sum()), jnp.finfo(v.dtype).tiny)

    target = _onto(gain, unit, left)
    vector = jax.lax.fori_loop(0, 30, lambda _, v: normalised(curved(v)), normalised(abs(target)))
    # found from below, hence the margin
    steepest = 1.2 * (vector * curved(vector)).sum() + 1e-12

    def step(state: tuple) -> tuple:
        v, ahead, momentum, _, n = state
        new = jnp.maximum(ahead - (curved(ahead) - target) / steepest, 0.0)
        momentum = jnp.where(((ahead - new) * (new - v)).sum() > 0, 1.0, momentum)
        then = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        return new, new + (momentum - 1) / then * (new - v), then, abs(new - ahead).max() * steepest, n + 1

    def unfinished(state: tuple) -> Any:
        return (state[3] > _TOL * abs(target).max()) & (state[4] < _STEPS)

    zero = jnp.zeros_like(target)
    return jax.lax.while_loop(unfinished, step, (zero, zero, 1.0, jnp.inf, 0))[0]
