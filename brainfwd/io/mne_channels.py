"""Sensors as MNE-Python knows them: an ``Info`` as `Channels`, and back."""

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.heads.coils import COILS
from brainfwd.records import SENSOR_UNITS, Channels
from brainfwd.records.base import scalar

__all__ = ['HEAD_NOTE', 'channels_of', 'good_names', 'info_of', 'mne_info', 'need_mne', 'projector', 'quiet']

# frames of FIFF: of the device (the helmet), and of the head
_DEVICE, _HEAD = 1, 4
# how far the axes of a coil may be from unit vectors, which FIFF rounds to single precision
_UNIT = 1e-3
_OTHER_COIL = 'FIFF '
HEAD_NOTE = 'brainfwd head: '
"""Stands before the head where an Info or a Forward has room for words: files tell of an inverse crime too."""


def need_mne() -> ModuleType:
    """The module mne, which only the bridge to it needs."""
    try:
        import mne
    except ImportError as error:
        raise ImportError("brainfwd.io needs MNE-Python for this: pip install 'brainfwd[mne]'.") from error
    return mne


@contextlib.contextmanager
def quiet(level: str = 'warning') -> Iterator[None]:
    """Without MNE's messages about its progress; its warnings stay, unless the level is ``'error'``."""
    with need_mne().utils.use_log_level(level):
        yield


def good_names(info: Any, where: str) -> list[str]:
    """The EEG channels, magnetometers and gradiometers that are not marked bad, in order."""
    types = info.get_channel_types()
    good = [
        name
        for name, kind in zip(info['ch_names'], types, strict=True)
        if kind in SENSOR_UNITS and name not in info['bads']
    ]
    if not good:
        counts = ', '.join(f'{count} {kind}' for kind, count in Counter(types).items()) or 'none'
        bad = f', {len(info["bads"])} of them marked bad' if info['bads'] else ''
        raise ValueError(f"{where} has channels of type 'eeg', 'mag' or 'grad' that are not bad; got {counts}{bad}.")
    return good


def projector(info: Any, names: Sequence[str], projs: Sequence[Any]) -> np.ndarray:
    """(sensors, sensors) what these projectors of MNE, applied before or not, leave of these channels."""
    mne = need_mne()
    picked = mne.pick_info(info, [info['ch_names'].index(name) for name in names])
    with picked._unlock():
        picked['projs'] = []
    projs = [proj.copy() for proj in projs]
    for proj in projs:
        proj['active'] = False
    return mne.io.RawArray(np.eye(len(names)), picked).add_proj(projs).apply_proj().get_data()


def channels_of(info: Any, names: Sequence[str] | None = None) -> Channels:
    """The good EEG and MEG channels of an Info, or the channels of these names, in the head frame."""
    names = good_names(info, 'from_mne(Info)') if names is None else list(names)
    index = [info['ch_names'].index(name) for name in names]
    types = info.get_channel_types()
    kinds = np.array([types[i] for i in index])
    chs = [info['chs'][i] for i in index]
    place, axes = _in_head_frame(chs, info.get('dev_head_t'))
    known = np.isfinite(place).all(axis=1)
    is_meg = kinds != 'eeg'
    wound = abs(axes @ axes.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2)) < _UNIT
    _warn_of_some(names, known, 'place')
    has_coils = is_meg.any() and wound[is_meg].all()
    _warn_of_some(np.array(names)[is_meg], wound[is_meg], 'coil')
    _warn_of_compensation([ch for ch, meg in zip(chs, is_meg, strict=True) if meg])
    numbers = {coil.fiff: name for name, coil in COILS.items()}
    coils = [numbers.get(int(ch['coil_type']), f'{_OTHER_COIL}{int(ch["coil_type"])}') for ch in chs]
    return Channels(
        tuple(names),
        tuple(kinds),
        u.Quantity(place, unit=u.meter) if known.all() else None,
        tuple(coil if meg else '' for coil, meg in zip(coils, is_meg, strict=True)) if has_coils else None,
        np.where(is_meg[:, None, None], axes, 0.0) if has_coils else None,
    )


def _warn_of_some(names: Sequence[str], known: np.ndarray, what: str) -> None:
    """Say which channels take from all others what they lack themselves."""
    if known.any() and not known.all():
        lacking = [str(name) for name, there in zip(names, known, strict=True) if not there]
        warnings.warn(
            f'from_mne: no {what} is known of {checks.listed(lacking)}, so that the {what}s of all are left out, '
            f'which a head needs: drop these channels first, with raw.drop_channels(...), or mark them bad.',
            stacklevel=2,
        )


