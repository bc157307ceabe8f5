"""Noise of the sensors themselves."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd.forward.background.base import Background, Band, white
from brainfwd.forward.lead_field.sensor_noise import factor_of
from brainfwd.records import Channels, NoiseCovariance

__all__ = ['IndependentNoise']


@dataclass(frozen=True, eq=False)
class IndependentNoise(Background):
    """Noise of a covariance, independent from sample to sample: white up to half the sampling rate.

    It arises behind the filters of the recording, and passes none.

    Parameters
    ----------
    noise_cov : NoiseCovariance
        Of each sample.
    """

    noise_cov: NoiseCovariance

    def __post_init__(self):
        if not isinstance(self.noise_cov, NoiseCovariance):
            raise TypeError(f'IndependentNoise(noise_cov) is a NoiseCovariance; got {type(self.noise_cov).__name__}.')

    @property
    def channels(self) -> Channels:
        """The sensors of the covariance."""
        return self.noise_cov.channels

    @functools.cached_property
    def _factor(self) -> np.ndarray:
        return factor_of(self.noise_cov.matrix_si)

    def check_period(self, seconds: float, where: str) -> None:
        """Any will do."""

    def draw(self, key: jax.Array, n_times: int, seconds: float, passed: Band) -> jax.Array:
        drawn = white(self.own(key), len(self.channels), n_times)
        factor = jnp.asarray(self._factor, drawn.dtype)
        return jnp.einsum('ct,sc->ts', drawn, factor, precision=jax.lax.Precision.HIGHEST)

    def covariance_si(self, seconds: float, passed: Band, within: tuple[float, float]) -> np.ndarray:
        return self.noise_cov.matrix_si * 2 * seconds * (within[1] - within[0])
