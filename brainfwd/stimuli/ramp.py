"""A ramp."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core.fields import Parameter
from brainfwd.stimuli.base import Amplitude, TimeCourse

__all__ = ['Ramp']


class Ramp(TimeCourse):
    r"""From nothing at its onset to the whole, and then on.

    .. math:: s(t) = A \min\Big(\frac{t - t_0}{d},\, 1\Big), \qquad t \ge t_0

    ``Ramp(A, t0, d) + Ramp(-A, t1, d)`` comes back to zero.

    Parameters
    ----------
    amplitude : Quantity
        A, in the unit of what it feeds; a number, or one per region.
    onset : Quantity
        :math:`t_0`, rounded to the nearest step; a number, or one per region.
    duration : Quantity
        d, how long it rises; a number, or one per region.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    amplitude = Amplitude('amplitude in the end')
    duration = Parameter(1.0 * u.ms, 'duration of the rise', per_region=False, positive=True)

    def __init__(self, amplitude: Any, onset: Any, duration: Any, *, regions: Any = None, name: str | None = None):
        super().__init__(amplitude=amplitude, onset=onset, duration=duration, regions=regions, name=name)

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The line, and what it leads to."""
        return self.amplitude * jnp.minimum((n + fraction) * (dt / self.duration), 1.0)
