"""How the sensors vary together in a band of frequencies."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import number, period_of
from brainfwd.metrics.spectrum import frequencies_of, inside_band, segment_spectra
from brainfwd.records import CrossSpectrum, Recording

__all__ = ['cross_spectrum']


def cross_spectrum(
    recording: Recording,
    band: tuple[Any, Any] = (8 * u.Hz, 13 * u.Hz),
    *,
    segment: Any = 2 * u.second,
) -> CrossSpectrum:
    r"""Cross-spectrum of the sensors within a band of frequencies, by Welch's method.

    .. math:: C_{ab} = n \sum_{f_1 \le f \le f_2} \Delta f \, \langle X_a(f) \, X_b^*(f) \rangle

    with X the windowed spectra of the segments, as in `power_spectrum`, and n the repetitions that the recording
    averages, `Recording.nave`: the noise in it is that of one, as in `Recording.covariance`. On the diagonal stands n
    times `band_power`.

    Parameters
    ----------
    recording : Recording
        Sensors of any types.
    band : tuple of two Quantities
        From and to, Hz, both included.
    segment : Quantity
        Length of a segment; its inverse is the resolution in frequency. The whole recording when that is shorter.

    Returns
    -------
    CrossSpectrum
        Of rank at most twice the segments times the frequencies in the band.

    Raises
    ------
    TypeError, UnitError, ValueError
        No recording; a band that is empty, not resolved by the segments, or above half the sampling rate.
    """
    where = 'cross_spectrum'
    if not isinstance(recording, Recording):
        raise TypeError(
            f'{where}(recording) is a brainfwd.records.Recording, as a CrossSpectrum is one of channels: write '
            f'Recording.from_quantity(data, channels, sampling_period); got {checks.kind(recording)}.'
        )
    period = period_of(recording.sampling_period, where)
    length = number(segment, u.second, f'{where}(segment=...)', 'the length of a segment')
    checks.positive(length, f'{where}(segment=...)')
    if recording.n_times < 2:
        raise checks.ShapeError(f'{where}(recording) has at least 2 times; got {recording.n_times}.')
    frequencies = frequencies_of(recording.n_times, period, length)
    inside = inside_band(frequencies, band, period, where)
    blocks = segment_spectra(np, recording.data_si.T, period, length)
    spectra = np.concatenate([block[..., inside] for block in blocks])
    n_segments = spectra.shape[1]
    spectra = spectra.reshape(len(spectra), -1)
    matrix = (recording.nave * frequencies[1] / n_segments) * (spectra @ spectra.conj().T)
    return CrossSpectrum(matrix, recording.channels, band, n_segments)
