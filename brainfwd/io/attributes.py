"""Numbers with units as xarray holds them: plain numbers, the unit in the attribute ``units``."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import brainunit as u
import numpy as np

__all__ = ['need_xarray', 'quantity_of', 'variable']

Variable = tuple[Sequence[str] | str, np.ndarray, dict[str, Any]]


def need_xarray() -> ModuleType:
    """The module xarray, which only this package needs."""
    try:
        import xarray
    except ImportError as error:
        raise ImportError("brainfwd.io needs xarray: pip install 'brainfwd[demo]'.") from error
    return xarray


def variable(dims: Sequence[str] | str, value: Any, meaning: str, **attributes: Any) -> Variable:
    """Dimensions, numbers and attributes of a Quantity or an array."""
    attributes = {'long_name': meaning, 'units': str(u.get_unit(value)), **attributes}
    return dims, np.array(u.get_mantissa(value), dtype=float), attributes


def quantity_of(array: Any) -> Any:
    """What `variable` was given, from a DataArray; an array when its unit is 1."""
    numbers = np.asarray(array.values, dtype=float)
    try:
        unit = u.parse_unit(array.attrs['units'])
    except KeyError:
        raise ValueError(f'{array.name!r} has an attribute units, such as "mV"; got none.') from None
    return numbers if unit.is_unitless else u.Quantity(numbers, unit=unit)
