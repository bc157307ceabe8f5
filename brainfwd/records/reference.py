r"""What EEG is measured against.

Electrodes measure differences of potential. Another reference is a projection of the sensors,

.. math:: y' = P y, \qquad P = I - \mathbf{1} w^T, \qquad \sum_i w_i = 1

with :math:`w` the weights of the electrodes that are the reference: 1/n each for the average, 1 for a single one, 1/2
for each of a linked pair. It takes away the rank that all electrodes share, and any two references differ by no more
than that: :math:`P_1 P_2 = P_1`. P is symmetric for the average alone: a covariance becomes :math:`P C P^T`, data with
time first become :math:`y P^T`.
"""

from collections.abc import Sequence

import numpy as np

from brainfwd.records.channels import Channels, no_such

__all__ = ['Reference', 'average_reference', 'reference_projector']

Reference = str | Sequence[str] | None
"""``'average'``, the name of an electrode, the names of several (their mean), or None: as it is."""


def reference_projector(channels: Channels, reference: Reference, where: str = 'reference') -> np.ndarray:
    r"""(sensors, sensors) projector :math:`P = I - 1 w^T` on the EEG channels, the identity on the others.

    Parameters
    ----------
    channels : Channels
        The sensors.
    reference : str, sequence of str, or None
        ``'average'`` of all electrodes; the name of one electrode, ``'Cz'``; the names of several, whose mean it is,
        ``('TP9', 'TP10')`` for linked mastoids; None for the identity. An electrode that is the reference stays, as
        zeros.
    where : str
        The argument, for errors.

    Raises
    ------
    ValueError
        No EEG, no such electrode, or one that is named twice.
    """
    projector = np.eye(len(channels))
    if reference is None:
        return projector
    if 'eeg' not in channels.kinds:
        raise ValueError(f'{where}={reference!r} is a reference of EEG; got {channels}.')
    electrodes = channels.indices('eeg')
    projector[np.ix_(electrodes, electrodes)] -= _weights(channels, electrodes, reference, where)
    return projector


def average_reference(channels: Channels) -> np.ndarray:
    r"""(sensors, sensors) projector :math:`P = I - 1 1^T / n` on the EEG channels, if any; the identity on the others.

    EEG measures differences of potential: what all electrodes share says nothing about the brain.
    """
    return reference_projector(channels, 'average' if 'eeg' in channels.kinds else None)


def _weights(channels: Channels, electrodes: np.ndarray, reference: Reference, where: str) -> np.ndarray:
    """(electrodes,) weights that add up to 1."""
    names = [channels.names[i] for i in electrodes]
    if reference == 'average':
        return np.full(len(names), 1 / len(names))
    wanted = [reference] if isinstance(reference, str) else list(reference or ())
    if not wanted:
        raise ValueError(f"{where} is 'average', an electrode, several electrodes or None; got {reference!r}.")
    if len(set(wanted)) != len(wanted):
        raise ValueError(f'{where} names each electrode once; got {reference!r}.')
    if 'average' in wanted and 'average' not in names:
        raise ValueError(f"{where} is 'average' alone, not among others: write reference='average'; got {reference!r}.")
    for name in wanted:
        if name not in names:
            raise ValueError(f"{where} is 'average' or electrodes of {channels}; {no_such(name, names)}.")
    return np.isin(names, wanted) / len(wanted)
