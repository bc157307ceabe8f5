"""How the noise of the sensors varies together."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfwd._core.checks import choice, non_negative, positive_int, quantity, shape_is
from brainfwd.records.base import keep
from brainfwd.records.channels import SENSOR_UNITS, Channels, per_kind
from brainfwd.records.reference import Reference
from brainfwd.records.sensor_matrix import by_kinds, positive_semidefinite, rereferenced

if TYPE_CHECKING:
    from brainfwd.records.recording import Recording

__all__ = ['NoiseCovariance', 'checked_rank']


@dataclass(frozen=True, eq=False, repr=False)
class NoiseCovariance:
    """Covariance of sensor noise, of a single repetition: an average of n repetitions has an n-th of it.

    Parameters
    ----------
    matrix_si : array
        (sensors, sensors) SI numbers, each in the product of the units of its two channels. Symmetric, positive
        semidefinite. `from_quantity`, `diagonal` and `from_recording` take units.
    channels : Channels
        The sensors, in order.
    n_samples : int, optional
        How many samples it was estimated from.
    rank : dict of str to int, optional
        In how many directions there is noise, of ``'meg'`` (magnetometers and gradiometers together) and ``'eeg'``,
        after the average reference of EEG. Where the eigenvalues do not tell, as after a Maxwell filter and rounding;
        otherwise left out.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units in ``matrix_si``, a shape that does not fit the channels, values that are not finite, a matrix that is
        not symmetric or has a negative eigenvalue (both up to rounding, relative to the variances), a rank larger than
        there are channels.
    """

    matrix_si: Any
    channels: Channels
    n_samples: int | None = None
    rank: Mapping[str, int] | None = None

    def __post_init__(self):
        matrix = positive_semidefinite(self.matrix_si, self.channels, 'NoiseCovariance(matrix_si=...)')
        n_samples = self.n_samples
        if n_samples is not None:
            n_samples = positive_int(n_samples, 'NoiseCovariance(n_samples=...)')
        rank = None if self.rank is None else checked_rank(self.rank, self.channels, 'NoiseCovariance(rank=...)')
        keep(self, matrix_si=matrix, n_samples=n_samples, rank=rank)

    @classmethod
    def from_quantity(cls, matrix: Any, channels: Channels, n_samples: int | None = None) -> 'NoiseCovariance':
        """From a covariance with its unit, V2, T2 or (T/m)2, of one type of channel."""
        unit = channels.unit**2
        checked = quantity(matrix, unit, 'NoiseCovariance.from_quantity(matrix)', 'the covariance')
        return cls(checked.mantissa, channels, n_samples)

    @classmethod
    def diagonal(cls, std: Any, channels: Channels) -> 'NoiseCovariance':
        """Independent noise.

        Parameters
        ----------
        std : Quantity, or dict of Quantity per type
            Standard deviation, one number or one per channel of the type.
        channels : Channels
            The sensors.
        """
        where = 'NoiseCovariance.diagonal(std)'
        si_std = np.zeros(len(channels))
        for kind, value in per_kind(std, channels, where).items():
            given = quantity(value, SENSOR_UNITS[kind], where, f'the noise of {kind} channels').mantissa
            non_negative(given, where)
            index = channels.indices(kind)
            if np.ndim(given):
                shape_is(given, (len(index),), where, f'({kind} channels,)')
            si_std[index] = given
        return cls(np.diag(si_std**2), channels)

    @classmethod
    def from_recording(
        cls, recording: 'Recording', start: Any = None, stop: Any = None, *, centred: bool = True
    ) -> 'NoiseCovariance':
        """From the samples of a recording with ``start <= t < stop``: mean removed, divided by n - 1.

        With ``centred=False`` the mean stays, and n divides; one sample is then enough. Of a single repetition: times
        `Recording.nave`, since the average of n has an n-th of the noise of one.
        """
        part = recording.crop(start, stop)
        data, n = part.data_si, part.n_times
        if centred:
            if n < 2:
                raise ValueError(
                    f'NoiseCovariance.from_recording needs at least 2 samples, to take away their mean; got {n}: take '
                    f'more, or write centred=False.'
                )
            data = data - data.mean(axis=0)
        return cls(part.nave * (data.T @ data) / (n - centred), part.channels, n)

    def __repr__(self) -> str:
        samples = '' if self.n_samples is None else f', from {self.n_samples} samples'
        return f'NoiseCovariance({self.channels!r}{samples})'

    @property
    def matrix(self) -> Any:
        """The covariance with its unit; a dict of blocks by pair of types when there are several types."""
        return by_kinds(self.matrix_si, self.channels)

    def pick(self, kinds_or_names: str | Sequence[str]) -> 'NoiseCovariance':
        """The block of the sensors of some types or names."""
        channels, index = self.channels.pick(kinds_or_names)
        # a part of what varies in r directions varies in r, or in as many as it has channels
        blocks = channels.blocks
        rank = None if self.rank is None else {k: min(r, len(blocks[k])) for k, r in self.rank.items() if k in blocks}
        return NoiseCovariance(self.matrix_si[np.ix_(index, index)], channels, self.n_samples, rank)

    def referenced(self, reference: Reference) -> 'NoiseCovariance':
        """Of EEG against another reference: ``'average'``, an electrode, or several, as ``('TP9', 'TP10')``."""
        where = 'NoiseCovariance.referenced(reference)'
        return dataclasses.replace(self, matrix_si=rereferenced(self.matrix_si, self.channels, reference, where))


def checked_rank(rank: Mapping[str, int], channels: Channels, where: str) -> dict[str, int]:
    """``rank`` if it is a whole number for blocks that the channels have, at most that of their channels."""
    blocks = channels.blocks
    if not isinstance(rank, Mapping):
        raise TypeError(f"{where} is a dict, as {{'meg': 66, 'eeg': 59}}; got {type(rank).__name__}.")
    checked = {}
    for block, value in rank.items():
        of_block = f'{where}, of {choice(block, blocks, where)}'
        checked[block] = positive_int(value, of_block)
        if checked[block] > len(blocks[block]):
            raise ValueError(f'{of_block}, is at most the number of channels, {len(blocks[block])}; got {value}.')
    return checked
