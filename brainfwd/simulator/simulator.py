"""Runs a network and records it."""

import contextlib
import math
import secrets
from collections.abc import Mapping
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np
from brainstate.graph import update_states

from brainfwd._core import checks
from brainfwd._core.fields import constant
from brainfwd._core.keys import as_key, as_seed
from brainfwd.network import Network
from brainfwd.nodes.base import NeuralMass
from brainfwd.simulator.loop import Plan, Run, forward, functions_read, taken_apart
from brainfwd.simulator.monitors import Monitor, as_monitors, period_in_steps
from brainfwd.simulator.pure import Setup, Simulation
from brainfwd.simulator.recorder import Recorder
from brainfwd.simulator.result import Result

__all__ = ['Simulator']

_CHUNK = 10_000
"""Steps between two looks of the host: long enough that looking costs nothing, short enough to stop a diverged run."""
_PILOT = 10.0 * u.second


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
            By the name of an input of the node: a Quantity, (regions,) or for every step (steps, regions); or a
            function of the time in s. Added to coupling and noise.
        monitors : dict, list or str, optional
            What to record: names of variables or methods of the node, functions of the network, forward models, or
            ``bf.Monitor``. The output by default.
        transient : Quantity, optional
            Simulated before recording starts, and left out.
        sampling_period : Quantity, optional
            Time between samples of the monitors that have no period of their own; every step by default.
        seed : int, optional
            Of all noise. By default a fresh one, noted in the result; of a run that continues, the one that it has.
        progress : bool
            Show a progress bar.
        resume : Result, optional
            Continue from where that run, with the same monitors, stopped.

        Notes
        -----
        Noise that a lead field has as ``snr_db`` is fixed as a covariance before the run, by a pilot without noise: the
        transient and 10 s more, or as long as the run if that is shorter, of which the second half counts. A run that
        continues keeps the covariance.

        What a function of the user reads besides brainstate states is compiled in; where it changed, the run compiles
        again. A new value of a parameter does not.

        Returns
        -------
        Result
            Times are counted from the beginning of the simulation; a sample stands at the end of its period.

        Raises
        ------
        SimulationError
            When a region leaves the finite numbers; it names region and time, and holds what was recorded before.
        """
        if not isinstance(resume, Result | None):
            raise TypeError(f'Simulator.run(resume=...) is the result of another run; got {type(resume).__name__}.')
        reseed = seed is not None
        if seed is None:
            seed = secrets.randbits(31) if resume is None else resume.seed
        seed = as_seed(seed, 'Simulator.run(seed)')
        setup = self._setup(duration, inputs, monitors, transient, sampling_period)
        run = setup.run
        with brainstate.environ.context(dt=self.dt):
            if resume is None:
                _check_samples(setup, self.dt)
                begin = 0
                self._pilot(setup, seed)
                self._begin(run, seed)
            else:
                begin = resume.n_steps
                _restore(run, resume, self.dt)
                if reseed:
                    run.seed(as_key(seed, 'seed'))
        recorder = Recorder(run, self.dt, setup.periods, begin, setup.skip, seed)
        self._advance(run, recorder, setup.inputs, setup.n_steps, progress)
        return recorder.result()

    def simulation(
        self,
        duration: u.Quantity,
        inputs: dict[str, Any] | None = None,
        monitors: Any = None,
        transient: u.Quantity | None = None,
        sampling_period: u.Quantity | None = None,
    ) -> 'Simulation':
        """The same run as one pure function of parameters and key: see `Simulation`."""
        setup = self._setup(duration, inputs, monitors, transient, sampling_period)
        for name, monitor in setup.run.monitors.items():
            if monitor.forward is not None and monitor.forward.needs_pilot:
                raise ValueError(f'the noise of {name!r} is relative to a signal: give noise_cov, or run once before.')
        _check_samples(setup, self.dt)
        with brainstate.environ.context(dt=self.dt):
            self._begin(setup.run, 0)
        return Simulation(setup, self.dt)

    # ---- checks

    def _setup(self, duration: Any, inputs: Any, monitors: Any, transient: Any, sampling_period: Any) -> 'Setup':
        """Everything that can be wrong with a run is found here, before it begins."""
        record = self._steps(duration, 'Simulator.run(duration)', least=1)
        skip = 0 if transient is None else self._steps(transient, 'Simulator.run(transient)', least=0)
        made = as_monitors(monitors, self.network)
        periods = {name: self._period(name, monitor, sampling_period) for name, monitor in made.items()}
        self._check_environment()
        self.network.bind()
        return Setup(Run(self.network, made), periods, self._inputs(inputs or {}, skip + record), skip + record, skip)

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
        if not isinstance(inputs, Mapping):
            raise TypeError(f'Simulator.run(inputs) is a dict by the name of an input; got {type(inputs).__name__}.')
        for name, value in inputs.items():
            checks.choice(name, node.inputs, 'Simulator.run(inputs)')
            if callable(value):
                functions.append((name, value))
                continue
            where = f'Simulator.run(inputs={{{name!r}: ...}})'
            value = constant(node.inputs[name].check(value, where))
            checks.finite(value, where)
            shape = np.shape(u.get_mantissa(value))
            if shape in ((), (1,), node.in_size):
                fixed[name] = value
            elif len(shape) == 2 and shape[0] == n_steps and shape[1] in (1, node.in_size[-1]):
                series[name] = value
            else:
                raise checks.ShapeError(
                    f'{where} is a number, {node.in_size} (regions,), or {(n_steps, *node.in_size)} (steps, regions); '
                    f'got {shape}.'
                )
        return fixed, series, tuple(functions)

    # ---- the run

    def _pilot(self, setup: 'Setup', seed: int) -> None:
        """Fix noise that is given relative to the signal, by a run without it."""
        run = setup.run
        forwards = {name: monitor.forward for name, monitor in run.monitors.items() if monitor.forward is not None}
        relative = {name: forward for name, forward in forwards.items() if forward.snr_db is not None}
        if not relative:
            return
        n_steps = min(setup.n_steps, setup.skip + round(_PILOT / self.dt))
        # the first half lets the filters settle
        skip = (setup.skip + n_steps) // 2
        for name in relative:
            if n_steps // setup.periods[name] - skip // setup.periods[name] < 2:
                raise ValueError(
                    f'the noise of {name!r} is relative to its signal, which takes two samples in the second half '
                    'of the run at least: run for longer, or give noise_cov instead of snr_db.'
                )
        recorder = Recorder(run, self.dt, setup.periods, 0, skip, seed)
        with contextlib.ExitStack() as stack:
            for forward in relative.values():
                stack.enter_context(forward.silenced())
            self._begin(run, seed)
            self._advance(run, recorder, setup.inputs, n_steps)
        for name, forward in relative.items():
            forward.fix_noise(recorder.kept(name))

    @staticmethod
    def _begin(run: Run, seed: int) -> None:
        run.init_all_states()
        run.seed(as_key(seed, 'seed'))

    def _advance(self, run: Run, recorder: 'Recorder', inputs: tuple, n_steps: int, progress: bool = False) -> None:
        fixed, series, functions = inputs
        block = math.gcd(*recorder.periods.values(), recorder.begin)
        # no longer than a chunk: a divisor of the period serves as well
        block = next(n for n in range(min(block, _CHUNK), 0, -1) if block % n == 0)
        every = tuple((name, period // block) for name, period in recorder.periods.items())
        graph, parameters, states = taken_apart(run)
        reads = functions_read(run, functions)
        chunk = _chunk(n_steps // block, max(1, _CHUNK // block))
        bar = _progress_bar(n_steps, self.dt) if progress else None
        done = 0
        try:
            while done < n_steps:
                blocks = min(chunk, (n_steps - done) // block)
                plan = Plan(float(self.dt.mantissa), block, blocks, every, functions, reads)
                if not blocks:  # what is left is shorter than a block, and ends without a sample
                    plan = plan._replace(block=n_steps - done, blocks=1, every=())
                steps = plan.block * plan.blocks
                given = {name: value[done : done + steps] for name, value in series.items()}
                states, samples = forward(graph, plan, parameters, states, fixed, given)
                done += steps
                recorder.take(steps, samples, states)
                if bar is not None:
                    bar.update(steps * float(self.dt.mantissa) / 1000)
        finally:
            if bar is not None:
                bar.close()
            update_states(run, states)


def _chunk(blocks: int, most: int) -> int:
    """Blocks between two looks of the host: they divide the run if such a number exists, so that it compiles once."""
    return next((n for n in range(min(most, blocks), most // 4, -1) if blocks % n == 0), most)


def _check_samples(setup: Setup, dt: u.Quantity) -> None:
    for name, period in setup.periods.items():
        if setup.n_steps // period == setup.skip // period:
            raise ValueError(
                f'the monitor {name!r}, sampled every {period * dt}, has no sample between {setup.skip * dt} and '
                f'{setup.n_steps * dt}.'
            )


def _restore(run: Run, resume: Result, dt: u.Quantity) -> None:
    where = 'Simulator.run(resume=...)'
    if resume.state is None:
        raise ValueError(f'{where} is a run that diverged: there is nothing to continue from.')
    if resume.dt != dt:
        raise ValueError(f'{where} was simulated with dt={resume.dt}; this Simulator has dt={dt}.')
    run.init_all_states()
    ours, theirs = (
        {path: _shape(state) for path, state in states.to_flat().items()}
        for states in (taken_apart(run)[2], resume.state)
    )
    for name, monitor in run.monitors.items():
        if monitor.forward is not None and monitor.forward.needs_pilot:
            raise ValueError(f'{where}: the noise of {name!r} is not known: it is fixed when a run begins anew.')
    if ours != theirs:
        differ = ', '.join(sorted('.'.join(map(str, path)) for path, _ in set(ours.items()) ^ set(theirs.items())))
        raise ValueError(f'{where} needs the same network and monitors; these states differ: {differ}.')
    update_states(run, resume.state)


def _shape(state: Any) -> tuple:
    return tuple(np.shape(leaf) for leaf in jax.tree.leaves(state.value))


def _progress_bar(n_steps: int, dt: u.Quantity) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError('progress=True needs tqdm: pip install tqdm.') from error
    seconds = n_steps * float(dt.mantissa) / 1000
    shown = '{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s simulated [{elapsed}<{remaining}]'
    return tqdm(total=seconds, desc='brainfwd', bar_format=shown)
