"""Which of the sources that an estimate selects were active, and which of the active ones it selects."""

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.maps import magnitudes, source_space, true_sources
from brainfwd.metrics.series import number, unpack
from brainfwd.records import SourceSpace

__all__ = ['PrecisionRecall', 'precision_recall']


class PrecisionRecall(NamedTuple):
    """Shares of sources, between 0 and 1."""

    precision: Any
    """(...) of the selected sources, those that were active; nan where none is selected."""
    recall: Any
    """(...) of the active sources, those that are selected."""
    f1: Any
    """(...) harmonic mean of the two; 0 where nothing active is selected."""


def precision_recall(
    estimate: Any,
    truth: Any,
    *,
    threshold: float | None = None,
    tolerance: Any = None,
    sources: SourceSpace | None = None,
) -> PrecisionRecall:
    r"""Precision, recall and F1 of the sources that an estimate selects.

    .. math:: P = \frac{|\hat A \cap A|}{|\hat A|}, \qquad R = \frac{|\hat A \cap A|}{|A|}, \qquad
        F_1 = \frac{2 P R}{P + R}

    with A the active and :math:`\hat A` the selected sources: those whose magnitude is at least ``threshold`` times the
    largest of the map, or those of a given mask. A map of zeros selects none. All sources count alike, whatever their
    area. `auc` needs no threshold.

    With a ``tolerance`` a selected source is right if an active one is no farther away, and an active source is found
    if a selected one is no farther away. Source: van Rijsbergen (1979), Information Retrieval, 2nd ed., Butterworths,
    chapter 7.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map or several; or truth values, True for the selected sources. The variances ``gamma`` of a
        sparse solver are a map: few of them are exactly 0.
    truth : int or array of bool
        The one active source by its index, or (sources,) True for those of the driven region.
    threshold : float
        Share of the largest magnitude, above 0, up to 1. Due for a map; there is none for a mask.
    tolerance : Quantity, optional
        mm, along a straight line.
    sources : SourceSpace, optional
        Where the sources are; needed for a tolerance.

    Returns
    -------
    PrecisionRecall

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        A map without a threshold, or a mask with one; a tolerance without sources, a unit, or below 0; a map that is
        not finite or does not fit ``truth`` or ``sources``; no active source.
    """
    where = 'precision_recall'
    selected = _selected(estimate, threshold, where)
    n = selected.shape[-1]
    active = true_sources(truth, n, f'{where}(truth)')
    if sources is not None:
        n_sources = source_space(sources, f'{where}(sources=...)').n_sources
        checks.shape_is(selected, (*selected.shape[:-1], n_sources), f'{where}(estimate)', '(..., sources)')
    if tolerance is None:
        right, found = selected & active, selected & active
    else:
        if sources is None:
            raise ValueError(f'{where}(sources=...) says where the sources are: write it along with tolerance=...')
        radius = number(tolerance, u.mm, f'{where}(tolerance=...)', 'how far off a source may be')
        checks.non_negative(radius, f'{where}(tolerance=...)')
        places = sources.positions.to_decimal(u.mm)
        right = selected & _near(places, active, radius)
        masks = selected.reshape(-1, n)
        found = np.reshape([active & _near(places, mask, radius) for mask in masks], selected.shape)
    chosen, hits = selected.sum(axis=-1), right.sum(axis=-1)
    precision = hits / np.where(chosen, chosen, np.nan)
    recall = found.sum(axis=-1) / active.sum()
    both = np.where(hits > 0, precision + recall, 1.0)
    return PrecisionRecall(precision[()], recall[()], np.where(hits > 0, 2 * precision * recall / both, 0.0)[()])


def _selected(estimate: Any, threshold: float | None, where: str) -> np.ndarray:
    """(..., sources) of truth values."""
    estimate, _ = unpack(estimate, None, where)
    found = magnitudes(estimate, f'{where}(estimate)')
    if np.asarray(u.get_mantissa(estimate)).dtype == bool:
        if threshold is not None:
            raise ValueError(f'{where}(threshold=...) is for a map; got a mask, which says itself what is selected.')
        return found > 0
    if threshold is None:
        raise ValueError(
            f'{where}(threshold=...) is a share of the largest magnitude: write threshold=0.5, for example, or give '
            f'the selected sources as an array of bool.'
        )
    share = checks.number(threshold, f'{where}(threshold=...)')
    if not 0 < share <= 1:
        raise ValueError(f'{where}(threshold=...) is a share of the largest magnitude, above 0 up to 1; got {share:g}.')
    largest = found.max(axis=-1, keepdims=True)
    return (found >= share * largest) & (largest > 0)


def _near(places: np.ndarray, targets: np.ndarray, radius: float) -> np.ndarray:
    """(sources,) which are within a distance, mm, of a target."""
    from scipy.spatial import cKDTree

    if not targets.any():
        return np.zeros(len(places), dtype=bool)
    return cKDTree(places[targets]).query(places)[0] <= radius
