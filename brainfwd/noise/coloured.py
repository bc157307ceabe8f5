r"""Coloured noise, whose spectrum falls as a power of frequency.

.. math:: S(f) \propto f^{-\beta}, \qquad f_{low} \le f \le f_{high}
"""

import math
from collections.abc import Mapping
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Variable
from brainfwd.noise.base import CorrelatedNoise, NoiseParameter

__all__ = ['ColouredNoise']

_PER_DECADE = 2
_MARGIN = 3.0
"""Corner frequencies reach beyond the band by this factor."""


class ColouredNoise(CorrelatedNoise):
    r"""A mean, and fluctuations with a spectrum of :math:`1/f^\beta` between two frequencies.

    A sum of independent Ornstein-Uhlenbeck processes, two per decade from low/3 to 3 high:

    .. math::
        x = \mu + s \sum_k \sqrt{w_k}\,\eta_k, \qquad \dot\eta_k = -2 \pi f_k\,\eta_k + \sqrt{4 \pi f_k}\,\xi_k,
        \qquad w_k \propto f_k^{1 - \beta}

    with the weights of the first and the last as large as those of all the processes that would lie beyond them, and
    :math:`\sum w_k = 1`. In the band the spectrum keeps within 4 % of the power law for exponents from 0.5 to 1.5, and
    within 7 % for all; below it is flat, above it falls as :math:`1/f^2`. ``std`` is that of all frequencies
    together, and exact for any dt: every process is stepped exactly, and started in its stationary distribution.

    An exponent of 0 is `WhiteNoise`, one of 2 `OrnsteinUhlenbeck`. A draw per process and region makes it the more
    costly the wider the band: seven from 1 to 100 Hz.

    Parameters
    ----------
    mean, std : Quantity
        In the unit of the input that the noise feeds; numbers, or one per region.
    exponent : float
        :math:`\beta`, above 0 and below 2; a number, or one per region.
    low, high : Quantity
        The band; numbers, or one per region. How many processes there are is settled when the noise is made: later
        values stretch what there is.

    References
    ----------
    Kaulakys, Gontis & Alaburda (2005), Phys. Rev. E 71, 051105: 1/f noise as a sum of Lorentzians.
    """

    exponent = NoiseParameter('exponent of the spectrum', positive=True)
    low = NoiseParameter('lowest frequency of the power law', positive=True)
    high = NoiseParameter('highest frequency of the power law', positive=True)

    def __init__(
        self,
        mean: Any,
        std: Any,
        exponent: Any = 1.0,
        low: Any = 1.0 * u.Hz,
        high: Any = 100.0 * u.Hz,
        *,
        name: str | None = None,
    ):
        super().__init__(mean=mean, std=std, exponent=exponent, low=low, high=high, name=name)
        edges = (checks.quantity(f, u.Hz, f'ColouredNoise.{edge}') for edge, f in (('high', high), ('low', low)))
        ratio = np.divide(*(np.asarray(f.mantissa, float) for f in edges))
        if not np.all(ratio > 1):
            raise ValueError(f'ColouredNoise.low is below high; got {low} and {high}.')
        self.n_processes = math.ceil(_PER_DECADE * math.log10(_MARGIN**2 * np.max(ratio)) - 1e-9) + 1

    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """Mean and spread in the unit of the input, the band in Hz; a variable is an error."""
        exponent = u.get_mantissa(self.exponent)
        if not isinstance(exponent, jax.core.Tracer) and np.max(exponent) >= 2:
            raise ValueError(f'ColouredNoise.exponent is below 2; got {np.max(exponent):g}: use OrnsteinUhlenbeck.')
        return {**super().units(target, state), 'exponent': u.UNITLESS, 'low': u.Hz, 'high': u.Hz}

    def draw(self, step: Any) -> jax.Array:
        """A number per process and region."""
        return self.normal(step, self.n_processes)

    def _corners(self) -> jax.Array:
        """Corner frequencies in Hz, (processes, 1), (processes, regions) or (batch, processes, regions)."""
        low, high = _by_process(self.low.mantissa) / _MARGIN, _by_process(self.high.mantissa) * _MARGIN
        return low * (high / low) ** (np.arange(self.n_processes)[:, None] / (self.n_processes - 1))

    def relaxation(self, dt: u.Quantity) -> Any:
        """One step over the time constant of each process, which its corner frequency gives."""
        return 2 * np.pi * self._corners() * dt.in_unit(u.second).mantissa

    def mixed(self, eta: jax.Array) -> jax.Array:
        """The weighted sum of all processes."""
        corners, exponent = self._corners(), _by_process(self.exponent)
        lowest = corners[..., :1, :]
        ratio = corners[..., 1:2, :] / lowest
        first, last = np.eye(self.n_processes)[[0, -1], :, None]
        # the sum of all that would lie beyond: geometric series
        beyond = 1 - first * ratio ** (exponent - 2) - last * ratio**-exponent
        weights = (corners / lowest) ** (1 - exponent) / beyond
        weights = jnp.asarray(weights / weights.sum(axis=-2, keepdims=True), eta.dtype)
        return (jnp.sqrt(weights) * eta).sum(axis=-2)


def _by_process(value: Any) -> Any:
    """With an axis for the processes, where a batch stands before the regions."""
    return value[..., None, :] if np.ndim(value) > 1 else value
