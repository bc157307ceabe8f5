"""What a simulation reads while it runs."""

from collections.abc import Callable, Mapping
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.module import Module, current_dtype
from brainfwd.forward.base import ForwardModel
from brainfwd.network import Network

__all__ = ['Monitor', 'as_monitors']


class Monitor(Module):
    """Reads a network while it runs, at its own sampling period.

    Parameters
    ----------
    what : str, callable or ForwardModel
        A variable or method of the node (``'y0'``, ``'output'``, ``'firing_rate'``), a function of the network that
        returns a Quantity, or a forward model.
    source : str or callable, optional
        What a forward model sees at every step: a variable or method of the node, or a function of the network. By
        default the output of the node, or for BOLD its activity.
    sampling_period : Quantity, optional
        Of names and functions; by default the one of the run. A forward model has its own.
    average : bool
        Record the mean over each sampling period, of all its steps, in place of the last one; of what is true or false,
        the part of the steps at which it was true. A period that begins in the transient counts whole.
    """

    def __init__(
        self,
        what: Any,
        source: str | Callable | None = None,
        sampling_period: Any = None,
        average: bool = False,
        *,
        name: str | None = None,
    ):
        super().__init__(1, name=name)
        if not (isinstance(what, str | ForwardModel) or callable(what)):
            raise TypeError(f'Monitor(what) is a name, a function of the network or a forward model; got {what!r}.')
        self.what = what
        if source is not None and not isinstance(what, ForwardModel):
            raise ValueError(
                'Monitor(source=...) is what a forward model sees; a name or a function reads the network.'
            )
        self.source = source or (what.source if isinstance(what, ForwardModel) else 'output')
        if isinstance(what, ForwardModel):
            if sampling_period is not None:
                raise ValueError(
                    f'Monitor(sampling_period=...): {type(what).__name__} has a period of its own, which its filters '
                    f'depend on, {what.sampling_period}: make it with another.'
                )
            sampling_period = what.sampling_period
        self.sampling_period = sampling_period
        self.average = bool(average)
        if average and isinstance(what, ForwardModel):
            raise ValueError(f'Monitor(average=True) is of a name or a function; {type(what).__name__} has filters.')

    @property
    def forward(self) -> ForwardModel | None:
        """The forward model, if this is one."""
        return self.what if isinstance(self.what, ForwardModel) else None

    def check(self, network: Network, where: str) -> None:
        """Refuse what the network does not have."""
        if self.forward is not None and self.source == self.forward.source and self.forward.in_size != network.in_size:
            raise checks.ShapeError(
                f'{where}: {type(self.forward).__name__} sees {self.forward.in_size} regions; '
                f'the network has {network.in_size}.'
            )
        if self.source == 'activity' and 'activity' not in network.node.readable:
            raise ValueError(
                f'{where}: {type(self.forward).__name__} follows the activity of neurons, which '
                f'{_without_activity(network)} does not say: name something that grows with it, '
                'bf.Monitor(bold, source=...), a variable or method of the node or a function of the network.'
            )
        for read in (self.source, self.what):
            if isinstance(read, str):
                checks.choice(read, network.node.readable, where)

    def begin(self, network: Network) -> None:
        """Called before the first step, when the network has its states."""
        self._check_members(network)
        if self.average:
            self.mean = brainstate.ShortTermState(jax.tree.map(_zeros, _read(network, self.what)))
            self.count = brainstate.ShortTermState(jnp.zeros((), jnp.int32))

    def _check_members(self, network: Network) -> None:
        """Refuse a function that mixes the members of a batch."""
        if isinstance(self.what, str | ForwardModel):
            return
        size, read = brainstate.transform.eval_shape(lambda: (network.node.size(), self.what(network)))
        members = size.shape[:-1]
        for leaf in jax.tree.leaves(read):
            if leaf.shape[: len(members)] != members:
                raise checks.ShapeError(
                    f'Monitor(function): in a batch of {members[0]} it gives (batch, ...), a row for each member; got '
                    f'{leaf.shape}: take means over the last axis, .mean(axis=-1).'
                )

    def step(self, network: Network) -> None:
        """Called after every step of integration."""
        if self.forward is not None:
            self.forward.step(_read(network, self.source))
        elif self.average:
            self.count.value = n = self.count.value + 1
            # not the sum: in single precision that of many steps is wrong in the fourth digit
            self.mean.value = jax.tree.map(
                lambda mean, x: mean + (x - mean) / n, self.mean.value, _read(network, self.what)
            )

    def sample(self, network: Network) -> Any:
        """Called once per sampling period."""
        if self.forward is not None:
            return self.forward.sample()
        if not self.average:
            return _read(network, self.what)
        mean = self.mean.value
        self.mean.value = jax.tree.map(jnp.zeros_like, mean)
        self.count.value = jnp.zeros_like(self.count.value)
        return mean

    def seed(self, key: jax.Array) -> None:
        """Set the random numbers of the forward model."""
        if self.forward is not None:
            self.forward.seed(key)

    def result(self, samples: Any, sampling_period: u.Quantity, start: u.Quantity, batched: bool = False) -> Any:
        """The samples of a run, time first, or (time, batch, ...), as the user gets them: batch first."""
        if batched:
            samples = jax.tree.map(lambda x: np.moveaxis(x, 1, 0), samples)
        if self.forward is None:
            return samples
        if not batched:
            return self.forward.recording(samples, sampling_period, start)
        members = range(len(jax.tree.leaves(samples)[0]))
        each = [
            self.forward.recording(jax.tree.map(lambda x, m=m: x[m], samples), sampling_period, start) for m in members
        ]
        return np.stack(each) if isinstance(each[0], np.ndarray) else each

    def __repr__(self) -> str:
        shown = [_name(self.what)]
        if self.forward is not None:
            shown.append(f'source={_name(self.source)}')
        if self.sampling_period is not None:
            shown.append(f'sampling_period={self.sampling_period}')
        if self.average:
            shown.append('average=True')
        return f'Monitor({", ".join(shown)})'


