"""Series of regions, as a Simulator records them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.io.attributes import need_xarray, quantity_of, variable

__all__ = ['RegionSeries', 'from_xarray_quantity', 'to_xarray_quantity']


class RegionSeries(NamedTuple):
    """The activity of regions in time."""

    values: Any
    """(times, regions), a Quantity, or an array for what has no unit."""
    times: Any
    """(times,) in s."""
    labels: tuple[str, ...]


def to_xarray_quantity(value: Any, times: Any, labels: Sequence[str], name: str) -> Any:
    """An ``xarray.DataArray`` (time, region), the units in the attributes.

    Parameters
    ----------
    value : Quantity or array
        (times, regions).
    times : Quantity
        (times,).
    labels : sequence of str
        The name of each region.
    name : str
        What it is: the name of the variable in a file.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Times without a unit, or that do not increase; values that do not fit times and labels.
    """
    where = f'to_xarray_quantity({name})'
    times = checks.quantity(times, u.second, f'{where}, times,', 'when each sample was taken')
    back = np.flatnonzero(np.diff(times.mantissa) <= 0)
    if len(back):
        raise ValueError(f'{where}, times, increase; got {times[back[0] + 1]} after {times[back[0]]} at {back[0] + 1}.')
    checks.shape_is(value, (len(times.mantissa), len(labels)), where, '(times, regions)')
    coords = {
        'time': variable('time', times, 'time'),
        'region': ('region', np.array(list(labels)), {'long_name': 'region'}),
    }
    dims, numbers, attributes = variable(('time', 'region'), value, name)
    return need_xarray().DataArray(numbers, coords, dims, name, attributes)


def from_xarray_quantity(array: Any) -> RegionSeries:
    """What `to_xarray_quantity` made a DataArray from, with its units."""
    return RegionSeries(quantity_of(array), quantity_of(array['time']), tuple(map(str, array['region'].values)))
