"""In how many directions sensors vary."""

import numpy as np

from brainfwd.records.lead_field import LeadField
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.recording import Recording

__all__ = ['rank_of']

# of the largest eigenvalue: above what rounding to float32 leaves, 1e-14, and below any noise that was measured
_TOLERANCE = 1e-12


def rank_of(record: Recording | LeadField | NoiseCovariance) -> dict[str, int]:
    """In how many directions the sensors vary, of MEG (magnetometers and gradiometers together) and of EEG.

    A reference takes one from EEG, a projector one each; data, one for the mean that is removed when there are fewer
    samples than sensors. Counted are the eigenvalues of the covariance, or of the gain with itself, above 1e-12 of the
    largest one, after each type of channel was divided by its root mean square.

    Parameters
    ----------
    record : Recording, LeadField or NoiseCovariance
        What is counted.

    Returns
    -------
    dict
        ``{'meg': 306, 'eeg': 59}``, say.
    """
    if isinstance(record, NoiseCovariance):
        squares = record.matrix_si
    elif isinstance(record, Recording):
        squares = np.cov(record.data_si, rowvar=False).reshape((len(record.channels),) * 2)
    elif isinstance(record, LeadField):
        gain = record.gain_si.reshape(record.n_sensors, -1)
        squares = gain @ gain.T
    else:
        raise TypeError(f'rank_of(record) is a Recording, LeadField or NoiseCovariance; got {type(record).__name__}.')
    types = np.array(record.channels.types)
    size = np.ones(len(types))
    for kind in record.channels.kinds:
        size[types == kind] = np.sqrt(np.diagonal(squares)[types == kind].mean()) or 1.0
    relative = squares / size / size[:, None]
    ranks = {}
    for block, inside in (('meg', types != 'eeg'), ('eeg', types == 'eeg')):
        if inside.any():
            values = np.linalg.eigvalsh(relative[np.ix_(inside, inside)])
            ranks[block] = int((values > _TOLERANCE * values[-1]).sum()) if values[-1] > 0 else 0
    return ranks
