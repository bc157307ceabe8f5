"""The compiled loop: a network moves forward, monitors read it."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.graph import treefy_merge, treefy_split

from brainfwd._core.fields import ParameterState
from brainfwd._core.keys import key_for
from brainfwd._core.module import Module, current_dtype
from brainfwd.network import Network
from brainfwd.simulator.monitors import Monitor
from brainfwd.stimuli import Stimulus

__all__ = ['Divergence', 'Plan', 'Run', 'forward', 'functions_read', 'loop', 'taken_apart']


class Plan(NamedTuple):
    """What the compiled loop has to know before it is compiled."""

    dt: float
    """Step in ms."""
    block: int
    """Steps between samples: the greatest common divisor of all sampling periods."""
    blocks: int
    every: tuple[tuple[str, int], ...]
    """Monitors by name, sampled every so many blocks."""
    functions: tuple[tuple[str, Callable], ...]
    """Inputs that are functions of time."""
    reads: str = ''
    """What the functions of the user compute, with the values they close over: see `functions_read`."""
    segment: int = 0
    """Blocks that a backward pass computes again together, in place of keeping what they computed; 0 to keep all."""
    search: bool = False
    """Whether to look after every step for where the network diverges."""


class Divergence(NamedTuple):
    """Where a network first left the finite numbers."""

    step: jax.Array
    """The step after which each region was not finite; -1 where it stayed so."""
    size: jax.Array
    """How large each region was while all were finite."""


class Run(Module):
    """A network with its monitors and what is given to it."""

    def __init__(self, network: Network, monitors: dict[str, Monitor], stimuli: dict[str, Stimulus]):
        super().__init__(network.in_size)
        self.network = network
        self.monitors = monitors
        self.stimuli = stimuli

    @brainstate.nn.call_order(2)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Monitors begin to average; after the states of the network."""
        for monitor in self.monitors.values():
            monitor.begin(self.network)

    def seed(self, key: jax.Array, begin: bool = True) -> None:
        """Give the network and every monitor its key, folded from this one and its name; see `Network.seed`."""
        self.network.seed(key, begin)
        for name, monitor in self.monitors.items():
            monitor.seed(key_for(key, f'monitor.{name}'))

    def size(self) -> jax.Array:
        """How large each region is; not finite where one of its variables is not."""
        return self.network.node.size()


def loop(graph: Any, plan: Plan, parameters: Any, states: Any, fixed: dict, series: dict) -> tuple[Any, dict, Any]:
    """Advance by ``plan.blocks`` blocks; pure.

    Returns
    -------
    states
        After the last step.
    samples : dict
        By monitor, time first.
    finite
        Whether the network is finite after the last step; a `Divergence` for a plan that searches for it.
    """
    with brainstate.environ.context(dt=plan.dt * u.ms):
        run: Run = treefy_merge(graph, parameters, states)
        network, begin = run.network, run.network.step.value
        found = brainstate.ShortTermState(_nothing_found(run)) if plan.search else None

        def step(given):
            network.update(**_inputs_at(run, plan, fixed, given))
            for monitor in run.monitors.values():
                monitor.step(network)
            if found is not None:
                found.value = _searched(found.value, run)

        def block(i, given):
            if plan.block == 1:
                step(jax.tree.map(lambda x: x[0], given))
            else:
                brainstate.transform.for_loop(step, given, length=plan.block)

            quick = {name: run.monitors[name].sample(network) for name, every in plan.every if every == 1}
            for name, every in plan.every:
                if every > 1:
                    count = begin // plan.block + i + 1
                    row = count // every - begin // plan.block // every - 1
                    put = functools.partial(write, name, row)
                    brainstate.transform.cond(count % every == 0, put, lambda: None)
            return quick

        def write(name, row):
            sample = run.monitors[name].sample(network)
            slow[name].value = jax.tree.map(lambda rows, x: rows.at[row].set(x), slow[name].value, sample)

        # monitors slower than a block write into rows of their own, so that nothing grows with the number of blocks
        slow = {
            name: _rows(run.monitors[name], network, plan.blocks // every + 1)
            for name, every in plan.every
            if every > 1
        }
        by_block = jax.tree.map(lambda x: x.reshape(plan.blocks, plan.block, *x.shape[1:]), series)
        samples = _in_segments(block, plan, jnp.arange(plan.blocks), by_block)
        samples.update({name: rows.value for name, rows in slow.items()})
        return taken_apart(run)[2], samples, jnp.isfinite(run.size()).all() if found is None else found.value


forward = brainstate.transform.jit(loop, static_argnums=(0, 1))
"""Compiled once for a graph, a plan and the shapes of the rest: parameters and states are inputs."""


def _in_segments(block: Callable, plan: Plan, *by_block: Any) -> Any:
    """Block by block; a backward pass keeps the states between segments only, and computes each segment again."""
    for_loop = brainstate.transform.for_loop
    if not plan.segment:
        return for_loop(block, *by_block)

    def segments(first: int, length: int, number: int) -> Any:
        given = jax.tree.map(
            lambda x: x[first : first + number * length].reshape(number, length, *x.shape[1:]), by_block
        )
        again = brainstate.transform.checkpoint(lambda *one: for_loop(block, *one), prevent_cse=False)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), for_loop(again, *given))

    number, rest = divmod(plan.blocks, plan.segment)
    samples = segments(0, plan.segment, number)
    if rest:
        samples = jax.tree.map(lambda *parts: jnp.concatenate(parts), samples, segments(number * plan.segment, rest, 1))
    return samples


