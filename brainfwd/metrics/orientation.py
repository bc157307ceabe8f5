"""How far estimated dipoles point from the true direction."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import unpack

__all__ = ['orientation_error']


def orientation_error(estimate: Any, truth: Any, *, signed: bool = True) -> u.Quantity:
    r"""Angle between estimated and true dipoles, in degrees.

    .. math:: \theta = \mathrm{atan2}\big(|\hat v \times v|, \; \hat v \cdot v\big)

    which keeps its digits for small angles, where the arc cosine has half of them. It does not depend on lengths.

    Parameters
    ----------
    estimate : Quantity or array
        (..., sources, 3) moments, such as ``solver.vectors(y)``.
    truth : Quantity or array
        (sources, 3) or (..., sources, 3) moments or directions, such as ``sources.normals``, in any unit.
    signed : bool
        False where the direction of the current does not matter, as in power: a dipole upside down has error 0, and no
        angle is above 90 degrees.

    Returns
    -------
    Quantity
        (..., sources) from 0 to 180 degrees; nan for a moment of 0, which has no direction.

    Raises
    ------
    ShapeError, ValueError
        Shapes that do not fit; values that are not finite; a true moment of 0.
    """
    where = 'orientation_error'
    a, b = _vectors(estimate, f'{where}(estimate)'), _vectors(truth, f'{where}(truth)')
    if b.shape != a.shape[-2:]:
        checks.shape_is(b, a.shape, f'{where}(truth)', 'of the estimate')
    sizes = [abs(v).max(axis=-1, keepdims=True) for v in (a, b)]
    if not sizes[1].all():
        at = tuple(int(i) for i in np.argwhere(sizes[1] == 0)[0][:-1])
        raise ValueError(f'{where}(truth) points somewhere; got a moment of 0 at index {at}.')
    # by the largest component, or products of small numbers are lost
    a, b = (v / np.where(size > 0, size, np.nan) for v, size in zip((a, b), sizes, strict=True))
    across, along = np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)
    return u.Quantity(np.degrees(np.arctan2(across, along if signed else abs(along))), unit=u.degree)


def _vectors(value: Any, where: str) -> np.ndarray:
    value, _ = unpack(value, None, where)
    vectors = np.asarray(checks.array(u.get_mantissa(value), where), dtype=np.float64)
    if vectors.ndim < 1 or vectors.shape[-1] != 3:
        raise checks.ShapeError(f'{where} has shape (..., sources, 3); got {vectors.shape}.')
    checks.finite(vectors, where)
    return vectors
