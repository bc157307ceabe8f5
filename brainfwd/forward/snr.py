r"""Signal-to-noise ratio of sensors.

.. math:: \text{SNR}_{dB} = 10 \log_{10} \frac{\operatorname{tr} C_\text{signal}}{\operatorname{tr} C_\text{noise}}

per type of channel, in the reference that the electrodes have, with the mean over time removed, in a band of
frequencies.
"""

import math
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.covariance import directions
from brainfwd.records import Channels, NoiseCovariance, Recording, average_reference, reference_projector
from brainfwd.records.channels import check_same_sensors
from brainfwd.records.reference import Reference

__all__ = [
    'band_in_hertz',
    'counted_band',
    'power',
    'projector_of',
    'signal_to_noise',
    'variances',
    'whitened_signal_to_noise',
]

_COLUMNS = 16


def power(
    data: np.ndarray, channels: Channels, seconds: float = 1.0, band: tuple[float, float] | None = None
) -> dict[str, float]:
    """The trace of the covariance, per type of channel: the sum of the `variances` of (times, sensors) SI numbers."""
    variance = variances(data, seconds, band)
    return {kind: float(variance[channels.indices(kind)].sum()) for kind in channels.kinds}


def variances(data: np.ndarray, seconds: float = 1.0, band: tuple[float, float] | None = None) -> np.ndarray:
    r"""The variance of each column, (columns,): mean removed, divided by n - 1.

    In a band it is the part of it which the discrete Fourier transform has there,
    :math:`\sum_{|f| \in B} |X_f|^2 / (n (n - 1))`.

    Parameters
    ----------
    data : array
        (times, columns).
    seconds : float
        Sampling period; without a band it plays no part.
    band : tuple of float, optional
        Lowest and highest frequency, Hz.
    """
    # a few at a time, which bounds the memory that it takes
    parts = [_variance(data[:, i : i + _COLUMNS], seconds, band) for i in range(0, data.shape[1], _COLUMNS)]
    return np.concatenate(parts)


def _variance(data: np.ndarray, seconds: float, band: tuple[float, float] | None) -> np.ndarray:
    n = len(data)
    centred = data - data.mean(axis=0)
    # divided first: the squares of teslas are below what single precision holds
    size = abs(centred).max(axis=0)
    relative = centred / np.where(size > 0, size, 1.0)
    if band is None:
        energy = np.square(relative).sum(axis=0)
    else:
        spectrum, hertz = np.fft.rfft(relative, axis=0), np.fft.rfftfreq(n, seconds)
        inside = _inside(hertz, n, seconds, band)
        # every frequency but half the sampling rate stands for its negative too
        sides = np.where(np.arange(len(hertz)) * 2 == n, 1.0, 2.0)[inside, None]
        energy = (sides * (spectrum.real[inside] ** 2 + spectrum.imag[inside] ** 2)).sum(axis=0) / n
    return energy * size**2 / (n - 1)


def counted_band(n: int, seconds: float, band: tuple[float, float] | None) -> tuple[float, float]:
    """The frequencies in Hz that `variances` stand for: half a step beyond the first and the last that it adds up."""
    nyquist = 0.5 / seconds
    hertz = np.fft.rfftfreq(n, seconds)
    inside = hertz[_inside(hertz, n, seconds, band or (0.0, nyquist))]
    half = 0.5 / (n * seconds)
    return float(inside[0] - half), min(float(inside[-1] + half), nyquist)


def _inside(hertz: np.ndarray, n: int, seconds: float, band: tuple[float, float]) -> np.ndarray:
    inside = (hertz >= band[0]) & (hertz <= band[1] * (1 + 1e-9)) & (hertz > 0)
    if not inside.any():
        raise ValueError(
            f'the band of {band[0]:g} to {band[1]:g} Hz holds no frequency of {n} samples, which are '
            f'{1 / (n * seconds):g} Hz apart.'
        )
    return inside


def projector_of(channels: Channels, reference: Reference, where: str) -> np.ndarray:
    """(sensors, sensors) of the reference; without electrodes the average is the identity."""
    if reference == 'average':
        return average_reference(channels)
    return reference_projector(channels, reference, f'{where}(reference=...)')


def band_in_hertz(band: Any, seconds: float, where: str) -> tuple[float, float] | None:
    """The edges of a band in Hz, None for an open one; an error unless 0 <= low < high <= half the sampling rate."""
    if band is None:
        return None
    one = isinstance(band, u.Quantity) and not band.shape
    if one or not isinstance(band, list | tuple | u.Quantity) or len(band) != 2:
        raise ValueError(f'{where} are two frequencies, (8 * u.Hz, 13 * u.Hz), None for an open edge; got {band}.')
    if all(edge is None for edge in band):
        return None
    low, high = (
        default if edge is None else float(u.get_mantissa(checks.quantity(edge, u.Hz, where, 'a frequency')))
        for edge, default in zip(band, (0.0, 0.5 / seconds), strict=True)
    )
    if not 0 <= low < high <= 0.5 / seconds * (1 + 1e-9):
        raise ValueError(
            f'{where} goes up, from 0 at least to half the sampling rate at most, {0.5 / seconds:g} Hz; '
            f'got {low:g} to {high:g} Hz.'
        )
    return low, high


