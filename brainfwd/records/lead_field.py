"""What each sensor sees of each source."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, UnitError, quantity
from brainfwd.records.base import frozen, keep
from brainfwd.records.channels import SENSOR_UNITS, Channels
from brainfwd.records.matching import finite
from brainfwd.records.reference import Reference, reference_projector
from brainfwd.records.source_space import SourceSpace

__all__ = ['LeadField']

_MOMENT = u.amp * u.meter


@dataclass(frozen=True, eq=False, repr=False)
class LeadField:
    r"""The linear map from dipole moments to sensors, :math:`y = G s`.

    Parameters
    ----------
    gain_si : array
        (sensors, sources) for moments along the normals, or (sensors, sources, 3) for x, y, z of the head frame; SI
        numbers, V/(A m), T/(A m) or T/m/(A m) by the type of each channel. `from_quantity` takes units.
    channels : Channels
        The sensors, in the order of the first axis.
    sources : SourceSpace
        The sources, in the order of the second axis.
    head : str, optional
        Which head it was computed for. A fingerprint of the numbers when left out. What is derived from a lead field
        keeps its head, so that a recording is never inverted with the head it was simulated with by mistake.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units in ``gain_si``, a shape that does not fit the channels and sources, a value that is not finite.
    """

    gain_si: Any
    channels: Channels
    sources: SourceSpace
    head: str = ''

    def __post_init__(self):
        where = 'LeadField(gain_si=...)'
        if isinstance(self.gain_si, u.Quantity):
            raise UnitError(f'{where} are SI numbers without a unit: write LeadField.from_quantity(gain, ...).')
        expected, shape = (len(self.channels), self.sources.n_sources), np.shape(self.gain_si)
        if shape not in (expected, (*expected, 3)):
            raise ShapeError(f'{where} has shape {expected} or {(*expected, 3)} (sensors, sources[, 3]); got {shape}.')
        gain = frozen(self.gain_si, where)
        finite(gain.T, self.channels, where)
        head = self.head or hashlib.sha256(repr(gain.shape).encode() + gain.tobytes()).hexdigest()[:12]
        keep(self, gain_si=gain, head=head)

    @classmethod
    def from_quantity(cls, gain: Any, channels: Channels, sources: SourceSpace, head: str = '') -> 'LeadField':
        """From a gain with units, (sensors, sources[, 3]), of one type of channel."""
        unit = channels.unit / _MOMENT
        return cls(quantity(gain, unit, 'LeadField.from_quantity(gain)', 'the gain').mantissa, channels, sources, head)

    def __repr__(self) -> str:
        return f'LeadField({self.channels!r}, {self.n_sources} sources, {self.orientation}, head={self.head!r})'

    @property
    def gain(self) -> Any:
        """The gain with its unit, (sensors, sources[, 3]); a dict of one per type when there are several types."""
        if not self.channels.is_mixed:
            return u.Quantity(self.gain_si, unit=self.channels.unit / _MOMENT)
        return {
            kind: u.Quantity(self.gain_si[self.channels.indices(kind)], unit=SENSOR_UNITS[kind] / _MOMENT)
            for kind in self.channels.kinds
        }

    @property
    def n_sensors(self) -> int:
        """How many sensors there are."""
        return len(self.channels)

    @property
    def n_sources(self) -> int:
        """How many sources there are."""
        return self.sources.n_sources

    @property
    def orientation(self) -> str:
        """``'fixed'`` (along the normals) or ``'free'`` (x, y, z)."""
        return 'fixed' if self.gain_si.ndim == 2 else 'free'

    def pick(self, kinds_or_names: str | Sequence[str]) -> 'LeadField':
        """The sensors of some types or names; the head stays the same."""
        channels, index = self.channels.pick(kinds_or_names)
        return LeadField(self.gain_si[index], channels, self.sources, self.head)

    def fixed(self) -> 'LeadField':
        """The gain of moments along the outward normals; the head stays the same."""
        if self.orientation == 'fixed':
            return self
        gain = np.einsum('mnk,nk->mn', self.gain_si, self.sources.normals)
        return LeadField(gain, self.channels, self.sources, self.head)

    def referenced(self, reference: Reference) -> 'LeadField':
        """EEG against another reference: ``'average'``, an electrode, or several, as ``('TP9', 'TP10')``.

        The head stays the same.
        """
        projector = reference_projector(self.channels, reference, 'LeadField.referenced(reference)')
        return LeadField(np.tensordot(projector, self.gain_si, axes=1), self.channels, self.sources, self.head)
