"""Sensors: their names, types and places."""

import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, UnitError, choice, shape_is
from brainfwd.records.base import frozen, frozen_quantity, keep

__all__ = ['SENSOR_UNITS', 'Channels', 'check_same_sensors', 'no_such', 'per_kind']

SENSOR_UNITS = {'eeg': u.volt, 'mag': u.tesla, 'grad': u.tesla / u.meter}
"""The SI unit of what each type of channel measures."""


@dataclass(frozen=True, eq=False, repr=False)
class Channels:
    """The sensors of a recording or a lead field, in order.

    Two are equal when their names, types, places and coils are.

    Parameters
    ----------
    names : tuple of str
        One name per sensor, each once.
    types : tuple of str
        ``'eeg'``, ``'mag'`` (magnetometer) or ``'grad'`` (planar gradiometer), one per sensor.
    positions : Quantity, optional
        (sensors, 3) in the head frame, m.
    coils : tuple of str, optional
        How each MEG sensor is wound: the name of a coil, as ``bf.forward.COILS`` lists them; ``''`` for an electrode.
    coil_axes : array, optional
        (sensors, 3, 3) unit vectors x, y, z of each coil, as rows, in the head frame; z is its normal, and a planar
        gradiometer measures how the field along z grows along x. Zeros for an electrode. Comes with ``coils``.

    Raises
    ------
    ValueError
        A type that does not exist, a name that comes twice, axes that are not unit vectors at right angles, or whose z
        is not x cross y.
    ShapeError
        Names, types, positions and coils of different number.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    positions: Any = None
    coils: tuple[str, ...] | None = None
    coil_axes: Any = None

    def __post_init__(self):
        names, types = tuple(map(str, self.names)), tuple(map(str, self.types))
        if len(types) != len(names):
            raise ShapeError(f'Channels(types=...) has one type per name, {len(names)}; got {len(types)}.')
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'Channels(names=...) has each name once; got {twice!r} more than once.')
        for kind in set(types):
            choice(kind, SENSOR_UNITS, 'Channels(types=...)')
        positions = self.positions
        if positions is not None:
            where = 'Channels(positions=...)'
            shape_is(positions, (len(names), 3), where, '(sensors, 3)')
            positions = frozen_quantity(positions, u.meter, where, 'the place of each sensor in the head frame')
        coils, axes = _checked_coils(self.coils, self.coil_axes, types)
        keep(self, names=names, types=types, positions=positions, coils=coils, coil_axes=axes)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        counts = ', '.join(f'{self.types.count(kind)} {kind}' for kind in self.kinds)
        return f'Channels({counts})'

    def __hash__(self) -> int:
        return hash((self.names, self.types))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Channels) or not self.same_sensors(other):
            return False
        if self.coils != other.coils:
            return False
        pairs = ((self.positions, other.positions), (self.coil_axes, other.coil_axes))
        return all(a is b if a is None or b is None else np.array_equal(*map(u.get_mantissa, (a, b))) for a, b in pairs)

    def same_sensors(self, other: 'Channels') -> bool:
        """Whether the other are of the same names and types, in the same order, wherever they are placed."""
        return (self.names, self.types) == (other.names, other.types)

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """The types there are, in the order in which they first come."""
        return tuple(dict.fromkeys(self.types))

    @property
    def is_mixed(self) -> bool:
        """Whether there is more than one type, so that no one unit fits all."""
        return len(self.kinds) > 1

    @property
    def unit(self) -> u.Unit:
        """The unit of all channels; an error when they are of several types."""
        if len(self.kinds) != 1:
            raise UnitError(
                f'Channels.unit is the unit of one type of channel; these are {", ".join(self.kinds) or "none"}: '
                f'pick one type first, or use the groups.'
            )
        return SENSOR_UNITS[self.kinds[0]]

    def indices(self, kind: str) -> np.ndarray:
        """Where the channels of one type stand, in order."""
        choice(kind, self.kinds, 'Channels.indices(kind)')
        return np.flatnonzero(np.array(self.types) == kind)

    @property
    def blocks(self) -> dict[str, np.ndarray]:
        """Where the channels stand that are whitened together, and whose rank is counted together, in order.

        ``'meg'``, magnetometers and gradiometers, and ``'eeg'``, as far as there are any.
        """
        is_eeg = np.array([kind == 'eeg' for kind in self.types], bool)
        return {name: np.flatnonzero(these) for name, these in (('meg', ~is_eeg), ('eeg', is_eeg)) if these.any()}

    def pick(self, kinds_or_names: str | Sequence[str]) -> tuple['Channels', np.ndarray]:
        """Channels of some types or of some names, in the order they have here, and where they stand here.

        ``'meg'`` stands for ``'mag'`` and ``'grad'``.
        """
        wanted = [kinds_or_names] if isinstance(kinds_or_names, str) else list(kinds_or_names)
        wanted = [w for want in wanted for w in (('mag', 'grad') if want == 'meg' and self._has_meg else (want,))]
        for want in wanted:
            if want not in (*self.kinds, *self.names):
                raise ValueError(
                    f'Channels.pick(...) takes types and names of {self}; {no_such(want, (*self.kinds, *self.names))}.'
                )
        chosen = set(wanted)
        index = np.array(
            [i for i, pair in enumerate(zip(self.names, self.types, strict=True)) if chosen & set(pair)], dtype=int
        )
        return self.at(index), index

    def at(self, index: Any) -> 'Channels':
        """The channels at these places, in this order."""
        names, types = tuple(self.names[i] for i in index), tuple(self.types[i] for i in index)
        coils = None if self.coils is None else tuple(self.coils[i] for i in index)
        positions, axes = (None if field is None else field[index] for field in (self.positions, self.coil_axes))
        return Channels(names, types, positions, coils, axes)

    @property
    def _has_meg(self) -> bool:
        return bool({'mag', 'grad'} & set(self.kinds))


def check_same_sensors(given: Channels, expected: Channels, where: str, whose: str) -> None:
    """Refuse channels of other names or types or in another order, and name the first that differs."""
    if given.same_sensors(expected):
        return
    told = f'{where} is of the channels of {whose}, in their order, {expected}; got {given}'
    pairs = [list(zip(each.names, each.types, strict=True)) for each in (given, expected)]
    for i, (got, due) in enumerate(zip(*pairs, strict=False)):
        if got != due:
            told += f', the first that differs is {got[0]!r} ({got[1]}) at {i}, in place of {due[0]!r} ({due[1]})'
            break
    raise ValueError(f'{told}{": the same in another order" if sorted(pairs[0]) == sorted(pairs[1]) else ""}.')


def per_kind(value: Any, channels: Channels, where: str) -> Mapping[str, Any]:
    """One thing for each type of channel, from a dict of them or from one for all; an error for others in a dict."""
    by_kind = value if isinstance(value, Mapping) else dict.fromkeys(channels.kinds, value)
    if set(by_kind) != set(channels.kinds):
        raise ValueError(f'{where} has one for each of {", ".join(channels.kinds)}; got {", ".join(by_kind)}.')
    return by_kind


def no_such(name: object, names: Sequence[str]) -> str:
    """That there is no such name, and which are near, for an error."""
    by_lower = {each.lower(): each for each in names}
    near = [by_lower[each] for each in difflib.get_close_matches(str(name).lower(), by_lower, n=3)]
    shown = ', '.join(map(repr, near or names[:5])) + ('' if near or len(names) <= 5 else ', ...')
    return f'there is no {name!r}: {"near are" if near else "there are"} {shown}'


def _checked_coils(coils: Any, axes: Any, types: tuple[str, ...]) -> tuple[tuple[str, ...] | None, Any]:
    if coils is None and axes is None:
        return None, None
    n, where = len(types), 'Channels(coil_axes=...)'
    if coils is None or axes is None:
        raise ValueError('Channels(coils=..., coil_axes=...) come together: how a coil is wound, and how it is turned.')
    coils = tuple(map(str, coils))
    if len(coils) != n:
        raise ShapeError(f'Channels(coils=...) has one name per sensor, {n}; got {len(coils)}.')
    for coil, kind in zip(coils, types, strict=True):
        if (coil == '') != (kind == 'eeg'):
            raise ValueError(
                f"Channels(coils=...) names the coil of each MEG sensor, '' for EEG; got {coil!r}, {kind}."
            )
    shape_is(axes, (n, 3, 3), where, '(sensors, axes, 3)')
    axes = frozen(axes, where)
    has_coil = np.array(types) != 'eeg'
    off = abs(axes @ axes.swapaxes(1, 2) - np.eye(3) * has_coil[:, None, None]).max(axis=(1, 2))
    # what positions in millimetres, or axes in single precision, may leave
    if not (off < 1e-3).all():
        worst = int(np.nanargmax(np.where(np.isfinite(off), off, np.inf)))
        raise ValueError(f'{where} are unit vectors at right angles, zeros for EEG; got {axes[worst]} at {worst}.')
    mirrored = np.flatnonzero(np.linalg.det(axes) < 0)
    if len(mirrored):
        raise ValueError(
            f'{where} are right-handed, z = x cross y; got left-handed ones at {mirrored[0]}, as of a mirrored head.'
        )
    return coils, axes
