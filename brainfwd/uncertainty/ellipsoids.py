"""Credible ellipsoids of a Gaussian posterior about vectors."""

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR
from brainfwd.uncertainty.inputs import free, level_of, numbers, principal, with_unit
from brainfwd.uncertainty.inputs import radius as gaussian_radius

__all__ = ['Ellipsoid', 'credible_ellipsoid', 'ellipsoid_of_radius', 'outside']


class Ellipsoid(NamedTuple):
    """Centre, and along which axes it reaches how far, for each source."""

    centre: Any
    """(..., sources, K), the mean."""
    semi_axes: Any
    """(..., sources, K), from the shortest to the longest, in the unit of the mean; 0 where there is no variance."""
    axes: Any
    """(..., sources, K, K) unit vectors, one per column, in the order of the semi-axes."""

    def contains(self, truth: Any) -> Any:
        """Which vectors (..., sources, K) lie inside, the surface included."""
        unit, where = u.get_unit(self.centre), 'Ellipsoid.contains(truth)'
        value = u.get_mantissa(checks.quantity(truth, unit, where, 'what the ellipsoid is about'))
        xp, value, centre, semi, axes = numbers(
            {
                where: value,
                'centre': u.get_mantissa(self.centre),
                'semi_axes': u.get_mantissa(self.semi_axes),
                'axes': self.axes,
            }
        )
        if value.shape[-1:] != centre.shape[-1:]:
            raise checks.ShapeError(f'{where} has shape (..., sources, {centre.shape[-1]}); got {value.shape}.')
        along = xp.einsum('...ji,...j->...i', axes, value - centre)
        share = along / xp.where(semi > 0, semi, 1.0)
        return (xp.where(semi > 0, share * share, 0.0).sum(axis=-1) <= 1.0) & ~outside(xp, along, semi * semi)


def credible_ellipsoid(mean: Any, blocks: Any, level: float = 0.9) -> Ellipsoid:
    r"""The smallest region that holds a share ``level`` of a Gaussian posterior about vectors, for each source.

    .. math:: \{x : (x - \mu)^T \Sigma^{-1} (x - \mu) \le \chi^2_K(p)\}

    Directions without variance (eigenvalues below 1e-12 of the largest) make it flat, and do not count among the K.
    Compiles and batches; the axes have no derivative where eigenvalues are equal.

    Parameters
    ----------
    mean : Quantity or array
        (..., sources, K), K = 3 for free orientation, in any unit.
    blocks : Quantity or array
        (..., sources, K, K) covariances, in the square of that unit.
    level : float
        p, between 0 and 1.

    Returns
    -------
    Ellipsoid
        ``centre``, ``semi_axes`` and ``axes``.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Blocks in another unit than the square of the mean's, of a shape that does not fit, not symmetric or not
        positive semidefinite; a level that is no fraction.
    """
    where = 'credible_ellipsoid'
    level = level_of(level, where)
    return ellipsoid_of_radius(mean, blocks, lambda dof: gaussian_radius(level, dof), where)


def ellipsoid_of_radius(mean: Any, blocks: Any, radius: Any, where: str) -> Ellipsoid:
    """The ellipsoid of ``radius(dof)`` standard deviations."""
    given = free(where, mean, blocks)
    xp, unit, centre, _, _ = given
    values, axes = principal(given, where)
    dof, k = (values > 0).sum(axis=-1), values.shape[-1]
    # compiled code is made for all that may come
    needed = np.unique(dof) if xp is np else range(k + 1)
    radii = np.zeros(k + 1)
    radii[needed] = [radius(int(each)) if each else 0.0 for each in needed]
    semi = xp.sqrt(values) * xp.asarray(radii)[dof][..., None]
    return Ellipsoid(with_unit(centre, unit), with_unit(semi, unit), axes)


def outside(xp: Any, along: Any, variance: Any) -> Any:
    """Whether an error along the principal axes leaves the directions that have variance, by more than rounding."""
    off = xp.where(variance > 0, 0.0, along * along).sum(axis=-1)
    return off > FLOOR * (variance.max(axis=-1) + (along * along).sum(axis=-1))
