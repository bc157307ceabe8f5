"""Values of the sources on the cortex."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.plot.colour_scale import colour_bar, colour_scale
from brainfwd.plot.style import INK, figure, symbol
from brainfwd.plot.surface import View, outward_normals, view_from_side
from brainfwd.records import Cortex, SourceSpace

__all__ = ['on_cortex', 'spread_to_vertices']

_BARE = 0.72
"""Grey of the medial wall."""
_OUTLINE = '#00b7c7'


class _Side(NamedTuple):
    """One hemisphere from one side."""

    title: str
    hemisphere: int
    side: int


_SIDES = (
    _Side('left, lateral', 0, -1),
    _Side('left, medial', 0, 1),
    _Side('right, medial', 1, -1),
    _Side('right, lateral', 1, 1),
)


class _Picture(NamedTuple):
    """A side of the cortex, ready to be coloured."""

    side: _Side
    view: View
    vertices: np.ndarray
    """Of the hemisphere, as numbers in the whole cortex."""
    light: np.ndarray
    """(rows, columns) from 0 to 1."""


def on_cortex(
    maps: Mapping[str, Any],
    sources: SourceSpace,
    cortex: Cortex,
    regions: Any = None,
    label: str | Mapping[str, str] = '',
    surface: str = 'pial',
    peak: bool = True,
    region_label: str = 'driven region',
) -> Any:
    """Values of the sources on the surface of the cortex, from four sides: a row and a colour bar per map.

    Each point of the surface shows the nearest source of its hemisphere, with distances on the inner surface, where the
    two walls of a fold lie apart. The medial wall is grey. What lies deep in a fold is hidden, except for the dot.

    Parameters
    ----------
    maps : mapping of str to Quantity or array
        Title to (sources,). Maps without negative values start at zero; others are symmetric around it.
    sources : SourceSpace
        The sources, on the vertices of ``cortex``.
    cortex : Cortex
        The surfaces, as `brainfwd.datasets.load_cortex` gives them.
    regions : int, sequence of int, or mapping of title to these, optional
        Ids of regions to outline, in all maps or map by map: where the activity was.
    label : str or mapping of title to str
        What the values are; the unit of a Quantity is added.
    surface : {'pial', 'white'}
        The outer surface, or the inner one, which shows more of the folds.
    peak : bool
        A dot at the source of largest magnitude, on the side from which it is hidden least; none when several sources
        share that magnitude.
    region_label : str
        What the outline is, for the legend.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, ValueError
        No map, one that does not fit the sources or is not finite, sources on vertices that do not exist, a region
        without a source.
    """
    if not maps:
        raise ValueError('on_cortex(maps) has at least one map; got none.')
    for title, values in maps.items():
        checks.shape_is(values, (sources.n_sources,), f'on_cortex(maps={{{title!r}: ...}})', '(sources,)')
        checks.finite(values, f'on_cortex(maps={{{title!r}: ...}})')
    checks.choice(surface, ('pial', 'white'), 'on_cortex(surface=...)')
    outlines = _outlines(regions, maps, sources)
    points = np.asarray(getattr(cortex, surface).mantissa)
    pictures = [_picture(points, cortex, side) for side in _SIDES]
    nearest = spread_to_vertices(sources, cortex)
    wall = _medial_wall(cortex)
    of_source = _vertices_of(sources, cortex)

    fig = figure(11, 2.0 * len(maps) + 0.6, fixed_aspect=True)
    axes = fig.subplots(len(maps), len(pictures), squeeze=False)
    for row, (title, values) in zip(axes, maps.items(), strict=True):
        numbers = np.asarray(u.get_mantissa(values), dtype=float)
        norm, cmap = colour_scale(numbers, on_surface=True)
        colour = np.where(wall[:, None], _BARE, cmap(norm(numbers[nearest]))[:, :3])
        inside = outlines[title]
        line = None if inside is None else inside[nearest] & ~wall
        for axis, picture in zip(row, pictures, strict=True):
            _paint(axis, picture, colour, line)
        strongest = np.flatnonzero(abs(numbers) == abs(numbers).max())
        if peak and len(strongest) == 1:
            _dot(row, pictures, points, cortex, of_source[strongest[0]])
        row[0].set_title(title, loc='left', fontsize=11, fontweight='bold')
        colour_bar(fig, row, norm, cmap, label if isinstance(label, str) else label[title], symbol(u.get_unit(values)))
    for axis, picture in zip(axes[-1], pictures, strict=True):
        axis.text(0.5, -0.02, picture.side.title, transform=axis.transAxes, ha='center', va='top', fontsize=9)
    _legend(
        fig,
        any(axis.lines for axis in axes.flat),
        region_label if any(line is not None for line in outlines.values()) else '',
    )
    return fig


def spread_to_vertices(sources: SourceSpace, cortex: Cortex) -> np.ndarray:
    """(vertices,) the number of the source that is nearest on the inner surface, of the same hemisphere."""
    from scipy.spatial import cKDTree

    inner, of_source = np.asarray(cortex.white.mantissa), _vertices_of(sources, cortex)
    nearest = np.full(cortex.n_vertices, -1)
    for hemisphere in np.unique(cortex.hemisphere):
        own, mine = np.flatnonzero(sources.hemisphere == hemisphere), cortex.hemisphere == hemisphere
        if not len(own):
            raise ValueError(f'on_cortex(sources) has sources in both hemispheres; got none in {hemisphere}.')
        nearest[mine] = own[cKDTree(inner[of_source[own]]).query(inner[mine])[1]]
    return nearest


def _vertices_of(sources: SourceSpace, cortex: Cortex) -> np.ndarray:
    """(sources,) vertex of each source in the joined mesh."""
    sizes = np.bincount(cortex.hemisphere, minlength=2)
    if (sources.vertices >= sizes[sources.hemisphere]).any() or (sources.vertices < 0).any():
        raise ValueError(
            f'on_cortex(sources) lie on the vertices of the cortex, {sizes[0]} and {sizes[1]}; '
            f'got the number {sources.vertices.max()}.'
        )
    return sources.vertices + np.where(sources.hemisphere == 1, sizes[0], 0)


def _outlines(regions: Any, maps: Mapping[str, Any], sources: SourceSpace) -> dict[str, np.ndarray | None]:
    """For each map (sources,) True inside the regions to outline."""
    by_title = regions if isinstance(regions, Mapping) else dict.fromkeys(maps, regions)
    unknown = [title for title in by_title if title not in maps]
    if unknown:
        raise ValueError(f'on_cortex(regions=...) is by the title of a map, {", ".join(maps)}; got {unknown[0]!r}.')
    return {title: None if by_title.get(title) is None else _members(by_title[title], sources) for title in maps}


def _members(ids: Any, sources: SourceSpace) -> np.ndarray:
    return np.any([sources.in_region(int(region)) for region in np.atleast_1d(ids)], axis=0)


def _medial_wall(cortex: Cortex) -> np.ndarray:
    """(vertices,) the largest patch in each hemisphere that is no cortex; single vertices are uncertain, not wall."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    off = ~cortex.on_cortex
    edges = np.concatenate([cortex.triangles[:, [0, 1]], cortex.triangles[:, [1, 2]]])
    edges = edges[off[edges].all(axis=1)]
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(cortex.n_vertices,) * 2)
    patch = connected_components(graph, directed=False)[1]
    wall = np.zeros(cortex.n_vertices, bool)
    for hemisphere in (0, 1):
        own = patch[off & (cortex.hemisphere == hemisphere)]
        if len(own):
            wall |= off & (patch == np.bincount(own).argmax())
    return wall


