"""Values of the regions on the cortex."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.cortex_views import Row, draw_rows, medial_wall, of_title, titled
from brainfwd.plot.style import on_display
from brainfwd.records import Connectome, Cortex

__all__ = ['regions_on_cortex']


def regions_on_cortex(
    maps: Any,
    connectome: Connectome,
    cortex: Cortex,
    outlined: Any = None,
    label: str | Mapping[str, str] = '',
    surface: str = 'pial',
    region_label: str = 'seed',
) -> Any:
    """A value per region on the surface of the cortex, from four sides: a row and a colour bar per map.

    What is in no region of the connectome, and regions whose value is NaN, are grey.

    Parameters
    ----------
    maps : Quantity or array, or mapping of str to these
        (regions,), or title to (regions,). Maps without negative values start at zero; others are symmetric around it.
    connectome : Connectome
        The regions, by ``region_ids``: all on the cortex.
    cortex : Cortex
        The surfaces, as `brainfwd.datasets.load_cortex` gives them.
    outlined : str, sequence of str, or mapping of title to these, optional
        Names of regions to outline, in all maps or map by map: the seed of a map of correlations.
    label : str or mapping of title to str
        What the values are; the unit of a Quantity is added.
    surface : {'pial', 'white'}
        The outer surface, or the inner one, which shows more of the folds.
    region_label : str
        What the outline is, for the legend.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, ValueError
        No map, one that does not fit the regions or is infinite, regions that are not on the cortex.
    """
    where = 'regions_on_cortex'
    maps = titled(maps, where)
    of_vertex = _region_of_vertex(connectome, cortex)
    outlines = of_title(outlined, maps, f'{where}(outlined=...)')
    labels = of_title(label, maps, f'{where}(label=...)')
    rows = []
    for title, values in maps.items():
        checks.shape_is(values, (connectome.n_regions,), f'{where}(maps={{{title!r}: ...}})', '(regions,)')
        numbers, symbol = on_display(values)
        if np.isinf(numbers).any() or np.isnan(numbers).all():
            raise ValueError(f'{where}(maps={{{title!r}: ...}}) is finite, or NaN for regions without a value.')
        # the last one is for what is in no region
        spread = np.append(numbers, np.nan)[of_vertex]
        inside = None if outlines[title] is None else np.isin(of_vertex, _members(outlines[title], connectome))
        rows.append(Row(title, spread, labels[title] or '', symbol, inside))
    return draw_rows(rows, cortex, surface, region_label, where)


def _region_of_vertex(connectome: Connectome, cortex: Cortex) -> np.ndarray:
    """(vertices,) which region, -1 for none."""
    on_cortex = ~medial_wall(cortex)
    known = np.isin(connectome.region_ids, cortex.region_ids[on_cortex])
    absent = [label for label, there in zip(connectome.labels, known, strict=True) if not there]
    if absent:
        raise ValueError(
            f'regions_on_cortex(connectome) has regions of the cortex alone; got {absent[0]}, which is none: '
            'take Connectome.cortical(), and its values.'
        )
    order = np.argsort(connectome.region_ids)
    place = np.clip(np.searchsorted(connectome.region_ids[order], cortex.region_ids), 0, len(order) - 1)
    found = order[place]
    return np.where(on_cortex & (connectome.region_ids[found] == cortex.region_ids), found, -1)


def _members(names: Any, connectome: Connectome) -> list[int]:
    return [connectome.index(name) for name in ([names] if isinstance(names, str) else names)]
