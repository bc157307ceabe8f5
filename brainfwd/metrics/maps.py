"""What the scores of maps take: an estimate over the sources, and which sources were active."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import unpack
from brainfwd.records import LeadField, SourceSpace

__all__ = ['magnitudes', 'map_over', 'source_space', 'true_sources']


def magnitudes(estimate: Any, where: str) -> np.ndarray:
    """(..., sources) magnitudes in float64, in the unit they came in."""
    values, _ = unpack(estimate, None, where)
    values = np.asarray(checks.array(u.get_mantissa(values), where), dtype=np.float64)
    if values.ndim == 0:
        raise checks.ShapeError(f'{where} has shape (..., sources); got one number.')
    checks.finite(values, where)
    return abs(values)


def map_over(estimate: Any, sources: SourceSpace, where: str) -> np.ndarray:
    """(..., sources) magnitudes of a map over a source space, which is not zero everywhere."""
    found = magnitudes(estimate, where)
    n = source_space(sources, f'{where.partition("(")[0]}(sources)').n_sources
    checks.shape_is(found, (*found.shape[:-1], n), where, '(..., sources)')
    if (found.max(axis=-1) == 0).any():
        raise ValueError(f'{where} is somewhere above zero; got a map that is zero everywhere.')
    return found


def source_space(given: Any, where: str) -> SourceSpace:
    """``given``, if it is one."""
    if not isinstance(given, SourceSpace):
        instead = ': write lead_field.sources' if isinstance(given, LeadField) else ''
        raise TypeError(f'{where} is a brainfwd.records.SourceSpace; got {checks.kind(given)}{instead}.')
    return given


def true_sources(truth: Any, n_sources: int, where: str) -> np.ndarray:
    """(sources,) which sources were active, from an index or truth values; at least one."""
    if isinstance(truth, u.Quantity):
        raise checks.UnitError(f'{where} is an index or an array of bool; got a Quantity in {truth.unit}.')
    given = np.asarray(truth)
    if given.ndim == 0 and np.issubdtype(given.dtype, np.integer):
        if not 0 <= given < n_sources:
            raise ValueError(f'{where} is the index of a source, 0 to {n_sources - 1}; got {int(given)}.')
        return np.arange(n_sources) == given
    if given.dtype != bool:
        raise TypeError(
            f'{where} is an index or an array of bool; got {given.dtype} of shape {given.shape}: '
            f'write sources.region_ids == region, for example.'
        )
    checks.shape_is(given, (n_sources,), where, '(sources,)')
    if not given.any():
        raise ValueError(f'{where} has at least one active source; got none.')
    return given
