"""How well estimated time courses follow the true ones."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.records import SourceEstimate

__all__ = ['correlation']

# relative to the largest value: what is left of a constant after its mean was taken away
_CONSTANT = 1e-13


def correlation(estimate: Any, truth: Any) -> Any:
    """Pearson correlation of time courses, each with its counterpart.

    It has no unit, and does not depend on the scale of either: a map without a unit may be compared with millivolts. It
    has a sign: a source estimated upside down has -1.

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
    a, b = (_standardised(x, f'correlation({name})') for x, name in ((estimate, 'estimate'), (truth, 'truth')))
    if a.shape != b.shape:
        raise checks.ShapeError(f'correlation(truth) has the shape of the estimate, {a.shape}; got {b.shape}.')
    return np.clip((a * b).sum(axis=0 if a.ndim == 1 else -2), -1.0, 1.0)[()]


def _standardised(value: Any, where: str) -> np.ndarray:
    """Mean zero and length one in time."""
    value = value.data if isinstance(value, SourceEstimate) else value
    x = np.asarray(u.get_mantissa(value), dtype=np.float64)
    axis = 0 if x.ndim == 1 else -2
    if x.ndim == 0 or x.shape[axis] < 2:
        raise checks.ShapeError(
            f'{where} has shape (times,) or (..., times, sources), at least 2 times; got {x.shape}.'
        )
    checks.finite(x, where)
    # relative to the largest value, or squares of small numbers are lost
    largest = abs(x).max(axis=axis, keepdims=True)
    x = x / np.where(largest > 0, largest, 1.0)
    x = x - x.mean(axis=axis, keepdims=True)
    length = np.sqrt(np.square(x).sum(axis=axis, keepdims=True))
    constant = np.argwhere(length <= _CONSTANT * np.sqrt(x.shape[axis]))
    if len(constant):
        at = f' at source {int(constant[0][-1])}' if x.ndim > 1 else ''
        raise ValueError(f'{where} varies in time; got a constant{at}, which has no correlation.')
    return x / length
