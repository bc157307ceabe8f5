"""What every model of blood shares: which activity it follows, and when it is sampled."""

from abc import abstractmethod
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Parameter
from brainfwd._core.module import Module, current_dt, current_dtype

__all__ = ['Haemodynamics', 'seconds']


class _Baseline(Parameter):
    """Activity at rest, in any unit but that of a potential: blood follows what neurons do."""

    def _checked(self, instance: Any, value: Any) -> Any:
        if u.have_same_dim(u.get_unit(value), u.mV):
            raise checks.UnitError(
                f'{self.where(instance)} is the activity at rest, a rate or a number; got {u.get_unit(value)}: a '
                'potential is no activity.'
            )
        return super()._checked(instance, value)


class Haemodynamics(Module):
    """Blood that follows relative activity, sampled once per ``tr``."""

    source: ClassVar[str] = 'activity'

    baseline = _Baseline(None, 'activity at rest', positive=True, optional=True)

    def __init__(self, in_size: Any, *, tr: Any, sub_step: Any, name: str | None = None, **values: Any):
        super().__init__(in_size, name=name, **values)
        where = type(self).__name__
        self.sampling_period = u.Quantity(seconds(tr, f'{where}(tr=...)', 'the time between samples'), unit=u.second)
        self.sub_step = u.Quantity(
            seconds(sub_step, f'{where}(sub_step=...)', 'the step of the haemodynamics'), unit=u.second
        )

    def relative(self, activity: Any) -> Any:
        """(activity - baseline) / baseline; without a baseline, what is relative already."""
        where, unit = f'{type(self).__name__}.update(z=...)', u.get_unit(activity)
        if self.baseline is None:
            if isinstance(activity, u.Quantity) and not unit.is_unitless:
                raise checks.UnitError(
                    f'{where} is the relative neural activity, (activity - baseline) / baseline, dimensionless; got '
                    f'{unit}: say what it is at rest, {type(self).__name__}(..., baseline=5. * {checks.code(unit)}), '
                    'for example. A potential is no activity.'
                )
            z = checks.quantity(activity, u.UNITLESS, where, 'the relative neural activity')
        else:
            unit = u.get_unit(self.baseline)
            activity = checks.quantity(activity, unit, where, 'the neural activity, in the unit of the baseline')
            baseline = u.get_mantissa(self.baseline)
            z = (u.get_mantissa(activity) - baseline) / baseline
        return z

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set every variable to its initial value, and forget what came in."""
        super().init_state(batch_size=batch_size)
        batch = () if batch_size is None else (batch_size,)
        # activity after the last step of a simulation, and whether there was one
        zeros = jnp.zeros((*batch, *self.in_size), current_dtype(type(self).__name__))
        self.previous = brainstate.ShortTermState(zeros)
        self.begun = brainstate.ShortTermState(jnp.zeros((), bool))

    def update(self, z: Any = None) -> None:
        """Step by dt under the relative activity ``z``, (regions,) or (batch, regions), constant over the step.

        With a ``baseline``, ``z`` is the activity itself, in its unit; without, (rate - baseline) / baseline, say, or
        :math:`|z|^2` of a Hopf oscillator: never a potential, nor a signed oscillation, which averages to nothing.
        """
        self._take_in(self._checked(0.0 if z is None else z), self._dt())

    def step(self, x: Any) -> None:
        """As `update`, under the mean of activity before and after the step; in the first, what it is after it."""
        dt, z = self._dt(), self._checked(x)
        mean = jnp.where(self.begun.value, (self.previous.value + z) / 2, z)
        self.previous.value, self.begun.value = z, jnp.ones((), bool)
        self._take_in(mean, dt)

    @abstractmethod
    def _take_in(self, z: Any, dt: float) -> None:
        """Step by dt, in s, under a relative activity in the shape of the states."""

    @abstractmethod
    def bold(self) -> Any:
        """The BOLD signal now, as a fraction of its value at rest: (regions,) or (batch, regions)."""

    def _checked(self, activity: Any) -> Any:
        z, before = self.relative(activity), self.previous.value
        if np.shape(z) != ():
            where = f'{type(self).__name__}.update(z=...)'
            checks.shape_is(z, before.shape, where, 'as set by init_all_states(batch_size)')
        return jnp.broadcast_to(jnp.asarray(z, before.dtype), before.shape)

    def _dt(self) -> float:
        return float(current_dt(f'{type(self).__name__}.update').to_decimal(u.second))

    def sample(self) -> Any:
        """As `bold`."""
        return self.bold()

    def recording(self, values: Any, sampling_period: Any = None, start: Any = 0.0 * u.second) -> np.ndarray:
        """The samples of a run, (T, regions), fractions."""
        return np.asarray(values, np.float64)


def seconds(value: Any, where: str, meaning: str) -> float:
    """A time above zero, in s."""
    time = checks.quantity(value, u.second, where, meaning)
    checks.shape_is(time, (), where)
    if not 0 < float(time.mantissa) < np.inf:
        raise ValueError(f'{where} must be positive; got {value}.')
    return float(time.mantissa)
