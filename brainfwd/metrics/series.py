"""What the analyses of time series share.

Numbers that are there are computed with NumPy in float64, so that sums over long series keep their digits. While JAX
traces, the same lines run on jax.numpy in the precision of the data: every analysis can be compiled, batched and
differentiated, and serve as a loss. Values can be checked only where they are there; shapes, units and times always.
"""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.records import ChannelGroups, Recording, SourceEstimate

__all__ = ['each', 'edges', 'gram', 'number', 'numbers', 'period_of', 'regions', 'standardised', 'unpack']

# relative to the largest value: what is left of a constant after its mean was taken away
_CONSTANT = 1e-13


def unpack(data: Any, sampling_period: Any, where: str) -> tuple[Any, Any]:
    """The data of a record and its sampling period; both as they are when there is no record."""
    if not isinstance(data, Recording | SourceEstimate):
        return data, sampling_period
    if sampling_period is not None:
        raise ValueError(f'{where}(sampling_period=...) is for data without times; the record brings its own.')
    return data.data, data.sampling_period


def numbers(values: dict[str, Any], may_be_complex: bool = False) -> tuple[Any, ...]:
    """NumPy and the values, by what errors call them, in float64 or complex128; jax.numpy if one of them is traced."""
    plain = {where: u.get_mantissa(value) for where, value in values.items()}
    xp = jnp if any(isinstance(value, jax.core.Tracer) for value in plain.values()) else np
    arrays = []
    for where, value in plain.items():
        x = xp.asarray(value)
        if not (jnp.issubdtype(x.dtype, np.number) or x.dtype == bool):
            raise checks.ShapeError(f'{where} is an array of numbers; got {x.dtype}.')
        if xp.iscomplexobj(x) and not may_be_complex:
            raise TypeError(f'{where} is real; got complex numbers.')
        checks.finite(x, where)
        # counts become floats
        dtype = np.result_type(x, np.float64) if xp is np else jnp.promote_types(x.dtype, jnp.float32)
        arrays.append(x.astype(dtype))
    return xp, *arrays


def regions(data: Any, where: str, may_be_complex: bool = False) -> tuple[ModuleType, Any]:
    """NumPy or jax.numpy, and (..., times, regions) numbers; channels of several types as one array, SI."""
    value, _ = unpack(data, None, where)
    value = value.joined() if isinstance(value, ChannelGroups) else value
    xp, x = numbers({f'{where}(data)': value}, may_be_complex)
    if x.ndim < 2 or x.shape[-2] < 2:
        raise checks.ShapeError(
            f'{where}(data) has shape (..., times, regions), at least 2 times; got {tuple(x.shape)}.'
        )
    return xp, x


def standardised(xp: ModuleType, x: Any, where: str, axis: int = -2, over: str = 'in time', of: str = 'region') -> Any:
    """Mean zero and length one along an axis; a constant is an error that names it."""
    # relative to the largest value, or squares of small numbers are lost
    largest = abs(x).max(axis=axis, keepdims=True)
    x = x / xp.where(largest > 0, largest, 1.0)
    x = x - x.mean(axis=axis, keepdims=True)
    length = xp.sqrt((x * x).sum(axis=axis, keepdims=True))
    if xp is np:
        constant = np.argwhere((length <= _CONSTANT * np.sqrt(x.shape[axis])).squeeze(axis))
        if len(constant):
            at = f' at {of} {int(constant[0][-1])}' if x.ndim > 1 else ''
            raise ValueError(f'{where} varies {over}; got a constant{at}, which has no correlation.')
    return x / length


def gram(xp: ModuleType, x: Any) -> Any:
    """Inner products of columns over the axis before the last: (..., columns, columns)."""
    conjugate = xp.conj(xp.swapaxes(x, -1, -2))
    # GPUs would round to fewer digits
    return conjugate @ x if xp is np else jnp.matmul(conjugate, x, precision='highest')


def each(xp: ModuleType, function: Callable[[Any], Any], items: Iterable[int]) -> Any:
    """``function`` of one item after the other, stacked in front: bounds the memory."""
    if xp is np:
        return np.stack([function(item) for item in items])
    # a gradient computes each again, or memory would grow with their number
    return jax.lax.map(jax.checkpoint(function), jnp.asarray(list(items)))


def number(value: Any, unit: u.Unit, where: str, meaning: str) -> float:
    """One finite number, in ``unit``."""
    checked = checks.quantity(value, unit, where, meaning)
    checks.shape_is(checked, (), where)
    checks.finite(checked, where)
    return float(checked.mantissa)


def period_of(sampling_period: Any, where: str) -> float:
    """Seconds between samples."""
    if sampling_period is None:
        raise ValueError(f'{where}(sampling_period=...) is the time between samples: write 2. * u.ms, for example.')
    period = number(sampling_period, u.second, f'{where}(sampling_period=...)', 'the time between samples')
    checks.positive(period, f'{where}(sampling_period=...)')
    return period


def edges(band: Any, period: float, where: str) -> tuple[float, float]:
    """The two frequencies of a band in Hz, 0 <= low < high <= half the sampling rate."""
    where = f'{where}(band=...)'
    if (len(band) if isinstance(band, tuple | list) else np.size(u.get_mantissa(band))) != 2:
        raise ValueError(f'{where} is two frequencies, from and to: write (8 * u.Hz, 13 * u.Hz), for example.')
    low, high = (number(edge, u.Hz, where, 'a frequency') for edge in band)
    if not 0 <= low < high:
        raise ValueError(f'{where} is from a lower to a higher frequency; got {low:g} Hz to {high:g} Hz.')
    if high > 0.5 / period * (1 + 1e-9):
        raise ValueError(f'{where} ends at half the sampling rate, {0.5 / period:g} Hz, at most; got {high:g} Hz.')
    return low, high
