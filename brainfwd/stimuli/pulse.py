"""A rectangular pulse."""

from typing import Any

import brainunit as u
import jax

from brainfwd._core.fields import Parameter
from brainfwd.stimuli.base import Amplitude, TimeCourse
from brainfwd.stimuli.clock import steps_of

__all__ = ['Pulse']


class Pulse(TimeCourse):
    r"""On for a while: at its onset it is on, at its end it is off.

    .. math:: s(t) = A, \qquad t_0 \le t < t_0 + d

    Parameters
    ----------
    amplitude : Quantity
        A, in the unit of what it feeds; a number, or one per region.
    onset, duration : Quantity
        :math:`t_0` and d, each rounded to the nearest step; numbers, or one per region.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    amplitude = Amplitude('amplitude of the pulse')
    duration = Parameter(1.0 * u.ms, 'duration of the pulse', per_region=False, positive=True)

    def __init__(self, amplitude: Any, onset: Any, duration: Any, *, regions: Any = None, name: str | None = None):
        super().__init__(amplitude=amplitude, onset=onset, duration=duration, regions=regions, name=name)

    @property
    def stop(self) -> u.Quantity:
        """The end of the pulse."""
        return self.after(self.duration)

    @property
    def shortest(self) -> u.Quantity:
        """The duration."""
        return self.duration.min()

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The amplitude, as long as it lasts."""
        return self.amplitude * (n < steps_of(self.duration, dt))
