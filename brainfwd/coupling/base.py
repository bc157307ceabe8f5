"""What every coupling inherits: connectivity, delays, history."""

import hashlib
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
from brainfwd.coupling import connections
from brainfwd.coupling.delayed_sum import (
    at_once,
    bands,
    empty_history,
    given_history,
    read_again,
    record,
    total,
)
from brainfwd.coupling.parameters import (
    Connectivity,
    OfPairs,
    PortParameter,
    Speed,
    Strength,
    checked_bounds,
    rounded_out,
)

__all__ = ['Coupling']


class Coupling(Module):
    r"""A delayed weighted sum between regions.

    .. math:: c_i(t) = k\,\mathrm{post}\Big(\sum_j w_{ij}\, \mathrm{pre}\big(x_j(t - d_{ij})\big),\; x_i(t)\Big)

    Called as ``coupling(source, target)`` once per step in a loop of one's own, it keeps its own history.

    Parameters
    ----------
    conn : array, BCOO or sparse matrix of SciPy
        Connectivity ``weights[target, source]``, (regions, regions). Of a sparse one only the connections that it lists
        are computed; other weights for them, (connections,), may be set later.
    k : float or Quantity
        Global strength, or one per target; its unit turns the source into the input that is fed.
    tract_lengths, conduction_speed : Quantity, optional
        (regions, regions) in mm, or (connections,) of a sparse ``conn``, and one speed in m/s: delays are lengths over
        speed.
    delays : Quantity, optional
        In ms, like lengths, or one for all: in place of lengths and speed.
    speed_bounds : tuple of Quantity, optional
        Slowest and fastest conduction speed: within them another speed does not compile again, and may be given to
        ``Simulator.simulation``; where JAX traces it, beyond them the coupling is NaN. By default only the one that is
        given.
    interpolate : bool
        Read between two steps, linearly, where a delay is no whole number of them: what comes out is a continuous
        function of the conduction speed, which can be fitted by gradient. By default a delay is rounded to the nearest
        step.
    initial_history : Quantity, optional
        The source before t = 0, (steps, regions), one row per step of dt, the last one a step before t = 0; as long as
        the longest delay. By default it had its initial value always.
    source : str, optional
        What is read: ``'output'``, a variable or a method of the node; the node says the default.
    target : str, optional
        The input of the node that is fed; the node says the default.

    Notes
    -----
    Pairs without delay act at once; where no pair has one, nothing is kept. Within a step the past is linear, so that
    delayed coupling is second order at best. New delays, lengths or speed act from the next ``init_all_states()``, with
    which every run of a Simulator begins. History is read ahead: weights that are set in the middle of a loop of one's
    own act on delayed pairs within 64 steps, on the others at once, as ``k`` does on all; after `read_again` on all.
    """

    conn = Connectivity(None, 'connectivity [target, source]', per_region=False)
    k = Strength(None, 'global coupling strength')
    tract_lengths = OfPairs(u.mm, 'tract lengths')
    conduction_speed = Speed(None, 'conduction speed', per_region=False, optional=True)
    delays = OfPairs(u.ms, 'delays')
    initial_history = Parameter(None, 'source before t = 0', per_region=False, optional=True)

    n_parts: ClassVar[int] = 1
    """How many arrays ``pre`` returns; a tuple of them where it is more than one."""
    turns: tuple[u.Unit, str] | None = None
    """The unit of ``k``, and what it turns into what; None before the coupling is part of a network."""
    reads: u.Unit
    """The unit of the source, known in a network."""
    feeds: u.Unit
    """The unit of the input that is fed, known in a network."""

    def __init__(
        self,
        conn: Any,
        k: Any = 1.0,
        tract_lengths: Any = None,
        conduction_speed: Any = None,
        delays: Any = None,
        *,
        speed_bounds: tuple[Any, Any] | None = None,
        interpolate: bool = False,
        initial_history: Any = None,
        source: str | None = None,
        target: str | None = None,
        name: str | None = None,
        **values: Any,
    ):
        conn = connections.checked_connections(conn, f'{type(self).__name__}.conn')
        self._bounds = None if speed_bounds is None else checked_bounds(speed_bounds, type(self).__name__)
        super().__init__(
            conn.shape[0],
            name=name,
            conn=conn,
            k=k,
            tract_lengths=tract_lengths,
            conduction_speed=conduction_speed,
            delays=delays,
            initial_history=initial_history,
            **values,
        )
        self.interpolate = bool(interpolate)
        self._check_delays()
        self.source = source
        self.target = target

    @property
    def speed_bounds(self) -> tuple[Any, Any] | None:
        """Slowest and fastest conduction speed that this coupling was made for."""
        if self._bounds is None:
            return None
        slowest, fastest = (u.Quantity(each, unit=u.meter / u.second) for each in self._bounds)
        return slowest, fastest

    def _check_delays(self) -> None:
        where, lengths, speed = type(self).__name__, self.tract_lengths, self.conduction_speed
        if (lengths is None) != (speed is None):
            given, missing = ('tract_lengths', 'conduction_speed')[:: 1 if speed is None else -1]
            raise ValueError(f'{where} got {given} without {missing}: give both, or neither for no delays.')
        if lengths is not None and self.delays is not None:
            raise ValueError(f'{where} takes delays, or tract_lengths with conduction_speed; got both.')
        if speed is None and self._bounds is not None:
            raise ValueError(f'{where} got speed_bounds without a conduction_speed.')

    @abstractmethod
    def post(self, total: Any, target: Any) -> Any:
        """What the total and the value at the target give, before ``k``; pure."""

    def pre(self, source: Any) -> Any:
        """What travels, once per region, before the delay: an array, or a tuple of ``n_parts``; pure."""
        return source

    def pair_delays(self, speed: Any = None) -> Any:
        """The delay of every pair in ms, (pairs,), before rounding; None without delays."""
        delays = self.delays
        if self.tract_lengths is not None:
            delays = (self.tract_lengths / (self.conduction_speed if speed is None else speed)).in_unit(u.ms)
        if delays is None:
            return None
        targets, sources = connections.ends(self.conn)
        numbers = delays.mantissa
        if np.ndim(numbers) == 2:
            numbers = numbers[targets, sources]
        elif np.ndim(numbers) == 0:
            numbers = numbers * np.ones(len(targets))
        return u.Quantity(numbers, unit=u.ms)

    @property
    def longest_delay(self) -> Any:
        """The longest delay of all pairs that are connected, in ms; None without delays."""
        delays, weights = self.pair_delays(), connections.concrete_weights(self.conn)
        if delays is None or weights is None:
            return None
        return u.Quantity(np.max(np.asarray(delays.mantissa)[weights != 0], initial=0.0), unit=u.ms)

    @property
    def in_strength(self) -> Any:
        """The sum of the connections onto each region, (regions,)."""
        return connections.in_strength(self.conn)

    def bind(self, source: u.Unit, target: u.Unit, what: str) -> None:
        """From now on ``k`` turns a source in this unit into an input in that unit; ``what`` names both, for errors."""
        self.reads, self.feeds, self.turns = source, target, (target / source, what)
        for name, field in self.parameter_fields.items():
            if isinstance(field, PortParameter):
                setattr(self, name, getattr(self, name))
        ones = np.ones(self.in_size)
        value = ones if source.is_unitless else u.Quantity(ones, unit=source)
        natural = u.get_unit(self.post(self.pre(value), value))
        self.turns = (target / natural, what)
        self.k = self.k
        if self.initial_history is not None:
            where = f'{type(self).__name__}.initial_history'
            before = checks.quantity(self.initial_history, source, where, 'the source before t = 0')
            if np.ndim(u.get_mantissa(before)) != 2 or np.shape(before)[-1:] != self.in_size:
                raise checks.ShapeError(
                    f'{where} has shape (steps, {self.in_size[0]}) (steps, regions); got {np.shape(before)}.'
                )
            self.initial_history = before

    # ---- states

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget the past; count delays in steps of the current dt."""
        self._check_delays()
        where = type(self).__name__
        self._dt: float | None = None
        self._units: tuple[u.Unit, ...] | None = None
        if self._delayed:
            self._dt = float(current_dt(f'{where}.init_all_states').mantissa)
        shortest, longest = self._delay_bounds()
        targets, sources = connections.ends(self.conn)
        self._some_delayed = bool((longest > 0).any())
        listed = connections.is_sparse(self.conn)
        self._some_at_once = True
        self.pairs = FixedState(
            bands(targets, sources, shortest, longest, self.in_size[-1], batch_size or 1, listed=listed)
        )
        self.delay_steps = FixedState(self._steps())
        self.new_connections(self.conn)
        if self._some_delayed:
            batch = () if batch_size is None else (batch_size,)
            parts = () if self.n_parts == 1 else (self.n_parts,)
            near = longest[shortest < 16].max(initial=0) + 1
            history = empty_history((*parts, *batch, *self.in_size), longest.max(), near, current_dtype(where))
            if self.initial_history is not None:
                history = self._given(history, longest.max())
            self.history = brainstate.ShortTermState(history)

    @property
    def _delayed(self) -> bool:
        return self.delays is not None or self.tract_lengths is not None

    def _delay_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The shortest and the longest delay that each pair may have, in whole steps."""
        if self._dt is None:
            none = np.zeros(len(connections.ends(self.conn)[0]), int)
            return none, none
        fast, slow = (self.pair_delays(speed) for speed in reversed(self.speed_bounds or (None, None)))
        if isinstance(fast.mantissa, jax.core.Tracer):
            raise ValueError(
                f'{type(self).__name__}.init_all_states() cannot be traced: delays fix the length of the history. Call '
                'it outside of jit, grad and vmap; for a conduction speed that is traced, give speed_bounds.'
            )
        shortest, longest = (np.asarray(each.mantissa, float) / self._dt for each in (fast, slow))
        if self.interpolate:
            # the steps on both sides of a delay, whatever its rounding
            return np.floor(shortest * (1 - 1e-6)).astype(int), np.ceil(longest * (1 + 1e-6)).astype(int)
        return np.rint(shortest).astype(int), np.rint(longest).astype(int)

    def _steps(self) -> jax.Array:
        """The delay of every pair, in steps: whole ones, or not if they are interpolated."""
        delays = self.pair_delays()
        if delays is None or self._dt is None:
            return jnp.zeros(len(connections.ends(self.conn)[0]), jnp.int32)
        numbers = delays.mantissa
        steps = (numbers if isinstance(numbers, jax.core.Tracer) else np.asarray(numbers, float)) / self._dt
        if self.interpolate:
            return jnp.asarray(steps, current_dtype(type(self).__name__))
        return jnp.asarray(jnp.rint(steps) if isinstance(steps, jax.Array) else np.rint(steps), jnp.int32)

    @property
    def fixed(self) -> set[str]:
        """Parameters that act when states are made, and not while JAX traces."""
        names = {'tract_lengths', 'delays', 'initial_history'}
        return names if self._bounds is not None else {*names, 'conduction_speed'}

    def begin(self) -> None:
        """Take up other connections, and a conduction speed within its bounds, before the first step; can be traced."""
        self.delay_steps.value = self._steps()
        if self.speed_bounds is not None and isinstance(self.conduction_speed.mantissa, jax.core.Tracer):
            # history is not long enough for others
            low, high = rounded_out(self.speed_bounds)
            speed = self.conduction_speed.mantissa
            self.k = self.k * jnp.where((low <= speed) & (speed <= high), 1.0, jnp.nan)
        if self.initial_history is not None and self._some_delayed:
            self.history.value = self._given(self.history.value, 0)

    def _given(self, history: Any, longest: int) -> Any:
        where = f'{type(self).__name__}.initial_history'
        before = self.initial_history
        if len(u.get_mantissa(before)) < longest:
            raise ValueError(
                f'{where} is as long as the longest delay, {longest} steps of {self._dt:g} ms; got {len(before)} steps.'
            )
        now = history.now
        if now.ndim - (self.n_parts > 1) > 1:  # of each member, whose parameters may differ
            before = before[:, None]
        numbers, self._units = _joined(self.pre(before), None, where)
        if self.n_parts > 1:
            numbers = jnp.moveaxis(numbers, 0, 1)
        numbers = jnp.broadcast_to(numbers, (len(numbers), *now.shape)).astype(now.dtype)
        return given_history(history, numbers, self._weights(now.dtype), self.delay_steps.value, self.pairs.value)

    def new_connections(self, conn: Any) -> None:
        """Note whether some connected pair has no delay, so that there is a sum to be taken at once."""
        if hasattr(self, '_some_at_once'):
            weights = connections.concrete_weights(conn)
            if weights is None:
                self._some_at_once = not connections.is_sparse(conn) or self.pairs.value.at_once is not None
            elif len(weights) == len(self.delay_steps.value):  # otherwise they act from the next init_all_states
                self._some_at_once = bool(((weights != 0) & (self._delay_bounds()[0] < 1)).any())

    def digest(self) -> str:
        """Changes with the weights, and with the delays in steps."""
        weights = connections.concrete_weights(self.conn)
        digest = hashlib.sha256(b'' if weights is None else np.ascontiguousarray(weights).tobytes())
        digest.update(np.asarray(self.delay_steps.value).tobytes())
        return digest.hexdigest()

    def read_again(self) -> None:
        """Take up other weights and delays in the middle of a run, as far back as the history reaches."""
        if self._some_delayed:
            history = self.history.value
            weights = self._weights(history.now.dtype)
            self.history.value = read_again(history, weights, self.delay_steps.value, self.pairs.value)

    # ---- step by step

    def advance(self, source: Any) -> None:
        """Record the source of this step; once per step, before :meth:`at`."""
        where = type(self).__name__
        if not hasattr(self, '_some_delayed'):
            raise ValueError(f'{where} has no history yet: call init_all_states() first.')
        shape = np.shape(u.get_mantissa(source))
        if shape[-1:] != self.in_size:
            raise checks.ShapeError(
                f'{where}: the source has shape (..., {self.in_size[0]}) (..., regions); got {shape}.'
            )
        if self._some_delayed:
            dt = float(current_dt(where).mantissa)
            if dt != self._dt:
                raise ValueError(
                    f'{where}: its delays were rounded to steps of {self._dt:g} ms; now dt is {dt:g} ms: call '
                    'init_all_states() with the dt that steps it.'
                )
            travels, self._units = _joined(self.pre(source), self._units, f'the source of {where}')
            self.history.value = record(
                self.history.value, travels, self._weights(travels.dtype), self.delay_steps.value, self.pairs.value
            )

    def at(self, source: Any, target: Any, fraction: float = 0.0) -> Any:
        """The coupling at ``fraction`` of the step recorded last.

        Delayed pairs act from history, the others from ``source``.
        """
        travels, units = _joined(self.pre(source), None, f'the source of {type(self).__name__}')
        terms = []
        if self._some_delayed:
            terms.append(total(self.history.value, fraction))
        if self._some_at_once:
            terms.append(self._at_once(travels))
        summed = sum(terms[1:], terms[0]) if terms else jnp.zeros_like(travels)
        return self.k * self.post(_parted(summed, units), target)

    def _at_once(self, travels: jax.Array) -> jax.Array:
        weights, delays, band = self._weights(travels.dtype), self.delay_steps.value, self.pairs.value.at_once
        if band is not None:
            return at_once(travels, weights, delays, band)
        if self._some_delayed:
            delayed = jnp.clip(delays, 0, 1).astype(weights.dtype)  # of less than a step, only in part
            weights = weights * (1 - delayed)
        weights = weights.reshape(self.in_size * 2)
        factors = (weights, travels) if travels.ndim == 1 else (travels, weights.T)
        # some accelerators multiply float32 with ten bits otherwise
        return jnp.matmul(*factors, precision='highest')

    def update(self, source: Any, target: Any) -> Any:
        """Record ``source``, (..., regions), and return what the targets receive at this step."""
        self.advance(source)
        return self.at(source, target)

    def _weights(self, dtype: Any) -> jax.Array:
        return connections.weights_of(self.conn, dtype)


def _joined(travels: Any, units: tuple[u.Unit, ...] | None, where: str) -> tuple[jax.Array, tuple[u.Unit, ...]]:
    """What travels as one array, its parts first, and the unit of each; those that it had before, if any."""
    parts = travels if isinstance(travels, tuple) else (travels,)
    units = tuple(map(u.get_unit, parts)) if units is None else units
    numbers = [u.get_mantissa(checks.quantity(part, unit, where)) for part, unit in zip(parts, units, strict=True)]
    return (jnp.stack(numbers) if len(numbers) > 1 else jnp.asarray(numbers[0])), units


def _parted(numbers: jax.Array, units: tuple[u.Unit, ...]) -> Any:
    """The inverse of `_joined`."""
    if len(units) == 1:
        return numbers if units[0].is_unitless else u.Quantity(numbers, unit=units[0])
    return tuple(
        part if unit.is_unitless else u.Quantity(part, unit=unit) for part, unit in zip(numbers, units, strict=True)
    )
