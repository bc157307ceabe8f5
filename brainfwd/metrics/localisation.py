"""How far an estimated map peaks from where the activity was."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.maps import map_over, true_sources
from brainfwd.records import SourceSpace

__all__ = ['peak_localisation_error']


def peak_localisation_error(estimate: Any, sources: SourceSpace, truth: Any, *, to: str = 'nearest') -> u.Quantity:
    """Distance from the peak of a map to the sources that were active, in mm.

    The peak is the source with the largest magnitude (the sign of a fixed-orientation map only tells the direction of
    current); of equal ones, the first.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map, or several: the value at one time, or better the power over a time and band.
    sources : SourceSpace
        The sources of the map.
    truth : int or array of bool
        The one active source by its index, or (sources,) True for those of the driven region,
        ``sources.region_ids == region``.
    to : str
        ``'nearest'``: to the nearest active source, so that a peak anywhere in the driven region has error 0.
        ``'centroid'``: to the centre of the active sources, weighted by area. For a single source they are the same.

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
    where = 'peak_localisation_error'
    checks.choice(to, ('nearest', 'centroid'), f'{where}(to=...)')
    found = map_over(estimate, sources, f'{where}(estimate)')
    active = true_sources(truth, sources.n_sources, f'{where}(truth)')
    positions = sources.positions.to_decimal(u.mm)
    peaks = positions[found.argmax(axis=-1)]
    if to == 'centroid':
        areas = np.asarray(sources.areas.mantissa)[active]
        targets = np.average(positions[active], axis=0, weights=areas if areas.any() else None)[None]
    else:
        targets = positions[active]
    distances = np.linalg.norm(peaks[..., None, :] - targets, axis=-1).min(axis=-1)
    return u.Quantity(distances, unit=u.mm)
