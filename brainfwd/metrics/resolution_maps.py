"""What a linear solver makes of each source: columns and rows of its resolution matrix."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.records import SENSOR_UNITS, LeadField

__all__ = ['Sides', 'cross_talk', 'point_spread', 'sides']


def point_spread(kernel: Any, gain: Any, index: Any) -> Any:
    r"""What a solver makes of a single dipole: a column of the resolution matrix.

    .. math:: R = K G, \qquad \text{point spread of source } i: \; (R_{ji})_j

    Parameters
    ----------
    kernel : Quantity, array, mapping of type of channel to these, or a fitted solver
        (sources[, 3], sensors), what ``solver.kernel`` gives.
    gain : Quantity, array, mapping of type of channel to these, or LeadField
        (sensors, sources[, 3]), what ``lead_field.gain`` gives: of the head the solver was fitted to, or of another, to
        see what their difference does. Bare arrays come in pairs. This gain says which dipoles there are, whatever the
        solver looks for: of a free lead field, three at each source. Those along the normals, as
        ``solver.resolution_matrix()`` has them where the orientation is fixed, are ``lead_field.fixed()``.
    index : int or array of int
        Where the dipole is.

    Returns
    -------
    Quantity or array
        (..., sources), with the sign of the answer: a fraction for a solver that answers in A m, per nA m for one that
        answers without a unit; complex where the kernel is. A free kernel adds an axis of the components of the answer
        at the end, (..., sources, 3); a free gain one of the three directions of the dipole before the sources,
        (..., 3, sources).

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units that do not fit each other, shapes that do not either, other types of channel, kernel and gain swapped,
        values that are not finite, an index out of range.
    """
    return _functions(*_gain_first(sides(kernel, gain, 'point_spread')), index, 'point_spread')


def cross_talk(kernel: Any, gain: Any, index: Any) -> Any:
    r"""How much every source adds to the answer at a single one: a row of the resolution matrix.

    .. math:: R = K G, \qquad \text{cross talk of source } i: \; (R_{ij})_j

    Parameters
    ----------
    kernel, gain
        As in `point_spread`.
    index : int or array of int
        Where the answer is read.

    Returns
    -------
    Quantity or array
        (..., sources), with sign and unit as in `point_spread`. A free gain adds an axis of the directions of the
        dipoles at the end, (..., sources, 3); a free kernel one of the components of the answer before the sources,
        (..., 3, sources).

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        As in `point_spread`.
    """
    return _functions(*sides(kernel, gain, 'cross_talk'), index, 'cross_talk')


class Sides(NamedTuple):
    """Two matrices whose products, row by row, are the resolution matrix."""

    kernel: np.ndarray
    """(sources, 1 or 3, sensors)"""
    gain: np.ndarray
    """(sources, 1 or 3, sensors)"""
    unit: u.Unit
    """Of the product: none, or per nA m."""


def sides(kernel: Any, gain: Any, where: str) -> Sides:
    """Kernel and gain with the sensors of all types joined, in a common unit."""
    if isinstance(kernel, LeadField) or hasattr(type(gain), 'kernel'):
        raise TypeError(_swapped(where, checks.kind(kernel), checks.kind(gain)))
    kernels = _by_kind(getattr(kernel, 'kernel', kernel), f'{where}(kernel)', 'what solver.kernel gives')
    gains = _by_kind(gain.gain if isinstance(gain, LeadField) else gain, f'{where}(gain)', 'what lead_field.gain gives')
    if set(kernels) != set(gains) or not kernels:
        told = ['one array' if list(each) == [''] else ', '.join(each) or 'none' for each in (kernels, gains)]
        raise ValueError(f'{where}(kernel, gain) are of the same types of channel; got {told[0]} and {told[1]}.')
    left, right, units = [], [], {}
    for kind in kernels:
        units[kind], scale = _unit(kernels[kind], gains[kind], where)
        ours = _numbers(kernels[kind], f'{where}(kernel)', '(sources[, 3], sensors)', slice(1, -1))
        theirs = _numbers(gains[kind], f'{where}(gain)', '(sensors, sources[, 3])', slice(2, None))
        if ours.shape[0] != theirs.shape[1] or ours.shape[-1] != theirs.shape[0]:
            raise checks.ShapeError(
                f'{where}(gain) has the sensors and sources of the kernel, {ours.shape[-1]} and {ours.shape[0]}; got '
                f'{theirs.shape[0]} and {theirs.shape[1]}.'
            )
        left.append(scale * ours.reshape(len(ours), -1, ours.shape[-1]))
        right.append(np.moveaxis(theirs, 0, -1).reshape(len(ours), -1, ours.shape[-1]))
    if len(set(units.values())) > 1:
        told = [f'{unit} ({kind})' for kind, unit in units.items()]
        raise checks.UnitError(f'{where}(kernel) times gain has one unit for all types; got {", ".join(told)}.')
    return Sides(np.concatenate(left, axis=-1), np.concatenate(right, axis=-1), units[kind])


def _swapped(where: str, kernel: Any, gain: Any) -> str:
    came = f'kernel and gain come swapped, {kernel} and {gain}'
    return f'{where}: {came}: write {where}(solver.kernel, lead_field.gain, ...).'


def _by_kind(given: Any, where: str, meaning: str) -> Mapping[str, Any]:
    parts = given if isinstance(given, Mapping) else {'': given}
    for part in parts.values():
        if np.asarray(u.get_mantissa(part)).dtype.kind in 'OUS':
            raise TypeError(f'{where} is {meaning}, a Quantity or an array; got {checks.kind(part)}.')
    return parts


def _gain_first(pair: Sides) -> tuple[np.ndarray, np.ndarray, u.Unit]:
    return pair.gain, pair.kernel, pair.unit


def _functions(own: np.ndarray, other: np.ndarray, unit: u.Unit, index: Any, where: str) -> Any:
    """(index, [3,] sources[, 3]): the rows of ``own`` at ``index`` with all of ``other``."""
    at = np.asarray(index)
    if not np.issubdtype(at.dtype, np.integer):
        raise TypeError(f'{where}(index) is the index of a source, or an array of them; got {at.dtype} {index!r}.')
    if ((at < 0) | (at >= len(own))).any():
        raise ValueError(f'{where}(index) is the index of a source, 0 to {len(own) - 1}; got {index!r}.')
    maps = own[at].reshape(-1, own.shape[-1]) @ other.reshape(-1, other.shape[-1]).T
    directions, components = ([n] * (n > 1) for n in (own.shape[1], other.shape[1]))
    maps = maps.reshape(*at.shape, *directions, len(other), *components)
    return maps if unit.is_unitless else u.Quantity(maps, unit=unit)


def _unit(kernel: Any, gain: Any, where: str) -> tuple[u.Unit, float]:
    """What the product is given in, and by which factor to multiply it."""
    has_unit = [isinstance(each, u.Quantity) for each in (kernel, gain)]
    if has_unit[0] != has_unit[1]:
        bare, instead, other = ('gain', 'lead_field', kernel) if has_unit[0] else ('kernel', 'solver', gain)
        raise checks.UnitError(
            f'{where}({bare}) comes with its unit, as the other is in {other.unit}; got a bare array: write '
            f'{instead}.{bare}, for example.'
        )
    per_moment = [_is_per_moment(u.get_unit(each)) for each in (kernel, gain)]
    if per_moment == [True, False]:
        raise checks.UnitError(_swapped(where, kernel.unit, gain.unit))
    if has_unit[1] and not per_moment[1]:
        raise checks.UnitError(
            f'{where}(gain) is in V/(A m), T/(A m) or T/m/(A m); got {gain.unit}: write lead_field.gain.'
        )
    product = u.get_unit(kernel) * u.get_unit(gain)
    for unit in (u.UNITLESS, nAm**-1):
        if u.have_same_dim(product, unit):
            return unit, float(u.Quantity(1.0, unit=product).to_decimal(unit))
    raise checks.UnitError(
        f'{where}(kernel) times gain is a fraction, or per A m; got {kernel.unit} times {gain.unit}: write '
        f'solver.kernel and lead_field.gain of the same type of channel.'
    )


def _is_per_moment(unit: u.Unit) -> bool:
    return any(u.have_same_dim(unit, sensor / (u.amp * u.meter)) for sensor in SENSOR_UNITS.values())


def _numbers(value: Any, where: str, axes: str, orientation: slice) -> np.ndarray:
    numbers = np.asarray(u.get_mantissa(value))
    if numbers.ndim not in (2, 3) or numbers.shape[orientation] not in ((), (3,)):
        raise checks.ShapeError(f'{where} has shape {axes}; got {numbers.shape}.')
    checks.finite(numbers, where)
    return numbers.astype(np.result_type(numbers, np.float64), copy=False)
