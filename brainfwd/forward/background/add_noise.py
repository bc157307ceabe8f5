"""Noise on a recording, mixed to a signal-to-noise ratio."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.keys import as_key, key_for
from brainfwd.forward.background.base import Background, corners
from brainfwd.forward.background.brain_noise import BrainNoise
from brainfwd.forward.background.independent_noise import IndependentNoise
from brainfwd.forward.snr import band_in_hertz, counted_band, power, projector_of
from brainfwd.records import Channels, NoiseCovariance, Recording
from brainfwd.records.channels import check_same_sensors, per_kind
from brainfwd.records.reference import Reference

__all__ = ['add_noise']

_WHERE = 'add_noise'


def add_noise(
    recording: Recording,
    parts: Background | NoiseCovariance | Sequence[Background | NoiseCovariance],
    *,
    seed: int,
    snr_db: float | Mapping[str, float] | None = None,
    shares: Sequence[float] | None = None,
    band: tuple[Any, Any] | None = None,
    reference: Reference = 'keep',
    normalise: str = 'sample',
) -> Recording:
    r"""A recording with noise added to it.

    .. math:: \text{SNR}_{dB} = 10 \log_{10} \frac{\operatorname{tr} C_\text{signal}}{\operatorname{tr} C_\text{noise}}

    per type of channel, in the reference of the result, with the mean over time removed, in a band: see
    `signal_to_noise`. All that the recording holds counts as signal. Noise is drawn at the sampling rate of the
    recording, in double precision. `BrainNoise` and `LineNoise` pass its filters (`Recording.band`); `RecordedNoise`
    keeps those it was recorded with, `IndependentNoise` arises behind them.

    Parameters
    ----------
    recording : Recording
        The signal.
    parts : Background, NoiseCovariance, or a sequence of them
        What is added: `BrainNoise`, `LineNoise`, `RecordedNoise`, `IndependentNoise`, for which its covariance will do.
    seed : int
        The noise depends on it, on the place of a part in the sequence and on the names of the channels, and on nothing
        else. Of the mains alone EEG and MEG have something in common; see `LineNoise`, and `BrainNoise` for the brain.
    snr_db : float, or dict of float per type, optional
        Signal-to-noise ratio. By default every part has the size it says itself.
    shares : sequence of float, optional
        What each part has of the power of the noise in the band, in each type of channel; relative to their sum. By
        default parts keep the sizes they say, relative to each other. Comes with ``snr_db``.
    band : tuple of two Quantities, optional
        Where the powers are taken, Hz; None for an open edge. By default `Recording.band`, or else all frequencies.
    reference : str, sequence of str, or None
        What the electrodes are measured against. By default, ``'keep'``, the recording is left as it is, and the noise
        brought to its reference as its data show it: the average, where electrodes add up to zero, or the one electrode
        that is zero; in any other reference the noise stays as it is drawn. Linked electrodes, say, have to be named:
        recording and noise are brought to a reference that is given, as by `Recording.referenced`, and to None neither.
    normalise : {'sample', 'expected'}
        Whether the ratio is that of the noise drawn, exactly, or that of its expected power, about which runs differ.

    Returns
    -------
    Recording
        Its ``noise_cov`` is that of the noise in it: what is expected of all parts at all frequencies, as they were
        scaled, and what the recording had (of a single repetition, as that is). Head and band stay.

    Raises
    ------
    TypeError, ValueError
        Noise of other channels, of another sampling period or another head, or with a line above half the sampling
        rate; a recording without signal; parts without power in the band; a band out of range.
    """
    if not isinstance(recording, Recording):
        raise TypeError(f'{_WHERE}(recording) is a Recording; got {type(recording).__name__}.')
    checks.choice(normalise, ['sample', 'expected'], f'{_WHERE}(normalise=...)')
    channels, seconds = recording.channels, recording.sampling_period.mantissa
    listed = _checked_parts(parts, recording)
    passed = corners(recording.band, _WHERE)
    edges = band_in_hertz(recording.band if band is None else band, seconds, f'{_WHERE}(band=...)')
    keep = isinstance(reference, str) and reference == 'keep'
    projector = projector_of(channels, _shown_reference(recording) if keep else reference, _WHERE)
    signal = recording if keep or 'eeg' not in channels.kinds else recording.referenced(reference)

    def expected(part: Background, within: tuple[float, float]) -> np.ndarray:
        return projector @ part.covariance_si(seconds, passed, within) @ projector.T

    def power_of(part: Background, draw: np.ndarray) -> dict[str, float]:
        if normalise == 'sample':
            return power(draw, channels, seconds, edges)
        n = recording.n_times
        variance = np.diagonal(expected(part, counted_band(n, seconds, edges))) * n / (n - 1)
        return {kind: float(variance[channels.indices(kind)].sum()) for kind in channels.kinds}

    if snr_db is None and shares is not None:
        raise ValueError(f'{_WHERE}(shares=...) are of the noise that snr_db asks for: give both.')
    share = None if shares is None else _checked_shares(shares, len(listed))
    if snr_db is not None:
        wanted = _noise_power(power(signal.data_si, channels, seconds, edges), snr_db, channels)

    key = as_key(seed, f'{_WHERE}(seed=...)')
    size = np.ones((len(listed), len(channels)))
    noise, total = np.zeros(recording.shape), dict.fromkeys(channels.kinds, 0.0)
    for i, part in enumerate(listed):  # one draw at a time, which bounds the memory that it takes
        with jax.enable_x64(True):
            draw = np.asarray(part.draw(key_for(key, f'part {i}'), recording.n_times, seconds, passed)) @ projector.T
        if snr_db is not None and (share is not None or normalise == 'expected'):
            powers = power_of(part, draw)
            if share is not None:
                _scale_to_share(size[i], powers, share[i], channels, part)
            for kind, value in powers.items():
                total[kind] += size[i, channels.indices(kind)[0]] ** 2 * value
        draw *= size[i]
        noise += draw
        del draw
    if snr_db is not None:
        if normalise == 'sample':
            total = power(noise, channels, seconds, edges)
        scale = np.empty(len(channels))
        for kind in channels.kinds:
            if not total[kind] > 0:
                raise ValueError(
                    f'{_WHERE}(parts) have no power in the {kind} channels in the band: no SNR is reached.'
                )
            scale[channels.indices(kind)] = np.sqrt(wanted[kind] / total[kind])
        size *= scale
        noise *= scale

    everywhere = (0.0, 0.5 / seconds)
    added = sum(s[:, None] * expected(part, everywhere) * s for s, part in zip(size, listed, strict=True))
    covariance = recording.nave * added
    if signal.noise_cov is not None:
        covariance = covariance + signal.noise_cov.matrix_si
    noise += signal.data_si
    return dataclasses.replace(recording, data_si=noise, noise_cov=NoiseCovariance(covariance, channels))


def _shown_reference(recording: Recording) -> Reference:
    """The average, if electrodes add up to zero; else the one that is zero; None where neither is so."""
    if 'eeg' not in recording.channels.kinds:
        return None
    index = recording.channels.indices('eeg')
    potentials = recording.data_si[:, index]
    size = abs(potentials).max(axis=0)
    # to the rounding of single precision
    if abs(potentials.mean(axis=1)).max() < 1e-6 * size.max():
        return 'average'
    silent = index[size == 0]
    return recording.channels.names[silent[0]] if len(silent) == 1 else None


def _checked_parts(parts: Any, recording: Recording) -> list[Background]:
    where = f'{_WHERE}(parts)'
    listed = []
    for part in [parts] if isinstance(parts, Background | NoiseCovariance) else list(parts):
        part = IndependentNoise(part) if isinstance(part, NoiseCovariance) else part
        if not isinstance(part, Background):
            raise TypeError(f'{where} are BrainNoise, LineNoise, RecordedNoise, ...; got {type(part).__name__}.')
        kind = type(part).__name__
        check_same_sensors(part.channels, recording.channels, f'{where}: {kind}', 'the recording')
        if isinstance(part, BrainNoise) and recording.head not in (None, part.lead_field.head):
            raise ValueError(
                f'{where}: BrainNoise is seen through the head of the recording, {recording.head!r}; '
                f'got {part.lead_field.head!r}.'
            )
        part.check_period(recording.sampling_period.mantissa, where)
        listed.append(part)
    if not listed:
        raise ValueError(f'{where} are one at least; got none.')
    return listed


def _noise_power(signal: dict[str, float], snr_db: Any, channels: Channels) -> dict[str, float]:
    """The power that the noise of each type of channel has to have."""
    where = f'{_WHERE}(snr_db=...)'
    by_kind = {kind: checks.number(value, where) for kind, value in per_kind(snr_db, channels, where).items()}
    for kind, value in signal.items():
        if not value > 0:
            raise ValueError(
                f'{_WHERE}(recording): the {kind} channels show no signal in the band; no noise has an SNR to it.'
            )
    return {kind: value / 10 ** (by_kind[kind] / 10) for kind, value in signal.items()}


def _checked_shares(shares: Sequence[float], n: int) -> np.ndarray:
    where = f'{_WHERE}(shares=...)'
    given = np.asarray(checks.array(shares, where))
    checks.shape_is(given, (n,), where, '(parts,)')
    checks.finite(given, where)
    checks.non_negative(given, where)
    if not given.sum() > 0:
        raise ValueError(f'{where} are not all zero; got {list(shares)}.')
    return given / given.sum()


def _scale_to_share(
    size: np.ndarray, powers: dict[str, float], share: float, channels: Channels, part: Background
) -> None:
    """Relative to the other parts; the sum is brought to the ratio afterwards."""
    for kind, value in powers.items():
        if share and not value > 0:
            raise ValueError(
                f'{_WHERE}(shares=...): {type(part).__name__} has no power in the {kind} channels in the band, and '
                'no share of it: give another band.'
            )
        size[channels.indices(kind)] = np.sqrt(share / value) if share else 0.0
