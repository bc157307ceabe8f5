"""How the sensors vary together within a band of frequencies, with their phases."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import positive_int, quantity
from brainfwd.records.base import keep, scalar
from brainfwd.records.channels import Channels
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.reference import Reference
from brainfwd.records.sensor_matrix import by_kinds, positive_semidefinite, rereferenced

__all__ = ['CrossSpectrum']


@dataclass(frozen=True, eq=False, repr=False)
class CrossSpectrum:
    r"""Cross-spectrum of the sensors, over a band of frequencies: as of a single repetition, like `NoiseCovariance`.

    .. math:: C_{ab} = \Big\langle \sum_{f_1 \le f \le f_2} X_a(f) \, X_b^*(f) \Big\rangle

    scaled so that its diagonal is the variance of each sensor within the band; of an average of n repetitions, n times
    that, so that the noise in it is that of one. The phase of an entry is by how much
    sensor a leads sensor b; its real part, `in_phase`, is the covariance of the sensors filtered to the band.
    ``bf.metrics.cross_spectrum`` computes it from a recording.

    Parameters
    ----------
    matrix_si : array
        (sensors, sensors) complex SI numbers, each in the product of the units of its two channels. Hermitian, positive
        semidefinite. `from_quantity` takes units.
    channels : Channels
        The sensors, in order.
    band : tuple of two Quantities, optional
        From and to, Hz.
    n_segments : int, optional
        From how many segments in time it was estimated; they overlap, and say less than as many independent ones.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units in ``matrix_si``, a shape that does not fit the channels, values that are not finite, a matrix that is
        not Hermitian or has a negative eigenvalue (both up to rounding, relative to the variances), a band that does
        not go up.
    """

    matrix_si: Any
    channels: Channels
    band: tuple[Any, Any] | None = None
    n_segments: int | None = None

    def __post_init__(self):
        matrix = positive_semidefinite(self.matrix_si, self.channels, 'CrossSpectrum(matrix_si=...)', np.complex128)
        n_segments = self.n_segments
        if n_segments is not None:
            n_segments = positive_int(n_segments, 'CrossSpectrum(n_segments=...)')
        keep(self, matrix_si=matrix, band=_checked_band(self.band), n_segments=n_segments)

    @classmethod
    def from_quantity(
        cls, matrix: Any, channels: Channels, band: tuple[Any, Any] | None = None, n_segments: int | None = None
    ) -> 'CrossSpectrum':
        """From a cross-spectrum with its unit, V2, T2 or (T/m)2, of one type of channel."""
        checked = quantity(matrix, channels.unit**2, 'CrossSpectrum.from_quantity(matrix)', 'the cross-spectrum')
        return cls(checked.mantissa, channels, band, n_segments)

    def __repr__(self) -> str:
        band = '' if self.band is None else ', {:g} to {:g} Hz'.format(*(edge.mantissa for edge in self.band))
        segments = '' if self.n_segments is None else f', from {self.n_segments} segments'
        return f'CrossSpectrum({self.channels!r}{band}{segments})'

    @property
    def matrix(self) -> Any:
        """The cross-spectrum with its unit; a dict of blocks by pair of types when there are several types."""
        return by_kinds(self.matrix_si, self.channels)

    @property
    def in_phase(self) -> NoiseCovariance:
        """The real part: how the sensors vary together at once, without delay."""
        return NoiseCovariance(self.matrix_si.real, self.channels)

    def pick(self, kinds_or_names: str | Sequence[str]) -> 'CrossSpectrum':
        """The block of the sensors of some types or names."""
        channels, index = self.channels.pick(kinds_or_names)
        return dataclasses.replace(self, matrix_si=self.matrix_si[np.ix_(index, index)], channels=channels)

    def referenced(self, reference: Reference) -> 'CrossSpectrum':
        """Of EEG against another reference: ``'average'``, an electrode, or several, as ``('TP9', 'TP10')``."""
        where = 'CrossSpectrum.referenced(reference)'
        return dataclasses.replace(self, matrix_si=rereferenced(self.matrix_si, self.channels, reference, where))


def _checked_band(band: Any) -> tuple[u.Quantity, u.Quantity] | None:
    if band is None:
        return None
    where = 'CrossSpectrum(band=...)'
    if not isinstance(band, tuple | list) or len(band) != 2:
        raise ValueError(f'{where} is two frequencies, from and to: write (8 * u.Hz, 13 * u.Hz), for example.')
    low, high = (scalar(edge, u.Hz, where, 'a frequency') for edge in band)
    if not 0 <= low.mantissa <= high.mantissa:
        raise ValueError(f'{where} goes up, from 0 Hz at least; got {low} to {high}.')
    return low, high
