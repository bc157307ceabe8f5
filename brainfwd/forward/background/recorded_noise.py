"""Noise like that of a recording."""

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.background.base import Background, Band, inverse
from brainfwd.records import Channels, Recording

__all__ = ['RecordedNoise']

_PER_BIN = 32


@dataclass(frozen=True, eq=False)
class RecordedNoise(Background):
    r"""A Gaussian process with the spectra of a recording, and how its channels hang together at each frequency.

    .. math::
        X(f) = F(f)\,w(f), \qquad F(f) F(f)^H = S(f)
        = \frac{1}{K \sum_n w_n^2} \sum_{k=1}^K \hat x_k(f)\,\hat x_k(f)^H

    with :math:`S` the matrix of cross-spectra by Welch's method (Hann windows, half overlapping, the mean of each
    segment removed), linear between its frequencies. The full matrix, not one covariance times one spectrum: alpha and
    the mains have other patterns than slow drifts. What is left out is all that is not Gaussian or not stationary:
    blinks, bursts, trends longer than a segment. The draw may be longer than the recording, and repeats nothing of it.

    It keeps the filters and the reference of its recording.

    Parameters
    ----------
    recording : Recording
        Noise alone: rest, an empty room, a baseline. At least two segments; with fewer segments than sensors there is
        no noise in some directions at a single frequency.
    segment : Quantity
        Length of a segment; its inverse is the resolution in frequency, s.

    Raises
    ------
    UnitError, ValueError
        A segment without unit, or a recording shorter than two; in a draw, another sampling period.

    Notes
    -----
    Chambers (1995), The simulation of random vector time series with given spectrum, Mathematical and Computer
    Modelling 22, 1-6; Welch (1967), IEEE Trans. Audio Electroacoust. 15, 70-73.
    """

    recording: Recording
    segment: Any = field(default_factory=lambda: 2.0 * u.second)

    def __post_init__(self):
        if not isinstance(self.recording, Recording):
            raise TypeError(f'RecordedNoise(recording) is a Recording; got {type(self.recording).__name__}.')
        where = 'RecordedNoise(segment=...)'
        checks.positive(checks.quantity(self.segment, u.second, where, 'the length of a segment'), where)
        if not 2 <= self._length <= self.recording.n_times / 2:
            period, n_times = self.recording.sampling_period, self.recording.n_times
            raise ValueError(
                f'{where} is of two samples at least, and half the recording at most, {n_times} samples every {period};'
                f' got {self.segment}.'
            )

    @property
    def channels(self) -> Channels:
        """The sensors of the recording."""
        return self.recording.channels

    @property
    def _length(self) -> int:
        # even, so that the last frequency is half the sampling rate
        return 2 * round(float(self.segment.to_decimal(u.second)) / self.recording.sampling_period.mantissa / 2)

    @functools.cached_property
    def _factor(self) -> np.ndarray:
        """(frequencies, sensors, segments) F, in which noise of variance 1 goes in."""
        n = self._length
        starts = np.arange(0, self.recording.n_times - n + 1, n // 2)
        segments = self.recording.data_si[starts[:, None] + np.arange(n)]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        spectra = np.fft.rfft((segments - segments.mean(axis=1, keepdims=True)) * window[:, None], axis=1)
        spectra /= math.sqrt(len(starts) * np.square(window).sum())
        factor: Any = spectra.swapaxes(0, 1)  # (frequencies, segments, sensors)
        if len(starts) > len(self.channels):
            factor = np.linalg.qr(factor, mode='r')  # the same product with its own conjugate, in fewer columns
        return factor.swapaxes(1, 2)

    def check_period(self, seconds: float, where: str) -> None:
        """It is that of the recording."""
        period = self.recording.sampling_period
        if not math.isclose(period.mantissa, seconds, rel_tol=1e-9):
            raise ValueError(
                f'{where}(sampling_period) is that of RecordedNoise(recording), {period}: resample one of them; '
                f'got {seconds:g} s.'
            )

    def draw(self, key: jax.Array, n_times: int, seconds: float, passed: Band) -> jax.Array:
        # several frequencies to each of Welch's, and a segment more than asked for, so that the ends do not join
        per_bin = math.ceil(n_times / self._length) + 1
        n, (bins, _, columns) = per_bin * self._length, self._factor.shape
        factor: Any = jnp.asarray(self._factor.swapaxes(1, 2), jnp.result_type(complex))
        product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
        # two independent draws in shares of power that go from one frequency of Welch's to the next
        share = np.arange(per_bin)[:, None] / per_bin

        def lines(of_bin: Any) -> jax.Array:
            key, here, following = of_bin
            real, imaginary = jax.random.normal(key, (2, 2, per_bin, columns)) * math.sqrt(n / 2)
            below, above = jax.lax.complex(real, imaginary)
            return product(np.sqrt(1 - share) * below, here) + product(np.sqrt(share) * above, following)

        keys = jax.random.split(self.own(key), bins)
        spectrum = jax.lax.map(lines, (keys[:-1], factor[:-1], factor[1:])).reshape(n // 2, -1)
        # the first and the last frequency are real, with all of their power
        last = product(jax.random.normal(keys[-1], (1, columns)) * math.sqrt(n), factor[-1])
        spectrum = jnp.concatenate([math.sqrt(2) * spectrum[:1], spectrum[1:], last])
        return inverse(spectrum, n, n_times).T

    def covariance_si(self, seconds: float, passed: Band, within: tuple[float, float]) -> np.ndarray:
        factor = self._factor
        fine = np.arange((len(factor) - 1) * _PER_BIN + 1)
        hertz = fine / (_PER_BIN * self._length * seconds)
        weight = np.where((fine == 0) | (fine == fine[-1]), 1.0, 2.0) * (hertz >= within[0]) * (hertz <= within[1])
        share = fine % _PER_BIN / _PER_BIN
        of_bin = np.bincount(fine // _PER_BIN, weight * (1 - share), len(factor) + 1)
        of_bin[1:] += np.bincount(fine // _PER_BIN, weight * share, len(factor))
        rows = factor * np.sqrt(of_bin[:-1] / (_PER_BIN * self._length))[:, None, None]
        rows = rows.swapaxes(0, 1).reshape(len(self.channels), -1)
        return (rows @ rows.conj().T).real
