"""A run as a pure function."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import numpy as np
from brainstate.graph import treefy_merge

from brainfwd._core import checks
from brainfwd._core.fields import FixedState
from brainfwd._core.keys import as_key
from brainfwd._core.module import get_parameter, set_parameter
from brainfwd.simulator.loop import Plan, Run, loop, taken_apart

__all__ = ['Setup', 'Simulation']


class Setup(NamedTuple):
    """A run that was checked."""

    run: Run
    periods: dict[str, int]
    inputs: tuple
    n_steps: int
    skip: int
    """Steps of the transient."""
    batch_size: int | None


class Simulation:
    """A run as a pure function: ``simulation(parameters, key)`` returns the samples of every monitor, time first.

    It can be differentiated, batched and compiled with JAX, and leaves the network as it is. Gradients are taken
    through all steps; what lies between the states of every so many steps is computed again for them, so that memory
    grows with the square root of the number of steps.

    With a ``batch_size``, parameters may be (batch, 1) or (batch, regions), keys one or one per member, and samples are
    (time, batch, regions). With delays this is quicker than ``jax.vmap`` of a single run, whose members read history
    one by one.

    Attributes
    ----------
    parameters : dict
        What can be given, by name, with its value now: ``'node.a'``, ``'coupling.0.k'``, ``'noise.p.mean'``,
        ``'inputs.p.amplitude'``, ``'monitors.eeg.L'``. Delays are not among them: they are counted beforehand; but the
        conduction speed is, ``'coupling.0.conduction_speed'``, of a coupling with ``speed_bounds``; where JAX traces
        it, samples beyond the bounds are NaN.
    times : dict
        Times of the samples of each monitor.
    """

    def __init__(self, setup: Setup, dt: u.Quantity):
        graph, parameters, states = taken_apart(setup.run)
        self._setup, self._parts = setup, (graph, parameters, states)
        self._checked: Run = treefy_merge(graph, parameters, states)
        fixed = {
            f'coupling.{i}.{name}' for i, coupling in enumerate(setup.run.network.coupling) for name in coupling.fixed
        }
        self.parameters = {
            _name(path): state.value
            for path, state in parameters.to_flat().items()
            if not issubclass(state.type, FixedState) and _name(path) not in fixed
        }
        root = math.isqrt(setup.n_steps)
        block = _divisor(math.gcd(*setup.periods.values()), root)
        every = tuple((name, period // block) for name, period in setup.periods.items())
        blocks = setup.n_steps // block
        segment = _segment(blocks, max(1, root // block))
        self._plan = Plan(float(dt.mantissa), block, blocks, every, setup.inputs[2], segment=segment)
        self._compiled = jax.jit(self._simulated)
        self._first = {name: setup.skip // period for name, period in setup.periods.items()}
        self._counts = {name: setup.n_steps // period for name, period in setup.periods.items()}
        self.times = {
            name: u.Quantity(
                period * np.arange(self._first[name] + 1, self._counts[name] + 1) * self._plan.dt / 1000, unit=u.second
            )
            for name, period in setup.periods.items()
        }

    def __call__(self, parameters: dict[str, Any] | None = None, key: jax.Array | None = None) -> dict[str, Any]:
        """Simulate.

        Parameters
        ----------
        parameters : dict, optional
            By name, each with its unit; the others keep their value.
        key : JAX key, optional
            Of all noise; by default that of seed 0.
        """
        if not isinstance(parameters, Mapping | None):
            raise TypeError(
                f'a simulation takes a dict of parameters, and then a key: simulation({{}}, key); got '
                f'{type(parameters).__name__}.'
            )
        self._check(dict(parameters or {}))
        return self._compiled(parameters or {}, None if key is None else as_key(key, 'the key of a simulation'))

    def __repr__(self) -> str:
        return f'Simulation({self._setup.run.network}, {self._setup.n_steps} steps of {self._plan.dt:g} ms)'

    def _check(self, parameters: dict[str, Any]) -> None:
        """As when it is set in a network; what JAX traces has no values to check."""
        for name, value in parameters.items():
            checks.choice(name, self.parameters, 'a parameter of the simulation')
            if not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
                _set(self._checked, name, value)
            if not name.startswith(('inputs.', 'monitors.')):
                network = self._setup.run.network
                if get_parameter(network, name, field=True).by_region:
                    checks.members(value, network.in_size, self._setup.batch_size, name)

    def _simulated(self, parameters: dict[str, Any], key: jax.Array | None) -> dict[str, Any]:
        graph, given, states = self._parts
        with brainstate.environ.context(dt=self._plan.dt * u.ms):
            run: Run = treefy_merge(graph, given, states)
            for name, value in parameters.items():
                _set(run, name, value)
            for module in (run.network.node, *(monitor.what for monitor in run.monitors.values() if monitor.forward)):
                module.init_state(batch_size=self._setup.batch_size)  # initial values are parameters too
            for coupling in run.network.coupling:
                coupling.begin()
            if key is not None:
                run.seed(key)
        fixed, series, _ = self._setup.inputs
        steps = self._plan.block * self._plan.blocks
        series = {name: value[:steps] for name, value in series.items()}
        _, samples, _ = loop(taken_apart(run)[0], self._plan, *taken_apart(run)[1:], fixed, series)
        return {
            name: jax.tree.map(lambda x, n=name: x[self._first[n] : self._counts[n]], sample)
            for name, sample in samples.items()
        }


def _set(run: Run, name: str, value: Any) -> None:
    if name.startswith('monitors.'):
        _, monitor, last = name.split('.', 2)
        set_parameter(run.monitors[monitor].what, last, value)
    elif name.startswith('inputs.'):
        set_parameter(run.stimuli, name.removeprefix('inputs.'), value)
    else:
        set_parameter(run.network, name, value)


def _name(path: tuple) -> str:
    """``network.node.a`` is called ``node.a``, and ``monitors.eeg.what.L`` ``monitors.eeg.L``."""
    if path[0] == 'stimuli':
        return '.'.join(map(str, ('inputs', *path[1:])))
    kept = path[1:] if path[0] == 'network' else (*path[:2], *path[3:])
    return '.'.join(map(str, kept))


def _segment(blocks: int, most: int) -> int:
    """Blocks of a segment: they divide the run if such a number is near, so that no rest is compiled."""
    return next((n for n in range(most, most // 2, -1) if blocks % n == 0), most)


def _divisor(number: int, most: int) -> int:
    """The largest divisor that is not larger."""
    return next(n for n in range(min(number, max(most, 1)), 0, -1) if number % n == 0)
