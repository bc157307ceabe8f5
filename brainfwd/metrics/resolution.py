"""How well a linear solver tells sources apart, source by source."""

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.maps import source_space
from brainfwd.metrics.resolution_maps import sides
from brainfwd.records import SourceSpace

__all__ = ['Resolution', 'resolution']

# entries of the resolution matrix that are there at once: 64 MB
_BLOCK = 2**23
# relative to the largest map: below it, a map is rounding
_SILENT = 1e-12


class Resolution(NamedTuple):
    """Scores of the point spread, or of the cross talk, of each source."""

    peak: np.ndarray
    """(sources,) the index of the source at which its map is largest."""
    peak_error: u.Quantity
    """(sources,) mm, from the source to the peak of its map."""
    dispersion: u.Quantity
    """(sources,) mm, root mean square distance from the source, weighted by the power of its map."""
    amplitude: Any
    """(sources,) the map at the source itself: what the solver says of a unit dipole there. A fraction, or per nA m."""
    peak_amplitude: Any
    """(sources,) the map at its peak."""


def resolution(kernel: Any, gain: Any, sources: SourceSpace, of: str = 'point spread') -> Resolution:
    r"""Localisation error, spatial dispersion and amplitude of every point spread, or of every cross talk.

    .. math:: R = K G, \qquad
        E_i = |r_{\arg\max_j m_j} - r_i|, \qquad
        S_i = \sqrt{\frac{\sum_j |r_j - r_i|^2 \, m_j^2}{\sum_j m_j^2}}

    with m the magnitudes of column i of the resolution matrix (point spread: what a dipole at i looks like), or of row
    i (cross talk: what else is in the answer at i). A free kernel answers with vectors, whose length is taken; of a
    free gain, the root mean square of that over all directions of the dipole, whatever the solver looks for. For
    dipoles along the normals, as in ``solver.resolution_matrix()`` of a solver of fixed orientation, take
    ``lead_field.fixed()``. Of complex numbers (`DICS` with ``real_filter=False``) m are the absolute values.

    The matrix is never there as a whole: its blocks take 0.2 GB besides copies of kernel and gain, for however many
    sources. Source: Molins et al. (2008), NeuroImage 42, 1069-1077; Hauk et al. (2022), NeuroImage 255, 119177.

    Parameters
    ----------
    kernel : Quantity, array, mapping of type of channel to these, or a fitted solver
        (sources[, 3], sensors), what ``solver.kernel`` gives.
    gain : Quantity, array, mapping of type of channel to these, or LeadField
        (sensors, sources[, 3]), what ``lead_field.gain`` gives.
    sources : SourceSpace
        Where the sources are.
    of : {'point spread', 'cross talk'}
        Columns or rows.

    Returns
    -------
    Resolution
        Straight distances in mm; of equal peaks, the first.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units, shapes or types of channel that do not fit each other, kernel and gain swapped, values that are not
        finite, a source whose map is zero everywhere.
    """
    where = 'resolution'
    checks.choice(of, ('point spread', 'cross talk'), f'{where}(of=...)')
    n = source_space(sources, f'{where}(sources)').n_sources
    pair = sides(kernel, gain, where)
    if len(pair.gain) != n:
        raise checks.ShapeError(f'{where}(gain) has the {n} sources of sources; got {len(pair.gain)}.')
    own, other = (pair.gain, pair.kernel) if of == 'point spread' else (pair.kernel, pair.gain)
    # components before sources, so that sums over them run along memory
    columns = other.swapaxes(0, 1).reshape(-1, other.shape[-1]).T
    places = np.asarray(sources.positions.to_decimal(u.mm))
    moments_of = np.column_stack([np.ones(n), places, np.square(places).sum(axis=1)])
    at_once = max(_BLOCK // (columns.shape[1] * own.shape[1]), 1)
    peak = np.empty(n, int)
    amplitude, peak_amplitude = np.empty((2, n))
    moments = np.empty((n, 5))
    for start in range(0, n, at_once):
        here = slice(start, start + at_once)
        block = (own[here].reshape(-1, own.shape[-1]) @ columns).reshape(-1, own.shape[1], other.shape[1], n)
        parts = (block.real, block.imag) if np.iscomplexobj(block) else (block,)
        power = sum(np.einsum('iabj,iabj->ij', part, part) for part in parts)
        row = np.arange(len(power))
        peak[here] = power.argmax(axis=1)
        amplitude[here], peak_amplitude[here] = power[row, start + row], power[row, peak[here]]
        # sums of m^2, m^2 r and m^2 |r|^2 give that of m^2 |r - r_i|^2, without a matrix of distances
        moments[here] = power @ moments_of
    amplitude, peak_amplitude = (np.sqrt(each / pair.gain.shape[1]) for each in (amplitude, peak_amplitude))
    silent = np.flatnonzero(peak_amplitude <= _SILENT * peak_amplitude.max())
    if len(silent):
        raise ValueError(f'{where} has sources of which the {of} is zero everywhere, {checks.listed(silent)}.')
    if not pair.unit.is_unitless:
        amplitude, peak_amplitude = (u.Quantity(each, unit=pair.unit) for each in (amplitude, peak_amplitude))
    error = np.linalg.norm(places[peak] - places, axis=1)
    mean, square = moments[:, 1:4] / moments[:, :1], moments[:, 4] / moments[:, 0]
    # rounding, of some 1e-12 mm2, may fall below zero
    dispersion = np.sqrt(np.maximum(square - 2 * (mean * places).sum(axis=1) + moments_of[:, 4], 0))
    return Resolution(peak, u.Quantity(error, unit=u.mm), u.Quantity(dispersion, unit=u.mm), amplitude, peak_amplitude)
