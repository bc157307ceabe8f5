"""Which sensors a forward model has, and in which unit each type of them answers."""

import brainunit as u

from brainfwd._core import checks
from brainfwd.records import SENSOR_UNITS, Channels

__all__ = ['sensors']


def sensors(
    n: int, channels: Channels | None, sensor_unit: u.Unit | None, kinds: tuple[str, ...], owner: str
) -> tuple[Channels, dict[str, u.Unit]]:
    """The channels, numbered when none are given, and the unit of the output for each type of them.

    Parameters
    ----------
    n : int
        How many sensors there are.
    channels : Channels or None
        The sensors.
    sensor_unit : Unit or None
        The unit of the output; left out where ``channels`` say it.
    kinds : tuple of str
        The types of channel allowed.
    owner : str
        The model, for errors.
    """
    if channels is None:
        fits = [kind for kind in kinds if sensor_unit is not None and u.have_same_dim(sensor_unit, SENSOR_UNITS[kind])]
        if not fits:
            units = ' or '.join(str(SENSOR_UNITS[kind]) for kind in kinds)
            raise checks.UnitError(f'{owner}(sensor_unit=...) is {units}, or a multiple; got {sensor_unit}.')
        channels = Channels(tuple(f'{fits[0].upper()} {i + 1:03d}' for i in range(n)), (fits[0],) * n)
    if len(channels) != n:
        raise checks.ShapeError(f'{owner}(channels=...) are {n}, one per sensor; got {len(channels)}.')
    for kind in channels.kinds:
        checks.choice(kind, kinds, f'{owner}(channels=...): a type of channel')
    if channels.is_mixed:
        if sensor_unit is not None:
            several = ', '.join(channels.kinds)
            raise checks.UnitError(f'{owner}(sensor_unit=...) is of one type of channel; leave it out for {several}.')
        return channels, {kind: SENSOR_UNITS[kind] for kind in channels.kinds}
    unit = channels.unit if sensor_unit is None else sensor_unit
    if not u.have_same_dim(unit, channels.unit):
        raise checks.UnitError(
            f'{owner}(sensor_unit=...) of {channels.kinds[0]} channels is {channels.unit}; got {unit}.'
        )
    return channels, {channels.kinds[0]: unit}
