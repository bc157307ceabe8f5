"""White noise of the size that a signal-to-noise ratio asks for."""

import numpy as np

from brainfwd.forward.snr import power, variances
from brainfwd.records import Channels, NoiseCovariance, reference_projector
from brainfwd.records.reference import Reference

__all__ = ['white_at_snr']


def white_at_snr(
    pilot: np.ndarray,
    channels: Channels,
    snr_db: float,
    reference: Reference = None,
    seconds: float = 1.0,
    band: tuple[float, float] | None = None,
) -> NoiseCovariance:
    r"""White noise, per type of channel, at a signal-to-noise ratio.

    .. math:: \operatorname{tr} C_\text{noise} = \operatorname{tr} C_\text{signal} / 10^{\text{SNR}/10}

    against the reference, with the mean over time removed; of both no more than what lies in the band.

    Parameters
    ----------
    pilot : array
        (times, sensors) SI numbers without noise, in the band of the recording.
    channels : Channels
        The sensors.
    snr_db : float
        Signal-to-noise ratio in decibels.
    reference : 'average', str, sequence of str, or None
        Of EEG.
    seconds : float
        Sampling period.
    band : tuple of float, optional
        Lowest and highest frequency, Hz.

    Raises
    ------
    ValueError
        A type of channel that shows no signal; a band without a frequency of so few samples.
    """
    projector = reference_projector(channels, reference)
    signal = power(pilot @ projector.T, channels, seconds, band)
    # an impulse is white: how much of white noise lies in the band
    impulse = np.eye(len(pilot), 1)
    in_band = (variances(impulse, seconds, band) / variances(impulse)).item()
    noise = np.zeros_like(projector)
    for kind in channels.kinds:
        index = channels.indices(kind)
        if not signal[kind] > 0:
            raise ValueError(
                f'fix_noise(pilot): the {kind} channels show no signal; no noise has an SNR relative to it.'
            )
        block = projector[np.ix_(index, index)]
        white = block @ block.T
        noise[np.ix_(index, index)] = white * (signal[kind] / 10 ** (snr_db / 10) / np.trace(white) / in_band)
    return NoiseCovariance(noise, channels)
