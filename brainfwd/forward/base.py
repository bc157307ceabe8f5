"""What every forward model shares: how a simulation reads it."""

from abc import abstractmethod
from typing import Any, ClassVar

import brainunit as u

from brainfwd._core.module import Module

__all__ = ['ForwardModel']


class ForwardModel(Module):
    """What sensors see of a network.

    A simulation calls `step` at every step of integration with what the model sees of the network, its ``source``, and
    `sample` once per ``sampling_period``, both inside ``jit`` and ``scan``; `recording` wraps the samples of a run.
    """

    source: ClassVar[str] = 'output'
    """What it sees of a network, unless a monitor says otherwise."""
    limit: ClassVar[str] = ''
    """What makes its samples not finite while those of the network are, for the error of a simulation: ': ...'."""
    sampling_period: u.Quantity
    snr_db: float | None = None
    """Noise relative to the signal, which a pilot run has to show first."""

    @property
    def needs_pilot(self) -> bool:
        """Whether something has to be taken from a pilot run first; see `LeadFieldModel.fix_noise`."""
        return False

    @abstractmethod
    def step(self, x: Any) -> None:
        """Take in what the network gives out after one step of integration, (regions,) or (batch, regions)."""

    @abstractmethod
    def sample(self) -> Any:
        """What the sensors show now."""

    @abstractmethod
    def recording(self, values: Any, sampling_period: Any = None, start: Any = 0.0 * u.second) -> Any:
        """The samples of a run, time first, as the user gets them."""

    def seed(self, key: Any) -> None:
        """Set the random numbers; a model without noise has none."""