def _picture(points: np.ndarray, cortex: Cortex, side: _Side) -> _Picture:
    vertices = np.flatnonzero(cortex.hemisphere == side.hemisphere)
    number = np.full(cortex.n_vertices, -1)
    number[vertices] = np.arange(len(vertices))
    triangles = number[cortex.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    view = view_from_side(points[vertices], triangles, side.side)
    _, normals = outward_normals(points[vertices], triangles)
    # from the viewer and a little from above and the front
    lamp = np.array([side.side, 0.25, 0.5])
    light = view.of(normals) @ (lamp / np.linalg.norm(lamp))
    return _Picture(side, view, vertices, 0.45 + 0.55 * np.clip(light, 0, 1))


def _paint(axis: Any, picture: _Picture, colour: np.ndarray, inside: np.ndarray | None) -> None:
    view, vertices = picture.view, picture.vertices
    rgb = view.of(colour[vertices]) * picture.light[..., None]
    rgba = np.concatenate([np.nan_to_num(rgb).clip(0, 1), view.inside[..., None]], axis=-1)
    axis.imshow(rgba, origin='lower', extent=view.extent, interpolation='antialiased')
    if inside is not None and inside[vertices].any():
        # the contour runs where half of a triangle is inside, or where a fold covers it
        shown = np.nan_to_num(view.of(inside[vertices].astype(float)))
        if (shown > 0.5).any():
            axis.contour(shown, [0.5], colors=_OUTLINE, linewidths=1.6, extent=view.extent)
    axis.set_axis_off()


def _dot(row: Any, pictures: list[_Picture], points: np.ndarray, cortex: Cortex, vertex: int) -> None:
    point = points[vertex]
    own = [i for i, picture in enumerate(pictures) if picture.side.hemisphere == cortex.hemisphere[vertex]]

    def hidden(i: int) -> float:
        """How much cortex lies before the point, mm."""
        side, view = pictures[i].side.side, pictures[i].view
        in_front = view.at(points[pictures[i].vertices, 0], side * point[1], point[2])
        # on the very outline nothing lies before it
        return 0.0 if np.isnan(in_front) else side * (in_front - point[0])

    best = min(own, key=hidden)
    across = pictures[best].side.side * point[1]
    row[best].plot(across, point[2], 'o', color='white', markeredgecolor=INK, markersize=6)


def _legend(fig: Any, dots: bool, region_label: str) -> None:
    from matplotlib.lines import Line2D

    entries = []
    if region_label:
        entries.append(Line2D([], [], color=_OUTLINE, linewidth=1.6, label=region_label))
    if dots:
        dot = Line2D([], [], marker='o', color='white', markeredgecolor=INK, linestyle='', label='largest magnitude')
        entries.append(dot)
    if entries:
        fig.legend(handles=entries, loc='outside lower center', ncols=len(entries), frameon=False, fontsize=9)
