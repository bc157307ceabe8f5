"""What the sensors recorded."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, UnitError, positive_int
from brainfwd.records.base import frozen, keep, scalar
from brainfwd.records.channel_groups import si, values
from brainfwd.records.channels import Channels, check_same_sensors
from brainfwd.records.matching import finite
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.reference import Reference, reference_projector
from brainfwd.records.time_axis import check_axis, slice_of, times_of

__all__ = ['Recording']


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Sensor data in time.

    Parameters
    ----------
    data_si : array
        (times, sensors) SI numbers, each column in the unit of its channel. `from_quantity` takes units.
    channels : Channels
        The sensors, in the order of the last axis.
    sampling_period : Quantity
        Time from one sample to the next.
    start : Quantity
        Time of the first sample.
    noise_cov : NoiseCovariance, optional
        The covariance of the noise in it, of the same channels.
    head : str, optional
        Which head it was simulated with, as in `LeadField.head`.
    band : tuple of two Quantities, optional
        High-pass and low-pass frequency it was filtered with, Hz; None for none.
    nave : int
        Of how many repetitions it is the average; 1 for a single one. ``noise_cov`` is that of a single one.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units in ``data_si``, a shape that does not fit the channels, values that are not finite, a sampling period
        that is not positive, a covariance of other channels.
    """

    data_si: Any
    channels: Channels
    sampling_period: Any
    start: Any = field(default_factory=lambda: 0.0 * u.second)
    noise_cov: NoiseCovariance | None = None
    head: str | None = None
    band: tuple[Any, Any] | None = None
    nave: int = 1

    def __post_init__(self):
        where = 'Recording(data_si=...)'
        if isinstance(self.data_si, u.Quantity):
            raise UnitError(f'{where} are SI numbers without a unit: write Recording.from_quantity(data, ...).')
        shape = np.shape(self.data_si)
        if len(shape) != 2 or shape[1] != len(self.channels):
            raise ShapeError(f'{where} has shape (times, {len(self.channels)}) (times, sensors); got {shape}.')
        data = frozen(self.data_si, where)
        finite(data, self.channels, where)
        period, start = check_axis(self.sampling_period, self.start, 'Recording')
        if self.noise_cov is not None:
            check_same_sensors(self.noise_cov.channels, self.channels, 'Recording(noise_cov=...)', 'the recording')
        band = self.band
        if band is not None:
            where = 'Recording(band=...)'
            low, high = (None if edge is None else scalar(edge, u.Hz, where, 'a frequency') for edge in band)
            passed = (0.0 if low is None else low.mantissa, np.inf if high is None else high.mantissa)
            if not 0 <= passed[0] < passed[1]:
                raise ValueError(f'{where} goes up, from 0 Hz at least; got {low} to {high}.')
            band = (low, high)
        nave = positive_int(self.nave, 'Recording(nave=...)')
        keep(self, data_si=data, sampling_period=period, start=start, band=band, nave=nave)

    @classmethod
    def from_quantity(cls, data: Any, channels: Channels, sampling_period: Any, **fields: Any) -> 'Recording':
        """From data with units, (times, sensors): a Quantity, or `ChannelGroups` for several types of channel."""
        return cls(si(data, channels, 'Recording.from_quantity(data)'), channels, sampling_period, **fields)

    def __repr__(self) -> str:
        average = '' if self.nave == 1 else f', average of {self.nave}'
        axis = f'{self.n_times} samples every {self.sampling_period}, from {self.start}'
        return f'Recording({self.channels!r}, {axis}{average})'

    @property
    def data(self) -> Any:
        """The data with units, (times, sensors): a Quantity, or `ChannelGroups` for several types of channel."""
        return values(self.data_si, self.channels)

    @property
    def unit(self) -> u.Unit:
        """The unit of the data; an error when there are several types of channel."""
        return self.channels.unit

    @property
    def shape(self) -> tuple[int, int]:
        """(times, sensors)."""
        return self.data_si.shape

    @property
    def n_times(self) -> int:
        """How many samples there are."""
        return len(self.data_si)

    @property
    def times(self) -> u.Quantity:
        """(times,) when each sample was taken, s."""
        return times_of(self)

    def crop(self, start: Any = None, stop: Any = None) -> 'Recording':
        """The samples with ``start <= t < stop``; an error when that reaches beyond the recording."""
        part, first = slice_of(self, start, stop, 'Recording.crop')
        return dataclasses.replace(self, data_si=self.data_si[part], start=first)

    def pick(self, kinds_or_names: str | Sequence[str]) -> 'Recording':
        """The channels of some types or names."""
        channels, index = self.channels.pick(kinds_or_names)
        noise_cov = None if self.noise_cov is None else self.noise_cov.pick(channels.names)
        return dataclasses.replace(self, data_si=self.data_si[:, index], channels=channels, noise_cov=noise_cov)

    def referenced(self, reference: Reference) -> 'Recording':
        """EEG against another reference: ``'average'``, an electrode, or several, as ``('TP9', 'TP10')``.

        So is its noise. An electrode that is the reference stays, as zeros.
        """
        projector = reference_projector(self.channels, reference, 'Recording.referenced(reference)')
        noise_cov = None if self.noise_cov is None else self.noise_cov.referenced(reference)
        return dataclasses.replace(self, data_si=self.data_si @ projector.T, noise_cov=noise_cov)

    def covariance(self, start: Any = None, stop: Any = None, *, centred: bool = True) -> NoiseCovariance:
        """The covariance of the samples with ``start <= t < stop``: mean removed, divided by n - 1, times `nave`.

        That of the noise of a single repetition, as everywhere. With ``centred=False`` the mean stays and n divides:
        what a prior with mean 0 is learned from, which else would not see what is constant in a response.
        """
        return NoiseCovariance.from_recording(self, start, stop, centred=centred)

    @staticmethod
    def concatenate(recordings: Sequence['Recording']) -> 'Recording':
        """Recordings that follow one another without a gap, as one."""
        where, parts = 'Recording.concatenate(recordings)', list(recordings)
        if not parts:
            raise ValueError(f'{where} needs at least one recording; got none.')
        first, expected = parts[0], parts[0].start.mantissa
        for part in parts:
            check_same_sensors(part.channels, first.channels, where, 'the first')
            if not np.isclose(part.sampling_period.mantissa, first.sampling_period.mantissa, rtol=1e-9):
                raise ValueError(f'{where} have one period, {first.sampling_period}; got {part.sampling_period}.')
            if part.head != first.head:
                raise ValueError(f'{where} come from one head, {first.head!r}; got {part.head!r}.')
            if part.band != first.band:
                raise ValueError(f'{where} have one band, {first.band}; got {part.band}.')
            if part.nave != first.nave:
                raise ValueError(f'{where} average as many repetitions, {first.nave}; got {part.nave}.')
            if abs(part.start.mantissa - expected) > 1e-3 * first.sampling_period.mantissa:
                raise ValueError(f'{where} follow one another: the next starts at {expected:g} s; got {part.start}.')
            expected = part.start.mantissa + part.n_times * part.sampling_period.mantissa
        return dataclasses.replace(first, data_si=np.concatenate([part.data_si for part in parts]))
