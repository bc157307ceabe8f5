"""What a run of a Simulator gives back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import numpy as np

from brainfwd.simulator.state import SimulationState

__all__ = ['Result', 'SimulationError']


class SimulationError(RuntimeError):
    """A simulation that left the finite numbers.

    ``result`` holds what was recorded before, and ``member`` says which of a batch it was.
    """

    def __init__(self, message: str, result: 'Result', member: int | None = None):
        super().__init__(message)
        self.result = result
        self.member = member


@dataclass(frozen=True, eq=False)
class Result(Mapping):
    """What the monitors of a run recorded, by name: Quantities with time first; recordings of sensors for lead fields.

    Of a batch, Quantities are (batch, time, regions), and recordings a list of one per member.

    Attributes
    ----------
    dt : Quantity
        Step of integration.
    seed : int or list of int
        The seed of the run, or of each member; another run with it gives the same numbers.
    state : SimulationState
        Where the run stopped: ``run(..., resume=result)`` continues from there; ``result.state.save(path)`` keeps it.
        None where it diverged.
    """

    records: dict[str, Any]
    sample_times: dict[str, Any]
    dt: Any
    seed: Any
    state: SimulationState | None = field(repr=False, default=None)
    n_steps: int = 0

    def __getitem__(self, name: str) -> Any:
        if name in self.sample_times and name not in self.records:
            raise KeyError(f'{name!r} has no sample in this run, which is shorter than its sampling period.')
        if name not in self.records:
            raise KeyError(f'{name!r} was not recorded: there is {", ".join(map(repr, self.records))}.')
        return self.records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def times(self) -> Any:
        """Times of the samples, when all monitors share them."""
        each = list(self.sample_times.values())
        if any(not np.array_equal(each[0].mantissa, other.mantissa) for other in each[1:]):
            raise ValueError(
                f'the monitors {", ".join(self.records)} were sampled at different times: write result.times_of(name).'
            )
        return each[0]

    def times_of(self, name: str) -> Any:
        """Times of the samples of one monitor, in s since the simulation began."""
        return self.sample_times[name]

    @property
    def stop(self) -> Any:
        """Time at which the run stopped."""
        return (self.n_steps * self.dt).in_unit(u.second)

    def __repr__(self) -> str:
        shown = ', '.join(f'{name}: {np.shape(self.sample_times[name].mantissa)[0]} samples' for name in self.records)
        return f'Result({shown}; dt={self.dt}, seed={self.seed})'
