"""How strong an oscillation is."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd.metrics.series import numbers
from brainfwd.metrics.spectrum import by_kind, inside_band, welch

__all__ = ['band_power', 'peak_frequency']


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
        (..., channels or sources) in the unit of the data squared; a dict of one per type of channel when there are
        several.

    Raises
    ------
    UnitError, ShapeError, ValueError
        No sampling period, or two; a band that is empty, not resolved by the segments, or above half the sampling
        rate; data that are not finite.
    """

    def power(value: Any, period: float, length: float) -> Any:
        frequencies, density = welch(value, period, length, 'band_power')
        inside = inside_band(frequencies, band, period, 'band_power')
        axis = 0 if density.ndim == 1 else -2
        total = density.take(inside, axis=axis).sum(axis=axis) * frequencies[1]
        return total if u.get_unit(value).is_unitless else u.Quantity(total, unit=value.unit**2)

    return by_kind(power, data, sampling_period, segment, 'band_power')


def peak_frequency(
    data: Any,
    sampling_period: Any = None,
    band: tuple[Any, Any] = (8 * u.Hz, 13 * u.Hz),
    *,
    segment: Any = 2 * u.second,
) -> Any:
    """Where the power spectral density of each series is largest within a band.

    Between frequencies of the spectrum, by the parabola through the logarithms of the largest value and its two
    neighbours: with Hann windows within a fiftieth of the resolution for a sine. A spectrum that only falls or rises
    within the band has its peak at the edge.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        Time before space, (..., times, channels or sources), or (times,).
    sampling_period : Quantity, optional
        Time between samples; records bring their own.
    band : tuple of two Quantities
        From and to, Hz: where to look.
    segment : Quantity
        Length of a segment; its inverse is the resolution in frequency. The whole series when that is shorter.

    Returns
    -------
    Quantity or dict
        (..., channels or sources) Hz; a dict of one per type of channel when there are several.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `band_power`; a series without power in the band.
    """
    where = 'peak_frequency'

    def peak(value: Any, period: float, length: float) -> Any:
        frequencies, density = welch(value, period, length, where)
        inside = inside_band(frequencies, band, period, where)
        xp, density = numbers({where: density})
        density = xp.moveaxis(density, 0 if density.ndim == 1 else -2, -1)
        if xp is np and (density[..., inside].max(axis=-1) == 0).any():
            raise ValueError(f'{where}(data) has power in the band; got a series without.')
        top = (density[..., inside].argmax(axis=-1) + inside[0])[..., None]
        # without neighbours on both sides there is no parabola
        middle = xp.clip(top, 1, len(frequencies) - 2)
        near = xp.take_along_axis(density, middle + np.arange(-1, 2), axis=-1)
        left, centre, right = xp.moveaxis(xp.log(near / near.max(axis=-1, keepdims=True)), -1, 0)
        bend = left + right - 2 * centre
        peaked = (bend < 0) & (middle == top)[..., 0]
        offset = xp.where(peaked, xp.clip((left - right) / xp.where(peaked, 2 * bend, 1.0), -0.5, 0.5), 0.0)
        return u.Quantity((top[..., 0] + offset) * frequencies[1], unit=u.Hz)

    return by_kind(peak, data, sampling_period, segment, where)
