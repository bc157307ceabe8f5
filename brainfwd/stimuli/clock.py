"""Exact times from whole steps: float32 alone has lost a tenth of a millisecond after ten minutes."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

__all__ = ['cycles', 'split', 'steps_of']


def _ms(time: u.Quantity) -> Any:
    return time.in_unit(u.ms).mantissa


def steps_of(time: u.Quantity, dt: u.Quantity) -> jax.Array:
    """The nearest whole number of steps.

    Exact for every time that float32 holds in ms to better than half a step: whole ms up to 4.6 hours.
    """
    step = float(_ms(dt))
    ms = jnp.asarray(_ms(time))
    seconds = jnp.floor(ms / 1000)
    whole, part = divmod(1000 / step, 1)
    rest = seconds * part + (ms - 1000 * seconds) / step
    return seconds.astype(jnp.int32) * int(whole) + jnp.round(rest).astype(jnp.int32)


def split(n: jax.Array, per_step: float) -> tuple[jax.Array, jax.Array]:
    """``n * per_step`` as a whole number and the rest, for n from 0.

    In fixed point, where the whole numbers drop out by themselves: 32 bits of the rest stay, however long the run.
    """
    turn = 2.0**32
    whole, part = divmod(per_step * turn, 1)
    n = n.astype(jnp.uint32)
    below = jnp.asarray(n, jnp.result_type(float)) * part
    carried = jnp.floor(below)
    fixed = n * jnp.uint32(int(whole) % 2**32) + carried.astype(jnp.uint32)
    rest = (fixed.astype(below.dtype) + (below - carried)) / turn
    return jnp.round(n * per_step - rest).astype(jnp.int32), rest


def cycles(frequency: u.Quantity, n: jax.Array, fraction: float, dt: u.Quantity) -> tuple[jax.Array, jax.Array]:
    """Cycles since n steps and a fraction ago: a whole number and the rest, which may exceed 1; derivatives flow."""
    step = float(_ms(dt)) / 1000
    seconds, rest = split(n, step)
    frequency = jnp.asarray(frequency.in_unit(u.Hz).mantissa)
    slow = frequency - jnp.floor(frequency)
    # eight bits by sixteen of seconds fit into a float32; what is left is small
    coarse = jnp.round(slow * 256) / 256
    turns = coarse * seconds
    whole = jnp.floor(frequency).astype(jnp.int32) * seconds + jnp.floor(turns).astype(jnp.int32)
    return whole, turns - jnp.floor(turns) + (slow - coarse) * seconds + frequency * (rest + fraction * step)
