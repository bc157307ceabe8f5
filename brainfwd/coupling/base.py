"""What every coupling inherits: connectivity, delays, history."""

from abc import abstractmethod
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import FixedState, Parameter
from brainfwd._core.module import Module, current_dt, current_dtype
from brainfwd.coupling.delayed_sum import empty_history, record, steps_of, total

__all__ = ['Coupling']


class _Connectivity(Parameter):
    """(regions, regions), of either sign."""

    def _checked(self, instance: Any, value: Any) -> Any:
        where = self.where(instance)
        value = checks.array(value, where)
        checks.shape_is(value, instance.in_size * 2, where, '[target, source]')
        instance.new_connections(value)
        return super()._checked(instance, value)


class _Strength(Parameter):
    """Its unit is known once the coupling has its place in a network."""

    def _checked(self, instance: Any, value: Any) -> Any:
        if instance.turns is not None:
            unit, what = instance.turns
            value = checks.quantity(value, unit, self.where(instance), f'what turns {what}')
        return super()._checked(instance, value)


class _OfPairs(Parameter):
    """Not negative, in a unit: (regions, regions), or one for all."""

    def __init__(self, unit: u.Unit, meaning: str):
        super().__init__(None, meaning, per_region=False, optional=True)
        self.unit = unit

    def _checked(self, instance: Any, value: Any) -> Any:
        where, shape = self.where(instance), instance.in_size * 2
        value = self.check(value, where)
        if np.ndim(value.mantissa) == 0:
            value = u.Quantity(np.full(shape, value.mantissa), unit=self.unit)
        checks.shape_is(value, shape, where, '[target, source]')
        value = super()._checked(instance, value)
        checks.non_negative(value, where)
        return value


class _Speed(Parameter):
    """One number above zero."""

    def _checked(self, instance: Any, value: Any) -> Any:
        where = self.where(instance)
        value = checks.quantity(value, u.meter / u.second, where, f'the {self.meaning}')
        checks.shape_is(value, (), where)
        checks.positive(value, where)
        return super()._checked(instance, value)


