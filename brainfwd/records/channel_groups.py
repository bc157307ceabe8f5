"""Numbers measured by sensors, each type in its unit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.checks import UnitError, choice, quantity, shape_is
from brainfwd.records.channels import SENSOR_UNITS, Channels, check_same_sensors

__all__ = ['ChannelGroups', 'si', 'values']


@jax.tree_util.register_pytree_node_class
class ChannelGroups(Mapping):
    """What channels of several types measure: a Quantity per type, its last axis the channels of that type in order.

    A mapping from type to Quantity, and a JAX pytree (the channels are static), so that it passes through ``jit``,
    ``vmap`` and ``scan``.

    Parameters
    ----------
    groups : dict of str to Quantity
        One per type of channel, (..., channels of that type), V, T or T/m.
    channels : Channels
        All channels, in order.

    Raises
    ------
    ValueError
        A type too many or too few.
    ShapeError
        A last axis of another length than there are channels of that type, or leading axes that differ.
    UnitError
        A group in a unit that is not that of its type.
    """

    def __init__(self, groups: Mapping[str, Any], channels: Channels):
        if set(groups) != set(channels.kinds):
            raise ValueError(
                f'ChannelGroups(groups=...) has one Quantity for each of {", ".join(channels.kinds)}; '
                f'got {", ".join(groups) or "none"}.'
            )
        checked, leading = {}, None
        for kind in channels.kinds:
            where = f'ChannelGroups(groups={{{kind!r}: ...}})'
            value = quantity(groups[kind], SENSOR_UNITS[kind], where)
            leading = np.shape(value.mantissa)[:-1] if leading is None else leading
            shape_is(value, (*leading, channels.types.count(kind)), where, '(..., channels)')
            checked[kind] = value
        self._groups, self.channels = checked, channels

    def __getitem__(self, kind: str) -> u.Quantity:
        choice(kind, self._groups, 'ChannelGroups[...]')
        return self._groups[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def __contains__(self, kind: object) -> bool:
        return kind in self._groups

    def __repr__(self) -> str:
        return f'ChannelGroups({", ".join(f"{k}: {np.shape(v.mantissa)} {v.unit}" for k, v in self._groups.items())})'

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all channels joined: (..., channels)."""
        return (*np.shape(next(iter(self._groups.values())).mantissa)[:-1], len(self.channels))

    def joined(self) -> Any:
        """All channels as SI numbers in one array, last axis the channels in their order."""
        parts = [self._groups[kind].to_decimal(SENSOR_UNITS[kind]) for kind in self.channels.kinds]
        order = np.argsort(np.concatenate([self.channels.indices(kind) for kind in self.channels.kinds]))
        xp = np if all(isinstance(part, np.ndarray) for part in parts) else jnp
        return xp.concatenate(parts, axis=-1)[..., order]

    @classmethod
    def split(cls, si_array: Any, channels: Channels) -> 'ChannelGroups':
        """The groups of SI numbers whose last axis is all channels in order; undoes `joined`."""
        shape_is(
            si_array, (*np.shape(si_array)[:-1], len(channels)), 'ChannelGroups.split(si_array)', '(..., channels)'
        )
        return cls(
            {k: u.Quantity(si_array[..., channels.indices(k)], unit=SENSOR_UNITS[k]) for k in channels.kinds}, channels
        )

    def tree_flatten(self) -> tuple[tuple, Channels]:
        return tuple(self._groups[kind] for kind in self.channels.kinds), self.channels

    @classmethod
    def tree_unflatten(cls, channels: Channels, children: Sequence[Any]) -> 'ChannelGroups':
        # unchecked: JAX rebuilds trees around placeholders too
        self = object.__new__(cls)
        self._groups, self.channels = dict(zip(channels.kinds, children, strict=True)), channels
        return self


def values(si_array: Any, channels: Channels) -> Any:
    """SI numbers with their units: a Quantity for one type of channel, `ChannelGroups` for several."""
    if channels.is_mixed:
        return ChannelGroups.split(si_array, channels)
    _last_axis(si_array, channels, 'values(si_array)')
    return u.Quantity(si_array, unit=channels.unit)


def si(value: Any, channels: Channels, where: str = 'si(value)') -> Any:
    """The SI numbers of a Quantity, `ChannelGroups` or a dict of Quantities by type, last axis the channels in order.

    Undoes `values`.

    Raises
    ------
    UnitError
        A bare array, another unit, or one Quantity for several types of channel.
    ShapeError
        A last axis of another length than there are channels.
    ValueError
        Groups of other channels.
    """
    if isinstance(value, ChannelGroups):
        check_same_sensors(value.channels, channels, where, 'the sensors')
        return value.joined()
    if type(value) is dict:
        return ChannelGroups(value, channels).joined()
    if channels.is_mixed:
        raise UnitError(
            f'{where} is ChannelGroups, a Quantity for each of {", ".join(channels.kinds)}: no one unit fits them; '
            f'got {checks.kind(value)}.'
        )
    numbers = quantity(value, channels.unit, where, 'what the sensors measure').mantissa
    _last_axis(numbers, channels, where)
    return numbers


def _last_axis(numbers: Any, channels: Channels, where: str) -> None:
    shape_is(numbers, (*np.shape(numbers)[:-1], len(channels)), where, '(..., channels)')
