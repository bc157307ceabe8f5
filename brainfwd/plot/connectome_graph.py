"""The connectome as a graph in the brain."""

from typing import Any, NamedTuple

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.style import GREY, INK, PALETTE, figure
from brainfwd.records import Connectome, Cortex

__all__ = ['connectome_graph']


class _View(NamedTuple):
    """From where the brain is seen; x points to the right ear, y to the nose, z up."""

    title: str
    right: tuple[int, int, int]
    up: tuple[int, int, int]
    ends: tuple[str, str]
    """What lies to the left and to the right."""


_VIEWS = (
    _View('from the left', (0, -1, 0), (0, 0, 1), ('front', 'back')),
    _View('from above', (1, 0, 0), (0, 1, 0), ('L', 'R')),
    _View('from behind', (1, 0, 0), (0, 0, 1), ('L', 'R')),
)
_SIDES = {'left': PALETTE[0], 'right': PALETTE[1]}
# mm: between the brain and the names beside it, for the names, below the brain
_GAP, _NAME, _BELOW = 8.0, 34.0, 20.0
_BAR = 50.0


class _Box(NamedTuple):
    """What a view holds, mm."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, points: np.ndarray) -> '_Box':
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        return cls(left, right, bottom, top)

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        """With names."""
        return self.right - self.left + 2 * (_GAP + _NAME)

    @property
    def height(self) -> float:
        """With the bar."""
        return self.top - self.bottom + _BELOW + 4


def connectome_graph(
    connectome: Connectome,
    n_edges: int = 150,
    n_labels: int = 10,
    cortex: Cortex | None = None,
    title: str | None = None,
) -> Any:
    """Regions at their centres and the strongest connections between them, from the left, from above and from behind.

    A line is the mean of the weights of both directions, thicker and darker for larger ones, on a logarithmic scale.
    The area of a dot is the sum of the weights that a region receives and sends, of all regions; its colour is the
    hemisphere, by the sign of x. Names are those of the largest dots. Regions without a centre are left out, and
    counted below.

    Parameters
    ----------
    connectome : Connectome
        What to show, with centres.
    n_edges : int
        How many connections, the strongest.
    n_labels : int
        How many names, 0 for none.
    cortex : Cortex, optional
        Draws its outline behind, as `brainfwd.datasets.load_cortex` gives it: in the space of the centres.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        No centres, or no connection between regions that have one.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, LogNorm
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator

    n_edges = checks.positive_int(n_edges, 'connectome_graph(n_edges=...)')
    if n_labels:
        n_labels = checks.positive_int(n_labels, 'connectome_graph(n_labels=...)')
    placed = np.zeros(connectome.n_regions, bool)
    if connectome.centres is not None:
        placed = np.isfinite(connectome.centres.mantissa).all(axis=1)
    if not placed.any():
        raise ValueError('connectome_graph(connectome) needs the centres of the regions; got none.')
    centres = np.where(placed[:, None], connectome.centres.mantissa, 0.0)
    both = (connectome.weights + connectome.weights.T) / 2
    strength = both.sum(axis=1)
    pairs, weights = _strongest(np.where(np.outer(placed, placed), both, 0.0), n_edges)
    if not len(weights):
        raise ValueError('connectome_graph(connectome): no region with a centre is connected to another.')
    named = [i for i in np.argsort(-strength) if placed[i]][:n_labels]

    norm = LogNorm(weights.min() * (1 - 1e-6), weights.max())
    cmap = ListedColormap(colormaps['Greys'](np.linspace(0.3, 1.0, 256)))
    drawn = centres[placed] if cortex is None else np.r_[centres[placed], cortex.pial.mantissa]
    boxes = [_Box.around(_seen(drawn, view)) for view in _VIEWS]
    # one scale in all views
    height, widths = max(box.height for box in boxes), [box.width for box in boxes]
    fig = figure(13.0, 1.2 + height * 11.6 / sum(widths), fixed_aspect=True)
    axes = fig.subplots(1, len(_VIEWS), width_ratios=widths)
    for axis, view, box in zip(axes, _VIEWS, boxes, strict=True):
        if cortex is not None:
            _draw_outline(axis, view, cortex)
        edges = _draw_edges(axis, view, centres, pairs, weights, norm, cmap)
        _draw_dots(axis, view, centres[placed], strength[placed])
        _draw_names(axis, _seen(centres[named], view), [connectome.labels[i] for i in named], box)
        _draw_frame(axis, view, box, height)
    ticks = {'ticks': LogLocator(subs=(1, 2, 5)), 'format': LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf))}
    bar = fig.colorbar(edges, ax=axes, label='Weight (dimensionless)', shrink=0.75, pad=0.02, aspect=20, **ticks)
    bar.minorticks_off()
    _legend(fig, len(weights), connectome.n_regions - int(placed.sum()))
    if title:
        fig.suptitle(title)
    return fig


