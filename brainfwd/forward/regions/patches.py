r"""Patches of cortex: sources with an extent.

What is active together is some square centimetres of cortex rather than a point or a whole region. A patch grows from
its centre along the cortex until it has the area asked for. With a moment per area :math:`q_p` of each patch, a vertex
has the moment :math:`\sum_p w_{vp}\, q_p` and sensors see :math:`\sum_{vp} g_v\, w_{vp}\, q_p`, where :math:`w_{vp}` is
the area that vertex and patch share.
"""

from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.regions.compress import plain, weighted_sums
from brainfwd.forward.regions.geodesic import cortical_graph
from brainfwd.forward.regions.parcellate import sparse_weights
from brainfwd.records import Cortex, SourceSpace

__all__ = ['CorticalPatches', 'cortical_patches']

_FAR_MM = 20.0
"""No vertex is this far from its source: they belong to another head."""
_MOVED_MM = 10.0
"""No place is this far from the cortex: it is deep, or in other coordinates."""


@dataclass(frozen=True, eq=False, repr=False)
class CorticalPatches:
    """Patches of cortex, made by `cortical_patches`.

    Attributes
    ----------
    cortex : Cortex
        The mesh they lie on.
    centres : array
        (patches,) the vertex each has grown from.
    weights : brainunit.sparse.CSR
        (vertices, patches) the area of each vertex in each patch, mm2, times the profile.
    profile : str
        ``'uniform'`` or ``'gaussian'``.
    moved : Quantity
        (patches,) how far each centre is from the place that was given for it, mm; 0 where that was a vertex.
    """

    cortex: Cortex
    centres: np.ndarray
    weights: u.sparse.CSR
    profile: str
    moved: u.Quantity

    def __repr__(self) -> str:
        areas = self.areas.to_decimal(u.cm**2)
        shown = f'{len(self.centres)} patches of {areas.min():.3g} to {areas.max():.3g} cm^2'
        shown += '' if self.profile == 'uniform' else f' weighted by a {self.profile} profile'
        far = self.moved.mantissa.max()
        return f'CorticalPatches({shown}{f", centres {far:.1f} mm or less from their places" if far else ""})'

    @property
    def n_patches(self) -> int:
        """How many patches there are."""
        return len(self.centres)

    @property
    def areas(self) -> u.Quantity:
        """(patches,) the sum of the weights, mm2: the area, or less than it where the profile falls."""
        return u.Quantity(plain(self.weights).sum(axis=0), unit=u.mm**2)

    def vertices(self, patch: int) -> np.ndarray:
        """The vertices of a patch, in rising order."""
        return np.sort(plain(self.weights).tocsc()[:, [patch]].indices)

    def on(self, sources: SourceSpace) -> u.sparse.CSR:
        """The patches on the sources of a lead field: (sources, patches), mm2.

        Every vertex of the mesh belongs to the nearest source along the cortex; no area is lost. These are the weights
        that `compress_vertex_leadfield` takes for a lead field along the normals.

        Parameters
        ----------
        sources : SourceSpace
            Vertices of the same mesh, by ``hemisphere`` and ``vertices``.

        Raises
        ------
        ValueError
            Sources that are no vertices of this mesh; a vertex of a patch without a source within 20 mm.
        """
        where = 'CorticalPatches.on(sources)'
        if not isinstance(sources, SourceSpace):
            raise TypeError(f'{where} is a SourceSpace; got {type(sources).__name__}.')
        owner, distance = _nearest(self.cortex, sources, where)
        entries = plain(self.weights).tocoo()
        far = entries.row[distance[entries.row] > _FAR_MM]
        if len(far):
            raise ValueError(
                f'{where} are spread over the patches; got none within {_FAR_MM:g} mm of vertex {far[0]}, along the '
                f'cortex, and of {len(np.unique(far)) - 1} more.'
            )
        # vertices of one source are added up
        shape = (sources.n_sources, self.n_patches)
        pair, place = np.unique(owner[entries.row] * self.n_patches + entries.col, return_inverse=True)
        values = np.bincount(place, entries.data)
        return sparse_weights(values, *np.divmod(pair, self.n_patches), shape, u.mm**2)

    def to_sources(self, values: Any, sources: SourceSpace) -> u.Quantity:
        """The moment of each source, (..., sources), of moments per area of each patch, (..., patches).

        Parameters
        ----------
        values : Quantity
            nA m/mm2, say; patches that overlap add up. Of JAX arrays a JAX array, which can be differentiated.
        sources : SourceSpace
            As for `on`.
        """
        return self._spread(values, self.on(sources), 'to_sources')

    def to_vertices(self, values: Any) -> u.Quantity:
        """The moment of each vertex of the mesh, (..., vertices), of moments per area of each patch, (..., patches)."""
        return self._spread(values, self.weights, 'to_vertices')

    def _spread(self, values: Any, weights: u.sparse.CSR, name: str) -> u.Quantity:
        where = f'CorticalPatches.{name}(values)'
        density = u.nA * u.meter / u.mm**2
        values = plain(checks.quantity(values, density, where, 'the moment per area of each patch'))
        if values.shape[-1:] != (self.n_patches,):
            raise checks.ShapeError(f'{where} has shape (..., {self.n_patches}) (..., patches); got {values.shape}.')
        moments = weighted_sums(values.reshape(-1, self.n_patches), plain(weights).T).T
        return u.Quantity(moments.reshape(*values.shape[:-1], -1), unit=u.nA * u.meter)


