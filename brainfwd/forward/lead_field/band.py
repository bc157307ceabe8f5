r"""Butterworth filters that run inside the loop.

A filter of even order :math:`n` is a chain of :math:`n/2` sections of second order, with damping
:math:`k_i = 2\cos\big(\pi (2i + 1)/(2n)\big)`. Each is a state-variable filter whose two integrators follow the
trapezoidal rule (Zavalishin, 2012), with :math:`g = \tan(\pi f\,dt)`:

.. math::
    v_1 = \frac{s_1 + g\,(x - s_2)}{1 + g (g + k)}, \quad v_2 = s_2 + g\,v_1, \quad
    s_1' = 2 v_1 - s_1, \quad s_2' = 2 v_2 - s_2

with :math:`v_2` the low-pass and :math:`x - k v_1 - v_2` the high-pass. That is the bilinear transform with the corner
frequency in its place, as in ``scipy.signal.butter``; but the states are signals of the size of the input, so that
rounding grows as :math:`1/g` where it grows as :math:`1/g^2` in the direct form. At steps of 0.1 ms float32 needs that.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks

__all__ = ['Butterworth', 'FilterState', 'band_edges']


class FilterState(NamedTuple):
    """Where a filter stands: whether it has seen a value, and the two integrators of each section."""

    started: jax.Array
    memory: tuple[tuple[jax.Array, jax.Array], ...]


@dataclass(frozen=True)
class Butterworth:
    """A low-pass or high-pass filter of even order.

    It starts at its steady state for the first value it sees, so that an offset makes no transient.

    Parameters
    ----------
    kind : {'low', 'high'}
        What passes.
    order : int
        Even.
    hertz : float
        Corner frequency (-3 dB).
    """

    kind: str
    order: int
    hertz: float

    @property
    def dampings(self) -> tuple[float, ...]:
        """The damping of each section."""
        return tuple(2 * math.cos(math.pi * (2 * i + 1) / (2 * self.order)) for i in range(self.order // 2))

    def initial(self, shape: tuple[int, ...], dtype: Any) -> FilterState:
        """The state before the first value."""
        zeros = jnp.zeros(shape, dtype)
        return FilterState(jnp.zeros((), bool), ((zeros, zeros),) * len(self.dampings))

    def __call__(self, state: FilterState, x: jax.Array, dt: u.Quantity) -> tuple[FilterState, jax.Array]:
        """One step: the next state, and the filtered value."""
        g = math.tan(math.pi * self.hertz * float(u.get_mantissa(dt.in_unit(u.second))))
        # the steady state for a constant: nothing moves, and the second integrator holds what comes in
        at_rest = x
        memory = []
        for k, (s1, s2) in zip(self.dampings, state.memory, strict=True):
            s1 = jnp.where(state.started, s1, 0.0)
            s2 = jnp.where(state.started, s2, at_rest)
            v1 = (s1 + g * (x - s2)) * (1 / (1 + g * (g + k)))
            v2 = s2 + g * v1
            memory.append((2 * v1 - s1, 2 * v2 - s2))
            if self.kind == 'low':
                x = v2
            else:
                x, at_rest = x - k * v1 - v2, jnp.zeros_like(x)
        return FilterState(jnp.ones((), bool), tuple(memory)), x


def band_edges(high_pass: Any, low_pass: Any, sampling_period: u.Quantity, where: str) -> tuple[Any, Any]:
    """The two corner frequencies in Hz; ``low_pass='auto'`` is 0.4 of the sampling rate, None is none.

    Raises
    ------
    ValueError
        Unless 0 < high-pass < low-pass < half the sampling rate.
    """
    rate = 1 / float(u.get_mantissa(sampling_period.in_unit(u.second)))
    if isinstance(low_pass, str):
        checks.choice(low_pass, ['auto'], f'{where}(low_pass=...), if it is no frequency,')
        low_pass = 0.4 * rate * u.Hz
    edges: list[float | None] = []
    for name, edge in (('high_pass', high_pass), ('low_pass', low_pass)):
        if edge is None:
            edges.append(None)
            continue
        hertz = float(u.get_mantissa(checks.quantity(edge, u.Hz, f'{where}({name}=...)', f'the {name} frequency')))
        if not 0 < hertz < rate / 2 or not np.isfinite(hertz):
            raise ValueError(
                f'{where}({name}=...) lies between 0 and half the sampling rate, {rate / 2:g} Hz at a sampling period '
                f'of {sampling_period}; got {hertz:g} Hz.'
            )
        edges.append(hertz)
    high, low = edges
    if high is not None and low is not None and high >= low:
        raise ValueError(f'{where}(high_pass=...) lies below the low_pass, {low:g} Hz; got {high:g} Hz.')
    return high, low
