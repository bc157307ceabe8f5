"""What comes in: a truth, and the mean and variance of a Gaussian posterior about it, in units that fit each other.

Numbers that are there are computed with NumPy in float64. While JAX traces, the same lines run on jax.numpy; values can
be checked only where they are there, shapes and units always.
"""

from types import ModuleType
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR
from brainfwd.records import SourceEstimate

__all__ = [
    'Given',
    'counted',
    'fixed',
    'free',
    'level_of',
    'numbers',
    'principal',
    'radius',
    'refuse_records',
    'special',
    'with_unit',
]

# of the largest entry or eigenvalue of a block: what float32 leaves of symmetry
_ROUNDING = 1e-6


class Given(NamedTuple):
    """Plain numbers, the unit they are in, and the library that they are computed with."""

    xp: ModuleType
    unit: u.Unit
    mean: Any
    spread: Any
    """Variance, or covariance blocks."""
    truth: Any = None


def refuse_records(where: str, **given: Any) -> None:
    """Refuse a posterior or an estimate where their numbers are due."""
    for name, value in given.items():
        write = 'estimate.data' if isinstance(value, SourceEstimate) else ''
        if hasattr(value, 'mean') and hasattr(value, 'variance'):
            write = 'posterior.mean, posterior.variance (or posterior.blocks, of free orientation)'
        if write:
            raise TypeError(f'{where}({name}) is a Quantity or an array; got {checks.kind(value)}: write {write}.')


def fixed(where: str, mean: Any, variance: Any, truth: Any = None) -> Given:
    """Of fixed orientation: everything broadcasts, a variance for each entry."""
    given = _given(where, mean, variance, 'variance', truth)
    checks.non_negative(given.spread, f'{where}(variance)')
    _same_entries(where, mean=given.mean.shape, variance=given.spread.shape, truth=np.shape(given.truth))
    return given


def free(where: str, mean: Any, blocks: Any, truth: Any = None) -> Given:
    """Of free orientation: vectors (..., K), and a covariance block (..., K, K) for each."""
    given = _given(where, mean, blocks, 'blocks', truth)
    k = given.mean.shape[-1] if given.mean.ndim else 0
    if given.spread.ndim < 2 or given.spread.shape[-2:] != (k, k):
        raise checks.ShapeError(
            f'{where}(blocks) has shape (..., sources, {k}, {k}) for a mean of (..., sources, {k}); got '
            f'{given.spread.shape}.'
        )
    if truth is not None and given.truth.shape[-1:] != (k,):
        raise checks.ShapeError(f'{where}(truth) has shape (..., sources, {k}), as the mean; got {given.truth.shape}.')
    _same_entries(where, mean=given.mean.shape[:-1], blocks=given.spread.shape[:-2], truth=np.shape(given.truth)[:-1])
    return given


def _given(where: str, mean: Any, spread: Any, name: str, truth: Any) -> Given:
    refuse_records(where, truth=truth, mean=mean, **{name: spread})
    unit = u.get_unit(mean)
    meaning = 'the variance of the posterior' if name == 'variance' else 'the covariance of each source'
    plain = {
        f'{where}(mean)': u.get_mantissa(mean),
        f'{where}({name})': _mantissa(spread, unit**2, f'{where}({name})', meaning),
    }
    if truth is not None:
        plain[f'{where}(truth)'] = _mantissa(truth, unit, f'{where}(truth)', 'what the posterior is about')
    xp, *arrays = numbers(plain)
    return Given(xp, unit, *arrays)


def _mantissa(value: Any, unit: u.Unit, where: str, meaning: str) -> Any:
    return u.get_mantissa(checks.quantity(value, unit, where, meaning))


def numbers(plain: dict[str, Any]) -> tuple[Any, ...]:
    """NumPy and the arrays, by what errors call them, in float64; jax.numpy if one of them is traced."""
    xp = jnp if any(isinstance(value, jax.core.Tracer) for value in plain.values()) else np
    arrays = []
    for where, value in plain.items():
        x = xp.asarray(value)
        if not jnp.issubdtype(x.dtype, np.number) or xp.iscomplexobj(x):
            raise TypeError(f'{where} is of real numbers; got {x.dtype}.')
        checks.finite(x, where)
        # whole numbers become floats
        arrays.append(x.astype(np.float64 if xp is np else jnp.promote_types(x.dtype, jnp.float32)))
    return xp, *arrays


def _same_entries(where: str, **shapes: tuple[int, ...]) -> None:
    """Refuse shapes that do not broadcast, and those that do only by stretching every one of them."""
    named = ', '.join(f'{name} {shape}' for name, shape in shapes.items())
    try:
        together = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise checks.ShapeError(f'{where}: shapes that do not fit each other, {named}.') from None
    if together not in shapes.values():
        raise checks.ShapeError(f'{where}: {named} would be {together} together, a shape that none of them has.')


def counted(where: str, given: Given) -> None:
    """Refuse to count what JAX traces."""
    if given.xp is jnp:
        raise TypeError(f'{where} counts entries, which jit, vmap and grad do not trace: call it outside of them.')


def principal(given: Given, where: str) -> tuple[Any, Any]:
    """Variances along the principal axes (..., K), ascending, and the axes (..., K, K), columns; rounding becomes 0."""
    xp, blocks = given.xp, given.spread
    size = abs(blocks).max(axis=(-1, -2))
    if xp is np:
        skewed = abs(blocks - blocks.swapaxes(-1, -2)).max(axis=(-1, -2)) > _ROUNDING * size
        _refuse(skewed, f'{where}(blocks) are symmetric')
    values, axes = xp.linalg.eigh((blocks + blocks.swapaxes(-1, -2)) / 2)
    if xp is np:
        _refuse(values[..., 0] < -_ROUNDING * size, f'{where}(blocks) are positive semidefinite')
    return xp.where(values > FLOOR * values[..., -1:], values, 0.0), axes


def _refuse(bad: Any, rule: str) -> None:
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f'{rule}; got {int(bad.sum())} that are not, the first at index {first}.')


def radius(level: Any, dof: int) -> Any:
    """How many standard deviations from the mean a credible region of some level ends, in ``dof`` dimensions."""
    from scipy.special import chdtri

    return np.sqrt(chdtri(dof, 1 - np.asarray(level)))


def level_of(value: Any, where: str) -> float:
    """One level, between 0 and 1."""
    level = checks.number(value, f'{where}(level=...)')
    checks.fraction(level, f'{where}(level=...)')
    return level


def special(xp: ModuleType) -> Any:
    """The special functions of NumPy's or of JAX's side."""
    import scipy.special

    return jax.scipy.special if xp is jnp else scipy.special


def with_unit(value: Any, unit: u.Unit) -> Any:
    """A Quantity; a plain array for no unit."""
    return value if unit.is_unitless else u.Quantity(value, unit=unit)