def cortical_patches(
    cortex: Cortex, centres: Any, area: Any = 5.0 * u.cm**2, *, profile: str = 'uniform'
) -> CorticalPatches:
    r"""Patches of a given area, grown from their centres along the cortex.

    Vertices join in the order of their distance along the middle surface; the last one gives what is missing to the
    area. So a patch is connected, lies in one hemisphere, leaves the medial wall out, and contains every smaller patch
    around the same centre.

    Parameters
    ----------
    cortex : Cortex
        The mesh.
    centres : int, sequence of int or Quantity
        (patches,) vertices, left hemisphere first; or (patches, 3) places in MNI305, mm, each moved to the nearest
        vertex of the cortex (of its middle surface, and not of the medial wall), `CorticalPatches.moved` so far.
    area : Quantity
        Of all patches, or (patches,) of each.
    profile : {'uniform', 'gaussian'}
        ``'gaussian'`` falls with the distance d to the centre as :math:`\exp(-2 (d / d_{max})^2)`, from 1 to 0.14. Its
        border encloses ``area``; `CorticalPatches.areas`, the sum of the weights, is 0.43 of it on a flat disc.

    Returns
    -------
    CorticalPatches

    Raises
    ------
    UnitError, ShapeError, ValueError
        A vertex on the medial wall, or a place further than 10 mm from the cortex; an area larger than what is
        connected, or smaller than the vertex in its centre.
    """
    where = 'cortical_patches'
    if not isinstance(cortex, Cortex):
        raise TypeError(f'{where}(cortex) is a Cortex; got {type(cortex).__name__}.')
    checks.choice(profile, ('uniform', 'gaussian'), f'{where}(profile=...)')
    centres, moved = _centres(cortex, centres, f'{where}(centres)')
    area = checks.quantity(area, u.mm**2, f'{where}(area=...)', 'the cortex of each patch').mantissa
    if np.shape(area) not in ((), centres.shape):
        raise checks.ShapeError(f'{where}(area=...) is one, or {centres.shape} (patches,); got shape {np.shape(area)}.')
    graph, share = cortical_graph(cortex), cortex.areas.mantissa
    asked = np.broadcast_to(area, centres.shape)
    _check_areas(graph, share, centres, asked, f'{where}(area=...)')
    grown = [_grow(graph, share, *each, profile) for each in zip(centres, asked, strict=True)]
    row, values = (np.concatenate(parts) for parts in zip(*grown, strict=True))
    column = np.repeat(np.arange(len(centres)), [len(vertices) for vertices, _ in grown])
    shape = (cortex.n_vertices, len(centres))
    weights = sparse_weights(values, row, column, shape, u.mm**2)
    return CorticalPatches(cortex, centres, weights, profile, u.Quantity(moved, unit=u.mm))


