"""Checks of what comes in, with one wording for every error.

An error says what was expected, what came, where, and what to write instead::

    JansenRitModel.update(p=...) is the mean input firing rate, in Hz; got a bare number: write 220. * u.Hz.

Units are checked, never values, so that every check also holds while JAX traces.
"""

import difflib
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import brainunit as u
import jax
import numpy as np

__all__ = [
    'ShapeError',
    'UnitError',
    'array',
    'choice',
    'code',
    'finite',
    'fraction',
    'kind',
    'listed',
    'members',
    'non_negative',
    'number',
    'positive',
    'positive_int',
    'quantity',
    'shape_is',
    'spell',
    'square',
    'unit_vectors',
]


class UnitError(u.UnitMismatchError, ValueError):
    """A value came without the unit it needs, or with another."""


class ShapeError(ValueError):
    """An array came in a shape that does not fit."""


_NAMES = {
    'm': 'meter', 's': 'second', 'A': 'amp', 'V': 'volt', 'uV': 'uvolt', 'T': 'tesla', 'fT': 'ftesla', 'pT': 'ptesla',
    'rad': 'radian',
}  # fmt: skip


def code(unit: u.Unit) -> str:
    """The unit as Python code: ``u.nA * u.meter / u.mV``."""
    text = re.sub(r'[A-Za-z]+', lambda m: 'u.' + _NAMES.get(m[0], m[0]), str(unit))
    return text.replace('^', '**')


