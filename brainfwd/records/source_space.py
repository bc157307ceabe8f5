"""The sources: dipoles on the cortex or in a volume, and the region each belongs to."""

from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, choice, finite, non_negative, shape_is, unit_vectors
from brainfwd.records.base import as_vector, frozen_quantity, keep

__all__ = ['SourceSpace']

_KINDS = ('surface', 'volume')


@dataclass(frozen=True, eq=False, repr=False)
class SourceSpace:
    """Dipole sources on the cortex of both hemispheres, or in a volume.

    Parameters
    ----------
    positions : Quantity
        (sources, 3) in the head frame, m.
    normals : array
        (sources, 3) unit vectors, outward.
    areas : Quantity
        (sources,) the cortex each source stands for, mm2; 0 in a volume, where a source stands for none.
    hemisphere : array
        (sources,) 0 left, 1 right.
    vertices : array
        (sources,) number of the mesh point in its hemisphere, or of the point of the grid in a volume.
    region_ids : array
        (sources,) id of the region, as in `Connectome.region_ids`.
    kind : {'surface', 'volume'}
        What the vertices number: points of a mesh of each hemisphere, or of one grid.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A wrong unit or shape, a value that is not finite, a negative area, a normal that is no unit vector, another
        kind.
    """

    positions: Any
    normals: Any
    areas: Any
    hemisphere: Any
    vertices: Any
    region_ids: Any
    kind: str = 'surface'

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
        choice(self.kind, _KINDS, 'SourceSpace(kind=...)')
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
        place = ' in a volume' if self.kind == 'volume' else ''
        n_regions = len(np.unique(self.region_ids[self.region_ids >= 0]))  # -1 is none
        return f'SourceSpace({self.n_sources} sources{place}, {n_regions} regions)'

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
            self.kind,
        )

    def in_region(self, region_id: int) -> np.ndarray:
        """Which sources, (sources,) of truth values, belong to a region; an error when none does."""
        inside = self.region_ids == region_id
        if not inside.any():
            raise ValueError(f'SourceSpace.in_region({region_id}): no source belongs to this region.')
        return inside

    def mean_over(self, region_ids: Any) -> np.ndarray:
        """(sources, regions) weights that take the mean over each region: by area, or all alike where areas are 0.

        Raises
        ------
        ValueError
            A region without a source.
        """
        inside = np.stack([self.in_region(int(region)) for region in region_ids], axis=1)
        areas = inside * self.areas.mantissa[:, None]
        weights = np.where(areas.any(axis=0), areas, inside)
        return weights / weights.sum(axis=0)
