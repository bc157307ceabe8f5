r"""The delayed weighted sum, the one kernel of coupling that costs R^2.

.. math:: T_i(t) = \sum_j w_{ij}\, x_j(t - d_{ij})

Reading R^2 values at scattered places at every step is slow. What a pair with a delay of b steps or more contributes to
the next b steps is known at once, so that it is read as one contiguous stretch of history. Pairs fall into three bands
by their shortest delay: far ones (64 steps or more) are read every 64 steps, middle ones (16 to 63) every 16 steps, and
the few near ones at every step. A delay in whole numbers is read as it is; one with a fraction lies between two steps
and is interpolated.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    'Band',
    'Bands',
    'History',
    'at_once',
    'bands',
    'empty_history',
    'given_history',
    'read_again',
    'record',
    'total',
]

_FAR, _MIDDLE = 64, 16
# shorter stretches are no quicker to read: the compiler unrolls their loops instead of vectorising them
_STRETCH = 64
# rows of a band that are added up in one pass over the totals of a batch, which do not fit into the nearest cache
_TOGETHER = 4


class Band(NamedTuple):
    """Pairs, each target with equally many: (K, target), padded."""

    source: jax.Array
    """The source of each pair."""
    pair: jax.Array
    """Where its weight and its delay stand among those of all pairs; beyond the last one where there is no pair."""


class Bands(NamedTuple):
    """Pairs by the shortest delay that they may have; None where there are none."""

    at_once: Band | None
    """Those that may have no delay; None where the weights are a matrix, which is multiplied."""
    near: Band | None
    middle: Band | None
    far: Band | None


Terms = list[tuple[jax.Array, jax.Array]]
"""Lag and weight of the pairs of a band, (K, target) each."""


class History(NamedTuple):
    """The past of the source, and what it contributes to the steps to come."""

    past: jax.Array
    """(source, column, ...): a ring, whose first columns are repeated after its last."""
    recent: jax.Array
    """(steps, source, ...): a ring of the last steps; as many as near pairs reach back, a power of two, 16 at least."""
    middle: jax.Array
    """Totals of middle pairs, (16, ..., target), flat: the compiler would rather transpose them."""
    far: jax.Array
    """Totals of far pairs, (64, ..., target), flat."""
    now: jax.Array
    """(..., target): totals at the step recorded last."""
    then: jax.Array
    """(..., target): totals at the step after it."""
    phase: jax.Array
    """Counts steps, up to the length of the longer of `far` and `recent`; -1 when nothing was recorded yet."""
    column: jax.Array
    """The column of the ring that is written next."""


def bands(
    targets: np.ndarray,
    sources: np.ndarray,
    shortest: np.ndarray,
    longest: np.ndarray,
    n: int,
    members: int = 1,
    listed: bool = True,
) -> Bands:
    """Sort pairs by the shortest of the delays, in steps, that they may have.

    Parameters
    ----------
    targets, sources : array of int
        Of every pair.
    shortest, longest : array
        The delays that a pair may have, in steps.
    n : int
        Number of targets.
    members : int
        How many runs are read together. Stretches of many are long enough when they are of 16 steps, and their totals
        stay in the cache.
    listed : bool
        Whether pairs without delay are read one by one, or are a matrix, which is multiplied.
    """
    split = _FAR if members < _STRETCH // _MIDDLE else np.inf

    def band(chosen: np.ndarray) -> Band | None:
        pairs = np.flatnonzero(chosen)
        if not len(pairs):
            return None
        pairs = pairs[np.argsort(targets[pairs], kind='stable')]
        of = targets[pairs]
        row = np.arange(len(pairs)) - np.searchsorted(of, of)  # counts the pairs of each target
        rows = -(-(row.max() + 1) // _TOGETHER) * _TOGETHER
        source, pair = np.zeros((rows, n), np.int32), np.full((rows, n), len(targets), np.int32)
        source[row, of], pair[row, of] = sources[pairs], pairs
        return Band(jnp.asarray(source), jnp.asarray(pair))

    return Bands(
        at_once=band(shortest < 1) if listed else None,
        near=band((shortest < _MIDDLE) & (longest > 0)),
        middle=band((shortest >= _MIDDLE) & (shortest < split)),
        far=band((shortest >= _MIDDLE) & (shortest >= split)),
    )


def empty_history(shape: tuple[int, ...], longest: float, longest_near: float, dtype: Any) -> History:
    """A history in which nothing was recorded yet: the first record counts for all times before.

    Parameters
    ----------
    shape : tuple of int
        (..., source).
    longest, longest_near : float
        The longest delay of all pairs, and of near ones, in steps.
    dtype
        Of the source.
    """
    *batch, n = shape
    return History(
        past=jnp.zeros((n, _columns(longest) + _STRETCH + _MIDDLE, *batch), dtype),
        recent=jnp.zeros((max(_MIDDLE, 1 << int(np.ceil(longest_near)).bit_length()), n, *batch), dtype),
        middle=jnp.zeros(_MIDDLE * int(np.prod(shape)), dtype),
        far=jnp.zeros(_FAR * int(np.prod(shape)), dtype),
        now=jnp.zeros(shape, dtype),
        then=jnp.zeros(shape, dtype),
        phase=jnp.asarray(-1, jnp.int32),
        column=jnp.asarray(0, jnp.int32),
    )


def _columns(longest: float) -> int:
    return max(_STRETCH, -(-(int(np.ceil(longest)) + 1) // _MIDDLE) * _MIDDLE)


def given_history(history: History, before: Any, weights: Any, delays: Any, pairs: Bands) -> History:
    """A history of which ``before``, (steps, ..., source), was recorded, the newest last."""
    ring = history.past.shape[1] - _STRETCH - _MIDDLE
    needed = max(ring + _MIDDLE, len(history.recent))
    missing = max(0, needed - len(before))  # older than the longest delay: never read
    before = jnp.concatenate([jnp.repeat(before[:1], missing, axis=0), before])
    before = jnp.moveaxis(before, -1, 1)  # (steps, source, ...)
    past = jnp.moveaxis(before[-ring - _MIDDLE : -_MIDDLE], 0, 1)
    past = jnp.concatenate([past, past[:, : _STRETCH + _MIDDLE]], axis=1)
    recent = before[-len(history.recent) :]
    history = history._replace(past=past, recent=recent, phase=jnp.asarray(_period(history) - 1, jnp.int32))
    return record(history, jnp.moveaxis(recent[-1], 0, -1), weights, delays, pairs)


def _period(history: History) -> int:
    return max(_FAR, len(history.recent))


def record(history: History, source: jax.Array, weights: jax.Array, delays: jax.Array, pairs: Bands) -> History:
    """Record the source of this step, and read what has run out.

    Parameters
    ----------
    history : History
        Before this step.
    source : array
        (..., source).
    weights, delays : array
        (pairs,): weights, and delays in steps, whole numbers or not.
    pairs : Bands
        Which pairs are read when.
    """
    past, recent, middle, far, _, then, phase, column = history
    lines = jnp.moveaxis(source, -1, 0)
    first = phase < 0
    # all lengths are powers of two: no division
    phase = (phase + 1) & (_period(history) - 1)
    slot = (phase - 1) & (len(recent) - 1)
    recent = jax.lax.dynamic_update_index_in_dim(recent, lines, slot, 0)
    ring = past.shape[1] - _STRETCH - _MIDDLE
    # out of the conditions, so that the compiler takes what does not change out of the loop over steps
    near_terms, middle_terms, far_terms = (
        [] if band is None else _terms(band, weights, delays) for band in (pairs.near, pairs.middle, pairs.far)
    )

    def fill(past, recent):
        # the slots of `recent` too, which near pairs read
        return jnp.broadcast_to(lines[:, None], past.shape), jnp.broadcast_to(lines, recent.shape)

    def append(past, recent):
        block = jnp.moveaxis(jax.lax.dynamic_slice_in_dim(recent, slot + 1 - _MIDDLE, _MIDDLE), 0, 1)
        past = jax.lax.dynamic_update_slice_in_dim(past, block, column, 1)
        # again after the end, so that no stretch is cut in two; what is not among the first columns goes beyond
        again = jnp.where(column < _STRETCH, ring + column, ring + _STRETCH)
        return jax.lax.dynamic_update_slice_in_dim(past, block, again, 1), recent

    def flush(past, recent, middle, far, column):
        past, recent = jax.lax.cond(first, fill, append, past, recent)
        column = (column + _MIDDLE) % ring
        if pairs.middle is not None:
            middle = _read(past, column, pairs.middle.source, middle_terms, _MIDDLE)
        if (pairs_far := pairs.far) is not None:

            def read_far(past, _):
                return _read(past, column, pairs_far.source, far_terms, _FAR)

            far = jax.lax.cond(phase & (_FAR - 1) == 0, read_far, lambda _, far: far, past, far)
        return past, recent, middle, far, column

    # before anything reads what it replaces, or the compiler copies it at every step
    past, recent, middle, far, column = jax.lax.cond(
        phase & (_MIDDLE - 1) == 0, flush, lambda *unchanged: unchanged, past, recent, middle, far, column
    )
    upcoming = _upcoming(recent, middle, far, then, phase, pairs, near_terms)
    return History(past, recent, middle, far, jnp.where(first, upcoming, then), upcoming, phase, column)


def read_again(history: History, weights: jax.Array, delays: jax.Array, pairs: Bands) -> History:
    """The same past, for other weights or delays, of which it holds enough; something was recorded."""
    past, recent, middle, far, now, then, phase, column = history
    near_terms, middle_terms, far_terms = (
        [] if band is None else _terms(band, weights, delays) for band in (pairs.near, pairs.middle, pairs.far)
    )
    if pairs.middle is not None:
        middle = _read(past, column, pairs.middle.source, middle_terms, _MIDDLE)
    if pairs.far is not None:
        ring = past.shape[1] - _STRETCH - _MIDDLE
        then_next = (column - (phase & (_FAR - _MIDDLE))) % ring  # when far pairs were read last
        far = _read(past, then_next, pairs.far.source, far_terms, _FAR)
    upcoming = _upcoming(recent, middle, far, then, phase, pairs, near_terms)
    return History(past, recent, middle, far, now, upcoming, phase, column)


def _upcoming(
    recent: jax.Array, middle: jax.Array, far: jax.Array, like: jax.Array, phase: jax.Array, pairs: Bands, near: Terms
) -> jax.Array:
    """Totals at the step after the one recorded last."""
    parts = [_row(far, phase & (_FAR - 1), like)] if pairs.far is not None else []
    if pairs.middle is not None:
        parts.append(_row(middle, phase & (_MIDDLE - 1), like))
    if pairs.near is not None:
        parts.append(_near(recent, (phase - 1) & (len(recent) - 1), pairs.near.source, near))
    return sum(parts[1:], parts[0])


def total(history: History, fraction: float) -> jax.Array:
    """Totals at ``fraction`` of the step recorded last, between this step and the next, (..., target)."""
    now, then = history.now, history.then
    if fraction in (0.0, 1.0):
        return then if fraction else now
    return (1 - fraction) * now + fraction * then


def at_once(source: jax.Array, weights: jax.Array, delays: jax.Array, band: Band) -> jax.Array:
    """What pairs contribute without any delay, (..., target); with less than a step, the part that is not delayed."""
    lag, part = _lags(delays, band)
    weight = jnp.where(lag == 0, _of(weights, band) * (1 - part), 0).astype(source.dtype)
    return (weight * source[..., band.source]).sum(axis=-2)


def _of(values: jax.Array, band: Band) -> jax.Array:
    """(K, target), of weights or delays of all pairs; 0 where there is no pair."""
    return values.at[band.pair].get(mode='fill', fill_value=0)


def _lags(delays: jax.Array, band: Band) -> tuple[jax.Array, Any]:
    """Whole steps of delay, and the part of a step beyond; 0 for delays in whole numbers."""
    delay = _of(delays, band)
    if not jnp.issubdtype(delay.dtype, jnp.floating):
        return delay, 0
    lag = jax.lax.stop_gradient(jnp.floor(delay))
    return lag.astype(jnp.int32), delay - lag


def _terms(band: Band, weights: jax.Array, delays: jax.Array) -> Terms:
    """Lag and weight of each pair; twice, for the steps on both sides, where a delay lies between two."""
    lag, part = _lags(delays, band)
    weight = _of(weights, band)
    weight_at_lag = jnp.where(lag > 0, weight * (1 - part), 0)  # lag 0 acts at once
    if isinstance(part, int):
        return [(lag, weight_at_lag)]
    return [(lag, weight_at_lag), (lag + 1, weight * part)]


def _near(recent: jax.Array, slot: jax.Array, source: jax.Array, terms: Terms) -> jax.Array:
    """Totals of near pairs at the step after the one recorded last, (..., target)."""
    n = recent.shape[1]
    flat = recent.reshape(-1, *recent.shape[2:])
    parts = []
    for lag, weight in terms:
        read = flat.at[((slot + 1 - lag) & (len(recent) - 1)) * n + source].get(mode='promise_in_bounds')
        parts.append((_like(weight, read, read.ndim - 2) * read).sum(axis=0))
    return jnp.moveaxis(sum(parts[1:], parts[0]), 0, -1)


def _read(past: jax.Array, column: jax.Array, source: jax.Array, terms: Terms, steps: int) -> jax.Array:
    """Totals of a band at the ``steps`` steps after the one recorded last, (steps, ..., target), flat."""
    flat = past.reshape(-1, *past.shape[2:])  # (source * column, ...)
    members = int(np.prod(past.shape[2:], dtype=int))
    size = (max(steps, _STRETCH // members), *flat.shape[1:])
    ring = past.shape[1] - _STRETCH - _MIDDLE
    where = jax.lax.GatherDimensionNumbers(
        offset_dims=tuple(range(1, flat.ndim + 1)), collapsed_slice_dims=(), start_index_map=(0,)
    )

    together = _TOGETHER if members >= _STRETCH // _MIDDLE else 1

    def summed(flat, terms):
        rows = []
        for lag, weight in terms:
            begin = column - lag
            start = source * past.shape[1] + jnp.where(begin < 0, begin + ring, begin)
            rows += [(start[i::together], weight[i::together]) for i in range(together)]

        def add(totals, row):
            for start, weight in row:
                read = jax.lax.gather(flat, start[:, None], where, size, mode='promise_in_bounds')
                totals = totals + _like(weight, totals, totals.ndim - 1) * read
            return totals, None

        none = jnp.zeros((source.shape[1], *size), flat.dtype)
        return jax.lax.scan(add, none, rows)[0]

    # the backward pass reads the stretches again instead of keeping R^2 of them
    totals = jax.checkpoint(summed)(flat, terms)
    return jnp.moveaxis(totals[:, :steps], (0, 1), (-1, 0)).reshape(-1)


def _row(flat: jax.Array, row: jax.Array, like: jax.Array) -> jax.Array:
    return jax.lax.dynamic_slice_in_dim(flat, row * like.size, like.size).reshape(like.shape)


def _like(weight: jax.Array, values: jax.Array, trailing: int) -> jax.Array:
    return weight.reshape(*weight.shape, *(1,) * trailing).astype(values.dtype)
