r"""The delayed weighted sum, the one kernel of coupling that costs R^2.

.. math:: T_i(t) = \sum_j w_{ij}\, x_j(t - d_{ij})

Reading R^2 values at scattered places at every step is slow. No delay is shorter than ``block`` steps, so that the
totals of a whole block are known once its first value is: they are read together, each pair as one contiguous stretch
of history.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['History', 'empty_history', 'record', 'steps_of', 'total']


class History(NamedTuple):
    """The past of the source, and the totals of the current block."""

    past: jax.Array
    """(source, time, ...): the newest column is the first step of the block."""
    recent: jax.Array
    """(block, ..., source): what was recorded since."""
    totals: jax.Array
    """(block + 1, ..., target)."""
    phase: jax.Array
    """The step of the block that was recorded last; ``block`` when nothing was recorded yet."""


def steps_of(delays: np.ndarray, dt: float) -> np.ndarray:
    """Every delay rounded to the nearest step of ``dt``, of pairs that are not connected too: they may be one day."""
    return np.rint(delays / dt).astype(np.int32)


def empty_history(shape: tuple[int, ...], steps: np.ndarray, dtype: Any) -> History:
    """A history in which nothing was recorded yet.

    Parameters
    ----------
    shape : tuple of int
        (..., source).
    steps : array
        Delays in steps, [target, source]; at least one is not zero.
    dtype
        Of the source.
    """
    *batch, n = shape
    block = int(steps[steps > 0].min())
    return History(
        past=jnp.zeros((n, int(steps.max()) + 1, *batch), dtype),
        recent=jnp.zeros((block, *batch, n), dtype),
        totals=jnp.zeros((block + 1, *batch, n), dtype),
        phase=jnp.asarray(block, jnp.int32),
    )


def record(history: History, source: jax.Array, weights: jax.Array, steps: jax.Array) -> History:
    """Record the source of this step, and read the next block if this one has run out.

    Before the first record, the source is taken to have had that value always.
    """
    past, recent, totals, phase = history
    block, length = recent.shape[0], past.shape[1]
    recent = recent.at[phase].set(source, mode='drop')

    def next_block():
        now = jnp.moveaxis(source, -1, 0)[:, None]
        since = jnp.moveaxis(recent, (-1, 0), (0, 1))
        moved = jnp.concatenate([past, since], axis=1)[:, -length:]
        moved = jnp.where(phase == block, now, moved)
        return moved, _read(moved, weights, steps, block), jnp.zeros_like(phase)

    past, totals, phase = jax.lax.cond(phase >= block - 1, next_block, lambda: (past, totals, phase + 1))
    return History(past, recent, totals, phase)


def total(history: History, fraction: float) -> jax.Array:
    """Totals at ``fraction`` of the step recorded last, between this step and the next, (..., target)."""
    now, then = history.totals[history.phase], history.totals[history.phase + 1]
    if fraction in (0.0, 1.0):
        return then if fraction else now
    return (1 - fraction) * now + fraction * then


def _read(past: jax.Array, weights: jax.Array, steps: jax.Array, block: int) -> jax.Array:
    """Totals at the newest time of ``past`` and at the ``block`` steps after it.

    One source at a time: its past stays in the cache while every target reads its own stretch of it. Pairs without
    delay are not read here.
    """
    newest = past.shape[1] - 1
    weights = jnp.where(steps > 0, weights, 0)

    def add_source(totals, source):
        line, weight, delay = source
        stretch = jax.vmap(lambda start: jax.lax.dynamic_slice_in_dim(line, start, block + 1))(newest - delay)
        return totals + weight.reshape(-1, *(1,) * (stretch.ndim - 1)) * stretch, None

    none = jnp.zeros((weights.shape[0], block + 1, *past.shape[2:]), past.dtype)
    # the backward pass reads the stretches again instead of keeping R^2 of them for every block
    totals, _ = jax.checkpoint(lambda *lines: jax.lax.scan(add_source, none, lines))(past, weights.T, steps.T)
    return jnp.moveaxis(totals, (0, 1), (-1, 0))
