r"""Ornstein-Uhlenbeck noise.

.. math:: \tau\,\dot x = \mu - x + \sqrt{2 \tau}\,s\,\xi(t)
"""

from collections.abc import Mapping
from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Variable
from brainfwd.noise.base import CorrelatedNoise, NoiseParameter

__all__ = ['OrnsteinUhlenbeck']


class OrnsteinUhlenbeck(CorrelatedNoise):
    r"""A mean, and fluctuations of stationary standard deviation ``std`` that forget with time constant ``tau``.

    Stepped exactly, :math:`\eta' = e^{-dt/\tau}\,\eta + \sqrt{1 - e^{-2 dt/\tau}}\,N(0, 1)`, and started in its
    stationary distribution. The state :math:`\eta` has unit variance: mean and spread may change between runs and act
    at once.

    Parameters
    ----------
    mean, std : Quantity
        In the unit of what the noise feeds; numbers, or one per region.
    tau : Quantity
        Time constant.
    """

    tau = NoiseParameter('time constant of the noise', positive=True)

    def __init__(self, mean: Any, std: Any, tau: Any, *, name: str | None = None):
        super().__init__(mean=mean, std=std, tau=tau, name=name)

    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """Mean and spread in the unit of the input; a variable is an error."""
        return {**super().units(target, state), 'tau': u.ms}

    def relaxation(self, dt: u.Quantity) -> Any:
        """One step over the time constant."""
        return dt / self.tau
