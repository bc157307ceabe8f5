"""Going on from where another run stopped."""

from os import PathLike
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.keys import keys_of
from brainfwd.simulator.loop import Run
from brainfwd.simulator.result import Result
from brainfwd.simulator.state import SimulationState, load_state

__all__ = ['restore', 'state_of']


def state_of(resume: Any) -> SimulationState | None:
    """The state to go on from, of whatever holds one; None to begin anew."""
    if isinstance(resume, str | PathLike):
        return load_state(resume)
    if isinstance(resume, Result):
        if resume.state is None:
            raise ValueError('Simulator.run(resume=...) is a run that diverged: there is nothing to continue from.')
        return resume.state
    if not isinstance(resume, SimulationState | None):
        raise TypeError(
            f'Simulator.run(resume=...) is the result of another run, its state, or a file that it was saved to; got '
            f'{type(resume).__name__}.'
        )
    return resume


def restore(run: Run, state: SimulationState, dt: u.Quantity, batch_size: int | None) -> None:
    """Put a run into a state, which has to be of this model, step and size."""
    where = 'Simulator.run(resume=...)'
    if not np.isclose(float(state.dt.mantissa), float(dt.mantissa), rtol=1e-9):
        raise ValueError(f'{where} was simulated with dt={state.dt}; this Simulator has dt={dt}.')
    for name, monitor in run.monitors.items():
        if monitor.forward is not None and monitor.forward.needs_pilot:
            raise ValueError(f'{where}: the noise of {name!r} is not known: it is fixed when a run begins anew.')
    state.check_model(run, batch_size, where)
    run.init_all_states(batch_size=batch_size)
    run.seed(keys_of(state.seed))  # so that the keys of sensors have the shape that they had
    state.restore(run, where)
