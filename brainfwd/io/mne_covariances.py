"""MNE-Python's ``Covariance`` as `NoiseCovariance`, and back."""

from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.io.mne_channels import channels_of, good_names, need_mne, projector
from brainfwd.records import Channels, NoiseCovariance, average_reference

__all__ = ['covariance', 'noise_covariance']


def noise_covariance(
    covariance: Any, *, info: Any = None, apply_proj: bool = True, rank: Any = None
) -> NoiseCovariance:
    """The covariance of the good channels of ``info``, with the rank that MNE finds."""
    mne, where = need_mne(), 'from_mne(Covariance)'
    if not isinstance(info, mne.Info):
        raise TypeError(
            f'{where} needs the Info of the data, for types, bad channels and projectors: write info=raw.info; '
            f'got {type(info).__name__}.'
        )
    names = [name for name in good_names(info, f'{where}, info,') if name not in covariance['bads']]
    missing = [name for name in names if name not in covariance['names']]
    if missing:
        raise ValueError(
            f'{where} has the good channels of info; it lacks {checks.listed(missing)}: write '
            f'info=raw.copy().pick(...).info, of those it has.'
        )
    index = [covariance['names'].index(name) for name in names]
    matrix = np.diag(covariance.data)[:, index][index] if covariance['diag'] else covariance.data[np.ix_(index, index)]
    projs = [*info['projs'], *covariance['projs']] if apply_proj else []
    if projs:
        projection = projector(info, names, projs)
        matrix = projection @ matrix @ projection.T
    channels, n_free = channels_of(info, names), covariance['nfree']
    picked = mne.pick_info(info, [info['ch_names'].index(name) for name in names])
    with picked._unlock():
        picked['projs'] = projs
    rank = _rank(matrix, channels, picked, rank)
    return NoiseCovariance(matrix, channels, n_free + 1 if n_free > 0 else None, rank)


def _rank(matrix: np.ndarray, channels: Channels, info: Any, rank: Any) -> dict[str, int]:
    """In how many directions there is noise, after the average reference, of MEG and EEG, as MNE counts them."""
    mne, reference = need_mne(), average_reference(channels)
    inst = mne.Covariance(reference @ matrix @ reference, list(channels.names), [], [], 0)
    counted = mne.compute_rank(inst, rank=rank, info=info)
    meg = counted.get('meg', counted.get('mag', 0) + counted.get('grad', 0))
    return {block: count for block, count in (('meg', meg), ('eeg', counted.get('eeg', 0))) if count}


def covariance(noise_cov: NoiseCovariance) -> Any:
    """A ``Covariance``, full, of the channels by name."""
    names = list(noise_cov.channels.names)
    n_free = 0 if noise_cov.n_samples is None else noise_cov.n_samples - 1
    return need_mne().Covariance(np.array(noise_cov.matrix_si), names, [], [], n_free)
