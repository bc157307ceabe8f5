"""How far the region in which an estimated map is strongest is from the one that was active."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd.metrics.maps import map_over, true_sources
from brainfwd.records import SourceSpace

__all__ = ['region_localisation_error']


def region_localisation_error(estimate: Any, sources: SourceSpace, truth: Any) -> u.Quantity:
    r"""Distance from the region in which a map is strongest to the region that was active, in mm.

    .. math:: \min_{q \in T} |c_{\hat p} - c_q|, \qquad
        \hat p = \arg\max_p \frac{\sum_{j \in p} a_j m_j}{\sum_{j \in p} a_j}, \qquad
        c_p = \frac{\sum_{j \in p} a_j r_j}{\sum_{j \in p} a_j}

    with m the magnitudes of the map, a the areas and r the places of the sources, and T the regions that hold an active
    source: 0 when the region is right. Means over regions do not favour large ones, nor a single loud source as
    `peak_localisation_error` does; of equal regions, that with the smallest id counts. Sources without a region (id -1)
    are left out. What MNE-Python calls region localisation error is another thing, between two sets of sources.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map, or several: the value at one time, or better the power over a time and band.
    sources : SourceSpace
        The sources of the map, with their regions.
    truth : int or array of bool
        The one active source by its index, or (sources,) True for those of the driven region,
        ``sources.in_region(region)``.

    Returns
    -------
    Quantity
        (...) in mm; straight lines between the centres of regions, not along the cortex.

    Raises
    ------
    ShapeError, TypeError, ValueError
        Sources that are no SourceSpace; a map that is not finite, is zero everywhere in the regions, or does not fit
        the sources; no active source, or none in a region.
    """
    where = 'region_localisation_error'
    found = map_over(estimate, sources, f'{where}(estimate)')
    active = true_sources(truth, sources.n_sources, f'{where}(truth)')
    ids = np.unique(sources.region_ids[sources.region_ids >= 0])
    true = np.isin(ids, sources.region_ids[active])
    if not true.any():
        raise ValueError(f'{where}(truth) has an active source in a region; got sources that belong to none.')
    mean_over = sources.mean_over(ids)
    strengths = found @ mean_over
    if (strengths.max(axis=-1) == 0).any():
        raise ValueError(f'{where}(estimate) is above zero in some region; got a map that is zero in all of them.')
    centres = mean_over.T @ sources.positions.to_decimal(u.mm)
    distances = np.linalg.norm(centres[:, None] - centres[true], axis=-1).min(axis=-1)
    return u.Quantity(distances[strengths.argmax(axis=-1)], unit=u.mm)
