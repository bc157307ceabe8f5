"""How alike two connectivity matrices are: pair by pair, or as distributions.

The diagonal is left out. All other entries count, as weights[target, source] need not be symmetric; for a symmetric
matrix that is the same as taking the upper triangle.
"""

from types import ModuleType
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import numbers, standardised

__all__ = ['kolmogorov_smirnov_distance', 'matrix_correlation', 'wasserstein_distance']


def matrix_correlation(estimate: Any, truth: Any) -> Any:
    """Pearson correlation of two matrices, over pairs of different regions.

    The usual fit of simulated to measured functional connectivity; also of functional to structural connectivity, or of
    any other two matrices. It does not depend on the scale of either.

    Parameters
    ----------
    estimate, truth : array
        (..., regions, regions), of the same shape.

    Returns
    -------
    float or array
        (...) between -1 and 1.

    Raises
    ------
    ShapeError, ValueError
        Matrices that are not square or differ in shape; entries off the diagonal that are not finite, or all equal.
    """
    where = 'matrix_correlation'
    xp, a, b = _off_diagonals(estimate, truth, where, ('estimate', 'truth'))
    if a.shape != b.shape:
        raise checks.ShapeError(
            f'{where}(truth) has the shape of the estimate, {np.shape(estimate)}; got {np.shape(truth)}.'
        )
    a, b = (
        standardised(xp, x, f'{where}({name})', axis=-1, over='over pairs', of='matrix')
        for name, x in (('estimate', a), ('truth', b))
    )
    return xp.clip((a * b).sum(axis=-1), -1.0, 1.0)[()]


def kolmogorov_smirnov_distance(a: Any, b: Any) -> Any:
    r"""Largest distance between the distributions of the entries of two matrices.

    .. math:: \max_x |F_a(x) - F_b(x)|

    with F the share of entries off the diagonal that are at most x. The usual fit of simulated to measured functional
    connectivity dynamics, whose windows have no counterpart in one another (Deco et al., 2017, Sci. Rep. 7, 3095). It
    counts entries, so that its gradient is zero: `wasserstein_distance` is the one to descend.

    Parameters
    ----------
    a, b : array
        (..., windows, windows); the number of windows may differ.

    Returns
    -------
    float or array
        (...) from 0, the same distribution, to 1, no overlap.

    Raises
    ------
    ShapeError, ValueError
        Matrices that are not square, of one row, or with entries off the diagonal that are not finite.
    """
    xp, values, difference = _distributions(a, b, 'kolmogorov_smirnov_distance')
    # equal values step at once
    last = values[..., 1:] > values[..., :-1]
    return xp.where(last, abs(difference[..., :-1]), 0.0).max(axis=-1)[()]


def wasserstein_distance(a: Any, b: Any) -> Any:
    r"""How far the distribution of the entries of one matrix is from that of another.

    .. math:: \int |F_a(x) - F_b(x)|\, dx

    with F the share of entries off the diagonal that are at most x: how far entries have to move, on average. Unlike
    `kolmogorov_smirnov_distance` it has a gradient.

    Parameters
    ----------
    a, b : array
        (..., windows, windows); the number of windows may differ.

    Returns
    -------
    float or array
        (...) in the unit of the entries: between 0 and 2 for correlations.

    Raises
    ------
    ShapeError, ValueError
        Matrices that are not square, of one row, or with entries off the diagonal that are not finite.
    """
    xp, values, difference = _distributions(a, b, 'wasserstein_distance')
    return (abs(difference[..., :-1]) * xp.diff(values, axis=-1)).sum(axis=-1)[()]


def _off_diagonals(a: Any, b: Any, where: str, names: tuple[str, str]) -> tuple[ModuleType, Any, Any]:
    """NumPy or jax.numpy, and (..., entries) of each."""
    parts = {}
    for name, matrix in zip(names, (a, b), strict=True):
        shape = np.shape(matrix)
        if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < 2:
            raise checks.ShapeError(f'{where}({name}) is a square matrix, at least 2 by 2; got shape {shape}.')
        rows, columns = np.nonzero(~np.eye(shape[-1], dtype=bool))
        matrix = np.asarray(matrix) if isinstance(matrix, list) else matrix
        parts[f'{where}({name}), off the diagonal,'] = matrix[..., rows, columns]
    return numbers(parts)


def _distributions(a: Any, b: Any, where: str) -> tuple[ModuleType, Any, Any]:
    """NumPy or jax.numpy, all values in order, and the difference of the two distributions at each."""
    a, b = (checks.array(matrix, f'{where}({name})') for name, matrix in (('a', a), ('b', b)))
    xp, a, b = _off_diagonals(a, b, where, ('a', 'b'))
    if a.shape[:-1] != b.shape[:-1]:
        raise checks.ShapeError(f'{where}(b) has as many matrices as a, {a.shape[:-1]}; got {b.shape[:-1]}.')
    n, m = a.shape[-1], b.shape[-1]
    values = xp.concatenate([a, b], axis=-1)
    order = xp.argsort(values, axis=-1)
    of_a = xp.cumsum(order < n, axis=-1)
    difference = of_a / n - (np.arange(1, n + m + 1) - of_a) / m
    return xp, xp.take_along_axis(values, order, axis=-1), difference