class Coupling(Module):
    r"""A delayed weighted sum between regions.

    .. math:: c_i(t) = k\,\mathrm{post}\Big(\sum_j w_{ij}\, \mathrm{pre}\big(x_j(t - d_{ij})\big),\; x_i(t)\Big)

    Called as ``coupling(source, target)`` once per step in a loop of one's own, it keeps its own history.

    Parameters
    ----------
    conn : array
        Connectivity ``weights[target, source]``, (regions, regions).
    k : float or Quantity
        Global strength, or one per target; its unit turns the source into the input that is fed.
    tract_lengths, conduction_speed : Quantity, optional
        (regions, regions) in mm, and one speed in m/s: delays are lengths over speed.
    delays : Quantity, optional
        (regions, regions), or a number, in ms: in place of lengths and speed.
    source : str, optional
        What is read: ``'output'``, a variable or a method of the node; the node says the default.
    target : str, optional
        The input of the node that is fed; the node says the default.

    Notes
    -----
    Every delay is rounded to the nearest step of the dt at ``init_all_states()``. Before t = 0 the source had its
    initial value. Pairs without delay act at once. Within a step the past is linear, so that delayed coupling is second
    order at best. New delays, lengths or speed act from the next ``init_all_states()``, with which every run of a
    Simulator begins.
    """

    conn = _Connectivity(None, 'connectivity [target, source]', per_region=False)
    k = _Strength(None, 'global coupling strength')
    tract_lengths = _OfPairs(u.mm, 'tract lengths')
    conduction_speed = _Speed(None, 'conduction speed', per_region=False, optional=True)
    delays = _OfPairs(u.ms, 'delays')

    fixed: ClassVar[tuple[str, ...]] = ('tract_lengths', 'conduction_speed', 'delays')
    """Parameters that act when the states are made, as whole numbers of steps."""
    turns: tuple[u.Unit, str] | None = None
    """The unit of ``k``, and what it turns into what; None before the coupling is part of a network."""

    def __init__(
        self,
        conn: Any,
        k: Any = 1.0,
        tract_lengths: Any = None,
        conduction_speed: Any = None,
        delays: Any = None,
        *,
        source: str | None = None,
        target: str | None = None,
        name: str | None = None,
        **values: Any,
    ):
        where = f'{type(self).__name__}.conn'
        conn = checks.array(conn, where)
        checks.square(conn, where)
        super().__init__(
            conn.shape[0],
            name=name,
            conn=conn,
            k=k,
            tract_lengths=tract_lengths,
            conduction_speed=conduction_speed,
            delays=delays,
            **values,
        )
        self._check_delays()
        self.source = source
        self.target = target

    def _check_delays(self) -> None:
        where, lengths, speed = type(self).__name__, self.tract_lengths, self.conduction_speed
        if (lengths is None) != (speed is None):
            given, missing = ('tract_lengths', 'conduction_speed')[:: 1 if speed is None else -1]
            raise ValueError(f'{where} got {given} without {missing}: give both, or neither for no delays.')
        if lengths is not None and self.delays is not None:
            raise ValueError(f'{where} takes delays, or tract_lengths with conduction_speed; got both.')

    @abstractmethod
    def post(self, total: Any, target: Any) -> Any:
        """What the total and the value at the target give, before ``k``; pure."""

    def pre(self, source: Any) -> Any:
        """What travels, once per region, before the delay; pure."""
        return source

    def pair_delays(self) -> Any:
        """The delay of every pair in ms, before rounding; None without delays."""
        if self.tract_lengths is not None:
            return (self.tract_lengths / self.conduction_speed).in_unit(u.ms)
        return self.delays

    @property
    def in_strength(self) -> Any:
        """The sum of the connections onto each region, (regions,)."""
        return self.conn.sum(axis=1)

    def bind(self, source: u.Unit, target: u.Unit, what: str) -> None:
        """From now on ``k`` turns a source in this unit into an input in that unit; ``what`` names both, for errors."""
        ones = np.ones(self.in_size)
        value = ones if source.is_unitless else u.Quantity(ones, unit=source)
        natural = u.get_unit(self.post(self.pre(value), value))
        self.turns = (target / natural, what)
        self.k = self.k

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget the past; round delays to steps of the current dt."""
        self._check_delays()
        delays, where = self.pair_delays(), type(self).__name__
        steps = np.zeros(self.in_size * 2, np.int32)
        self._dt: float | None = None
        self._unit: u.Unit | None = None
        if delays is not None:
            if isinstance(delays.mantissa, jax.core.Tracer):
                raise ValueError(
                    f'{where}.init_all_states() cannot be traced: delays fix the length of the history. Call it '
                    'outside of jit, grad and vmap.'
                )
            self._dt = float(current_dt(f'{where}.init_all_states').mantissa)
            steps = steps_of(np.asarray(delays.mantissa), self._dt)
        self._some_delayed = bool((steps > 0).any())
        self.delay_steps = FixedState(jnp.asarray(steps))
        self.new_connections(self.conn)
        if self._some_delayed:
            shape = self.in_size if batch_size is None else (batch_size, *self.in_size)
            self.history = brainstate.ShortTermState(empty_history(shape, steps, current_dtype(where)))

    def new_connections(self, conn: Any) -> None:
        """Note whether some connected pair has no delay, so that there is a sum to be taken at once."""
        if hasattr(self, '_some_delayed'):
            steps = self.delay_steps.value
            traced = isinstance(conn, jax.core.Tracer) or isinstance(steps, jax.core.Tracer)
            self._some_at_once = traced or bool(((np.asarray(conn) != 0) & (np.asarray(steps) == 0)).any())

    def advance(self, source: Any) -> None:
        """Record the source of this step; once per step, before :meth:`at`."""
        if not hasattr(self, '_some_delayed'):
            raise ValueError(f'{type(self).__name__} has no history yet: call init_all_states() first.')
        shape = np.shape(u.get_mantissa(source))
        if shape[-1:] != self.in_size:
            raise checks.ShapeError(
                f'{type(self).__name__}: the source has shape (..., {self.in_size[0]}) (..., regions); got {shape}.'
            )
        if self._some_delayed:
            where = type(self).__name__
            dt = float(current_dt(where).mantissa)
            if dt != self._dt:
                raise ValueError(
                    f'{where}: its delays were rounded to steps of {self._dt:g} ms; now dt is {dt:g} ms: call '
                    'init_all_states() with the dt that steps it.'
                )
            travels = self.pre(source)
            self._unit = u.get_unit(travels) if self._unit is None else self._unit
            travels = jnp.asarray(u.get_mantissa(checks.quantity(travels, self._unit, f'the source of {where}')))
            self.history.value = record(self.history.value, travels, self._weights(travels), self.delay_steps.value)

    def at(self, source: Any, target: Any, fraction: float = 0.0) -> Any:
        """The coupling at ``fraction`` of the step recorded last.

        Delayed pairs act from history, the others from ``source``.
        """
        travels = self.pre(source)
        unit, numbers = u.get_unit(travels), jnp.asarray(u.get_mantissa(travels))
        parts = []
        if self._some_delayed:
            parts.append(total(self.history.value, fraction))
        if self._some_at_once:
            weights = self._weights(numbers)
            if self._some_delayed:
                weights = jnp.where(self.delay_steps.value > 0, 0, weights)
            parts.append(numbers @ weights.T)
        summed = sum(parts[1:], parts[0]) if parts else jnp.zeros_like(numbers)
        return self.k * self.post(summed if unit.is_unitless else u.Quantity(summed, unit=unit), target)

    def update(self, source: Any, target: Any) -> Any:
        """Record ``source``, (..., regions), and return what the targets receive at this step."""
        self.advance(source)
        return self.at(source, target)

    def _weights(self, like: Any) -> Any:
        return jnp.asarray(self.conn, like.dtype)
