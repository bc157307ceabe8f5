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

__all__ = ['Plan', 'Run', 'forward', 'functions_read', 'loop', 'taken_apart']


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


class Run(Module):
    """A network with its monitors, and what is known of the place where it first diverged."""

    def __init__(self, network: Network, monitors: dict[str, Monitor]):
        super().__init__(network.in_size)
        self.network = network
        self.monitors = monitors

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """No region has diverged."""
        self.diverged_at = brainstate.ShortTermState(jnp.full(self.in_size, -1, jnp.int32))
        self.size = brainstate.ShortTermState(jnp.zeros(self.in_size, current_dtype('Simulator')))

    def seed(self, key: jax.Array) -> None:
        """Give the network and every monitor its key, folded from this one and its name."""
        self.network.seed(key)
        for name, monitor in self.monitors.items():
            monitor.seed(key_for(key, f'monitor.{name}'))

    def look(self) -> None:
        """Note the step after which a region is first not finite, and how large each was while all were.

        Regions that act on each other at once leave the finite numbers together: the largest before is the cause.
        """
        size = sum(jnp.abs(u.get_mantissa(value)) for value in self.network.node.values().values())
        finite = jnp.isfinite(size)
        first = ~finite & (self.diverged_at.value < 0)
        self.diverged_at.value = jnp.where(first, self.network.step.value, self.diverged_at.value)
        self.size.value = jnp.where(finite.all(), size, self.size.value)


def loop(graph: Any, plan: Plan, parameters: Any, states: Any, fixed: dict, series: dict) -> tuple[Any, dict]:
    """Advance by ``plan.blocks`` blocks; the states after them, and samples by monitor, time first; pure."""
    with brainstate.environ.context(dt=plan.dt * u.ms):
        run: Run = treefy_merge(graph, parameters, states)
        network, begin = run.network, run.network.step.value
        run.look()

        def step(given):
            network.update(**_inputs_at(plan, network.step.value, fixed, given))
            for monitor in run.monitors.values():
                monitor.step(network)
            run.look()

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
        samples = brainstate.transform.for_loop(block, jnp.arange(plan.blocks), by_block)
        samples.update({name: rows.value for name, rows in slow.items()})
        return taken_apart(run)[2], samples


forward = brainstate.transform.jit(loop, static_argnums=(0, 1))
"""Compiled once for a graph, a plan and the shapes of the rest: parameters and states are inputs."""


def _rows(monitor: Monitor, network: Network, n: int) -> brainstate.State:
    shapes = brainstate.transform.eval_shape(lambda: monitor.sample(network))
    return brainstate.ShortTermState(jax.tree.map(lambda x: jnp.zeros((n, *x.shape), x.dtype), shapes))


def _inputs_at(plan: Plan, step: Any, fixed: dict, given: dict) -> dict[str, Any]:
    """Inputs of one step; functions of time are read at every stage of the scheme."""
    functions = {
        name: lambda fraction, f=f: f((step + fraction) * (plan.dt / 1000) * u.second) for name, f in plan.functions
    }
    return {**fixed, **given, **functions}


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
