"""Firing rates as functions of the current."""

from typing import Any

import brainunit as u
import jax.numpy as jnp

__all__ = ['current_to_rate']


def current_to_rate(current: Any, a: Any, b: Any, d: Any) -> Any:
    r"""Firing rate of a noisy integrate-and-fire cell, in the unit of ``b`` (Abbott & Chance, 2005).

    .. math:: H(x) = \frac{a x - b}{1 - e^{-d (a x - b)}}

    Smooth and above zero; 1/d where a x = b.
    """
    z = d * (a * current - b) / 2
    # the same, without 0/0 at threshold and inf/inf far below, in the value and in the gradient
    near = jnp.abs(z) < 1e-2
    safe = jnp.where(near, 1.0, z)
    ratio = jnp.where(near, 1 + z**2 / 3 - z**4 / 45, safe / jnp.tanh(safe))
    return 2 * u.math.sigmoid(2 * z) * ratio / d
