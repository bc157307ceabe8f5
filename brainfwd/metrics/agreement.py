"""How well estimated time courses follow the true ones."""

from typing import Any

from brainfwd._core import checks
from brainfwd.metrics.series import numbers, standardised, unpack

__all__ = ['correlation']


def correlation(estimate: Any, truth: Any) -> Any:
    """Pearson correlation of time courses, each with its counterpart.

    It has no unit, and does not depend on the scale of either: a map without a unit may be compared with millivolts. It
    has a sign: a source estimated upside down has -1. For matrices of connectivity see `matrix_correlation`.

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
    axis = 0 if a.ndim == 1 else -2
    if a.ndim == 0 or a.shape[axis] < 2:
        raise checks.ShapeError(
            f'correlation(estimate) has shape (times,) or (..., times, sources), at least 2 times; got '
            f'{tuple(a.shape)}.'
        )
    if a.shape != b.shape:
        raise checks.ShapeError(
            f'correlation(truth) has the shape of the estimate, {tuple(a.shape)}; got {tuple(b.shape)}.'
        )
    a, b = (standardised(xp, x, where, axis, of='source') for where, x in zip(given, (a, b), strict=True))
    return xp.clip((a * b).sum(axis=axis), -1.0, 1.0)[()]
