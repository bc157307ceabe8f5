"""MNE-Python's ``Raw`` and ``Evoked`` as `Recording`, and back."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import choice
from brainfwd.io.mne_channels import HEAD_NOTE, channels_of, good_names, mne_info, need_mne, projector
from brainfwd.records import Recording

__all__ = ['evoked_recording', 'raw_recording', 'recorded']

# a fraction of the period: far above rounding, far below anything meant
_TOLERANCE = 1e-6


def raw_recording(raw: Any, *, apply_proj: bool = True) -> Recording:
    """The good EEG and MEG channels of continuous data; the first sample is at ``raw.first_time``."""
    return _recording(raw, raw.get_data, raw.first_samp, 1, apply_proj)


def evoked_recording(evoked: Any, *, apply_proj: bool = True) -> Recording:
    """The good EEG and MEG channels of an average."""
    if evoked.kind != 'average':
        raise ValueError(f'from_mne(Evoked) is an average; got {evoked.kind!r}.')
    first = evoked.times[0] * evoked.info['sfreq']
    # files hold times in single precision
    on_grid = np.isclose(first, round(first), rtol=1e-6, atol=1e-3)
    # MNE too rounds what weighted differences of averages have, when it writes them
    nave = max(1, round(evoked.nave))
    return _recording(evoked, evoked.get_data, round(first) if on_grid else first, nave, apply_proj)


def _recording(given: Any, get_data: Any, first: float, nave: int, apply_proj: bool) -> Recording:
    info, where = given.info, f'from_mne({type(given).__name__})'
    names = good_names(info, where)
    data = get_data(picks=names)
    if np.iscomplexobj(data):
        raise ValueError(f'{where} is real; got complex data: take the real part, or the modulus.')
    if apply_proj and not all(proj['active'] for proj in info['projs']):
        # of all at once, applied or not: one after the other brings back a part of what the first took away
        data = projector(info, names, info['projs']) @ data
    rate = info['sfreq']
    low, high = (float(info[edge]) or None for edge in ('highpass', 'lowpass'))
    # that of MNE for what was not filtered
    high = None if high is None or high >= rate / 2 else high
    band = (None if low is None else low * u.Hz, None if high is None else high * u.Hz)
    told = [line for line in (info['description'] or '').splitlines() if line.startswith(HEAD_NOTE)]
    return Recording(
        data.T,
        channels_of(info, names),
        1 / rate * u.second,
        start=first / rate * u.second,
        head=told[-1].removeprefix(HEAD_NOTE) if told else None,
        band=None if band == (None, None) else band,
        nave=nave,
    )


def recorded(recording: Recording, *, kind: str = 'raw', like: Any = None, comment: str = '') -> Any:
    """A ``RawArray``, or with ``kind='evoked'`` an ``EvokedArray``, of a recording."""
    mne, where = need_mne(), 'to_mne(Recording)'
    choice(kind, ('raw', 'evoked'), 'to_mne(Recording, kind=...)')
    period, start = recording.sampling_period.mantissa, recording.start.mantissa
    info = mne_info(recording.channels, period, like)
    low, high = recording.band or (None, None)
    told = [line for line in (info['description'] or '').splitlines() if not line.startswith(HEAD_NOTE)]
    told += [] if recording.head is None else [f'{HEAD_NOTE}{recording.head}']
    with info._unlock():
        # not those of `like`, which are of other data
        info['highpass'] = 0.0 if low is None else float(low.mantissa)
        info['lowpass'] = info['sfreq'] / 2 if high is None else float(high.mantissa)
        info['description'] = '\n'.join(told) or None
    data = recording.data_si.T
    if kind == 'evoked':
        return mne.EvokedArray(data, info, tmin=start, nave=recording.nave, comment=comment)
    if recording.nave != 1:
        raise ValueError(f"{where} is an average of {recording.nave}, which Raw cannot say: write kind='evoked'.")
    first = round(start / period)
    if abs(first * period - start) > _TOLERANCE * period or first < 0:
        raise ValueError(
            f'{where} starts at 0 or a whole number of sampling periods after it, for Raw; got {start:g} s, with a '
            f"period of {period:g} s: write kind='evoked'."
        )
    return mne.io.RawArray(data, info, first_samp=first)
