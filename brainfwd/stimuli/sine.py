"""A sine."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core.fields import Parameter
from brainfwd.stimuli.base import Amplitude, TimeCourse
from brainfwd.stimuli.clock import cycles

__all__ = ['Sine']


class Sine(TimeCourse):
    r"""A sine from its onset on.

    .. math:: s(t) = A \sin\big(2 \pi f\,(t - t_0) + \varphi\big) + o, \qquad t \ge t_0

    Its phase is exact however long the run, for the frequency as float32 holds it (to 6e-8 of its value).

    Parameters
    ----------
    amplitude : Quantity
        A, in the unit of what it feeds; a number, or one per region.
    frequency : Quantity
        f.
    phase : float
        :math:`\varphi` in rad; one per region makes a wave that travels.
    onset : Quantity
        :math:`t_0`, rounded to the nearest step; a number, or one per region.
    offset : Quantity, optional
        o, in the unit of the amplitude; none by default.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    amplitude = Amplitude('amplitude of the sine')
    frequency = Parameter(1.0 * u.Hz, 'frequency of the sine', per_region=False, positive=True)
    phase = Parameter(0.0, 'phase at the onset', per_region=False)
    offset = Amplitude('offset of the sine', optional=True)

    def __init__(
        self,
        amplitude: Any,
        frequency: Any,
        phase: Any = 0.0,
        onset: Any = 0.0 * u.ms,
        offset: Any = None,
        *,
        regions: Any = None,
        name: str | None = None,
    ):
        given = dict(amplitude=amplitude, frequency=frequency, phase=phase, onset=onset, offset=offset)
        super().__init__(regions=regions, name=name, **given)

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The sine, and its offset."""
        _, part = cycles(self.frequency, n, fraction, dt)
        wave = self.amplitude * jnp.sin(2 * np.pi * (part - jnp.floor(part)) + self.phase)
        return wave if self.offset is None else wave + self.offset
