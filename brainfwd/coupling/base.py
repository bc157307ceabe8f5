"""What every coupling inherits: connectivity, delays, history."""

from abc import abstractmethod
from typing import Any

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Parameter
from brainfwd._core.module import Module, current_dt
from brainfwd.coupling.delayed_sum import empty_history, record, steps_of, total

__all__ = ['Coupling']


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
    Every delay is rounded to the nearest step. Before t = 0 the source had its initial value. Pairs without delay act
    at once. New delays, lengths or speed act from the next ``init_all_states()``, with which every run of a Simulator
    begins.
    """

    conn = Parameter(None, 'connectivity [target, source]', per_region=False)
    k = Parameter(None, 'global coupling strength')
    tract_lengths = Parameter(None, 'tract lengths', per_region=False)
    conduction_speed = Parameter(None, 'conduction speed', per_region=False)
    delays = Parameter(None, 'delays', per_region=False)

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
    ):
        where = type(self).__name__
        conn = checks.array(conn, f'{where}.conn')
        checks.square(conn, f'{where}.conn')
        if (tract_lengths is None) != (conduction_speed is None):
            given, missing = ('tract_lengths', 'conduction_speed')[:: 1 if conduction_speed is None else -1]
            raise ValueError(f'{where} got {given} without {missing}: give both, or neither for no delays.')
        if tract_lengths is not None and delays is not None:
            raise ValueError(f'{where} takes delays, or tract_lengths with conduction_speed; got both.')
        if tract_lengths is not None:
            tract_lengths = _of_pairs(tract_lengths, u.mm, f'{where}.tract_lengths', conn.shape)
            conduction_speed = checks.quantity(conduction_speed, u.meter / u.second, f'{where}.conduction_speed')
            if np.ndim(conduction_speed.mantissa) or not conduction_speed.mantissa > 0:
                raise ValueError(f'{where}.conduction_speed is one speed above zero; got {conduction_speed}.')
        if delays is not None:
            delays = _of_pairs(delays, u.ms, f'{where}.delays', conn.shape)
        super().__init__(
            conn.shape[0],
            name=name,
            conn=conn,
            k=k,
            tract_lengths=tract_lengths,
            conduction_speed=conduction_speed,
            delays=delays,
        )
        self.source = source
        self.target = target

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

    def check(self, source: u.Unit, target: u.Unit, what: str) -> None:
        """Refuse a ``k`` that does not turn a source in this unit into an input in that unit; ``what`` names both."""
        ones = np.ones(self.in_size)
        value = ones if source.is_unitless else u.Quantity(ones, unit=source)
        natural = u.get_unit(self.post(self.pre(value), value))
        checks.quantity(self.k, target / natural, f'{type(self).__name__}.k', f'what turns {what}')

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget the past; round delays to steps of the current dt."""
        delays = self.pair_delays()
        connected = np.asarray(self.conn) != 0
        steps = np.zeros(connected.shape, np.int32)
        if delays is not None:
            dt = current_dt(f'{type(self).__name__}.init_all_states')
            steps = steps_of(np.asarray(delays.mantissa), connected, float(dt.mantissa))
        self._some_at_once = bool((connected & (steps == 0)).any())
        self._some_delayed = bool((steps > 0).any())
        if self._some_delayed:
            shape = self.in_size if batch_size is None else (batch_size, *self.in_size)
            self.delay_steps = brainstate.LongTermState(jnp.asarray(steps))
            self.history = brainstate.ShortTermState(empty_history(shape, steps, brainstate.environ.dftype()))

    def advance(self, source: Any) -> None:
        """Record the source of this step; once per step, before :meth:`at`."""
        if not hasattr(self, '_some_delayed'):
            raise ValueError(f'{type(self).__name__} has no history yet: call init_all_states() first.')
        if self._some_delayed:
            travels = jnp.asarray(u.get_mantissa(self.pre(source)))
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


def _of_pairs(value: Any, unit: u.Unit, where: str, shape: tuple[int, ...]) -> u.Quantity:
    value = checks.quantity(value, unit, where)
    if np.ndim(value.mantissa) == 0:
        value = u.Quantity(np.full(shape, value.mantissa), unit=unit)
    checks.shape_is(value, shape, where, '[target, source]')
    checks.finite(value, where)
    checks.non_negative(value, where)
    return value
