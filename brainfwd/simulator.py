"""The compiled loop: a network moves forward, monitors read it."""

import contextlib
import functools
import math
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.graph import treefy_merge, treefy_split, update_states

from brainfwd._core import checks
from brainfwd._core.fields import ParameterState
from brainfwd._core.module import Module
from brainfwd.monitors import Monitor, as_monitors, period_in_steps
from brainfwd.network import Network
from brainfwd.nodes.base import NeuralMass
from brainfwd.noise.base import key_for
from brainfwd.result import Result, SimulationError

__all__ = ['Simulator']

_CHUNK = 10_000
"""Steps between two looks of the host: long enough that looking costs nothing, short enough to stop a diverged run."""
_PILOT = 4.0 * u.second


class _Plan(NamedTuple):
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


class _Run(Module):
    """A network with its monitors, and the place where it first diverged."""

    def __init__(self, network: Network, monitors: dict[str, Monitor]):
        super().__init__(network.in_size)
        self.network = network
        self.monitors = monitors

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.diverged_at = brainstate.ShortTermState(jnp.full(self.in_size, -1, jnp.int32))

    def seed(self, key: jax.Array) -> None:
        self.network.seed(key)
        for name, monitor in self.monitors.items():
            monitor.seed(key_for(key, f'monitor.{name}'))

    def look(self) -> None:
        """Note the step at which a region is first seen not to be finite."""
        total = sum(jnp.abs(u.get_mantissa(value)) for value in self.network.node.values().values())
        first = ~jnp.isfinite(total) & (self.diverged_at.value < 0)
        self.diverged_at.value = jnp.where(first, self.network.step.value, self.diverged_at.value)