def _warn_of_compensation(meg: Sequence[Any]) -> None:
    """Say that reference sensors were subtracted, which the number of a coil holds in its upper half."""
    grades = {int(ch['coil_type']) >> 16 for ch in meg} - {0}
    if grades:
        warnings.warn(
            f'from_mne: MEG is compensated by reference sensors, grade {", ".join(map(str, sorted(grades)))}, which a '
            'SphericalHead knows nothing of: write raw.apply_gradient_compensation(0), unless the lead field comes '
            'from MNE-Python, for compensated data.',
            stacklevel=2,
        )


def _in_head_frame(chs: Sequence[Any], dev_head_t: Any) -> tuple[np.ndarray, np.ndarray]:
    """(sensors, 3) places and (sensors, 3, 3) axes; NaN where the way from their frame to the head is not known."""
    loc = np.array([ch['loc'][:12] for ch in chs], dtype=float).reshape(-1, 4, 3)
    frame = np.array([int(ch['coord_frame']) for ch in chs])
    place, axes = loc[:, 0].copy(), loc[:, 1:].copy()
    on_device = frame == _DEVICE
    if dev_head_t is not None:
        turn, shift = dev_head_t['trans'][:3, :3], dev_head_t['trans'][:3, 3]
        place[on_device] = place[on_device] @ turn.T + shift
        axes[on_device] = axes[on_device] @ turn.T
    lost = ~np.isin(frame, (_HEAD, _DEVICE)) | (on_device & (dev_head_t is None))
    place[lost], axes[lost] = np.nan, np.nan
    # zeros too stand for a place that nobody measured
    place[(loc[:, 0] == 0).all(axis=1)] = np.nan
    return place, axes


def info_of(channels: Channels, *, sampling_period: Any = None, like: Any = None) -> Any:
    """An Info of these channels; with ``like``, that Info, of these channels and this period alone."""
    where = 'to_mne(Channels, sampling_period=...)'
    if sampling_period is None:
        raise checks.UnitError(
            f'{where} is what an Info has and channels do not: write sampling_period=1. * u.ms, for example, or '
            f'to_mne(recording).info, which has that of the recording.'
        )
    period = scalar(sampling_period, u.second, where, 'the time between samples').mantissa
    if period <= 0:
        raise ValueError(f'{where} must be positive; got {sampling_period}.')
    return mne_info(channels, period, like)


def mne_info(channels: Channels, period: float, like: Any = None) -> Any:
    """An Info for samples every ``period`` seconds."""
    mne = need_mne()
    rate = 1 / period
    # 1 / (1 / 49) is not 49
    rate = float(round(rate)) if abs(rate - round(rate)) < 1e-9 * rate else rate
    info = _new_info(mne, channels) if like is None else _picked(mne, like, channels)
    with info._unlock():
        info['sfreq'] = rate
        info['lowpass'] = rate / 2 if like is None else min(info['lowpass'], rate / 2)
    return info


def _new_info(mne: ModuleType, channels: Channels) -> Any:
    info = mne.create_info(list(channels.names), 1.0, list(channels.types))
    if channels.positions is not None:
        # no montage: MNE would make fiducials up
        for ch, place, kind in zip(info['chs'], channels.positions.mantissa, channels.types, strict=True):
            ch['loc'][:3] = place
            if kind == 'eeg':
                # of the reference: not known
                ch['loc'][3:6] = 0.0
    if channels.coils is not None:
        for ch, coil, axes in zip(info['chs'], channels.coils, channels.coil_axes, strict=True):
            if coil:
                ch['loc'][3:] = axes.ravel()
                ch['coil_type'] = _coil_number(coil)
    if set(channels.kinds) - {'eeg'}:
        with info._unlock():
            # places are those in the head frame: the device is where the head is
            info['dev_head_t'] = mne.transforms.Transform('meg', 'head')
    return info


def _coil_number(coil: str) -> int:
    if coil in COILS:
        return COILS[coil].fiff
    number = coil.removeprefix(_OTHER_COIL)
    if number == coil or not number.isdigit():
        raise ValueError(f"to_mne: a coil is one of bf.forward.COILS, or 'FIFF 5001' by its number; got {coil!r}.")
    return int(number)


def _picked(mne: ModuleType, like: Any, channels: Channels) -> Any:
    if not isinstance(like, mne.Info):
        raise TypeError(f'to_mne(like=...) is an mne.Info, as raw.info; got {type(like).__name__}.')
    typed = dict(zip(like['ch_names'], like.get_channel_types(), strict=True))
    other = [name for name, kind in zip(channels.names, channels.types, strict=True) if typed.get(name) != kind]
    if other:
        raise ValueError(
            f'to_mne(like=...) has the channels of the record, with their types; it lacks {checks.listed(other)}.'
        )
    return mne.pick_info(like, [like['ch_names'].index(name) for name in channels.names])
