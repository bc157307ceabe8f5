"""A step."""

from typing import Any

import brainunit as u
import jax

from brainfwd.stimuli.base import Amplitude, TimeCourse

__all__ = ['Step']


class Step(TimeCourse):
    r"""Off before its onset, on from then to the end.

    .. math:: s(t) = A, \qquad t \ge t_0

    Parameters
    ----------
    amplitude : Quantity
        A, in the unit of what it feeds; a number, or one per region.
    onset : Quantity
        :math:`t_0`, rounded to the nearest step; a number, or one per region.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    amplitude = Amplitude('amplitude of the step')

    def __init__(self, amplitude: Any, onset: Any, *, regions: Any = None, name: str | None = None):
        super().__init__(amplitude=amplitude, onset=onset, regions=regions, name=name)

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The amplitude."""
        return self.amplitude
