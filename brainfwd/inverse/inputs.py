"""What a solver is fitted to: records, or Quantities, which may be traced."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR
from brainfwd.records import (
    SENSOR_UNITS,
    Channels,
    CrossSpectrum,
    LeadField,
    NoiseCovariance,
    Recording,
    SourceSpace,
)
from brainfwd.records.matching import finite, order_of

__all__ = ['FROM_RECORDING', 'NOISE_FROM', 'Covariance', 'Gain', 'covariance_of', 'gain_of']

_MOMENT = u.amp * u.meter

FROM_RECORDING = {
    NoiseCovariance: 'recording.covariance()',
    CrossSpectrum: 'metrics.cross_spectrum(recording, band)',
}
"""What makes each of a Recording, as an error tells it."""

NOISE_FROM = 'noise_cov=recording.noise_cov, or recording.covariance(stop=...) of a segment without activity'
"""Where noise is known from, as an error tells it."""


@dataclass(frozen=True, eq=False)
class Gain:
    """(sensors, sources[, 3]) numbers, and what makes SI of them: V, T or T/m per A m.

    A traced gain is converted in float64 only: a field of 1e-15 T squared, or its derivative, has no place in float32.
    """

    values: Any
    to_si: np.ndarray
    channels: Channels
    sources: SourceSpace | None = None
    head: str | None = None

    @property
    def n_sources(self) -> int:
        return np.shape(self.values)[1]

    @property
    def is_fixed(self) -> bool:
        return np.ndim(self.values) == 2

    def along_normals(self, gain_si: Any) -> Any:
        """(sensors, sources) of (sensors, sources, 3)."""
        assert self.sources is not None
        return (gain_si * self.sources.normals).sum(axis=-1)

    def si(self, values: Any) -> Any:
        """SI numbers of ``values``, which stand for ours: the same in another precision."""
        # nothing is copied where nothing changes
        return values if (self.to_si == 1).all() else values * self.to_si.reshape(-1, *[1] * (np.ndim(values) - 1))


@dataclass(frozen=True, eq=False)
class Covariance:
    """(sensors, sensors) numbers, and what makes SI of them."""

    values: Any
    to_si: np.ndarray
    rank: Mapping[str, int] | None = None

    def si(self, values: Any) -> Any:
        """SI numbers of ``values``, which stand for ours: the same in another precision."""
        return values * self.to_si

    @property
    def floor(self) -> float:
        """Of the largest eigenvalue: what is below may be rounding, which float32 has more of."""
        rounding = jnp.finfo(self.values.dtype).eps if jnp.issubdtype(self.values.dtype, jnp.inexact) else 0.0
        return max(FLOOR, float(rounding))


def gain_of(lead_field: Any, where: str, channels: Channels | None = None) -> Gain:
    """Of a LeadField, of a Quantity (sensors, sources[, 3]), or of a dict of them by type, as `LeadField.gain` is.

    ``channels`` are those of the covariances: a gain alone has no names of its own.
    """
    if isinstance(lead_field, LeadField):
        gain = lead_field.gain_si
        return Gain(gain, np.ones(len(gain)), lead_field.channels, lead_field.sources, lead_field.head)
    if isinstance(lead_field, u.Quantity):
        kinds = [k for k, unit in SENSOR_UNITS.items() if u.have_same_dim(lead_field.unit, unit / _MOMENT)]
        if not kinds:
            raise checks.UnitError(f'{where} is in V/(A m), T/(A m) or T/m/(A m); got {lead_field.unit}.')
        parts = {kinds[0]: lead_field}
    elif type(lead_field) is dict and lead_field:
        parts = {}
        for kind, part in lead_field.items():
            checks.choice(kind, SENSOR_UNITS, f'{where} by type of channel')
            parts[kind] = checks.quantity(part, SENSOR_UNITS[kind] / _MOMENT, f'{where}[{kind!r}]', 'the gain')
    else:
        raise TypeError(
            f'{where} is a brainfwd.records.LeadField, or a gain with its unit (a dict of them for several types of '
            f'channel); got {_came(lead_field, _MOMENT**-1 * u.volt)}.'
        )
    for kind, part in parts.items():
        shape = np.shape(part.mantissa)
        if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
            raise checks.ShapeError(f'{where} has shape (sensors, sources[, 3]); got {shape} for {kind}.')
        _real(part, where)
    sizes = {kind: np.shape(part.mantissa) for kind, part in parts.items()}
    if len({size[1:] for size in sizes.values()}) > 1:
        raise checks.ShapeError(f'{where} has the same sources for all types of channel; got {sizes}.')
    types = tuple(kind for kind, size in sizes.items() for _ in range(size[0]))
    if channels is None:
        channels = Channels(tuple(f'{kind}{i}' for i, kind in enumerate(types)), types)
    elif sorted(channels.types) != sorted(types):
        raise checks.ShapeError(
            f'{where} has a row for each of the channels of the covariance, {channels}; got '
            f'{", ".join(f"{size[0]} {kind}" for kind, size in sizes.items())}: .pick(...) the same.'
        )
    for kind, part in parts.items():
        finite(part.mantissa.T, channels.at(channels.indices(kind)), where)
    to_si = np.concatenate(
        [np.full(sizes[k][0], factor(part.unit, SENSOR_UNITS[k] / _MOMENT)) for k, part in parts.items()]
    )
    arrays = [part.mantissa for part in parts.values()]
    if len(arrays) == 1:
        return Gain(arrays[0], to_si, channels)
    xp = np if all(isinstance(a, np.ndarray) for a in arrays) else jnp
    order = np.argsort(np.concatenate([channels.indices(kind) for kind in parts]))
    return Gain(xp.concatenate(arrays)[order], to_si[order], channels)


def covariance_of(given: Any, record: Any, channels: Channels, where: str, check: Callable | None = None) -> Covariance:
    """Of a record of the same channels in any order, of a Quantity, or of a dict by pairs of types of channel.

    ``check``, if there is one, is asked about what is no tracer, as a record.
    """
    n = len(channels)
    if isinstance(given, record):
        order = order_of(given.channels, channels, where, 'the lead field')
        if len(order):
            given = dataclasses.replace(given, matrix_si=given.matrix_si[np.ix_(order, order)], channels=channels)
        if check is not None:
            check(given, where)
        return Covariance(given.matrix_si, np.ones(()), getattr(given, 'rank', None))
    kinds = channels.kinds
    if isinstance(given, u.Quantity) and not channels.is_mixed:
        blocks = {(kinds[0], kinds[0]): given}
    elif isinstance(given, Mapping) and set(given) == {(a, b) for a in kinds for b in kinds}:
        blocks = dict(given)
    else:
        kind = (
            f'a dict of Quantities by pair of types, as {record.__name__}.matrix is'
            if channels.is_mixed
            else f'a Quantity in {channels.unit**2}'
        )
        hint = _came(given, None if channels.is_mixed else channels.unit**2, record)
        raise TypeError(f'{where} is a brainfwd.records.{record.__name__}, or {kind}; got {hint}.')
    index = {kind: channels.indices(kind) for kind in kinds}
    rows, to_si = [], np.empty((n, n))
    for a in kinds:
        row = []
        for b in kinds:
            unit = SENSOR_UNITS[a] * SENSOR_UNITS[b]
            block = blocks[a, b]
            checks.quantity(block, unit, where, 'the covariance')
            checks.shape_is(block, (len(index[a]), len(index[b])), where, '(sensors, sensors)')
            if record is NoiseCovariance:
                _real(block, where)
            to_si[np.ix_(index[a], index[b])] = factor(block.unit, unit)
            row.append(block.mantissa)
        rows.append(row)
    xp = np if all(isinstance(block, np.ndarray) for row in rows for block in row) else jnp
    order = np.argsort(np.concatenate([index[kind] for kind in kinds]))
    values = xp.concatenate([xp.concatenate(row, axis=1) for row in rows])[np.ix_(order, order)]
    if not isinstance(values, jax.core.Tracer):
        try:
            made = record(np.asarray(values) * to_si, channels)
        except ValueError as error:
            raise type(error)(f'{where} makes no {record.__name__}: {error}') from None
        if check is not None:
            check(made, where)
    return Covariance(values, to_si)


def _came(given: Any, unit: u.Unit | None, record: Any = None) -> str:
    """What came in place of what is due, and what to write; ``unit`` is that of all channels, if there is one."""
    if given is None and record is not None:
        return f'None: write {FROM_RECORDING[record]}'
    if isinstance(given, Recording) and record is not None:
        return f'a Recording: write {FROM_RECORDING[record]}'
    if isinstance(given, CrossSpectrum) and record is NoiseCovariance:
        return 'a CrossSpectrum: write its .in_phase'
    if isinstance(given, list | np.ndarray | jax.Array):
        if unit is None:
            return f'a bare array: write records.{record.__name__}(<array in SI units>, channels)'
        return f'a bare array: write {checks.spell(np.zeros(1), unit)}, for example'
    return checks.kind(given)


def _real(value: u.Quantity, where: str) -> None:
    if np.iscomplexobj(value.mantissa):
        raise ValueError(f'{where} is of real numbers; got complex ones.')


def factor(unit: u.Unit, other: u.Unit) -> float:
    return float(u.Quantity(np.float64(1.0), unit=unit).to_decimal(other))
