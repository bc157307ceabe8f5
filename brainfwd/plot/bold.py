"""Blood-oxygenation signals."""

from collections.abc import Sequence
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.plot.colour_scale import colour_bar, colour_scale
from brainfwd.plot.hemispheres import mark_hemispheres, some_ticks
from brainfwd.plot.region_time_series import check_series
from brainfwd.plot.style import colours, figure

__all__ = ['bold']


def bold(
    times: Any, values: Any, labels: Sequence[str], show: Sequence[str] | None = None, title: str | None = None
) -> Any:
    """BOLD signal change of all regions as an image, and of a few as curves.

    Parameters
    ----------
    times : Quantity
        (times,).
    values : array
        (times, regions) relative change, as `BOLDSignal` gives it; shown in percent.
    labels : sequence of str
        The name of each region.
    show : sequence of str, optional
        Regions drawn as curves; by default the four with the largest variance.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnitError, ShapeError, ValueError
        Times without a unit, values with one, values that do not fit times and labels, a region that does not exist.
    """
    values = checks.quantity(values, u.UNITLESS, 'bold(values)', 'a relative change')
    at = check_series(times, values, labels, 'bold')
    percent, labels = 100 * np.asarray(u.get_mantissa(values), dtype=float), list(labels)
    if show is None:
        show = [labels[i] for i in np.sort(np.argsort(-percent.var(axis=0))[:4])]
    fig = figure(11, 6.0)
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[2, 1.2])
    period = (at[-1] - at[0]) / max(len(at) - 1, 1) or 1.0
    norm, cmap = colour_scale(percent)
    extent = (at[0] - period / 2, at[-1] + period / 2, len(labels) - 0.5, -0.5)
    top.imshow(percent.T, norm=norm, cmap=cmap, aspect='auto', extent=extent, interpolation='nearest')
    colour_bar(fig, top, norm, cmap, 'BOLD signal change', '%', shrink=1.0, pad=0.01)
    top.set_ylabel('Region')
    some_ticks(top.yaxis, labels, 16)
    mark_hemispheres(top, labels, vertical=False)
    for label, colour in colours(show).items():
        bottom.plot(at, percent[:, labels.index(label)], color=colour, linewidth=1.1, label=label)
    bottom.axhline(0.0, color='grey', linewidth=0.6, zorder=0)
    bottom.set_xlabel('Time (s)')
    bottom.set_ylabel('BOLD signal\nchange (%)')
    bottom.spines[['top', 'right']].set_visible(False)
    fig.legend(loc='outside lower center', ncols=min(len(show), 6), frameon=False, fontsize=9)
    fig.align_ylabels([top, bottom])
    if title:
        fig.suptitle(title)
    return fig
