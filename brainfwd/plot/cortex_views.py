"""The cortex from four sides, coloured by vertex: a row per map."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.colour_scale import colour_bar, colour_scale
from brainfwd.plot.style import INK, figure
from brainfwd.plot.surface import View, outward_normals, view_from_side
from brainfwd.records import Cortex

__all__ = ['Row', 'draw_rows', 'medial_wall', 'of_title', 'titled']

_BARE = 0.72
"""Grey of what has no value: the medial wall."""
_OUTLINE = '#00b7c7'


class Row(NamedTuple):
    """One map."""

    title: str
    values: np.ndarray
    """(vertices,), NaN where there is none."""
    label: str
    symbol: str
    outline: np.ndarray | None = None
    """(vertices,) True inside."""
    dot: int | None = None
    """A vertex."""


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


def titled(maps: Any, where: str) -> Mapping[str, Any]:
    """Maps by title: one alone has none."""
    if not isinstance(maps, Mapping):
        return {'': maps}
    if not maps:
        raise ValueError(f'{where}(maps) has at least one map; got none.')
    return maps


def draw_rows(rows: Sequence[Row], cortex: Cortex, surface: str, region_label: str, where: str) -> Any:
    """A figure with a row of four views and a colour bar for each map."""
    checks.choice(surface, ('pial', 'white'), f'{where}(surface=...)')
    points = np.asarray(getattr(cortex, surface).mantissa)
    pictures = [_picture(points, cortex, side) for side in _SIDES]
    fig = figure(11, 2.0 * len(rows) + 0.6, fixed_aspect=True)
    axes = fig.subplots(len(rows), len(pictures), squeeze=False)
    for axes_of_row, row in zip(axes, rows, strict=True):
        norm, cmap = colour_scale(row.values, on_surface=True)
        bare = np.isnan(row.values)
        colour = np.where(bare[:, None], _BARE, cmap(norm(np.where(bare, 0.0, row.values)))[:, :3])
        for axis, picture in zip(axes_of_row, pictures, strict=True):
            _paint(axis, picture, colour, row.outline)
        if row.dot is not None:
            _dot(axes_of_row, pictures, points, cortex, row.dot)
        axes_of_row[0].set_title(row.title, loc='left', fontsize=11, fontweight='bold')
        colour_bar(fig, axes_of_row, norm, cmap, row.label, row.symbol)
    for axis, picture in zip(axes[-1], pictures, strict=True):
        axis.text(0.5, -0.02, picture.side.title, transform=axis.transAxes, ha='center', va='top', fontsize=9)
    outlined = any(row.outline is not None for row in rows)
    _legend(fig, any(row.dot is not None for row in rows), region_label if outlined else '')
    return fig


def of_title(given: Any, maps: Mapping[str, Any], where: str) -> dict[str, Any]:
    """One thing for all maps, or a mapping of titles to things, as a dict of one per map, None where there is none."""
    by_title = given if isinstance(given, Mapping) else dict.fromkeys(maps, given)
    unknown = [title for title in by_title if title not in maps]
    if unknown:
        raise ValueError(f'{where} is by the title of a map, {", ".join(maps)}; got {unknown[0]!r}.')
    return {title: by_title.get(title) for title in maps}


def medial_wall(cortex: Cortex) -> np.ndarray:
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
