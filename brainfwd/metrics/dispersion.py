"""How far an estimated map spreads from where the activity was."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd.metrics.maps import map_over, true_sources
from brainfwd.records import SourceSpace

__all__ = ['spatial_dispersion']


def spatial_dispersion(estimate: Any, sources: SourceSpace, truth: Any) -> u.Quantity:
    r"""Root mean square distance of a map from the sources that were active, weighted by its power, in mm.

    .. math:: \sqrt{\frac{\sum_j d_j^2 \, m_j^2}{\sum_j m_j^2}}

    with m the magnitudes of the map, and d the distances to the nearest active source: 0 for a map that is zero outside
    of them. A map far from its truth disperses too; `peak_localisation_error` tells the two apart. `resolution` has it
    for every point spread of a solver. Source: Molins et al. (2008), NeuroImage 42, 1069-1077.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map of amplitudes, or several.
    sources : SourceSpace
        The sources of the map.
    truth : int or array of bool
        The one active source by its index, or (sources,) True for those of the driven region,
        ``sources.region_ids == region``.

    Returns
    -------
    Quantity
        (...) in mm; straight lines, not along the cortex.

    Raises
    ------
    ShapeError, TypeError, ValueError
        Sources that are no SourceSpace; a map that is not finite, is zero everywhere, or does not fit the sources; no
        active source.
    """
    from scipy.spatial import cKDTree

    where = 'spatial_dispersion'
    found = map_over(estimate, sources, f'{where}(estimate)')
    active = true_sources(truth, sources.n_sources, f'{where}(truth)')
    positions = np.asarray(sources.positions.to_decimal(u.mm))
    distances = cKDTree(positions[active]).query(positions)[0]
    power = np.square(found / found.max(axis=-1, keepdims=True))
    return u.Quantity(np.sqrt(power @ np.square(distances) / power.sum(axis=-1)), unit=u.mm)
