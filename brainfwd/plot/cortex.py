"""Values of the sources on the cortex."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.cortex_views import Row, draw_rows, medial_wall, of_title, titled
from brainfwd.plot.style import on_display
from brainfwd.records import Cortex, SourceSpace

__all__ = ['on_cortex', 'spread_to_vertices']


def on_cortex(
    maps: Any,
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
    maps : Quantity or array, or mapping of str to these
        (sources,), or title to (sources,). Maps without negative values start at zero; others are symmetric around it.
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
    maps = titled(maps, 'on_cortex')
    for title, values in maps.items():
        checks.shape_is(values, (sources.n_sources,), f'on_cortex(maps={{{title!r}: ...}})', '(sources,)')
        checks.finite(values, f'on_cortex(maps={{{title!r}: ...}})')
    outlines = of_title(regions, maps, 'on_cortex(regions=...)')
    labels = of_title(label, maps, 'on_cortex(label=...)')
    nearest, of_source = spread_to_vertices(sources, cortex), _vertices_of(sources, cortex)
    wall = medial_wall(cortex)
    rows = []
    for title, values in maps.items():
        numbers, symbol = on_display(values)
        inside = None if outlines[title] is None else _members(outlines[title], sources)[nearest] & ~wall
        strongest = np.flatnonzero(abs(numbers) == abs(numbers).max())
        dot = int(of_source[strongest[0]]) if peak and len(strongest) == 1 else None
        spread = np.where(wall, np.nan, numbers[nearest])
        rows.append(Row(title, spread, labels[title] or '', symbol, inside, dot))
    return draw_rows(rows, cortex, surface, region_label, 'on_cortex')


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
    if sources.kind != 'surface':
        raise ValueError(f'on_cortex(sources) lie on the vertices of the cortex; got {sources}.')
    if (sources.vertices >= sizes[sources.hemisphere]).any() or (sources.vertices < 0).any():
        raise ValueError(
            f'on_cortex(sources) lie on the vertices of the cortex, {sizes[0]} and {sizes[1]}; '
            f'got the number {sources.vertices.max()}.'
        )
    return sources.vertices + np.where(sources.hemisphere == 1, sizes[0], 0)


def _members(ids: Any, sources: SourceSpace) -> np.ndarray:
    return np.any([sources.in_region(int(region)) for region in np.atleast_1d(ids)], axis=0)
