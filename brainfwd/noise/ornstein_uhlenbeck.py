r"""Ornstein-Uhlenbeck noise.

.. math:: \tau\,\dot x = \mu - x + \sqrt{2 \tau}\,s\,\xi(t)
"""

from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core.fields import Input, Variable
from brainfwd.noise.base import NoiseParameter, ProcessNoise

__all__ = ['OrnsteinUhlenbeck']


class OrnsteinUhlenbeck(ProcessNoise):
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

    mean = NoiseParameter('mean of the noise')
    std = NoiseParameter('stationary standard deviation')
    tau = NoiseParameter('time constant of the noise', positive=True)

    def __init__(self, mean: Any, std: Any, tau: Any, *, name: str | None = None):
        super().__init__(mean=mean, std=std, tau=tau, name=name)

    def units(self, target: Variable | Input) -> dict[str, u.Unit]:
        """Mean and spread in the unit of the input; a variable is an error."""
        if isinstance(target, Variable):
            raise ValueError(
                f'OrnsteinUhlenbeck feeds an input; {target.name} is a variable, which takes bf.noise.WhiteNoise.'
            )
        return {'mean': target.unit, 'std': target.unit, 'tau': u.ms}

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Begin in the stationary distribution."""
        super().init_state(batch_size=batch_size)
        self.eta = brainstate.ShortTermState(self._first())

    def seed(self, key: Any) -> None:
        """Set the key, and draw the first value from the stationary distribution."""
        super().seed(key)
        self.eta.value = self._first()

    def _first(self) -> jax.Array:
        return self.normal(jnp.iinfo(jnp.int32).max)  # a step that no run reaches

    @property
    def value(self) -> Any:
        """The noise now, in the unit of what it feeds."""
        return self.mean + self.std * self.eta.value

    def advance(self, step: Any, dt: u.Quantity) -> None:
        """Step the fluctuation over one dt."""
        x = jnp.asarray(dt / self.tau, self.eta.value.dtype)
        # expm1, or a long tau loses its digits
        self.eta.value += jnp.expm1(-x) * self.eta.value + jnp.sqrt(-jnp.expm1(-2 * x)) * self.normal(step)
