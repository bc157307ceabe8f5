"""A stimulus from data."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core import checks
from brainfwd._core.fields import Input
from brainfwd.stimuli.base import Amplitude, TimeCourse
from brainfwd.stimuli.clock import split

__all__ = ['Data']


class Data(TimeCourse):
    r"""Samples, played from the onset on; nothing before and after them.

    .. math:: s(t_0 + i\,\Delta) = v_i, \qquad t_0 \le t < t_0 + n\,\Delta

    n samples last for n sampling periods. Between two samples lies a line between them (``'linear'``), or the earlier
    one lasts, with edges rounded to the nearest step (``'previous'``); the last one lasts for its period. The sampling
    period need not be a whole number of steps. Data that go on after the end of a run are refused, data that end before
    it are followed by nothing, like a pulse.

    Parameters
    ----------
    samples : Quantity
        (time,) or (time, regions), in the unit of what it feeds.
    sampling_period : Quantity
        :math:`\Delta`, a step at least. A new one compiles again.
    onset : Quantity
        :math:`t_0`, rounded to the nearest step; one for all regions.
    interpolation : {'linear', 'previous'}
        What lies between two samples.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.
    """

    samples = Amplitude('samples', series=True)

    def __init__(
        self,
        samples: Any,
        sampling_period: u.Quantity,
        onset: Any = 0.0 * u.ms,
        interpolation: str = 'linear',
        *,
        regions: Any = None,
        name: str | None = None,
    ):
        super().__init__(samples=samples, onset=onset, regions=regions, name=name)
        where = 'Data.sampling_period'
        period = checks.quantity(sampling_period, u.ms, where, 'the time between two samples')
        checks.shape_is(period, (), where)
        checks.positive(period, where)
        self._period = float(period.mantissa)
        self.interpolation = checks.choice(interpolation, ('linear', 'previous'), 'Data.interpolation')

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check samples and regions against the input that is fed."""
        super().bind(in_size, field, where)
        checks.shape_is(self.onset, (), f'{where} Data.onset')

    @property
    def sampling_period(self) -> u.Quantity:
        """Time between two samples."""
        return self._period * u.ms

    @property
    def stop(self) -> u.Quantity:
        """The end of the last sample."""
        return self.after(len(self.samples) * self.sampling_period)

    @property
    def shortest(self) -> u.Quantity:
        """The sampling period."""
        return self.sampling_period

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The sample, or the line between two."""
        per_step = float(dt.in_unit(u.ms).mantissa) / self._period
        whole, rest = split(n, per_step)
        nearest = whole + jnp.floor(rest + per_step / 2).astype(jnp.int32)
        if self.interpolation == 'previous':
            value = self._sample(nearest)
        else:
            rest = rest + fraction * per_step
            more = jnp.floor(rest).astype(jnp.int32)
            before, after = self._sample(whole + more), self._sample(whole + more + 1)
            value = before + (rest - more) * (after - before)
        return value * (nearest < len(self.samples))

    def _sample(self, i: jax.Array) -> Any:
        mantissa = jnp.asarray(u.get_mantissa(self.samples))[jnp.minimum(i, len(self.samples) - 1)]
        return mantissa if self.unit.is_unitless else u.Quantity(mantissa, unit=self.unit)
