"""How the power of a series is spread over frequencies."""

from collections.abc import Callable
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.records import ChannelGroups, Recording, SourceEstimate

__all__ = ['PowerSpectrum', 'by_kind', 'number', 'power_spectrum', 'welch']

# series that go through the spectrum at once: bounds the memory for thousands of sources
_BLOCK = 256


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
        ``frequencies`` in Hz, and ``density``, float64, with frequencies in the place of times.

    Raises
    ------
    UnitError, ShapeError, ValueError
        No sampling period, or two; less than two times; data that are not finite.
    """
    at: list[np.ndarray] = []

    def density(value: Any, period: float, length: float) -> Any:
        frequencies, numbers = welch(value, period, length, 'power_spectrum')
        at.append(frequencies)
        unit = u.get_unit(value)
        return u.Quantity(numbers, unit=u.Hz**-1 if unit.is_unitless else unit**2 / u.Hz)

    densities = by_kind(density, data, sampling_period, segment, 'power_spectrum')
    return PowerSpectrum(u.Quantity(at[0], unit=u.Hz), densities)


def by_kind(score: Callable, data: Any, sampling_period: Any, segment: Any, where: str) -> Any:
    """``score(series, period, length of a segment)`` in s; a dict of one per type of channel when there are several."""
    if isinstance(data, Recording | SourceEstimate):
        if sampling_period is not None:
            raise ValueError(f'{where}(sampling_period=...) is for data without times; the record brings its own.')
        data, sampling_period = data.data, data.sampling_period
    if sampling_period is None:
        raise ValueError(f'{where}(sampling_period=...) is the time between samples: write 2. * u.ms, for example.')
    period = number(sampling_period, u.second, f'{where}(sampling_period=...)', 'the time between samples')
    length = number(segment, u.second, f'{where}(segment=...)', 'the length of a segment')
    if period <= 0 or length <= 0:
        raise ValueError(f'{where} needs a positive period and segment; got {period:g} s and {length:g} s.')
    if isinstance(data, ChannelGroups):
        return {kind: score(value, period, length) for kind, value in data.items()}
    return score(data, period, length)


def number(value: Any, unit: u.Unit, where: str, meaning: str) -> float:
    """One finite number, in ``unit``."""
    checked = checks.quantity(value, unit, where, meaning)
    checks.shape_is(checked, (), where)
    checks.finite(checked, where)
    return float(checked.mantissa)


def welch(data: Any, period: float, length: float, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and the density as numbers in the unit of the data squared per Hz."""
    from scipy import signal

    x = np.asarray(u.get_mantissa(data), dtype=np.float64)
    n_times = x.shape[0 if x.ndim == 1 else -2] if x.ndim else 0
    if n_times < 2:
        raise checks.ShapeError(
            f'{where}(data) has shape (times,) or (..., times, sources), at least 2 times; got {x.shape}.'
        )
    checks.finite(x, f'{where}(data)')
    n_segment = min(n_times, max(round(length / period), 2))
    frequencies = np.fft.rfftfreq(n_segment, period)
    runs = x.reshape(-1, n_times, 1 if x.ndim == 1 else x.shape[-1])
    density = np.empty((len(runs), len(frequencies), runs.shape[-1]))
    for run, out in zip(runs, density, strict=True):
        for i in range(0, runs.shape[-1], _BLOCK):
            _, out[:, i : i + _BLOCK] = signal.welch(run[:, i : i + _BLOCK], 1 / period, nperseg=n_segment, axis=0)
    shape = (*x.shape[:-2], len(frequencies), *x.shape[-1:]) if x.ndim > 1 else (len(frequencies),)
    return frequencies, density.reshape(shape)
