"""What is kept of a run, chunk by chunk."""

from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd.simulator.loop import Divergence, Run
from brainfwd.simulator.result import Result, SimulationError
from brainfwd.simulator.state import SimulationState

__all__ = ['Recorder']


class Recorder:
    """Collects the samples of a run chunk by chunk, and stops a run that diverged."""

    def __init__(
        self,
        run: Run,
        dt: u.Quantity,
        periods: dict[str, int],
        begin: int,
        skip: int,
        seed: Any,
        batch_size: int | None = None,
    ):
        self.run, self.dt, self.periods, self.begin, self.skip, self.seed = run, dt, periods, begin, skip, seed
        self.batch_size = batch_size
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

    def check(self, begin: int) -> None:
        """Stop where the network is finite, and a monitor is not, in the chunk that was taken last."""
        for name, samples_now in self.samples.items():
            if self.run.monitors[name].forward is None:  # a function of the user may mask
                continue
            for values in jax.tree.leaves(samples_now[-1:]):
                if not np.isfinite(values).all():
                    self._not_finite(name, values, begin)

    def _not_finite(self, name: str, values: np.ndarray, begin: int) -> None:
        """A network that is finite, seen by a monitor that is not."""
        sample, *where = np.argwhere(~np.isfinite(values))[0]
        period = self.periods[name]
        self.now = period * (begin // period + int(sample) + 1)
        time = float((self.now * self.dt).in_unit(u.second).mantissa)
        self.now, self.state = self.now - period, None
        forward = self.run.monitors[name].forward
        limit = '' if forward is None else forward.limit
        if not isinstance(self.run.monitors[name].source, str):
            limit += ', or its source= gave what is not finite'
        raise SimulationError(
            f'the monitor {name!r} is not finite at t = {time:g} s, first at index {tuple(map(int, where))}: the '
            f'network is, so that its activity is beyond what the monitor can take{limit}. .result of this error holds '
            'what was recorded before.',
            self.result(),
        )

    def diverged(self, found: Divergence) -> None:
        """Stop: the network left the finite numbers in the chunk that was taken last."""
        step, size = (np.asarray(each).reshape(-1, np.shape(each)[-1]) for each in found)
        # a search that rounds in another way may stay finite: the end of the chunk then is all that is known
        step = step if (step >= 0).any() else np.full_like(step, self.now)
        first = int(step[step >= 0].min())
        member = int((step == first).any(axis=1).argmax())
        at = np.flatnonzero(step[member] == first)
        region = at[size[member][at].argmax()]
        labels = self.run.network.labels
        name = f'{region}' if labels is None else f'{region} ({labels[region]})'
        name += '' if self.batch_size is None else f' of member {member}'
        others = f', nor what was smaller before ({len(at) - 1} of the others)' if len(at) > 1 else ''
        time = (first * self.dt).in_unit(u.second)
        self.now, self.state = first - 1, None
        raise SimulationError(
            f'the simulation diverged: region {name} is not finite at t = {float(time.mantissa):g} s{others}. '
            'Take a smaller dt, a weaker coupling or other parameters; .result of this error holds what was recorded '
            'before.',
            self.result(),
            None if self.batch_size is None else member,
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
        """What was recorded so far, as the user gets it."""
        records, times = {}, {}
        for name, period in self.periods.items():
            steps = self._kept_steps(name)
            times[name] = u.Quantity(steps[steps > 0] * float(self.dt.mantissa) / 1000, unit=u.second)
            if len(times[name].mantissa):
                sampling_period = (period * self.dt).in_unit(u.second)
                records[name] = self.run.monitors[name].result(
                    self.kept(name), sampling_period, times[name][0], batched=self.batch_size is not None
                )
        state = None
        if self.state is not None:
            state = SimulationState.of(self.run, self.state, self.dt, self.now, self.seed, self.batch_size)
        return Result(records, times, self.dt, self.seed, state, self.now)
