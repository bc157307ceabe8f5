"""Noise of the brain: what sources that are not of interest send to the sensors."""

import functools
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.background.base import Background, Band, band_pass, coloured, fft_length
from brainfwd.forward.lead_field.sensor_noise import factor_of
from brainfwd.records import Channels, LeadField

__all__ = ['BrainNoise']

_BLOCK = 512


@dataclass(frozen=True, eq=False)
class BrainNoise(Background):
    r"""Sources everywhere whose spectrum falls as a power of frequency, seen through a head.

    .. math::
        x = G a\,\eta, \qquad S_\eta(f) \propto \max(f, f_{low})^{-\beta} \;\text{ up to }\; f_{high}, \qquad
        \operatorname{corr}(\eta_i, \eta_j) = e^{-d_{ij}/\ell}

    Moments along the normals with a lead field of fixed orientation, and independent ones along x, y and z with a free
    one. All sources have the same spectrum, so that the noise is drawn at the sensors, of covariance
    :math:`G a\,C_\eta\,a\,G^T`: the cost does not grow with the number of sources. So EEG and MEG of the same sources
    are drawn together, through one lead field with the channels of both; in two draws, even of one seed, their sources
    have nothing in common.

    Parameters
    ----------
    lead_field : LeadField
        Of the head that the signal was simulated with.
    exponent : float
        :math:`\beta` of the power spectrum; 0 is white. Of resting EEG and MEG it is between 0.5 and 2.
    amplitude : Quantity
        Standard deviation of the moment of a source, of all frequencies together, nA m; a number, or (sources,).
    low : Quantity
        Frequency below which the spectrum is flat, Hz.
    high : Quantity, optional
        Frequency above which there is none, Hz; half the sampling rate by default.
    correlation_length : Quantity, optional
        :math:`\ell`, with :math:`d` the straight distance between two sources, mm; independent sources by default.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A value without its unit, of another shape or not positive; a band that does not go up.

    Notes
    -----
    Drawn in the frequency domain as by Timmer & König (1995), On generating power law noise, Astronomy and
    Astrophysics 300, 707-710, on more samples than are kept, so that the ends do not join.
    """

    lead_field: LeadField = field(repr=False)
    exponent: float = 1.0
    amplitude: Any = field(default_factory=lambda: 1.0 * u.nA * u.meter)
    low: Any = field(default_factory=lambda: 0.5 * u.Hz)
    high: Any = None
    correlation_length: Any = None

    def __post_init__(self):
        if not isinstance(self.lead_field, LeadField):
            raise TypeError(f'BrainNoise(lead_field) is a LeadField; got {type(self.lead_field).__name__}.')
        checks.finite(checks.array(self.exponent, 'BrainNoise(exponent=...)'), 'BrainNoise(exponent=...)')
        amplitude = checks.quantity(self.amplitude, u.amp * u.meter, 'BrainNoise(amplitude=...)', 'a dipole moment')
        checks.finite(amplitude, 'BrainNoise(amplitude=...)')
        checks.non_negative(amplitude, 'BrainNoise(amplitude=...)')
        if np.ndim(amplitude.mantissa):
            checks.shape_is(amplitude, (self.lead_field.n_sources,), 'BrainNoise(amplitude=...)', '(sources,)')
        for name in ('low', 'high', 'correlation_length'):
            value, unit = getattr(self, name), u.mm if name == 'correlation_length' else u.Hz
            if value is not None or name == 'low':
                given = checks.quantity(value, unit, f'BrainNoise({name}=...)')
                checks.finite(given, f'BrainNoise({name}=...)')
                checks.positive(given, f'BrainNoise({name}=...)')
        if self.high is not None and not self._hertz('high') > self._hertz('low'):
            raise ValueError(f'BrainNoise(low=...) is below high, {self.high}; got {self.low}.')

    @property
    def channels(self) -> Channels:
        """The sensors of the lead field."""
        return self.lead_field.channels

    @functools.cached_property
    def spatial_covariance(self) -> np.ndarray:
        """(sensors, sensors) of all frequencies together, SI numbers."""
        amplitude = np.asarray(self.amplitude.to_decimal(u.amp * u.meter), float)
        gain = self.lead_field.gain_si
        # (components, sensors, sources)
        seen = np.moveaxis(gain.reshape(*gain.shape[:2], -1), 2, 0) * amplitude
        if self.correlation_length is None:
            return np.einsum('kms,kns->mn', seen, seen, optimize=True)
        from scipy.spatial.distance import cdist

        length = float(self.correlation_length.to_decimal(u.meter))
        places = self.lead_field.sources.positions.to_decimal(u.meter)
        total = np.zeros((len(self.channels),) * 2)
        for i in range(0, len(places), _BLOCK):
            correlation = np.exp(-cdist(places[i : i + _BLOCK], places) / length)
            total += np.einsum('kmi,kni->mn', seen[:, :, i : i + _BLOCK], seen @ correlation.T, optimize=True)
        return total

    @functools.cached_property
    def _factor(self) -> np.ndarray:
        return factor_of(self.spatial_covariance)

    def density(self, hertz: np.ndarray, seconds: float) -> np.ndarray:
        """The spectrum, one-sided, 1/Hz: its integral up to half the sampling rate is 1."""
        low, high = self._hertz('low'), self._top(seconds)
        shape = np.where(hertz <= high, np.maximum(hertz, low) ** -float(self.exponent), 0.0)
        falling = np.log(high / low) if self.exponent == 1 else _integral(low, high, float(self.exponent))
        return shape / (low ** (1 - float(self.exponent)) + falling)

    def check_period(self, seconds: float, where: str) -> None:
        """``low`` and ``high`` lie below half the sampling rate."""
        for name in ('low', 'high'):
            if getattr(self, name) is not None and not self._hertz(name) <= 0.5 / seconds:
                raise ValueError(
                    f'{where}: BrainNoise({name}=...) is at most half the sampling rate, {0.5 / seconds:g} Hz; '
                    f'got {getattr(self, name)}.'
                )

    def draw(self, key: jax.Array, n_times: int, seconds: float, passed: Band) -> jax.Array:
        n = fft_length(n_times, 8 / (self._hertz('low') * seconds))
        hertz = np.fft.rfftfreq(n, seconds)
        gain = np.sqrt(self.density(hertz, seconds) * band_pass(hertz, passed) / (2 * seconds))
        white = coloured(self.own(key), len(self.channels), n_times, gain)
        factor = jnp.asarray(self._factor, white.dtype)
        return jnp.einsum('ct,sc->ts', white, factor, precision=jax.lax.Precision.HIGHEST)

    def covariance_si(self, seconds: float, passed: Band, within: tuple[float, float]) -> np.ndarray:
        low, top = self._hertz('low'), self._top(seconds)
        # the spectrum has a corner at `low`, and falls by decades above
        grid = np.concatenate([np.linspace(0, low, 513), np.geomspace(low, max(top, within[1]), 4097)[1:], within])
        hertz = np.unique(np.clip(grid, within[0], min(within[1], top)))
        power = np.trapezoid(self.density(hertz, seconds) * band_pass(hertz, passed), hertz)
        return power * self.spatial_covariance

    def _hertz(self, name: str) -> float:
        return float(getattr(self, name).to_decimal(u.Hz))

    def _top(self, seconds: float) -> float:
        return 0.5 / seconds if self.high is None else self._hertz('high')


def _integral(low: float, high: float, exponent: float) -> float:
    return (high ** (1 - exponent) - low ** (1 - exponent)) / (1 - exponent)
