"""Noise of the mains."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.background.base import Background, Band, band_pass, coloured, fft_length
from brainfwd.records import SENSOR_UNITS, Channels
from brainfwd.records.channels import per_kind

__all__ = ['LineNoise']


@dataclass(frozen=True, eq=False)
class LineNoise(Background):
    r"""The mains frequency and its harmonics, of one pattern over the sensors.

    .. math::
        x_i(t) = (1 + m\,\eta(t)) \sum_h a_h\,\big|p_{hi}\big| \cos\big(2 \pi h f t + h\,\varphi(t) + \theta_h +
        \arg p_{hi}\big)

    with :math:`\varphi` a random walk, which gives the first line a width :math:`\Delta f` at half its height
    (:math:`h^2 \Delta f` the others), :math:`\eta` an Ornstein-Uhlenbeck process of variance 1, and :math:`\theta_h`
    drawn once. There is one mains: EEG and MEG drawn from one seed have its phase and amplitude in common.

    Parameters
    ----------
    channels : Channels
        The sensors.
    amplitude : Quantity, or dict of Quantity per type
        :math:`a_1`, the root mean square over the channels of a type, V, T or T/m.
    frequency : Quantity
        :math:`f`, Hz.
    harmonics : tuple of float
        :math:`a_h / a_1` of the frequency, twice, three times ... it; a zero leaves one out.
    pattern : array, optional
        :math:`p`, (sensors,) or (harmonics, sensors), real or complex; scaled to root mean square 1 over each type of
        channel. Drawn from ``seed`` and the names of the channels by default, complex normal: each harmonic has a
        pattern and phases of its own.
    seed : int
        Of the pattern: runs of one seed share it, whatever they draw.
    linewidth : Quantity
        :math:`\Delta f`, Hz; 0 for a steady phase.
    modulation : float
        :math:`m`, the relative standard deviation of the amplitude; 0 for a steady one.
    modulation_time : Quantity
        Time constant of the amplitude, s.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A value without its unit, negative or of another shape; a type of channel without amplitude or pattern; in a
        draw, a harmonic at or above half the sampling rate.
    """

    channels: Channels
    amplitude: Any
    frequency: Any = field(default_factory=lambda: 50.0 * u.Hz)
    harmonics: tuple[float, ...] = (1.0,)
    pattern: Any = field(default=None, repr=False)
    seed: int = 0
    linewidth: Any = field(default_factory=lambda: 0.01 * u.Hz)
    modulation: float = 0.05
    modulation_time: Any = field(default_factory=lambda: 5.0 * u.second)
    _lines: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        for name, unit in (('frequency', u.Hz), ('linewidth', u.Hz), ('modulation_time', u.second)):
            given = checks.quantity(getattr(self, name), unit, f'LineNoise({name}=...)')
            checks.finite(given, f'LineNoise({name}=...)')
            (checks.non_negative if name == 'linewidth' else checks.positive)(given, f'LineNoise({name}=...)')
        for name in ('harmonics', 'modulation'):
            given = checks.array(getattr(self, name), f'LineNoise({name}=...)')
            checks.finite(given, f'LineNoise({name}=...)')
            checks.non_negative(given, f'LineNoise({name}=...)')
        if np.ndim(self.harmonics) != 1 or not np.any(self.harmonics):
            raise ValueError(f'LineNoise(harmonics=...) are relative amplitudes, (1.0, 0.2); got {self.harmonics}.')
        object.__setattr__(self, '_lines', self._scaled_pattern())

    def _scaled_pattern(self) -> np.ndarray:
        """(harmonics, sensors) complex amplitudes, SI numbers."""
        shape, where = (len(self.harmonics), len(self.channels)), 'LineNoise(pattern=...)'
        if self.pattern is None:
            names = zlib.crc32(str(self.channels.names).encode())
            parts = np.random.default_rng((self.seed, names)).normal(size=(2, *shape))
            pattern = parts[0] + 1j * parts[1]
        else:
            if isinstance(self.pattern, u.Quantity):
                raise checks.UnitError(f'{where} is relative, without a unit; got one in {self.pattern.unit}.')
            pattern = np.asarray(self.pattern, complex)
            if pattern.shape not in (shape, shape[1:]):
                raise checks.ShapeError(f'{where} has shape {shape[1:]} or {shape} (sensors); got {pattern.shape}.')
            checks.finite(pattern, where)
        where = 'LineNoise(amplitude=...)'
        lines = np.broadcast_to(pattern, shape) * np.asarray(self.harmonics, float)[:, None]
        for kind, value in per_kind(self.amplitude, self.channels, where).items():
            index = self.channels.indices(kind)
            amplitude = checks.quantity(value, SENSOR_UNITS[kind], where, f'that of {kind} channels').mantissa
            checks.finite(amplitude, where)
            checks.non_negative(amplitude, where)
            size = np.sqrt(np.mean(abs(np.broadcast_to(pattern, shape)[:, index]) ** 2, axis=1, keepdims=True))
            if not (size > 0).all():
                raise ValueError(f'LineNoise(pattern=...) is zero for all {kind} channels.')
            lines[:, index] *= float(amplitude) / size
        return lines

    @property
    def _hertz(self) -> np.ndarray:
        return float(self.frequency.to_decimal(u.Hz)) * np.arange(1, len(self.harmonics) + 1)

    def check_period(self, seconds: float, where: str) -> None:
        """Every harmonic lies below half the sampling rate."""
        above = [f for f, relative in zip(self._hertz, self.harmonics, strict=True) if relative and f * seconds >= 0.5]
        if above:
            raise ValueError(
                f'{where}: LineNoise(frequency=..., harmonics=...) lie below half the sampling rate, '
                f'{0.5 / seconds:g} Hz; got {above[0]:g} Hz.'
            )

    def draw(self, key: jax.Array, n_times: int, seconds: float, passed: Band) -> jax.Array:
        for_start, for_phase, for_size = jax.random.split(key, 3)
        order = np.arange(1, len(self.harmonics) + 1)
        start = jax.random.uniform(for_start, order.shape, maxval=2 * np.pi)
        width = float(self.linewidth.to_decimal(u.Hz))
        wander = jnp.cumsum(jax.random.normal(for_phase, (n_times,)) * np.sqrt(2 * np.pi * width * seconds))
        # whole turns are taken off in double precision: single precision would lose the phase of a long recording
        turns = (self._hertz * seconds * np.arange(n_times)[:, None]) % 1.0
        phase = jnp.asarray(2 * np.pi * turns, start.dtype) + order * wander[:, None] + start
        lines = self._lines * np.sqrt(band_pass(self._hertz, passed))[:, None]
        tau = float(self.modulation_time.to_decimal(u.second))
        n = fft_length(n_times, 10 * tau / seconds)
        # the spectrum of an Ornstein-Uhlenbeck process at these samples, of variance 1
        keep = np.exp(-seconds / tau)
        gain = np.sqrt((1 - keep**2) / abs(1 - keep * np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)) ** 2)
        size = 1 + float(self.modulation) * coloured(for_size, 1, n_times, gain)[0]
        waves = size[:, None] * jnp.concatenate([jnp.cos(phase), -jnp.sin(phase)], axis=1)
        lines = jnp.asarray(np.concatenate([lines.real, lines.imag]), waves.dtype)
        return jnp.matmul(waves, lines, precision=jax.lax.Precision.HIGHEST)

    def covariance_si(self, seconds: float, passed: Band, within: tuple[float, float]) -> np.ndarray:
        inside = (self._hertz >= within[0]) & (self._hertz <= within[1])
        lines = (self._lines * np.sqrt(band_pass(self._hertz, passed))[:, None])[inside]
        return (1 + float(self.modulation) ** 2) / 2 * (lines.T @ lines.conj()).real