def spell(value: Any, unit: u.Unit) -> str:
    """A number with a unit as Python code, ``50. * u.nA``; an array as ``<array> * u.nA``."""
    plain = isinstance(value, numbers.Real | np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    number = f'{float(value):g}' if plain else '<array>'
    if re.fullmatch(r'-?\d+', number):
        number += '.'
    return f'{number} * {code(unit)}'


def quantity(value: Any, unit: u.Unit, where: str, meaning: str = '') -> u.Quantity:
    """``value`` in ``unit``; dimensionless values come back as plain arrays.

    Parameters
    ----------
    value : array or Quantity
        What the caller gave.
    unit : Unit
        The unit declared for it.
    where : str
        The argument as the user wrote it: ``'JansenRitModel.update(p=...)'``.
    meaning : str
        What it is, for the error.

    Raises
    ------
    UnitError
        A bare number where a unit is due, or a unit of another dimension.
    """
    what = f'{where} is {meaning}, ' if meaning else f'{where} is '
    hint = 'write a plain number' if unit.is_unitless else f'write {spell(1.0, unit)}, for example'
    if value is None:
        raise UnitError(f'{what}{_in(unit)}; got None: {hint}.')
    if isinstance(value, str):
        raise UnitError(f'{what}{_in(unit)}; got the text {value!r}: {hint}.')
    if isinstance(value, u.Unit):
        raise UnitError(f'{what}{_in(unit)}; got the unit {value} alone: write {spell(1.0, unit)}.')
    if isinstance(value, u.Quantity):
        if not u.have_same_dim(value.unit, unit):
            raise UnitError(f'{what}{_in(unit)}; got {value.unit}: {hint}.')
        if 'rad' in str(value.unit) and 'rad' not in str(unit) and not unit.is_unitless:
            # brainunit takes rad/s for Hz
            raise UnitError(f'{what}{_in(unit)}; got {value.unit}, an angular frequency: divide it by 2 pi, in {unit}.')
        converted = value.in_unit(unit)
        return converted.mantissa if unit.is_unitless else converted
    if isinstance(value, list | tuple) and any(isinstance(each, u.Quantity) for each in value):
        raise UnitError(f'{what}{_in(unit)}; got a list of Quantities: write one, np.array([...]) * {code(unit)}.')
    if not isinstance(value, numbers.Number | list | tuple | np.generic | np.ndarray | jax.Array):
        came = 'type' if isinstance(value, type) else kind(value)
        if hasattr(value, 'to_numpy'):
            hint = f'write its .to_numpy() * {code(unit)}'
        raise UnitError(f'{what}{_in(unit)}; got {came if ": write" in came else f"{came}: {hint}"}.')
    if unit.is_unitless:
        return value
    raise UnitError(f'{what}{_in(unit)}; got a bare {_kind(value)}: write {spell(value, unit)}.')


def _in(unit: u.Unit) -> str:
    return 'dimensionless' if unit.is_unitless else f'in {unit}'


def _kind(value: Any) -> str:
    return 'number' if np.ndim(value) == 0 else 'array'


def array(value: Any, where: str) -> Any:
    """``value`` as an array of numbers without a unit."""
    if isinstance(value, u.Quantity):
        raise UnitError(f'{where} is an array without a unit; got one in {value.unit}.')
    if isinstance(value, jax.Array):
        return value
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ShapeError(f'{where} is an array of numbers; got {type(value).__name__}.') from error


def number(value: Any, where: str) -> float:
    """``value`` as a float: one finite number without a unit."""
    if isinstance(value, str | bool) or np.ndim(u.get_mantissa(value)):
        raise ValueError(f'{where} is one number; got {value!r}.')
    result = float(array(value, where))
    finite(result, where)
    return result


def _concrete(value: Any) -> np.ndarray | None:
    """The numbers, or None while JAX traces them."""
    mantissa = u.get_mantissa(value)
    return None if isinstance(mantissa, jax.core.Tracer) else np.asarray(mantissa)


def finite(value: Any, where: str) -> None:
    """Refuse NaN and infinity, and say where the first one stands."""
    concrete = _concrete(value)
    if concrete is not None and not np.isfinite(concrete).all():
        bad = np.argwhere(~np.isfinite(concrete))
        at = f' at index {tuple(int(i) for i in bad[0])}' if concrete.ndim else ''
        raise ValueError(f'{where} must be finite; got {len(bad)} value(s) that are not, the first{at}.')


def non_negative(value: Any, where: str) -> None:
    """Refuse negative values."""
    concrete = _concrete(value)
    if concrete is not None and (concrete < 0).any():
        raise ValueError(f'{where} must not be negative; got {concrete.min():g} as the smallest value.')


def positive(value: Any, where: str) -> None:
    """Refuse what is not above zero."""
    concrete = _concrete(value)
    if concrete is not None and not (concrete > 0).all():
        raise ValueError(f'{where} must be above zero; got {concrete.min():g} as the smallest value.')


def unit_vectors(value: Any, where: str) -> None:
    """Refuse rows that are not of length 1, to a thousandth: files hold them in single precision or less."""
    concrete = _concrete(value)
    if concrete is None:
        return
    finite(concrete, where)
    length = np.linalg.norm(concrete, axis=-1)
    if not np.allclose(length, 1.0, atol=1e-3):
        worst = int(np.argmax(abs(length - 1)))
        raise ValueError(f'{where} are unit vectors; got length {length[worst]:g} at {worst}.')


def fraction(value: Any, where: str) -> None:
    """Refuse what is not between 0 and 1."""
    concrete = _concrete(value)
    if concrete is not None and not ((concrete > 0) & (concrete < 1)).all():
        bad = concrete[~((concrete > 0) & (concrete < 1))].flat[0]
        raise ValueError(f'{where} is a fraction, between 0 and 1; got {bad:g}.')


def shape_is(value: Any, shape: tuple[int, ...], where: str, axes: str = '') -> None:
    """Refuse any shape but ``shape``; ``axes`` names them: ``'(regions, sensors)'``."""
    if np.shape(u.get_mantissa(value)) != tuple(shape):
        named = f' {axes}' if axes else ''
        raise ShapeError(f'{where} has shape {tuple(shape)}{named}; got {np.shape(u.get_mantissa(value))}.')


def members(value: Any, in_size: tuple[int, ...], batch_size: int | None, where: str) -> None:
    """Refuse rows that are not one for each member of a batch."""
    shape = np.shape(u.get_mantissa(value))
    rows = shape[: len(shape) - len(in_size)]
    if len(shape) <= len(in_size) or (batch_size is not None and rows in ((1,), (batch_size,))):
        return
    if len(rows) > 1:
        size = ', '.join(map(str, in_size))
        raise ShapeError(f'{where} is a number, ({size},) (regions,), or (batch, {size}); got {shape}.')
    has = 'without batch_size' if batch_size is None else f'with batch_size={batch_size}'
    raise ShapeError(
        f'{where} has shape {shape}, a row for each of {rows[0]} members of a batch; this run is {has}: write '
        f'batch_size={rows[0]}.'
    )


def square(value: Any, where: str) -> None:
    """Refuse anything but a square matrix."""
    shape = np.shape(u.get_mantissa(value))
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f'{where} is a square matrix [target, source]; got shape {shape}.')


def positive_int(value: Any, where: str) -> int:
    """``value`` as an int of at least 1."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or number != value or isinstance(value, bool | str):
        raise ValueError(f'{where} is a whole number of at least 1; got {value!r}.')
    return number


def kind(value: Any) -> str:
    """What came instead of an object: the name of its class, and what to write if that is near."""
    if isinstance(value, type):
        return f'the class {value.__name__}: write {value.__name__}(...)'
    given = type(value)
    of_mne = given.__module__.partition('.')[0] == 'mne'
    return f'{given.__name__} of MNE-Python: write bf.io.from_mne(...)' if of_mne else given.__name__


def listed(names: Sequence[Any] | np.ndarray) -> str:
    """The first five of some names or numbers, and how many there are besides."""
    return ', '.join(map(str, names[:5])) + (f' and {len(names) - 5} more' if len(names) > 5 else '')


def choice(value: Any, options: Iterable[str], where: str) -> str:
    """``value`` if it is one of ``options``; otherwise the error names them and the nearest."""
    options = list(options)
    if value not in options:
        near = difflib.get_close_matches(str(value), options, n=1)
        hint = f' Did you mean {near[0]!r}?' if near else ''
        raise ValueError(f'{where} is one of {", ".join(map(repr, options))}; got {value!r}.{hint}')
    return value
