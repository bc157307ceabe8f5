"""Runs a network and records it."""

import contextlib
import math
import secrets
from collections.abc import Sequence
from os import PathLike
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np
from brainstate.graph import update_states

from brainfwd._core import checks
from brainfwd._core.keys import keys_of
from brainfwd.network import Network
from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.group import Group, modules_of
from brainfwd.simulator.inputs import checked_inputs, checked_seed
from brainfwd.simulator.loop import Plan, Run, forward, functions_read, taken_apart
from brainfwd.simulator.monitors import Monitor, as_monitors, period_in_steps
from brainfwd.simulator.pure import Setup, Simulation
from brainfwd.simulator.recorder import Recorder
from brainfwd.simulator.result import Result
from brainfwd.simulator.resume import restore, state_of
from brainfwd.simulator.state import SimulationState

__all__ = ['Simulator']

_CHUNK = 40_000
"""Steps between two looks of the host, at most: long enough that looking costs nothing, short enough to stop a run that
diverged."""
_WORK = 4e9
"""Products of weights and sources between two looks, at most: a few seconds."""
_VALUES = 2**24
"""Values of a monitor that records every step between two looks, at most: 64 MiB in single precision."""


class Simulator:
    """Runs a network and records it.

    Parameters
    ----------
    model : Network, NeuralMass or Group
        A neural mass, or a group of them, runs uncoupled.
    dt : Quantity
        Step of integration. It is given once, here.

    Examples
    --------
    >>> sim = bf.Simulator(bf.JansenRitModel(1), dt=0.1 * u.ms)
    >>> result = sim.run(2 * u.second, sampling_period=1 * u.ms)
    >>> result.times, result['output']
    """

    def __init__(self, model: Network | NeuralMass | Group, dt: u.Quantity):
        if isinstance(model, NeuralMass | Group):
            model = Network(model)
        if not isinstance(model, Network):
            raise TypeError(f'Simulator(model) is a bf.Network or a neural mass; got {checks.kind(model)}.')
        self.network = model
        self.dt = checks.quantity(dt, u.ms, 'Simulator.dt', 'the step of integration')
        if np.ndim(self.dt.mantissa) or not 0 < self.dt.mantissa < np.inf:
            raise ValueError(f'Simulator.dt is one time above zero; got {self.dt}.')
        self._check_environment()

    def run(
        self,
        duration: u.Quantity,
        *,
        inputs: dict[str, Any] | None = None,
        monitors: Any = None,
        transient: u.Quantity | None = None,
        sampling_period: u.Quantity | None = None,
        seed: int | Sequence[int] | None = None,
        batch_size: int | None = None,
        pilot: u.Quantity = 10.0 * u.second,
        progress: bool = False,
        resume: Result | SimulationState | str | PathLike | None = None,
    ) -> Result:
        """Simulate from the initial state, or from where another run stopped.

        Parameters
        ----------
        duration : Quantity
            How long to record, a whole number of steps.
        inputs : dict, optional
            By the name of an input of the node: a Quantity, (regions,) or for every step (steps, regions); a stimulus
            of ``bf.stimuli``; or a function of the time in s. Added to coupling and noise.
        monitors : dict, list or str, optional
            What to record: names of variables or methods of the node, functions of the network, forward models, or
            ``bf.Monitor``. The output by default.
        transient : Quantity, optional
            Simulated before recording starts, and left out.
        sampling_period : Quantity, optional
            Time between samples of the monitors that have no period of their own; every step by default.
        seed : int or list of int, optional
            Of all noise. By default a fresh one, noted in the result; of a run that continues, the one that it has. A
            list has a seed for every member of a batch, which is then the run alone with that seed. Given to a run that
            continues, noise with memory goes on from the value that it has.
        batch_size : int, optional
            So many runs at once. They differ in their noise, and in the parameters, initial values and inputs that are
            given as (batch, 1) or (batch, regions); a series is (steps, batch, regions). Connections and delays are
            the same for all.
        pilot : Quantity
            How much of the recording noise that is given as ``snr_db`` is relative to, from the end of the transient
            on: all of it, where it is no longer than that. A signal that comes later does not count.
        progress : bool
            Show a progress bar.
        resume : Result, SimulationState or path, optional
            Continue from where that run, with the same monitors, stopped, all members of a batch; or from a file that
            its state was saved to.

        Notes
        -----
        Noise that a lead field has as ``snr_db`` is fixed as a covariance before the run, by a pilot: the same run
        without sensor noise, as far as ``pilot``. In a batch it is one covariance for all, relative to the mean of
        their signals. A run that continues keeps the covariance.

        What a function of the user reads besides brainstate states is compiled in; where it changed, the run compiles
        again (an array that was changed in place is not noticed: make a new one). A new value of a parameter does not.

        Returns
        -------
        Result
            Times are counted from the beginning of the simulation; a sample stands at the end of its period.

        Raises
        ------
        SimulationError
            When a region leaves the finite numbers; it names region and time, and holds what was recorded before.
        """
        before = state_of(resume)
        begin = 0 if before is None else before.n_steps
        reseed = seed is not None
        if seed is None:
            seed = secrets.randbits(31) if before is None else before.seed
        if batch_size is None and before is not None:
            batch_size = before.batch_size
        seed, batch_size = checked_seed(seed, batch_size)
        setup = self._setup(duration, inputs, monitors, transient, sampling_period, batch_size, begin)
        # no more than a limit: rounded up to steps
        pilot_steps = math.ceil(float(checks.quantity(pilot, u.ms, 'Simulator.run(pilot)') / self.dt) - 1e-6)
        if pilot_steps < 1:
            raise ValueError(f'Simulator.run(pilot) is one step of {self.dt} at least; got {pilot}.')
        run = setup.run
        with brainstate.environ.context(dt=self.dt):
            if before is None:
                _check_samples(setup, self.dt)
                self._pilot(setup, seed, pilot_steps)
                self._begin(run, seed, batch_size)
            else:
                restore(run, before, self.dt, batch_size)
                if reseed:
                    run.seed(keys_of(seed), begin=False)
        recorder = Recorder(run, self.dt, setup.periods, begin, setup.skip, seed, batch_size)
        self._advance(run, recorder, setup.inputs, setup.n_steps, progress)
        return recorder.result()

    def simulation(
        self,
        duration: u.Quantity,
        *,
        inputs: dict[str, Any] | None = None,
        monitors: Any = None,
        transient: u.Quantity | None = None,
        sampling_period: u.Quantity | None = None,
        batch_size: int | None = None,
    ) -> 'Simulation':
        """The same run as one pure function of parameters and key: see `Simulation`."""
        setup = self._setup(duration, inputs, monitors, transient, sampling_period, batch_size)
        for name, monitor in setup.run.monitors.items():
            if monitor.forward is not None and monitor.forward.needs_pilot:
                raise ValueError(f'the noise of {name!r} is relative to a signal: give noise_cov, or run once before.')
        _check_samples(setup, self.dt)
        with brainstate.environ.context(dt=self.dt):
            self._begin(setup.run, 0, batch_size)
        return Simulation(setup, self.dt)

    def __repr__(self) -> str:
        return f'Simulator({self.network}, dt={self.dt})'

    # ---- checks

    def _setup(
        self,
        duration: Any,
        inputs: Any,
        monitors: Any,
        transient: Any,
        sampling_period: Any,
        batch_size: int | None = None,
        begin: int = 0,
    ) -> 'Setup':
        """Everything that can be wrong with a run is found here, before it begins."""
        if batch_size is not None:
            batch_size = checks.positive_int(batch_size, 'Simulator.run(batch_size)')
        record = self._steps(duration, 'Simulator.run(duration)', least=1)
        skip = 0 if transient is None else self._steps(transient, 'Simulator.run(transient)', least=0)
        made = as_monitors(monitors, self.network)
        periods = {name: self._period(name, monitor, sampling_period) for name, monitor in made.items()}
        self._check_environment()
        self.network.bind()
        self._check_batch(batch_size)
        n_steps = skip + record
        if begin == 0:
            self._check_delays(n_steps)
        stimuli, *given = checked_inputs(inputs or {}, self.network.node, self.dt, n_steps, batch_size, begin)
        return Setup(Run(self.network, made, stimuli), periods, tuple(given), n_steps, skip, batch_size)

    def _check_batch(self, batch_size: int | None) -> None:
        """Parameters that differ between members have a row for each."""
        network = self.network
        for module in (*modules_of(network.node), *network.coupling, *network.noise.values()):
            for name, field in module.parameter_fields.items():
                value = getattr(module, name)
                if field.by_region and value is not None:
                    checks.members(value, network.in_size, batch_size, field.where(module))

    def _check_delays(self, n_steps: int) -> None:
        for coupling in self.network.coupling:
            longest = coupling.longest_delay
            if longest is not None and longest > n_steps * self.dt:
                raise ValueError(
                    f'{type(coupling).__name__} has a delay of {float(longest.mantissa):g} ms, longer than the run, '
                    f'{n_steps * self.dt}, in which it would not act: run for longer, or check the unit of its lengths.'
                )

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

    # ---- the run

    def _pilot(self, setup: 'Setup', seed: Any, steps: int) -> None:
        """Fix noise that is given relative to the signal, by a run without it."""
        run = setup.run
        forwards = {name: monitor.forward for name, monitor in run.monitors.items() if monitor.forward is not None}
        relative = {name: forward for name, forward in forwards.items() if forward.snr_db is not None}
        if not relative:
            return
        n_steps = min(setup.n_steps, setup.skip + steps)
        for name in relative:
            if n_steps // setup.periods[name] - setup.skip // setup.periods[name] < 2:
                raise ValueError(
                    f'the noise of {name!r} is relative to its signal, which takes two samples at least: run (or let '
                    'the pilot run) for longer, or give noise_cov instead of snr_db.'
                )
        recorder = Recorder(run, self.dt, setup.periods, 0, setup.skip, seed, setup.batch_size)
        with contextlib.ExitStack() as stack:
            for forward in relative.values():
                stack.enter_context(forward.silenced())
            self._begin(run, seed, setup.batch_size)
            self._advance(run, recorder, setup.inputs, n_steps)
        for name, forward in relative.items():
            samples = recorder.kept(name)
            if setup.batch_size is not None:  # (time, batch, sensors) so far
                samples = jax.tree.map(lambda x: np.moveaxis(x, 1, 0), samples)
            forward.fix_noise(samples)

    @staticmethod
    def _begin(run: Run, seed: Any, batch_size: int | None = None) -> None:
        run.init_all_states(batch_size=batch_size)
        run.seed(keys_of(seed))

    def _longest_chunk(self, batch_size: int | None) -> int:
        """Steps that are compiled together."""
        n, members = self.network.in_size[-1], batch_size or 1
        return int(max(1, min(_CHUNK, _WORK / (n**2 * members), _VALUES / (n * members))))

    def _advance(self, run: Run, recorder: 'Recorder', inputs: tuple, n_steps: int, progress: bool = False) -> None:
        fixed, series, functions = inputs
        block = math.gcd(*recorder.periods.values(), recorder.begin)
        most = self._longest_chunk(recorder.batch_size)
        # no longer than a chunk: a divisor of the period serves as well
        block = next(n for n in range(min(block, most), 0, -1) if block % n == 0)
        every = tuple((name, period // block) for name, period in recorder.periods.items())
        graph, parameters, states = taken_apart(run)
        reads = functions_read(run, functions)
        chunk = _chunk(n_steps // block, max(1, most // block))
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
                before, (states, samples, finite) = states, forward(graph, plan, parameters, states, fixed, given)
                done += steps
                begin = recorder.now
                recorder.take(steps, samples, states)
                if not finite:  # once more, looking at every step
                    search = plan._replace(search=True)
                    recorder.diverged(forward(graph, search, parameters, before, fixed, given)[2])
                recorder.check(begin)
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


def _progress_bar(n_steps: int, dt: u.Quantity) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError('progress=True needs tqdm: pip install tqdm.') from error
    seconds = n_steps * float(dt.mantissa) / 1000
    shown = '{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s simulated [{elapsed}<{remaining}]'
    return tqdm(total=seconds, desc='brainfwd', bar_format=shown)
