"""Frozen noise."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import FixedState, Input, Parameter
from brainfwd._core.keys import as_seed
from brainfwd.stimuli.base import Amplitude, TimeCourse
from brainfwd.stimuli.clock import cycles

__all__ = ['Noise']


class Noise(TimeCourse):
    r"""Noise of a band, the same in every run: frozen by its seed, whatever the seed of the run and the step.

    .. math::
        s(t) = \sigma \sum_{m=1}^{M} a_m \cos 2 \pi f_m t + b_m \sin 2 \pi f_m t, \qquad a_m, b_m \sim N(0, 1)

    scaled so that :math:`\sigma` is its standard deviation over time. There is one frequency in each of M equal parts
    of the band, at a random place, so that nothing repeats. Gaussian, and flat within the band. In stretches longer
    than :math:`M / (f_{high} - f_{low})` a spectrum resolves the single frequencies.

    Parameters
    ----------
    std : Quantity
        :math:`\sigma`, in the unit of what it feeds; a number, or one per region.
    low, high : Quantity
        The band.
    seed : int
        Which noise; a new one does not compile again.
    onset : Quantity
        When it begins, rounded to the nearest step.
    independent : bool
        Whether every region has its own; one noise for all by default.
    n_frequencies : int
        M.
    regions : array or list, optional
        Indices, a mask, or weights: see `TimeCourse`.

    References
    ----------
    Shinozuka & Deodatis (1991), Appl. Mech. Rev. 44, 191-204: Gaussian processes as sums of harmonics.
    """

    std = Amplitude('standard deviation of the noise')
    low = Parameter(0.0 * u.Hz, 'lowest frequency', per_region=False)
    high = Parameter(1.0 * u.Hz, 'highest frequency', per_region=False, positive=True)

    def __init__(
        self,
        std: Any,
        low: Any,
        high: Any,
        seed: int = 0,
        onset: Any = 0.0 * u.ms,
        *,
        independent: bool = False,
        n_frequencies: int = 256,
        regions: Any = None,
        name: str | None = None,
    ):
        super().__init__(std=std, low=low, high=high, onset=onset, regions=regions, name=name)
        self.independent = independent
        self.n_frequencies = checks.positive_int(n_frequencies, 'Noise.n_frequencies')
        self.seed = seed

    @property
    def seed(self) -> int:
        """Which noise."""
        return int(self._seed.value)

    @seed.setter
    def seed(self, seed: int) -> None:
        # a state, or compiled code would take it for a part of itself
        self._seed = FixedState(np.asarray(as_seed(seed, 'Noise.seed'), np.int32))
        self._draw(1)

    def _draw(self, n: int) -> None:
        rng = np.random.default_rng(self.seed)
        places = (np.arange(self.n_frequencies) + rng.uniform(size=self.n_frequencies)) / self.n_frequencies
        waves = rng.normal(size=(n, 2 * self.n_frequencies)).T
        self._places = FixedState(places)
        self._waves = FixedState(waves * np.sqrt(2 / np.sum(waves**2, axis=0)))

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check every parameter against the input that is fed, and draw the noise of every region."""
        super().bind(in_size, field, where)
        for name in ('low', 'high', 'onset'):
            checks.shape_is(getattr(self, name), (), f'{where} Noise.{name}')
        checks.non_negative(self.low, f'{where} Noise.low')
        if self.low >= self.high:
            raise ValueError(f'{where} Noise.low is below high; got {self.low} and {self.high}.')
        self._draw(in_size[-1] if self.independent else 1)

    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The sum of all waves."""
        frequencies = self.low + (self.high - self.low) * self._places.value
        _, part = cycles(frequencies, n, fraction, dt)
        angle = 2 * np.pi * (part - jnp.floor(part))
        waves = jnp.concatenate([jnp.cos(angle), jnp.sin(angle)])
        total = jnp.matmul(waves, jnp.asarray(self._waves.value), precision='highest')
        return self.std * (total if self.independent else total[0])
