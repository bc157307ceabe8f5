"""How far activity has to be moved to make one map into another."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.maps import map_over, true_sources
from brainfwd.records import SourceEstimate, SourceSpace

__all__ = ['earth_movers_distance']

# pairs of sources between which something moves: some 0.8 GB
_PAIRS = 2**24
# relative to what is at a source: below it, a difference of two maps is rounding
_SAME = 1e-14


def earth_movers_distance(estimate: Any, sources: SourceSpace, truth: Any) -> u.Quantity:
    r"""Least mean distance over which an estimated map has to be moved to become the true one, in mm.

    .. math:: \min_{P \ge 0} \sum_{ij} P_{ij} \, |r_i - r_j|, \qquad
        \sum_j P_{ij} = \frac{|\hat s_i|}{\sum_k |\hat s_k|}, \qquad
        \sum_i P_{ij} = \frac{|s_j|}{\sum_k |s_k|}

    0 for maps that are alike but for their scale, and the distance itself between two single sources. It sees both how
    far off a map is and how far it spreads, and needs no threshold: the weak background of a minimum norm estimate
    counts. It takes the order of magnitudes and their values: amplitudes and their squares have different distances.

    Exact, by the network simplex algorithm of Python Optimal Transport. What two maps have in common at a source does
    not move (distances obey the triangle inequality), so that only the differences are transported, from where the
    estimate is too large to where it is too small: thousands of sources against a few true ones take milliseconds.
    Source: Rubner et al. (2000), Int. J. Comput. Vis. 40, 99-121; for sources, Haufe et al. (2008), NeuroImage 42,
    726-738.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map, or several.
    sources : SourceSpace
        The sources of both maps.
    truth : SourceEstimate, Quantity or array; int or array of bool
        (sources,) or (..., sources) the true map, in any unit; or which sources were active, all alike, as in the other
        scores: one index, or (sources,) True for those of the driven region.

    Returns
    -------
    Quantity
        (...) in mm; straight lines, not along the cortex.

    Raises
    ------
    ShapeError, TypeError, ValueError
        Sources that are no SourceSpace; maps that are not finite, are zero everywhere, or do not fit; maps that differ
        at so many sources that more than 2^24 pairs of them would have to be considered (two dense maps of more than
        8192 sources): some 0.8 GB.
    ImportError
        POT is not installed: ``pip install 'brainfwd[transport]'``.
    """
    where = 'earth_movers_distance'
    found = map_over(estimate, sources, f'{where}(estimate)')
    n = sources.n_sources
    if _is_map(truth):
        true = map_over(truth, sources, f'{where}(truth)')
    else:
        true = true_sources(truth, n, f'{where}(truth)').astype(float)
    if true.ndim > 1 and true.shape != found.shape:
        raise checks.ShapeError(
            f'{where}(truth) has shape ({n},) (sources,) or that of the estimate, {found.shape}; got {true.shape}.'
        )
    true = np.broadcast_to(true, found.shape)
    places = sources.positions.to_decimal(u.mm)
    distances = [_distance(a, b, places, where) for a, b in zip(found.reshape(-1, n), true.reshape(-1, n), strict=True)]
    return u.Quantity(np.reshape(distances, found.shape[:-1])[()], unit=u.mm)


def _is_map(truth: Any) -> bool:
    return isinstance(truth, u.Quantity | SourceEstimate) or (np.ndim(truth) > 0 and np.asarray(truth).dtype != bool)


def _distance(found: np.ndarray, true: np.ndarray, places: np.ndarray, where: str) -> float:
    """Between two maps of magnitudes, (sources,), mm."""
    # by the largest first: sums of magnitudes may not be there in float64
    a, b = (each / each.max() for each in (found, true))
    a, b = a / a.sum(), b / b.sum()
    surplus = a - b
    more, less = (np.flatnonzero(sign * surplus > _SAME * np.maximum(a, b)) for sign in (1, -1))
    if not (more.size and less.size):
        return 0.0
    if more.size * less.size > _PAIRS:
        raise ValueError(
            f'{where} moves activity between {_PAIRS} pairs of sources at most; got maps that differ at so many that '
            f'there are {more.size} times {less.size}: set what is weak to zero, or compare means over regions.'
        )
    emd2 = _solver(where)
    from scipy.spatial.distance import cdist

    moved = surplus[more].sum()
    cost, log = emd2(
        surplus[more] / moved,
        surplus[less] / surplus[less].sum(),
        cdist(places[more], places[less]),
        numItermax=10**9,
        log=True,
    )
    if log['warning'] is not None:
        raise RuntimeError(f'{where}: the transport was not solved: {log["warning"]}')
    return float(moved * cost)


def _solver(where: str) -> Any:
    try:
        from ot import emd2
    except ImportError as error:
        raise ImportError(
            f"{where} needs Python Optimal Transport (POT): write pip install 'brainfwd[transport]'."
        ) from error
    return emd2
