"""How well estimated time courses follow the true ones."""

from types import ModuleType
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import numbers, standardised, unpack

__all__ = ['TimeCourseError', 'correlation', 'time_course_error']


class TimeCourseError(NamedTuple):
    """Errors of time courses, and what they come from; all without a unit."""

    relative: Any
    """(..., sources) root mean square of the difference over that of the truth: 0 perfect, 1 for an answer of zeros."""
    amplitude: Any
    """(..., sources) relative error of the amplitude, from -1 (an answer of zeros) over 0 (right) to any excess."""
    shape: Any
    """(..., sources) distance of the time courses scaled alike: 0 the same shape, 2 upside down; nan for zeros."""


def correlation(estimate: Any, truth: Any) -> Any:
    """Pearson correlation of time courses, each with its counterpart.

    It has no unit, and does not depend on the scale of either: a map without a unit may be compared with millivolts. It
    has a sign: a source estimated upside down has -1. For matrices of connectivity see `matrix_correlation`; for errors
    that depend on the scale, `time_course_error`.

    Parameters
    ----------
    estimate, truth : SourceEstimate, Quantity or array
        (times,) or (..., times, sources), of the same shape.

    Returns
    -------
    float or array
        () or (..., sources), between -1 and 1.

    Raises
    ------
    ShapeError, ValueError
        Shapes that differ, fewer than two times, values that are not finite, a time course that is constant.
    """
    given = {'correlation(estimate)': estimate, 'correlation(truth)': truth}
    xp, a, b = numbers({where: unpack(value, None, 'correlation')[0] for where, value in given.items()})
    axis = _times_of(a, b, 'correlation', at_least=2)
    a, b = (standardised(xp, x, where, axis, of='source') for where, x in zip(given, (a, b), strict=True))
    return xp.clip((a * b).sum(axis=axis), -1.0, 1.0)[()]


def time_course_error(estimate: Any, truth: Any) -> TimeCourseError:
    r"""Relative error of time courses, and how much of it is in their amplitude and how much in their shape.

    .. math:: e = \frac{\|\hat s - s\|}{\|s\|}, \qquad
        a = \frac{\|\hat s\|}{\|s\|} - 1, \qquad
        d = \Big\| \frac{\hat s}{\|\hat s\|} - \frac{s}{\|s\|} \Big\|, \qquad
        e^2 = a^2 + (1 + a) \, d^2

    with the norm over time. The relative error e depends on both; the amplitude error a on the scale alone; the error
    of shape d not at all on the scale, and is 0 for the same shape, :math:`\sqrt 2` for shapes that have nothing to do
    with each other, 2 for a source upside down. Means are not taken away: a constant is a shape. d and 1 + a are the
    RDM and the MAG of Meijs et al. (1989), IEEE Trans. Biomed. Eng. 36, 1038-1049, over time in the place of sensors.

    Parameters
    ----------
    estimate, truth : SourceEstimate, Quantity or array
        (times,) or (..., times, sources), of the same shape, in units of the same dimension. For dipoles of free
        orientation take their components for more times: ``vectors.swapaxes(-1, -2).reshape(3 * n_times, n_sources)``.

    Returns
    -------
    TimeCourseError
        Each () or (..., sources).

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that differ, values that are not finite, a source that is silent in truth.
    """
    where = 'time_course_error'
    estimate, truth = (unpack(value, None, where)[0] for value in (estimate, truth))
    estimate = _in_unit_of(truth, estimate, where)
    xp, a, b = numbers({f'{where}(estimate)': estimate, f'{where}(truth)': truth})
    axis = _times_of(a, b, where, at_least=1)
    of_a, of_b = (_length(xp, x, axis) for x in (a, b))
    if xp is np and not of_b.all():
        at = f' at source {int(np.argwhere(of_b == 0)[0][-1])}' if b.ndim > 1 else ''
        raise ValueError(f'{where}(truth) is somewhere above or below zero; got a silent source{at}.')
    # an answer of zeros has no shape
    alike_a, alike_b = (x / xp.where(length > 0, length, xp.nan) for x, length in ((a, of_a), (b, of_b)))
    errors = (_length(xp, a - b, axis) / of_b, of_a / of_b - 1, _length(xp, alike_a - alike_b, axis))
    return TimeCourseError(*(each.squeeze(axis)[()] for each in errors))


def _in_unit_of(truth: Any, estimate: Any, where: str) -> Any:
    """The estimate in the unit of the truth."""
    unit = u.get_unit(truth)
    if u.get_unit(estimate).is_unitless and not unit.is_unitless:
        raise checks.UnitError(
            f'{where}(estimate) is as the truth, in {unit}; got one without a unit: write it, or, where there is none '
            f'(dSPM, sLORETA), take correlation.'
        )
    return checks.quantity(estimate, unit, f'{where}(estimate)', 'as the truth')


def _times_of(estimate: Any, truth: Any, where: str, at_least: int) -> int:
    """The axis of time, of two arrays of the same shape."""
    axis = 0 if estimate.ndim == 1 else -2
    if estimate.ndim == 0 or estimate.shape[axis] < at_least:
        raise checks.ShapeError(
            f'{where}(estimate) has shape (times,) or (..., times, sources), at least {at_least} '
            f'{"times" if at_least > 1 else "time"}; got {tuple(estimate.shape)}.'
        )
    if estimate.shape != truth.shape:
        raise checks.ShapeError(
            f'{where}(truth) has the shape of the estimate, {tuple(estimate.shape)}; got {tuple(truth.shape)}.'
        )
    return axis


def _length(xp: ModuleType, x: Any, axis: int) -> Any:
    """Euclidean length along an axis, which stays."""
    # relative to the largest value, or squares of small numbers are lost
    largest = abs(x).max(axis=axis, keepdims=True)
    scale = xp.where(largest > 0, largest, 1.0)
    return scale * xp.sqrt(xp.square(x / scale).sum(axis=axis, keepdims=True))
