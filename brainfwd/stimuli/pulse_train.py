"""Pulses again and again."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter
from brainfwd.stimuli.base import Amplitude, TimeCourse
from brainfwd.stimuli.clock import cycles, steps_of

__all__ = ['PulseTrain']


class PulseTrain(TimeCourse):
    r"""Pulses at a frequency.

    .. math:: s(t) = A, \qquad t_0 + \frac{k}{f} \le t < t_0 + \frac{k}{f} + w, \qquad k = 0, 1, \dots

    Every pulse begins at the step nearest to its time and lasts for the same number of steps. The period need not be a
    whole number of steps (130 Hz at 0.1 ms): the times do not drift.

    Parameters
    ----------
    amplitude : Quantity
        A, in the unit of what it feeds; a number, or one per region.
    onset : Quantity
        :math:`t_0`, the beginning of the first pulse, rounded to the nearest step; a number, or one per region.
    width : Quantity
        w of every pulse, rounded to the nearest step; shorter than the period.
    frequency : Quantity
        f, pulses per second.
    count : int, optional
        How many pulses; without end by default.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    amplitude = Amplitude('amplitude of the pulses')
    width = Parameter(1.0 * u.ms, 'width of a pulse', per_region=False, positive=True)
    frequency = Parameter(1.0 * u.Hz, 'frequency of the pulses', per_region=False, positive=True)
    count = Parameter(1.0, 'number of pulses', per_region=False, positive=True, optional=True)

    def __init__(
        self,
        amplitude: Any,
        onset: Any,
        width: Any,
        frequency: Any,
        count: int | None = None,
        *,
        regions: Any = None,
        name: str | None = None,
    ):
        count = None if count is None else checks.positive_int(count, 'PulseTrain.count')
        super().__init__(
            amplitude=amplitude, onset=onset, width=width, frequency=frequency, count=count, regions=regions, name=name
        )

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check every parameter against the input that is fed, and that the pulses are apart."""
        super().bind(in_size, field, where)
        filled = np.max(self.width * self.frequency)
        if filled >= 1:
            raise ValueError(
                f'{where} PulseTrain.width is shorter than the period, 1 / frequency; got {filled:g} times as long.'
            )

    @property
    def stop(self) -> u.Quantity | None:
        """The end of the last pulse."""
        return None if self.count is None else self.after((self.count - 1) / self.frequency + self.width)

    @property
    def shortest(self) -> u.Quantity:
        """The width."""
        return self.width.min()

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The amplitude, if a pulse has begun within the width: so each lasts as long as all, however it is rounded."""
        return self.amplitude * (self._begun(n, dt) > self._begun(n - steps_of(self.width, dt), dt))

    def _begun(self, n: jax.Array, dt: u.Quantity) -> jax.Array:
        """How many pulses have begun by step n."""
        whole, part = cycles(self.frequency, jnp.maximum(n, 0), 0.5, dt)  # half a step: to the nearest
        begun = jnp.where(n < 0, 0, whole + jnp.floor(part).astype(jnp.int32) + 1)
        return begun if self.count is None else jnp.minimum(begun, jnp.asarray(self.count, jnp.int32))
