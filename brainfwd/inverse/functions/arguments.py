"""What the functions take: bare arrays, or Quantities whose units fit together."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR, in_double, xp_of
from brainfwd._core.units import nAm
from brainfwd.records import SENSOR_UNITS, CrossSpectrum, LeadField, NoiseCovariance, Recording

__all__ = ['Units', 'compiled_in_double', 'concrete', 'covariance', 'matrix', 'seen_by_sensors', 'unpack']

_MOMENT = u.amp * u.meter
# of each argument: what it is, and its powers of the unit of the sensors and of A m; filters may answer without a unit
_ARGUMENTS: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {
    'data': ('what the sensors measured', ((1, 0),)),
    'cov': ('the covariance of the data', ((2, 0),)),
    'noise_cov': ('the covariance of the noise', ((2, 0),)),
    'gain': ('the lead field', ((1, -1),)),
    'weights': ('a filter', ((-1, 1), (-1, 0))),
    'K': ('a kernel', ((-1, 1), (-1, 0))),
    'lambda_reg': ('the strength of the penalty', ((2, -1),)),
    'L': ('the lead field', ((1, -1),)),
    'x': ('the moments of the sources', ((0, 1),)),
    'y': ('what the sensors measured', ((1, 0),)),
    'noise_var': ('the variance of the noise', ((2, 0),)),
    'init_gamma': ('the variance of the sources to begin with', ((0, 2),)),
    'init_lambda': ('the variance of the noise to begin with', ((2, 0),)),
    'sensor_white_noise_std': ('the standard deviation of the noise', ((1, 0),)),
}
_OF_RECORDS = {LeadField: 'gain', NoiseCovariance: 'matrix', CrossSpectrum: 'matrix', Recording: 'data.T'}


@dataclass(frozen=True)
class Units:
    """Puts units back: those of the sensors, and nA m. Without ``sensor`` all is bare."""

    sensor: u.Unit | None
    moment: int = 1
    """Of a filter among the arguments: whether it answers with moments (1) or with numbers (0)."""

    def of(self, value: Any, sensor: int, moment: int) -> Any:
        """SI numbers as a Quantity, in the given powers of the two units."""
        if self.sensor is None or (sensor == 0 and moment == 0):
            return value
        return u.Quantity(value * 1e9**moment, unit=_power(self.sensor, sensor, moment, nAm))


def unpack(where: str, **arguments: Any) -> tuple[Units, list[Any]]:
    """Their units, and the arguments as arrays of finite numbers: SI where they are Quantities.

    Raises
    ------
    UnitError, TypeError, ValueError
        Units that do not fit together, or some Quantities and some bare; records, several types of channel, or complex
        numbers other than those of a kernel; what is not finite.
    """
    for name, value in arguments.items():
        if part := _OF_RECORDS.get(type(value)):
            one = ".pick('mag')" if value.channels.is_mixed else ''
            raise TypeError(
                f'{where}({name}) is a Quantity or an array, of one type of channel; got a {type(value).__name__} of '
                f'{value.channels}: write its {one}.{part}.'
            )
        if isinstance(value, Mapping):
            raise TypeError(
                f'{where}({name}) is of one type of channel; got one for each of {checks.listed(list(value))}: '
                f"take one, record.pick('mag')."
            )
    with_unit = {name: value for name, value in arguments.items() if not u.get_unit(value).is_unitless}
    # the lead field says what the sensors measure
    first = next((name for name in ('gain', 'L', *with_unit) if name in with_unit), None)
    sensor = None if first is None else _sensor(where, first, with_unit[first])
    moment, arrays = 1, []
    for name, value in arguments.items():
        at = f'{where}({name})'
        if sensor is not None:
            meaning, powers = _ARGUMENTS[name]
            units = [_power(sensor, *power) for power in powers]
            fits = [k for k, unit in enumerate(units) if u.have_same_dim(u.get_unit(value), unit)]
            chosen = fits[0] if fits else 0
            moment = powers[chosen][1] if name in ('weights', 'K') else moment
            value = checks.quantity(value, units[chosen], at, meaning).mantissa
        is_complex = np.issubdtype(getattr(value, 'dtype', float), np.complexfloating)
        if is_complex and name != 'K':
            raise TypeError(f'{at} is real; got complex numbers.')
        value = value if is_complex else checks.array(value, at)
        checks.finite(value, at)
        arrays.append(value if np.issubdtype(value.dtype, np.inexact) else value.astype(float))
    return Units(sensor, moment), arrays


def compiled_in_double(fn: Callable, *args: Any) -> Any:
    """As `in_double`, for what only JAX computes: of NumPy arrays it returns NumPy arrays, in float64."""
    if xp_of(*args) is not np:
        return in_double(fn, *args)
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, fn(*args))


def concrete(value: Any) -> np.ndarray | None:
    """The numbers in float64, or None while JAX traces them."""
    return None if isinstance(value, jax.core.Tracer) else np.asarray(value, float)


def matrix(value: Any, where: str, axes: str = '(n_sensors, n_sources)', rows: int | None = None) -> None:
    """Refuse what is not a matrix, or has another number of rows."""
    shape = np.shape(value)
    if len(shape) != 2 or not all(shape):
        along = ': take the moments along the normals, LeadField.fixed()' if len(shape) == 3 and shape[-1] == 3 else ''
        raise checks.ShapeError(f'{where} has shape {axes}; got {shape}{along}.')
    if rows is not None and shape[0] != rows:
        raise checks.ShapeError(f'{where} has shape {axes}, {rows} rows here; got {shape}.')


def seen_by_sensors(gain: Any, where: str) -> None:
    """Refuse sources that no sensor sees, of (sensors, sources[, 3])."""
    if (known := concrete(gain)) is None:
        return
    length = np.linalg.norm(known.swapaxes(0, 1).reshape(known.shape[1], -1), axis=1)
    silent = np.flatnonzero(length <= FLOOR * length.max())
    if len(silent):
        raise ValueError(f'{where} has sources that no sensor sees, {checks.listed(silent)}: leave them out.')


def covariance(value: Any, n_sensors: int, where: str) -> None:
    """Refuse what is not (n_sensors, n_sensors), symmetric, and without negative variances."""
    checks.shape_is(value, (n_sensors, n_sensors), where, '(n_sensors, n_sensors)')
    if (numbers := concrete(value)) is None:
        return
    size = abs(numbers).max()
    # float32 leaves 1e-7 of the largest
    if not (size > 0 and abs(numbers - numbers.T).max() <= 1e-5 * size):
        raise ValueError(f'{where} is a covariance, symmetric and not zero; got one that is not.')
    lowest = np.linalg.eigvalsh(numbers)[0]
    if lowest < -1e-5 * size:
        raise ValueError(f'{where} is a covariance, without negative eigenvalues; got {lowest:g}.')


def _power(sensor: u.Unit, of_sensor: int, of_moment: int, moment: u.Unit = _MOMENT) -> u.Unit:
    # a product of fewer factors has the nicer name
    factors = [unit if k == 1 else unit**k for unit, k in ((sensor, of_sensor), (moment, of_moment)) if k]
    return math.prod(factors[1:], start=factors[0])


def _sensor(where: str, name: str, value: Any) -> u.Unit:
    """The unit of the sensors: volt, tesla or tesla per metre."""
    meaning, powers = _ARGUMENTS[name]
    for unit in SENSOR_UNITS.values():
        if any(u.have_same_dim(u.get_unit(value), _power(unit, *power)) for power in powers):
            return unit
    raise checks.UnitError(
        f'{where}({name}) is {meaning}, in {_power(u.volt, *powers[0])}, or the same with T or T/m for V; got '
        f'{u.get_unit(value)}.'
    )
