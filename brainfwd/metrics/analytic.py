"""Amplitude and phase in a band of frequencies."""

import math
from types import ModuleType
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import edges, period_of, regions, standardised, unpack
from brainfwd.records import ChannelGroups

__all__ = ['analytic_signal', 'oscillations', 'rotations']

_ORDER = 4


def analytic_signal(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    r"""Each series as a rotating arrow, whose length is its amplitude and whose angle is its phase.

    .. math:: z = x + i\,\mathcal{H}[x] = A\, e^{i \varphi}

    with x limited to the band, and :math:`\mathcal{H}` the Hilbert transform, both by Fourier transform. ``abs(z)`` is
    the envelope A; ``angle(z)`` the phase, 0 at a maximum of x.

    The band is that of a Butterworth filter of fourth order which runs forwards and backwards: no shift of phase, half
    the amplitude at both edges. Before its first and after its last sample a series is taken to be constant, so that it
    may drift; there half the amplitude is missing, and within 1 / (high - low) of it some. Leave that out where it
    matters: every measure of phase or amplitude takes the rest, which is complex, in place of the data.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), or channels, or sources.
    sampling_period : Quantity, optional
        Time between samples; records bring their own. Not needed without a band.
    band : tuple of two Quantities, optional
        From and to, Hz. Without one the series, less its mean, is taken as narrow enough, and as periodic:
        ``scipy.signal.hilbert``.

    Returns
    -------
    Quantity or array
        (..., times, regions) complex, in the unit of the data (SI numbers for channels of several types).

    Raises
    ------
    UnitError, ShapeError, ValueError, TypeError
        A band without a sampling period, or two periods; a band that is empty or reaches 0 or half the sampling rate;
        data shorter than 1 / low or 1 / (high - low) of the band, complex, not finite, or constant in a region.
    """
    where = 'analytic_signal'
    data, sampling_period = unpack(data, sampling_period, where)
    xp, x = regions(data, where)
    z = _analytic(xp, x, sampling_period, band, where)
    unit = u.UNITLESS if isinstance(data, ChannelGroups) else u.get_unit(data)
    return z if unit.is_unitless else u.Quantity(z, unit=unit)


def oscillations(data: Any, sampling_period: Any, band: Any, where: str) -> tuple[ModuleType, Any]:
    """NumPy or jax.numpy, and the analytic signal, (..., times, regions); what is complex is one already."""
    data, sampling_period = unpack(data, sampling_period, where)
    xp, x = regions(data, where, may_be_complex=True)
    if not xp.iscomplexobj(x):
        return xp, _analytic(xp, x, sampling_period, band, where)
    if band is not None:
        raise ValueError(f'{where}(band=...) is for real data; got complex data, which are an analytic signal already.')
    return xp, x


def rotations(data: Any, sampling_period: Any, band: Any, where: str) -> tuple[ModuleType, Any]:
    """NumPy or jax.numpy, and the phases as numbers of length one, (..., times, regions)."""
    xp, z = oscillations(data, sampling_period, band, where)
    amplitude = abs(z)
    if xp is np and not amplitude.all():
        region = int(np.argwhere(amplitude == 0)[0][-1])
        raise ValueError(f'{where}(data) has a phase everywhere; got an amplitude of 0 at region {region}.')
    return xp, z / amplitude


def _analytic(xp: ModuleType, x: Any, sampling_period: Any, band: Any, where: str) -> Any:
    # only to refuse constants
    standardised(xp, x, f'{where}(data)')
    n_times, beyond = x.shape[-2], 0
    x = x - x.mean(axis=-2, keepdims=True)
    if band is not None:
        period = period_of(sampling_period, where)
        low, high = _band(band, period, n_times, where)
        # by then the response of the filter has fallen to 1/400
        beyond = math.ceil(5 / ((high - low) * period))
        before, after = (xp.repeat(end, beyond, axis=-2) for end in (x[..., :1, :], x[..., -1:, :]))
        x = xp.concatenate([before, x, after], axis=-2)
    n = x.shape[-2]
    gain = np.zeros(n)
    gain[: n // 2 + 1] = 2.0
    if n % 2 == 0:
        gain[n // 2] = 1.0
    if band is not None:
        gain[: n // 2 + 1] *= _butterworth(np.fft.rfftfreq(n, period), low, high, period)
    z = xp.fft.ifft(xp.fft.fft(x, axis=-2) * gain.astype(x.dtype)[:, None], axis=-2)
    return z[..., beyond : beyond + n_times, :]


def _band(band: Any, period: float, n_times: int, where: str) -> tuple[float, float]:
    low, high = edges(band, period, where)
    if low == 0 or high > 0.5 / period * (1 - 1e-9):
        raise ValueError(
            f'{where}(band=...) lies between 0 and half the sampling rate, {0.5 / period:g} Hz; got {low:g} Hz to '
            f'{high:g} Hz.'
        )
    shortest = max(1 / low, 1 / (high - low))
    if n_times * period < shortest * (1 - 1e-9):
        raise checks.ShapeError(
            f'{where}(data) is as long as 1 / low and 1 / (high - low) of the band, {shortest:g} s, at least; got '
            f'{n_times} samples, {n_times * period:g} s.'
        )
    return low, high


def _butterworth(frequencies: np.ndarray, low: float, high: float, period: float) -> np.ndarray:
    """Gain of a digital Butterworth band-pass, forwards and backwards."""
    at, a, b = (np.tan(np.pi * f * period) for f in (frequencies, low, high))
    with np.errstate(divide='ignore', over='ignore'):
        return 1 / (1 + ((at * at - a * b) / (at * (b - a))) ** (2 * _ORDER))
