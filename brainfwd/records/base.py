"""What all records share: read-only NumPy float64 arrays, with units outside."""

from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core.checks import ShapeError, UnitError, array, quantity

__all__ = ['as_vector', 'frozen', 'frozen_quantity', 'keep', 'scalar']


def frozen(value: Any, where: str, dtype: Any = np.float64) -> np.ndarray:
    """A read-only copy of ``value``, so that neither side can change it for the other."""
    if isinstance(value, np.ndarray) and value.dtype == dtype and value.base is None and not value.flags.writeable:
        return value
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f'{where} is of NumPy numbers, which jit, vmap and grad do not trace: give the Quantity in place of the '
            f'record, write cov * u.volt**2 for a covariance, for example.'
        )
    numbers = np.array(array(value, where) if dtype is np.float64 else value, dtype=dtype)
    numbers.setflags(write=False)
    return numbers


def frozen_quantity(value: Any, unit: u.Unit, where: str, meaning: str = '') -> Any:
    """``value`` in ``unit``, read-only; a plain array when ``unit`` is dimensionless."""
    checked = quantity(value, unit, where, meaning)
    if unit.is_unitless:
        return frozen(checked, where)
    return u.Quantity(frozen(checked.mantissa, where), unit=unit)


def scalar(value: Any, unit: u.Unit, where: str, meaning: str = '') -> u.Quantity:
    """One number in ``unit``, held as a Python float: JAX would round it to float32."""
    checked = quantity(value, unit, where, meaning)
    if np.ndim(checked.mantissa) != 0:
        raise ShapeError(f'{where} is one number; got shape {np.shape(checked.mantissa)}.')
    number = float(checked.mantissa)
    if not np.isfinite(number):
        raise ValueError(f'{where} must be finite; got {number}.')
    return u.Quantity(number, unit=unit)


def as_vector(value: Any, dtype: Any, length: int, where: str) -> np.ndarray:
    """A read-only vector of ``length`` whole numbers or truth values."""
    if isinstance(value, u.Quantity):
        raise UnitError(f'{where} is an array without a unit; got one in {value.unit}.')
    given = np.asarray(value)
    if given.shape != (length,):
        raise ShapeError(f'{where} has shape {(length,)}; got {given.shape}.')
    if not np.array_equal(given, given.astype(dtype)):
        raise ValueError(f'{where} holds {np.dtype(dtype).name} values; got {given.dtype} that are not.')
    return frozen(given, where, np.dtype(dtype))


def keep(record: Any, **fields: Any) -> None:
    """Set the checked fields of a frozen record while it is being made."""
    for name, value in fields.items():
        object.__setattr__(record, name, value)
