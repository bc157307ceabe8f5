"""Gaussian patches, as a basis in which few are active."""

import warnings
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks

__all__ = ['spatial_basis']

_BLOCK = 1024
# no head is as wide, m
_TOO_WIDE = 1.0


def spatial_basis(positions: Any, sigma: Any, cutoff: float = 3.0) -> Any:
    r"""A Gaussian patch around each source, the basis of sFLEX.

    .. math:: B = D^{-1/2} W D^{-1/2}, \qquad
        W_{ij} = \exp\left(-\frac{\|r_i - r_j\|^2}{2 \sigma^2}\right), \qquad
        D_{ii} = \sum_j W_{ij}

    Sources are :math:`x = B c` for coefficients c, each component of their moments on its own. Where sources lie as
    dense on every side, the sum of a patch is 1. Distances are straight, also across a sulcus.

    Parameters
    ----------
    positions : Quantity
        (sources, 3), m.
    sigma : Quantity
        :math:`\sigma`, mm: at this distance a patch has 61 % of its height.
    cutoff : float
        In W, what is farther than this many sigma is 0: 3 leaves out what is below 1.1 % of the height, 5 what is below
        4e-6. Memory goes with its cube, or with its square on a surface.

    Returns
    -------
    scipy.sparse.csr_matrix
        (sources, patches) B, symmetric, without a unit.

    Raises
    ------
    UnitError, ShapeError
        Positions or a sigma that are no lengths; positions that are not (sources, 3).
    ValueError
        Values that are not finite; a sigma or a cutoff that is not above zero; places a metre apart, or a sigma of
        a metre.

    Warns
    -----
    UserWarning
        No source is within the patch of another.

    Source: Haufe et al. (2008), NeuroImage 42, 726-738; Haufe et al. (2011), NeuroImage 54, 851-859.
    """
    from scipy.sparse import csr_matrix
    from scipy.spatial import cKDTree

    positions = checks.quantity(positions, u.meter, 'spatial_basis(positions)')
    places = np.asarray(positions.to_decimal(u.meter), float)
    if places.ndim != 2 or places.shape[1] != 3 or not len(places):
        raise checks.ShapeError(f'spatial_basis(positions) has shape (sources, 3); got {places.shape}.')
    checks.finite(places, 'spatial_basis(positions)')
    sigma = checks.number(
        checks.quantity(sigma, u.mm, 'spatial_basis(sigma)').to_decimal(u.meter), 'spatial_basis(sigma)'
    )
    cutoff = checks.number(cutoff, 'spatial_basis(cutoff=...)')
    checks.positive(sigma, 'spatial_basis(sigma)')
    checks.positive(cutoff, 'spatial_basis(cutoff=...)')

    span = np.ptp(places, axis=0).max()
    if max(span, sigma) > _TOO_WIDE:
        raise ValueError(
            f'spatial_basis(positions, sigma) is of sources in a head; got {span:g} m from the first to the last, and '
            f'a sigma of {sigma:g} m: are these numbers in mm? Write them * u.mm.'
        )

    # rounding does not decide where neighbours of a grid lie at the cutoff
    tree, farthest = cKDTree(places), cutoff * sigma * (1 + 1e-9)
    ends = np.cumsum(tree.query_ball_point(places, farthest, return_length=True))
    if len(places) > 1 and ends[-1] == len(places):
        nearest = np.median(tree.query(places, 2)[0][:, 1])
        warnings.warn(
            f'spatial_basis: no source is within {cutoff:g} sigma, {1e3 * cutoff * sigma:.3g} mm, of another, so that '
            f'every patch is one source; neighbours are {1e3 * nearest:.3g} mm apart. Take a larger sigma.',
            stacklevel=2,
        )
    starts = np.concatenate([[0], ends])
    # filled block by block, as all at once takes three times the memory
    weights, indices, scale = np.empty(ends[-1]), np.empty(ends[-1], np.int32), np.empty(len(places))
    blocks = [slice(first, min(first + _BLOCK, len(places))) for first in range(0, len(places), _BLOCK)]
    for block in blocks:
        near = cKDTree(places[block]).sparse_distance_matrix(tree, farthest, output_type='coo_matrix').tocsr()
        near.data = np.exp(-((near.data / sigma) ** 2) / 2)
        part = slice(starts[block.start], starts[block.stop])
        weights[part], indices[part] = near.data, near.indices
        scale[block] = 1 / np.sqrt(np.asarray(near.sum(axis=1)).ravel())
    for block in blocks:
        part = slice(starts[block.start], starts[block.stop])
        weights[part] *= scale[indices[part]] * np.repeat(scale[block], np.diff(starts[block.start : block.stop + 1]))
    return csr_matrix((weights, indices, starts), shape=(len(places), len(places)))
