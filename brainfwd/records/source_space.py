"""The sources: dipoles on the cortex, and the region each belongs to."""

from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, finite, non_negative, shape_is, unit_vectors
from brainfwd.records.base import as_vector, frozen_quantity, keep

__all__ = ['SourceSpace']


@dataclass(frozen=True, eq=False, repr=False)
class SourceSpace:
    """Dipole sources on the cortex of both hemispheres.

    Parameters
    ----------
    positions : Quantity
        (sources, 3) in the head frame, m.
    normals : array
        (sources, 3) unit vectors, outward.
    areas : Quantity
        (sources,) the cortex each source stands for, mm2.
    hemisphere : array
        (sources,) 0 left, 1 right.
    vertices : array
        (sources,) number of the mesh point in its hemisphere.
    region_ids : array
        (sources,) id of the region, as in `Connectome.region_ids`.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A wrong unit or shape, a value that is not finite, a negative area, a normal that is no unit vector.
    """

    positions: Any
    normals: Any
    areas: Any
    hemisphere: Any
    vertices: Any
    region_ids: Any

    def __post_init__(self):
        shape = np.shape(u.get_mantissa(self.positions))
        if len(shape) != 2 or shape[1] != 3:
            raise ShapeError(f'SourceSpace(positions=...) has shape (sources, 3); got {shape}.')
        n = shape[0]
        shape_is(self.normals, (n, 3), 'SourceSpace(normals=...)', '(sources, 3)')
        shape_is(self.areas, (n,), 'SourceSpace(areas=...)', '(sources,)')
        positions = frozen_quantity(self.positions, u.meter, 'SourceSpace(positions=...)', 'the place of each source')
        normals = frozen_quantity(self.normals, u.UNITLESS, 'SourceSpace(normals=...)', 'the outward unit vectors')
        areas = frozen_quantity(self.areas, u.mm**2, 'SourceSpace(areas=...)', 'the cortex of each source')
        for name, value in (('positions', positions), ('areas', areas)):
            finite(value, f'SourceSpace({name}=...)')
        non_negative(areas, 'SourceSpace(areas=...)')
        unit_vectors(normals, 'SourceSpace(normals=...)')
        hemisphere = as_vector(self.hemisphere, np.int8, n, 'SourceSpace(hemisphere=...)')
        if not np.isin(hemisphere, (0, 1)).all():
            raise ValueError('SourceSpace(hemisphere=...) is 0 (left) or 1 (right) for each source.')
        keep(
            self,
            positions=positions,
            normals=normals,
            areas=areas,
            hemisphere=hemisphere,
            vertices=as_vector(self.vertices, np.int64, n, 'SourceSpace(vertices=...)'),
            region_ids=as_vector(self.region_ids, np.int64, n, 'SourceSpace(region_ids=...)'),
        )

    def __repr__(self) -> str:
        return f'SourceSpace({self.n_sources} sources, {len(np.unique(self.region_ids))} regions)'

    @property
    def n_sources(self) -> int:
        """How many sources there are."""
        return len(self.vertices)

    def mask(self, selected: Any) -> 'SourceSpace':
        """The sources where ``selected``, (sources,) of truth values, is True."""
        selected = as_vector(selected, bool, self.n_sources, 'SourceSpace.mask(selected)')
        return SourceSpace(
            self.positions[selected],
            self.normals[selected],
            self.areas[selected],
            self.hemisphere[selected],
            self.vertices[selected],
            self.region_ids[selected],
        )

    def in_region(self, region_id: int) -> np.ndarray:
        """Which sources, (sources,) of truth values, belong to a region; an error when none does."""
        inside = self.region_ids == region_id
        if not inside.any():
            raise ValueError(f'SourceSpace.in_region({region_id}): no source belongs to this region.')
        return inside