def _name(read: Any) -> str:
    return read.__name__ if hasattr(read, '__name__') else repr(read)


def _read(network: Network, what: str | Callable) -> Any:
    return network.read(what) if isinstance(what, str) else what(network)


def _without_activity(network: Network) -> str:
    models = getattr(network.node, 'models', {'': network.node}).values()
    return ', '.join(type(model).__name__ for model in models if not model.activity_source)


def _zeros(x: Any) -> jax.Array:
    """In floating point, or a sum of booleans is one boolean."""
    return jnp.zeros(jnp.shape(x), jnp.promote_types(jnp.result_type(x), current_dtype('Monitor')))


def as_monitors(monitors: Any, network: Network) -> dict[str, Monitor]:
    """Monitors by name, from what the user wrote; the output of the network when that is nothing."""
    if monitors is None:
        monitors = ['output']
    if isinstance(monitors, str):
        monitors = [monitors]
    where = 'Simulator.run(monitors)'
    if not isinstance(monitors, Mapping):
        if not isinstance(monitors, list | tuple) or not all(isinstance(name, str) for name in monitors):
            raise TypeError(f"{where} is a name, a list of names, or a dict such as {{'eeg': eeg}}; got {monitors!r}.")
        monitors = {name: name for name in monitors}
    if not monitors:
        raise ValueError(f'{where} is empty: name something to record, or leave it out to record the output.')
    made = {}
    for name, what in monitors.items():
        if not isinstance(name, str) or ('.' in name and name != what):
            raise ValueError(f'{where}: a name is text without a dot; got {name!r}.')
        made[name] = what if isinstance(what, Monitor) else Monitor(what)
        made[name].check(network, f'Simulator.run(monitors={{{name!r}: ...}})')
    stateful = {id(monitor if monitor.forward is None else monitor.forward) for monitor in made.values()}
    if len(stateful) < len(made):
        raise ValueError(f'{where} names one monitor or forward model twice: it has one state, so make another.')
    return made


def period_in_steps(period: Any, dt: u.Quantity, where: str) -> int:
    """A time as a whole number of steps; an error when it is none."""
    period = checks.quantity(period, u.ms, where)
    checks.shape_is(period, (), where)
    steps = float(np.asarray(period.mantissa) / np.asarray(dt.mantissa))
    # the rounding of single precision, at most
    if not np.isfinite(steps) or abs(steps - round(steps)) > 1e-6 + 1e-7 * abs(steps):
        raise ValueError(f'{where} is a whole number of steps of {dt}; got {period}, which is {steps:g} steps.')
    return round(steps)