class Simulator:
    """Runs a network and records it.

    Parameters
    ----------
    model : Network or NeuralMass
        A single neural mass runs uncoupled.
    dt : Quantity
        Step of integration. It is given once, here.

    Examples
    --------
    >>> sim = bf.Simulator(bf.JansenRitModel(1), dt=0.1 * u.ms)
    >>> result = sim.run(2 * u.second, sampling_period=1 * u.ms)
    >>> result.times, result['output']
    """

    def __init__(self, model: Network | NeuralMass, dt: u.Quantity):
        if isinstance(model, NeuralMass):
            model = Network(model)
        if not isinstance(model, Network):
            raise TypeError(f'Simulator(model) is a bf.Network or a neural mass; got {type(model).__name__}.')
        self.network = model
        self.dt = checks.quantity(dt, u.ms, 'Simulator.dt', 'the step of integration')
        if np.ndim(self.dt.mantissa) or not 0 < self.dt.mantissa < np.inf:
            raise ValueError(f'Simulator.dt is one time above zero; got {self.dt}.')
        self._check_environment()

    def run(
        self,
        duration: u.Quantity,
        inputs: dict[str, Any] | None = None,
        monitors: Any = None,
        transient: u.Quantity | None = None,
        sampling_period: u.Quantity | None = None,
        seed: int | None = None,
        progress: bool = False,
        resume: Result | None = None,
    ) -> Result:
        """Simulate from the initial state, or from where another run stopped.

        Parameters
        ----------
        duration : Quantity
            How long to record, a whole number of steps.
        inputs : dict, optional
            By the name of an input of the node: a Quantity, (regions,) or for every step (steps, regions); or a function
            of the time in s. Added to coupling and noise.
        monitors : dict, list or str, optional
            What to record: names of variables or methods of the node, functions of the network, forward models, or
            ``bf.Monitor``. The output by default.
        transient : Quantity, optional
            Simulated before recording starts, and left out.
        sampling_period : Quantity, optional
            Time between samples of the monitors that have no period of their own; every step by default.
        seed : int, optional
            Of all noise; a fresh one, noted in the result, by default.
        progress : bool
            Show a progress bar.
        resume : Result, optional
            Continue from where that run, with the same monitors, stopped.

        Returns
        -------
        Result
            Times are counted from the beginning of the simulation; a sample stands at the end of its period.

        Raises
        ------
        SimulationError
            When a region leaves the finite numbers; it names region and time, and holds what was recorded before.
        """
        n_record = self._steps(duration, 'Simulator.run(duration)', least=1)
        n_transient = 0 if transient is None else self._steps(transient, 'Simulator.run(transient)', least=0)
        made = as_monitors(monitors, self.network)
        periods = {name: self._period(name, monitor, sampling_period) for name, monitor in made.items()}
        inputs = self._inputs(inputs or {}, n_transient + n_record)
        seed = secrets.randbits(31) if seed is None else int(seed)
        self._check_environment()
        run = _Run(self.network, made)

        with brainstate.environ.context(dt=self.dt):
            if resume is None:
                begin = 0
                self._pilot(run, periods, inputs, n_transient + n_record, n_transient, seed)
                self._begin(run, seed)
            else:
                begin, seed = resume.n_steps, resume.seed
                _restore(run, resume)
        recorder = _Recorder(run, self.dt, periods, begin, n_transient, seed)
        self._advance(run, recorder, inputs, n_transient + n_record, progress)
        return recorder.result()

    # ---- checks

    def _check_environment(self) -> None:
        other = brainstate.environ.get('dt', None)
        if other is not None:
            other = checks.quantity(other, u.ms, 'brainstate.environ dt', 'the time step')
            if not np.isclose(float(other.mantissa), float(self.dt.mantissa), rtol=1e-9):
                raise ValueError(f'Simulator.dt is {self.dt}, but brainstate.environ has dt={other}: give dt once.')

    def _steps(self, time: Any, where: str, least: int) -> int:
        steps = period_in_steps(time, self.dt, where)
        if steps < least:
            raise ValueError(f'{where} is {least} step(s) of {self.dt} at least; got {time}.')
        return steps

    def _period(self, name: str, monitor: Monitor, sampling_period: Any) -> int:
        where = f'sampling period of the monitor {name!r}'
        period = monitor.sampling_period
        if period is None:
            period = sampling_period
        return 1 if period is None else self._steps(period, where, least=1)

    def _inputs(self, inputs: dict[str, Any], n_steps: int) -> tuple[dict, dict, tuple]:
        """Inputs that stay, that are given for every step, and that are functions of time."""
        node = self.network.node
        fixed, series, functions = {}, {}, []
        for name, value in inputs.items():
            checks.choice(name, node.inputs, 'Simulator.run(inputs)')
            if callable(value):
                functions.append((name, value))
                continue
            where = f'Simulator.run(inputs={{{name!r}: ...}})'
            value = node.inputs[name].check(value, where)
            checks.finite(value, where)
            shape = np.shape(u.get_mantissa(value))
            if shape in ((), (1,), node.in_size):
                fixed[name] = value
            elif len(shape) == 2 and shape[0] == n_steps and shape[1] in (1, node.in_size[-1]):
                series[name] = value
            else:
                raise checks.ShapeError(
                    f'{where} is a number, {node.in_size} (regions,), or {(n_steps, *node.in_size)} (steps, regions); got {shape}.'
                )
        return fixed, series, tuple(functions)

    # ---- the run

    def _pilot(self, run: _Run, periods: dict[str, int], inputs: tuple, n_steps: int, skip: int, seed: int) -> None:
        """Fix noise that is given relative to the signal, by a run without it."""
        relative = {
            name: monitor.forward
            for name, monitor in run.monitors.items()
            if monitor.forward is not None and monitor.forward.needs_pilot
        }
        if not relative:
            return
        with contextlib.ExitStack() as stack:
            for forward in relative.values():
                stack.enter_context(forward.silenced())
            pilot = min(n_steps, skip + period_in_steps(_PILOT, self.dt, 'pilot run'))
            # the first half lets the filters settle
            recorder = _Recorder(run, self.dt, periods, 0, (skip + pilot) // 2, seed)
            self._begin(run, seed)
            self._advance(run, recorder, inputs, pilot)
        for name, forward in relative.items():
            forward.fix_noise(recorder.kept(name))

    @staticmethod
    def _begin(run: _Run, seed: int) -> None:
        run.init_all_states()
        run.seed(jax.random.key(seed, impl='threefry2x32'))

    def _advance(self, run: _Run, recorder: '_Recorder', inputs: tuple, n_steps: int, progress: bool = False) -> None:
        fixed, series, functions = inputs
        block = math.gcd(*recorder.periods.values(), recorder.begin)
        every = tuple((name, period // block) for name, period in recorder.periods.items())
        graph, parameters, states = _taken_apart(run)
        bar = _progress_bar(n_steps, self.dt) if progress else None
        done = 0
        try:
            while done < n_steps:
                blocks = min(max(1, _CHUNK // block), (n_steps - done) // block)
                plan = _Plan(float(self.dt.mantissa), block, blocks, every, functions)
                if not blocks:  # what is left is shorter than a block, and ends without a sample
                    plan = plan._replace(block=n_steps - done, blocks=1, every=())
                steps = plan.block * plan.blocks
                given = {name: value[done : done + steps] for name, value in series.items()}
                states, samples = _forward(graph, plan, parameters, states, fixed, given)
                done += steps
                recorder.take(steps, samples, states)
                if bar is not None:
                    bar.update(steps * float(self.dt.mantissa) / 1000)
        finally:
            if bar is not None:
                bar.close()
            update_states(run, states)


def _loop(graph: Any, plan: _Plan, parameters: Any, states: Any, fixed: dict, series: dict) -> tuple[Any, dict]:
    """Advance by ``plan.blocks`` blocks; the states after them, and samples by monitor, time first; pure."""
    with brainstate.environ.context(dt=plan.dt * u.ms):
        run: _Run = treefy_merge(graph, parameters, states)
        network, begin = run.network, run.network.step.value

        def step(given):
            network.update(**_inputs_at(plan, network.step.value, fixed, given))
            for monitor in run.monitors.values():
                monitor.step(network)

        def block(i, given):
            if plan.block == 1:
                step(jax.tree.map(lambda x: x[0], given))
            else:
                brainstate.transform.for_loop(step, given, length=plan.block)
            run.look()
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
        slow = {name: _rows(run.monitors[name], network, plan.blocks // every + 1) for name, every in plan.every if every > 1}
        by_block = jax.tree.map(lambda x: x.reshape(plan.blocks, plan.block, *x.shape[1:]), series)
        samples = brainstate.transform.for_loop(block, jnp.arange(plan.blocks), by_block)
        samples.update({name: rows.value for name, rows in slow.items()})
        return _taken_apart(run)[2], samples


_forward = jax.jit(_loop, static_argnums=(0, 1))
"""Compiled once for a graph, a plan and the shapes of the rest: parameters and states are inputs."""


def _rows(monitor: Monitor, network: Network, n: int) -> brainstate.State:
    shapes = brainstate.transform.eval_shape(lambda: monitor.sample(network))
    return brainstate.ShortTermState(jax.tree.map(lambda x: jnp.zeros((n, *x.shape), x.dtype), shapes))


def _inputs_at(plan: _Plan, step: Any, fixed: dict, given: dict) -> dict[str, Any]:
    """Inputs of one step; functions of time are read at every stage of the scheme."""
    functions = {
        name: lambda fraction, f=f: f((step + fraction) * (plan.dt / 1000) * u.second) for name, f in plan.functions
    }
    return {**fixed, **given, **functions}


def _taken_apart(run: _Run) -> tuple[Any, Any, Any]:
    """The graph of a run, its parameters and its states.

    brainstate marks states that were written; unmarked, so that a run that was written compiles like a new one.
    """
    graph, parameters, states = treefy_split(run, ParameterState, ...)
    for state in (*parameters.to_flat().values(), *states.to_flat().values()):
        vars(state)['_been_writen'] = False
    return graph, parameters, states


def _restore(run: _Run, resume: Result) -> None:
    run.init_all_states()
    ours, theirs = _taken_apart(run)[2].to_flat(), resume.state.to_flat()
    if set(ours) != set(theirs):
        differ = ', '.join(sorted('.'.join(map(str, path)) for path in set(ours) ^ set(theirs)))
        raise ValueError(f'Simulator.run(resume=...) needs the same network and monitors; these states differ: {differ}.')
    update_states(run, resume.state)


def _progress_bar(n_steps: int, dt: u.Quantity) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError('progress=True needs tqdm: pip install tqdm.') from error
    seconds = n_steps * float(dt.mantissa) / 1000
    shown = '{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s simulated [{elapsed}<{remaining}]'
    return tqdm(total=seconds, desc='brainfwd', bar_format=shown)


class _Recorder:
    """Collects the samples of a run chunk by chunk, and stops a run that diverged."""

    def __init__(self, run: _Run, dt: u.Quantity, periods: dict[str, int], begin: int, skip: int, seed: int):
        self.run, self.dt, self.periods, self.begin, self.skip, self.seed = run, dt, periods, begin, skip, seed
        self.samples: dict[str, list] = {name: [] for name in periods}
        self.now = begin
        self.state: Any = None

    def take(self, steps: int, samples: dict[str, Any], states: Any) -> None:
        """The samples of the next ``steps`` steps, and the states after them."""
        begin, self.now, self.state = self.now, self.now + steps, states
        for name, sample in samples.items():
            period = self.periods[name]
            count = self.now // period - begin // period
            self.samples[name].append(jax.tree.map(lambda x, n=count: np.asarray(x[:n]), sample))
        bad = np.asarray(states['diverged_at'].value)
        if (bad >= 0).any():
            self._diverged(bad)

    def _diverged(self, bad: np.ndarray) -> None:
        regions = bad.reshape(-1, bad.shape[-1]).max(axis=0)
        first = int(regions[regions >= 0].min())
        at = np.flatnonzero(regions == first)
        labels = self.run.network.labels
        names = ', '.join(str(r) if labels is None else f'{r} ({labels[r]})' for r in at[:5])
        more = f' and {len(at) - 5} more' if len(at) > 5 else ''
        time = (first * self.dt).in_unit(u.second)
        self.now = first - 1
        raise SimulationError(
            f'the simulation diverged: region {names}{more} is not finite at t = {float(time.mantissa):g} s. '
            'Take a smaller dt, a weaker coupling or other parameters; .result of this error holds what was recorded before.',
            self.result(),
        )

    def kept(self, name: str) -> Any:
        """The samples of a monitor, time first, less those of the transient."""
        keep = self._kept_steps(name)
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *self.samples[name])
        return jax.tree.map(lambda x: x[: len(keep)][keep > 0], joined)

    def _kept_steps(self, name: str) -> np.ndarray:
        """The step of each sample, 0 for those of the transient."""
        period = self.periods[name]
        steps = period * np.arange(self.begin // period + 1, self.now // period + 1)
        return np.where(steps > self.begin + self.skip, steps, 0)

    def result(self) -> Result:
        records, times = {}, {}
        for name, period in self.periods.items():
            steps = self._kept_steps(name)
            times[name] = u.Quantity(steps[steps > 0] * float(self.dt.mantissa) / 1000, unit=u.second)
            if len(times[name].mantissa):
                sampling_period = (period * self.dt).in_unit(u.second)
                records[name] = self.run.monitors[name].result(self.kept(name), sampling_period, times[name][0])
        return Result(records, times, self.dt, self.seed, self.state, self.now)
