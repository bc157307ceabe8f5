"""The surface of the cortex: for drawing, and for growing patches."""

from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, finite, shape_is
from brainfwd.records.base import as_vector, frozen, frozen_quantity, keep

__all__ = ['Cortex']


@dataclass(frozen=True, eq=False, repr=False)
class Cortex:
    """Triangle meshes of both hemispheres in MNI305, joined: left vertices first.

    Parameters
    ----------
    pial, white : Quantity
        (vertices, 3) the outer and the inner surface, mm.
    triangles : array
        (faces, 3) numbers of vertices, the same on both surfaces.
    region_ids : array
        (vertices,) id of the region, as in `Connectome.region_ids`.
    on_cortex : array
        (vertices,) False on the medial wall, which is no cortex.
    hemisphere : array
        (vertices,) 0 left, 1 right.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Wrong units or shapes, values that are not finite, triangles of vertices that do not exist.
    """

    pial: Any
    white: Any
    triangles: Any
    region_ids: Any
    on_cortex: Any
    hemisphere: Any

    def __post_init__(self):
        shape = np.shape(u.get_mantissa(self.pial))
        if len(shape) != 2 or shape[1] != 3:
            raise ShapeError(f'Cortex(pial=...) has shape (vertices, 3); got {shape}.')
        n = shape[0]
        shape_is(self.white, (n, 3), 'Cortex(white=...)', '(vertices, 3)')
        pial = frozen_quantity(self.pial, u.mm, 'Cortex(pial=...)', 'the outer surface')
        white = frozen_quantity(self.white, u.mm, 'Cortex(white=...)', 'the inner surface')
        finite(pial, 'Cortex(pial=...)')
        finite(white, 'Cortex(white=...)')
        triangles = np.asarray(self.triangles)
        shape_is(triangles, (len(triangles), 3), 'Cortex(triangles=...)', '(faces, 3)')
        if triangles.size and not 0 <= triangles.min() <= triangles.max() < n:
            low, high = triangles.min(), triangles.max()
            raise ValueError(f'Cortex(triangles=...) are vertices 0 to {n - 1}; got {low} to {high}.')
        keep(
            self,
            pial=pial,
            white=white,
            triangles=frozen(triangles, 'Cortex(triangles=...)', np.dtype(np.int64)),
            region_ids=as_vector(self.region_ids, np.int64, n, 'Cortex(region_ids=...)'),
            on_cortex=as_vector(self.on_cortex, bool, n, 'Cortex(on_cortex=...)'),
            hemisphere=as_vector(self.hemisphere, np.int8, n, 'Cortex(hemisphere=...)'),
        )

    def __repr__(self) -> str:
        return f'Cortex({self.n_vertices} vertices, {len(self.triangles)} triangles)'

    @property
    def n_vertices(self) -> int:
        """How many vertices both hemispheres have."""
        return len(self.region_ids)

    @property
    def middle(self) -> u.Quantity:
        """(vertices, 3) the surface halfway between pial and white, mm: area there is that of the grey matter."""
        return (self.pial + self.white) / 2

    @property
    def areas(self) -> u.Quantity:
        """(vertices,) a third of the triangles around each vertex, on the middle surface, mm2."""
        a, b, c = np.moveaxis(self.middle.mantissa[self.triangles], 1, 0)
        triangle = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        share = np.bincount(self.triangles.ravel(), np.repeat(triangle / 3, 3), self.n_vertices)
        return u.Quantity(share, unit=u.mm**2)
