"""How strong an oscillation is."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.records import ChannelGroups, Recording, SourceEstimate

__all__ = ['band_power']

# series that go through the spectrum at once: bounds the memory for thousands of sources
_BLOCK = 256


def band_power(
    data: Any,
    sampling_period: Any = None,
    band: tuple[Any, Any] = (8 * u.Hz, 13 * u.Hz),
    *,
    segment: Any = 2 * u.second,
) -> Any:
    r"""Variance of each series within a band of frequencies, by Welch's method.

    .. math:: P = \sum_{f_1 \le f \le f_2} S(f) \, \Delta f

    with S the power spectral density: Hann windows, half overlapping, the mean of each segment removed. Over all
    frequencies the sum is the variance; a sine of amplitude A in the band has power A^2 / 2. Source: Welch (1967), IEEE
    Trans. Audio Electroacoust. 15, 70-73.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        Time before space, (..., times, channels or sources), or (times,).
    sampling_period : Quantity, optional
        Time between samples; records bring their own.
    band : tuple of two Quantities
        From and to, Hz, both included.
    segment : Quantity
        Length of a segment; its inverse is the resolution in frequency. The whole series when that is shorter.

    Returns
    -------
    Quantity, array or dict
        (..., channels or sources) in the unit of the data squared, float64; a dict of one per type of channel when
        there are several.

    Raises
    ------
    UnitError, ShapeError, ValueError
        No sampling period, or two; a band that is empty, not resolved by the segments, or above half the sampling
        rate; data that are not finite.
    """
    if isinstance(data, Recording | SourceEstimate):
        if sampling_period is not None:
            raise ValueError('band_power(sampling_period=...) is for data without times; the record brings its own.')
        data, sampling_period = data.data, data.sampling_period
    if sampling_period is None:
        raise ValueError('band_power(sampling_period=...) is the time between samples: write 2. * u.ms, for example.')
    low, high = band
    settings = (
        _number(sampling_period, u.second, 'band_power(sampling_period=...)', 'the time between samples'),
        _number(segment, u.second, 'band_power(segment=...)', 'the length of a segment'),
        _number(low, u.Hz, 'band_power(band=...)', 'a frequency'),
        _number(high, u.Hz, 'band_power(band=...)', 'a frequency'),
    )
    if isinstance(data, ChannelGroups):
        return {kind: _power(value, *settings) for kind, value in data.items()}
    return _power(data, *settings)


def _number(value: Any, unit: u.Unit, where: str, meaning: str) -> float:
    number = checks.quantity(value, unit, where, meaning)
    checks.shape_is(number, (), where)
    checks.finite(number, where)
    return float(number.mantissa)


def _power(data: Any, period: float, length: float, low: float, high: float) -> Any:
    x = np.asarray(u.get_mantissa(data), dtype=np.float64)
    axis = 0 if x.ndim == 1 else -2
    n_times = x.shape[axis] if x.ndim else 0
    if n_times < 2:
        raise checks.ShapeError(
            f'band_power(data) has shape (times,) or (..., times, sources), at least 2 times; got {x.shape}.'
        )
    checks.finite(x, 'band_power(data)')
    if period <= 0 or length <= 0:
        raise ValueError(f'band_power needs a positive period and segment; got {period:g} s and {length:g} s.')
    n_segment = min(n_times, max(round(length / period), 2))
    frequencies = np.fft.rfftfreq(n_segment, period)
    _check_band(frequencies, low, high, period)
    inside = (frequencies >= low - 1e-9 * high) & (frequencies <= high * (1 + 1e-9))

    runs = x.reshape(-1, n_times, 1 if x.ndim == 1 else x.shape[-1])
    blocks = range(0, runs.shape[-1], _BLOCK)
    parts = [[_welch(run[:, i : i + _BLOCK].T, period, n_segment, inside) for i in blocks] for run in runs]
    shape = () if x.ndim == 1 else (*x.shape[:-2], x.shape[-1])
    power = np.reshape([np.concatenate(part) for part in parts], shape)[()]
    return power if u.get_unit(data).is_unitless else u.Quantity(power, unit=data.unit**2)


def _welch(series: np.ndarray, period: float, n_segment: int, inside: np.ndarray) -> np.ndarray:
    from scipy import signal

    # relative to the largest value of each series, or squares of small numbers are lost
    largest = abs(series).max(axis=-1, keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    _, density = signal.welch(series / largest, 1 / period, nperseg=n_segment, axis=-1)
    return density[:, inside].sum(axis=-1) / (n_segment * period) * largest[:, 0] ** 2


def _check_band(frequencies: np.ndarray, low: float, high: float, period: float) -> None:
    step = frequencies[1]
    if not 0 <= low < high:
        raise ValueError(f'band_power(band=...) is from a lower to a higher frequency; got {low:g} Hz to {high:g} Hz.')
    if high > 0.5 / period * (1 + 1e-9):
        raise ValueError(
            f'band_power(band=...) ends at half the sampling rate, {0.5 / period:g} Hz, at most; got {high:g} Hz.'
        )
    if high - low < step * (1 - 1e-9):
        raise ValueError(
            f'band_power(band=...) is as wide as the resolution, {step:g} Hz, at least; got {low:g} Hz to {high:g} Hz: '
            f'take longer segments.'
        )
