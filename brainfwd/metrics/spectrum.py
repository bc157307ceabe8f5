"""How the power of a series is spread over frequencies."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import edges, number, numbers, period_of, unpack
from brainfwd.records import ChannelGroups

__all__ = [
    'PowerSpectrum',
    'by_kind',
    'frequencies_of',
    'inside_band',
    'power_spectrum',
    'segment_spectra',
    'welch',
]

# Samples that go through the spectrum at once: bounds the memory for thousands of sources. NumPy is quickest when they
# fit into the cache; compiled, blocks are unrolled, and should be few.
_BLOCK, _BLOCK_COMPILED = 2**18, 2**24


class PowerSpectrum(NamedTuple):
    """Power spectral density."""

    frequencies: u.Quantity
    """(frequencies,) Hz, from 0 to half the sampling rate."""
    density: Any
    """(..., frequencies, channels or sources) in the unit of the data squared per Hz; a dict of one per type of channel
    when there are several."""


def power_spectrum(data: Any, sampling_period: Any = None, *, segment: Any = 2 * u.second) -> PowerSpectrum:
    r"""Power spectral density of each series, by Welch's method.

    .. math:: S(f) = \frac{2\,\Delta t}{\sum_n w_n^2} \Big\langle \Big| \sum_n w_n\,(x_n - \bar x)\,
        e^{-2 \pi i f n \Delta t} \Big|^2 \Big\rangle

    over segments that overlap by half, with Hann windows w and the mean of each segment removed (one-sided: at 0 and
    at half the sampling rate without the 2). The sum over frequencies, times their distance, is the variance. Source:
    Welch (1967), IEEE Trans. Audio Electroacoust. 15, 70-73.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        Time before space, (..., times, channels or sources), or (times,).
    sampling_period : Quantity, optional
        Time between samples; records bring their own.
    segment : Quantity
        Length of a segment; its inverse is the resolution in frequency. The whole series when that is shorter.

    Returns
    -------
    PowerSpectrum
        ``frequencies`` in Hz, and ``density``, with frequencies in the place of times; float64, in the precision of the
        data while JAX traces.

    Raises
    ------
    UnitError, ShapeError, ValueError
        No sampling period, or two; less than two times; data that are not finite.
    """
    at: list[np.ndarray] = []

    def density(value: Any, period: float, length: float) -> Any:
        frequencies, values = welch(value, period, length, 'power_spectrum')
        at.append(frequencies)
        unit = u.get_unit(value)
        return u.Quantity(values, unit=u.Hz**-1 if unit.is_unitless else unit**2 / u.Hz)

    densities = by_kind(density, data, sampling_period, segment, 'power_spectrum')
    return PowerSpectrum(u.Quantity(at[0], unit=u.Hz), densities)


def by_kind(score: Callable, data: Any, sampling_period: Any, segment: Any, where: str) -> Any:
    """``score(series, period, length of a segment)`` in s; a dict of one per type of channel when there are several."""
    data, sampling_period = unpack(data, sampling_period, where)
    period = period_of(sampling_period, where)
    length = number(segment, u.second, f'{where}(segment=...)', 'the length of a segment')
    checks.positive(length, f'{where}(segment=...)')
    if isinstance(data, ChannelGroups):
        return {kind: score(value, period, length) for kind, value in data.items()}
    return score(data, period, length)


def welch(data: Any, period: float, length: float, where: str) -> tuple[np.ndarray, Any]:
    """Frequencies in Hz, and the density as numbers in the unit of the data squared per Hz."""
    xp, x = numbers({f'{where}(data)': data})
    axis = 0 if x.ndim == 1 else -2
    if x.ndim == 0 or x.shape[axis] < 2:
        raise checks.ShapeError(
            f'{where}(data) has shape (times,) or (..., times, sources), at least 2 times; got {tuple(x.shape)}.'
        )
    series = xp.moveaxis(x, axis, -1)
    power = [
        (spectra.real**2 + spectra.imag**2).mean(axis=-2)
        for spectra in segment_spectra(xp, series.reshape(-1, x.shape[axis]), period, length)
    ]
    density = xp.concatenate(power).reshape(*series.shape[:-1], power[0].shape[-1])
    return frequencies_of(x.shape[axis], period, length), xp.moveaxis(density, -1, axis)


def segment_spectra(xp: ModuleType, rows: Any, period: float, length: float) -> Iterator[Any]:
    """(series, segments, frequencies) complex, of as many of the (series, times) at once as fit.

    Scaled so that the mean square over segments is the density.
    """
    n_times = rows.shape[-1]
    n = _segment(n_times, period, length)
    samples = np.arange(0, n_times - n + 1, n - n // 2)[:, None] + np.arange(n)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    # every frequency but 0 and half the sampling rate stands for its negative too
    sides = np.full(n // 2 + 1, 2.0)
    sides[0] = 1.0
    if n % 2 == 0:
        sides[-1] = 1.0
    scale = np.sqrt(sides * period / np.square(window).sum()).astype(rows.dtype)
    window = window.astype(rows.dtype)
    at_once = max((_BLOCK if xp is np else _BLOCK_COMPILED) // n_times, 1)
    for i in range(0, len(rows), at_once):
        segments = rows[i : i + at_once, samples]
        yield xp.fft.rfft((segments - segments.mean(axis=-1, keepdims=True)) * window) * scale


def frequencies_of(n_times: int, period: float, length: float) -> np.ndarray:
    """Frequencies of the spectrum, Hz."""
    return np.fft.rfftfreq(_segment(n_times, period, length), period)


def _segment(n_times: int, period: float, length: float) -> int:
    """Samples in a segment."""
    return min(n_times, max(round(length / period), 2))


def inside_band(frequencies: np.ndarray, band: Any, period: float, where: str) -> np.ndarray:
    """Which frequencies lie within the band."""
    low, high = edges(band, period, where)
    step = frequencies[1]
    if high - low < step * (1 - 1e-9):
        raise ValueError(
            f'{where}(band=...) is as wide as the resolution, {step:g} Hz, at least; got {low:g} Hz to {high:g} Hz: '
            f'take longer segments.'
        )
    return np.flatnonzero((frequencies >= low - 1e-9 * high) & (frequencies <= high * (1 + 1e-9)))
