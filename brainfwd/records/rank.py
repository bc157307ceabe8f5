"""In how many directions sensors vary."""

import numpy as np

from brainfwd._core.linear_algebra import FLOOR
from brainfwd.records.channels import Channels
from brainfwd.records.lead_field import LeadField
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.recording import Recording

__all__ = ['rank_of']


def rank_of(record: Recording | LeadField | NoiseCovariance) -> dict[str, int]:
    """In how many directions the sensors vary, of MEG (magnetometers and gradiometers together) and of EEG.

    A reference takes one from EEG, a projector one each; data, one for the mean that is removed when there are fewer
    samples than sensors. Counted are the eigenvalues of the covariance above 1e-12 of the largest one; of a lead field
    the singular values above what rounding leaves, since a field is smooth and the last of them are small in any head.
    Before that each type of channel is divided by its root mean square.

    Parameters
    ----------
    record : Recording, LeadField or NoiseCovariance
        What is counted.

    Returns
    -------
    dict
        ``{'meg': 306, 'eeg': 59}``, say.
    """
    if not isinstance(record, Recording | LeadField | NoiseCovariance):
        raise TypeError(f'rank_of(record) is a Recording, LeadField or NoiseCovariance; got {type(record).__name__}.')
    # the names of the blocks are what channels are picked by, too
    return {block: _rank(record.pick(block)) for block in record.channels.blocks}


def _rank(record: Recording | LeadField | NoiseCovariance) -> int:
    if isinstance(record, LeadField):
        gain = record.gain_si.reshape(record.n_sensors, -1)
        relative = gain / _size(np.square(gain).mean(axis=1), record.channels)[:, None]
        # not of the gain with itself, which would square what rounding leaves
        values, tolerance = np.linalg.svd(relative, compute_uv=False), max(gain.shape) * np.finfo(float).eps
    else:
        squares = record.matrix_si if isinstance(record, NoiseCovariance) else np.atleast_2d(np.cov(record.data_si.T))
        size = _size(np.diagonal(squares), record.channels)
        values, tolerance = np.linalg.eigvalsh(squares / size / size[:, None]), FLOOR
    return int((values > tolerance * values.max()).sum())


def _size(power: np.ndarray, channels: Channels) -> np.ndarray:
    """(sensors,) root mean square of the channels of each type; 1 where they show nothing."""
    size = np.ones(len(channels))
    for kind in channels.kinds:
        index = channels.indices(kind)
        size[index] = np.sqrt(power[index].mean()) or 1.0
    return size
