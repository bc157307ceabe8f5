"""How strong an oscillation is."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd.metrics.spectrum import by_kind, number, welch

__all__ = ['band_power']


def band_power(
    data: Any,
    sampling_period: Any = None,
    band: tuple[Any, Any] = (8 * u.Hz, 13 * u.Hz),
    *,
    segment: Any = 2 * u.second,
) -> Any:
    r"""Variance of each series within a band of frequencies, by Welch's method.

    .. math:: P = \sum_{f_1 \le f \le f_2} S(f) \, \Delta f

    with S the power spectral density, as in `power_spectrum`. Over all frequencies the sum is the variance; a sine of
    amplitude A in the band has power A^2 / 2.

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
    low, high = (number(edge, u.Hz, 'band_power(band=...)', 'a frequency') for edge in band)

    def power(value: Any, period: float, length: float) -> Any:
        frequencies, density = welch(value, period, length, 'band_power')
        _check_band(frequencies, low, high, period)
        inside = (frequencies >= low - 1e-9 * high) & (frequencies <= high * (1 + 1e-9))
        axis = 0 if density.ndim == 1 else -2
        total = density.compress(inside, axis=axis).sum(axis=axis) * frequencies[1]
        return total if u.get_unit(value).is_unitless else u.Quantity(total, unit=value.unit**2)

    return by_kind(power, data, sampling_period, segment, 'band_power')


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