def signal_to_noise(
    signal: Recording,
    noise: Recording,
    *,
    band: tuple[Any, Any] | None = None,
    reference: Reference = None,
) -> dict[str, float]:
    r"""The measured signal-to-noise ratio in dB, per type of channel.

    .. math:: 10 \log_{10} \big(\operatorname{tr} C_\text{signal} / \operatorname{tr} C_\text{noise}\big)

    with the mean over time removed. ``snr_db`` of a model is meant in the reference of its recordings; in another the
    ratio is another.

    Parameters
    ----------
    signal, noise : Recording
        The one without the other, of the same channels and sampling period.
    band : tuple of two Quantities, optional
        The frequencies counted, Hz, of the discrete Fourier transform; all by default.
    reference : str, sequence of str, or None
        To bring both to before the powers are taken, as `Recording.referenced` does; None, the default, leaves them.

    Raises
    ------
    ValueError
        Other channels or another sampling period, a band out of range, or a type of channel without noise.
    """
    where = 'signal_to_noise'
    _check_pair(signal, noise, where)
    seconds = signal.sampling_period.mantissa
    edges = band_in_hertz(band, seconds, f'{where}(band=...)')
    projector = projector_of(signal.channels, reference, where)
    top, bottom = (power(each.data_si @ projector.T, each.channels, seconds, edges) for each in (signal, noise))
    silent = [kind for kind, value in bottom.items() if not value > 0]
    if silent:
        raise ValueError(f'{where}(noise): the {", ".join(silent)} channels show no noise.')
    return {kind: 10 * math.log10(top[kind] / bottom[kind]) if top[kind] > 0 else -math.inf for kind in top}


def whitened_signal_to_noise(
    signal: Recording,
    noise: Recording | NoiseCovariance,
    *,
    band: tuple[Any, Any] | None = None,
    reference: Reference = None,
) -> float:
    r"""The measured signal-to-noise ratio in dB of all sensors together, after whitening by the noise.

    .. math:: 10 \log_{10} \big(\operatorname{tr}(C_\text{noise}^+ C_\text{signal}) / r\big)

    with :math:`r` the rank of the noise, and the mean over time removed. It has no unit: magnetometers, gradiometers
    and electrodes count alike. A signal in a direction where there is no noise at all does not count. The noise of
    a covariance, which is that of a single repetition, is divided by `Recording.nave` of the signal.

    Parameters
    ----------
    signal : Recording
        Without the noise.
    noise : Recording or NoiseCovariance
        Without the signal, of the same channels. A Recording as it is, an average or not.
    band : tuple of two Quantities, optional
        The frequencies counted, Hz, of both after whitening; all by default. A covariance does not say at which
        frequencies there is noise: with a band the noise is a Recording.
    reference : str, sequence of str, or None
        To bring both to, as `Recording.referenced` does; None, the default, leaves them.

    Raises
    ------
    ValueError
        Other channels or another sampling period, a band out of range or without a Recording of the noise, no noise.
    """
    where = 'whitened_signal_to_noise'
    _check_pair(signal, noise, where)
    seconds = signal.sampling_period.mantissa
    edges = band_in_hertz(band, seconds, f'{where}(band=...)')
    projector = projector_of(signal.channels, reference, where)
    covariance = noise.covariance() if isinstance(noise, Recording) else noise
    whitening = _whitening(projector @ covariance.matrix_si @ projector.T, where) @ projector

    def whitened(recording: Recording) -> float:
        return float(variances(recording.data_si @ whitening.T, seconds, edges).sum())

    if isinstance(noise, Recording):
        below = whitened(noise)
    elif edges is None:
        below = len(whitening) / signal.nave
    else:
        raise ValueError(f'{where}(band=...) needs noise as a Recording: a covariance says nothing of frequencies.')
    above = whitened(signal)
    return 10 * math.log10(above / below) if above > 0 else -math.inf


def _whitening(covariance: np.ndarray, where: str) -> np.ndarray:
    """(rank, sensors) after which such noise is white."""
    std, values, vectors = directions(covariance)
    if not (std > 0).any():
        raise ValueError(f'{where}(noise) shows no noise.')
    noisy = values > 0
    return (vectors[:, noisy] / np.sqrt(values[noisy])).T / np.where(std > 0, std, np.inf)


def _check_pair(signal: Recording, noise: Recording | NoiseCovariance, where: str) -> None:
    """Refuse a signal and a noise that are not of the same sensors and rate."""
    check_same_sensors(noise.channels, signal.channels, f'{where}(noise)', 'the signal')
    if isinstance(noise, NoiseCovariance):
        return
    if not math.isclose(noise.sampling_period.mantissa, signal.sampling_period.mantissa, rel_tol=1e-9):
        raise ValueError(
            f'{where}(noise) has the sampling period of the signal, {signal.sampling_period}; '
            f'got {noise.sampling_period}.'
        )
