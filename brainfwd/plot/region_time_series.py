"""Traces of regions."""

from collections.abc import Sequence
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.plot.style import Segment, colours, figure, mark_segments, on_display

__all__ = ['check_series', 'region_time_series']


def region_time_series(
    times: Any,
    values: Any,
    labels: Sequence[str],
    segments: Sequence[Segment] | None = None,
    quantity: str = 'Output',
    title: str | None = None,
) -> Any:
    """The activity of a few regions, a panel each, all on one scale.

    Parameters
    ----------
    times : Quantity
        (times,).
    values : Quantity or array
        (times, regions), as recorded by a Simulator; potentials are shown in mV.
    labels : sequence of str
        The name of each region.
    segments : sequence of (start, stop, label), optional
        Times to shade, Quantities, and what happens then. A segment that bears the name of a region has its colour.
    quantity : str
        What the values are, for the axis.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnitError, ShapeError, ValueError
        Times without a unit, or that do not increase; values that do not fit times and labels.
    """
    where = 'region_time_series'
    at = check_series(times, values, labels, where)
    numbers, symbol = on_display(values)
    fig = figure(11, max(2.4, 0.9 + 0.85 * len(labels)))
    axes = fig.subplots(len(labels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    colour_of = colours(labels)
    for axis, label, trace in zip(axes, labels, numbers.T, strict=True):
        axis.plot(at, trace, color=colour_of[label], linewidth=0.8)
        axis.text(1.01, 0.5, label, transform=axis.transAxes, va='center', color=colour_of[label], fontweight='bold')
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].set_xlim(at[0], at[-1] + (at[-1] - at[0]) / max(len(at) - 1, 1) or 1.0)
    axes[-1].set_xlabel('Time (s)')
    fig.supylabel(f'{quantity} ({symbol})' if symbol else quantity, fontsize='medium')
    mark_segments(axes, segments, where, colour_of)
    if title:
        fig.suptitle(title)
    return fig


def check_series(times: Any, values: Any, labels: Sequence[str], where: str) -> np.ndarray:
    """Times in s, when the values are (times, regions)."""
    at = np.asarray(checks.quantity(times, u.second, f'{where}(times)', 'when each sample was taken').mantissa)
    back = np.flatnonzero(np.diff(at) <= 0)
    if len(back):
        raise ValueError(
            f'{where}(times) increase; got {at[back[0] + 1]:g} s after {at[back[0]]:g} s at {back[0] + 1}.'
        )
    checks.shape_is(values, (len(at), len(labels)), f'{where}(values)', '(times, regions)')
    return at