def _strongest(both: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(edges, 2) pairs of regions and their weights, the strongest last, so that it is drawn on top."""
    first, second = np.triu_indices(len(both), 1)
    weights = both[first, second]
    order = np.argsort(weights, kind='stable')[-n:]
    order = order[weights[order] > 0]
    return np.stack([first[order], second[order]], axis=1), weights[order]


def _seen(points: np.ndarray, view: _View) -> np.ndarray:
    """(points, 2) mm to the right and up, as the viewer sees them."""
    return points @ np.stack([view.right, view.up], axis=1)


def _draw_outline(axis: Any, view: _View, cortex: Cortex) -> None:
    from matplotlib.colors import ListedColormap

    points = _seen(cortex.pial.mantissa, view)
    # every triangle in one light grey: together they are the shadow of the brain
    grey = ListedColormap(['#efefef'])
    axis.tripcolor(*points.T, cortex.triangles, np.zeros(len(points)), shading='gouraud', cmap=grey, rasterized=True)


def _draw_edges(
    axis: Any, view: _View, centres: np.ndarray, pairs: np.ndarray, weights: np.ndarray, norm: Any, cmap: Any
) -> Any:
    from matplotlib.collections import LineCollection

    widths = 0.4 + 2.2 * np.asarray(norm(weights))
    lines = LineCollection(
        _seen(centres, view)[pairs], array=weights, norm=norm, cmap=cmap, linewidths=widths, zorder=2
    )
    return axis.add_collection(lines)


def _draw_dots(axis: Any, view: _View, centres: np.ndarray, strength: np.ndarray) -> None:
    colour = np.where(centres[:, 0] < 0, *_SIDES.values())
    # those nearest to the viewer last
    order = np.argsort(centres @ np.cross(view.right, view.up))
    x, y = _seen(centres, view)[order].T
    size = 6 + 70 * (strength / strength.max())[order]
    axis.scatter(x, y, s=size, c=colour[order], edgecolors='white', linewidths=0.5, zorder=3)


def _draw_names(axis: Any, at: np.ndarray, names: list[str], box: _Box) -> None:
    """Names in a column on either side, at equal distances, in the order of their dots, with lines to them."""
    for side, mine in (('right', at[:, 0] <= box.middle), ('left', at[:, 0] > box.middle)):
        order = np.flatnonzero(mine)[np.argsort(at[mine, 1])]
        beyond = box.left - _GAP if side == 'right' else box.right + _GAP
        heights = np.linspace(box.bottom, box.top, len(order) + 2)[1:-1]
        for i, height in zip(order, heights, strict=True):
            axis.annotate(
                names[i],
                at[i],
                (beyond, height),
                ha=side,
                va='center',
                fontsize=8,
                color=INK,
                arrowprops={'arrowstyle': '-', 'color': GREY, 'linewidth': 0.6, 'shrinkA': 1, 'shrinkB': 0},
                zorder=4,
            )


def _draw_frame(axis: Any, view: _View, box: _Box, height: float) -> None:
    """Which way round it is, and a bar of 50 mm."""
    below = box.bottom - 8
    for where, text, side in zip((box.left, box.right), view.ends, ('left', 'right'), strict=True):
        axis.text(where, below, text, ha=side, va='center', fontsize=8, color=GREY)
    axis.plot([box.middle - _BAR / 2, box.middle + _BAR / 2], [below, below], color=INK, linewidth=2)
    axis.text(box.middle, below - 3, f'{_BAR:g} mm', ha='center', va='top', fontsize=8, color=INK)
    axis.set_title(view.title, fontsize=11)
    axis.set_xlim(box.middle - box.width / 2, box.middle + box.width / 2)
    axis.set_ylim(box.bottom - _BELOW, box.bottom - _BELOW + height)
    axis.set_aspect('equal')
    axis.set_axis_off()


def _legend(fig: Any, n_edges: int, n_without: int) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker='o', linestyle='', color=colour, label=f'{side} hemisphere')
        for side, colour in _SIDES.items()
    ]
    handles.append(Line2D([], [], color=GREY, linewidth=1.5, label=f'the {n_edges} strongest connections'))
    if n_without:
        handles.append(Line2D([], [], linestyle='', label=f'{n_without} regions without a centre are not shown'))
    fig.legend(handles=handles, loc='outside lower center', ncols=len(handles), frameon=False, fontsize=9)