def _centres(cortex: Cortex, centres: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(patches,) vertices on the cortex, and how far they are from the places given, mm."""
    on = np.flatnonzero(cortex.on_cortex)
    if isinstance(centres, u.Quantity):
        from scipy.spatial import KDTree

        places = np.atleast_2d(checks.quantity(centres, u.mm, where, 'the place of each centre').mantissa)
        checks.shape_is(places, (len(places), 3), where, '(patches, 3)')
        checks.finite(places, where)
        distance, nearest = KDTree(cortex.middle.mantissa[on]).query(places)
        if (distance > _MOVED_MM).any():
            far = int(np.argmax(distance))
            raise ValueError(
                f'{where} lie within {_MOVED_MM:g} mm of the cortex, in MNI305; got {places[far]} mm, which is '
                f'{distance[far]:.0f} mm away.'
            )
        return on[nearest], distance
    given = np.atleast_1d(np.asarray(centres))
    if given.ndim != 1 or not given.size or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f'{where} are numbers of vertices, or places with a unit, * u.mm; got {centres!r}.')
    if given.min() < 0 or given.max() >= cortex.n_vertices:
        raise ValueError(f'{where} are vertices 0 to {cortex.n_vertices - 1}; got {given.min()} to {given.max()}.')
    wall = given[~cortex.on_cortex[given]]
    if len(wall):
        raise ValueError(f'{where} lie on the cortex; got vertex {wall[0]}, on the medial wall.')
    return given, np.zeros(len(given))


def _check_areas(graph: Any, share: np.ndarray, centres: np.ndarray, asked: np.ndarray, where: str) -> None:
    from scipy.sparse.csgraph import connected_components

    component = connected_components(graph, directed=False)[1]
    least, most = share[centres], np.bincount(component, share)[component[centres]]
    wrong = np.flatnonzero(~((asked >= least) & (asked <= most)))
    if len(wrong):
        i = wrong[0]
        raise ValueError(
            f'{where} lies between that of the centre alone, {least[i]:.3g} mm^2 at vertex {centres[i]}, and that of '
            f'the cortex connected with it, {most[i]:.6g} mm^2; got {asked[i]:.6g} mm^2.'
        )


def _grow(graph: Any, share: np.ndarray, centre: int, area: float, profile: str) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of a patch, by distance, and the area that each gives to it."""
    from scipy.sparse.csgraph import dijkstra

    reach = np.sqrt(area)  # almost twice the radius of a disc
    while True:
        distance = dijkstra(graph, indices=centre, limit=reach)
        inside = np.flatnonzero(np.isfinite(distance))
        order = inside[np.argsort(distance[inside], kind='stable')]
        total = np.cumsum(share[order])
        if total[-1] >= area:
            break
        reach *= 2
    last = int(np.searchsorted(total, area))
    order = order[: last + 1]
    values = share[order]
    values[-1] -= total[last] - area
    if profile == 'gaussian' and last:
        values = values * np.exp(-2 * (distance[order] / distance[order[-1]]) ** 2)
    return order, values


def _nearest(cortex: Cortex, sources: SourceSpace, where: str) -> tuple[np.ndarray, np.ndarray]:
    """(vertices,) the source each vertex belongs to, and how far it is; infinitely far from none."""
    from scipy.sparse.csgraph import dijkstra

    if sources.kind != 'surface':
        raise ValueError(f'{where} are vertices of the mesh of the patches; got {sources}.')
    joined = np.empty(sources.n_sources, int)
    for side in (0, 1):
        mine, there = sources.hemisphere == side, np.flatnonzero(cortex.hemisphere == side)
        if mine.any() and not 0 <= sources.vertices[mine].min() <= sources.vertices[mine].max() < len(there):
            raise ValueError(f'{where} are vertices of the mesh of the patches, {len(there)} on a side; got others.')
        joined[mine] = there[sources.vertices[mine]]
    distance, _, start = dijkstra(cortical_graph(cortex), indices=joined, min_only=True, return_predecessors=True)
    source = np.zeros(cortex.n_vertices, int)
    source[joined] = np.arange(sources.n_sources)
    return source[start], distance