def _nothing_found(run: Run) -> Divergence:
    size = run.size()
    return Divergence(jnp.where(jnp.isfinite(size), -1, run.network.step.value), jnp.where(jnp.isfinite(size), size, 0))


def _searched(found: Divergence, run: Run) -> Divergence:
    """Regions that act on each other at once leave the finite numbers together: the largest before is the cause."""
    size = run.size()
    finite = jnp.isfinite(size)
    return Divergence(
        jnp.where(~finite & (found.step < 0), run.network.step.value, found.step),
        jnp.where(finite.all(), size, found.size),
    )


def _rows(monitor: Monitor, network: Network, n: int) -> brainstate.State:
    shapes = brainstate.transform.eval_shape(lambda: monitor.sample(network))
    return brainstate.ShortTermState(jax.tree.map(lambda x: jnp.zeros((n, *x.shape), x.dtype), shapes))


def _inputs_at(run: Run, plan: Plan, fixed: dict, given: dict) -> dict[str, Any]:
    """Inputs of one step; stimuli and functions of time are read at every stage of the scheme."""
    step, dt = run.network.step.value, plan.dt * u.ms
    stimuli = {name: lambda fraction, s=s: s.at(step, fraction, dt) for name, s in run.stimuli.items()}
    functions = {
        name: lambda fraction, f=f: f((step + fraction) * (plan.dt / 1000) * u.second) for name, f in plan.functions
    }
    return {**fixed, **given, **functions, **stimuli}


def functions_read(run: Run, functions: tuple[tuple[str, Callable], ...]) -> str:
    """A digest of what the functions of the user compute, constants included.

    JAX knows a function by its identity; one that closes over another value than before would be taken for the same.
    """
    monitors = [f for m in run.monitors.values() for f in (m.what, m.source) if callable(f) and f is not m.forward]
    if not functions and not monitors:
        return ''

    def read():
        time = u.Quantity(jnp.zeros((), current_dtype('Simulator')), unit=u.second)
        return [f(time) for _, f in functions], [f(run.network) for f in monitors]

    jaxpr, *_ = brainstate.transform.make_jaxpr(read)()
    digest = hashlib.sha256(str(jaxpr).encode())
    for constant in jaxpr.consts:
        digest.update(np.asarray(constant).tobytes())
    return digest.hexdigest()


def taken_apart(run: Run) -> tuple[Any, Any, Any]:
    """The graph of a run, its parameters and its states.

    brainstate marks states that were written; unmarked, so that a run that was written compiles like a new one.
    """
    graph, parameters, states = treefy_split(run, ParameterState, ...)
    for state in (*parameters.to_flat().values(), *states.to_flat().values()):
        vars(state)['_been_writen'] = False
    return graph, parameters, states
