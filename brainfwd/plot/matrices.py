"""Matrices of regions by regions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.colour_scale import colour_bar, colour_scale
from brainfwd.plot.hemispheres import mark_hemispheres, some_ticks
from brainfwd.plot.style import GREY, figure
from brainfwd.records import Connectome

__all__ = ['connectome', 'functional_connectivity']


def functional_connectivity(
    matrices: Mapping[str, Any], labels: Sequence[str], title: str | None = None, label: str = 'Correlation'
) -> Any:
    """Correlations between regions, or another measure of how they go together, side by side on one scale.

    The diagonal is left out; lines separate the hemispheres.

    Parameters
    ----------
    matrices : mapping of str to array
        Title to (regions, regions) numbers.
    labels : sequence of str
        The name of each region; ``'L.'`` and ``'R.'`` begin those of the hemispheres.
    title : str, optional
        Above the figure.
    label : str
        What the numbers are, for the colour bar: ``'Correlation of BOLD'``, ``'Phase locking value'``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, ValueError
        No matrix, or one that does not fit the labels or is not finite.
    """
    where = 'functional_connectivity(matrices)'
    if not matrices:
        raise ValueError(f'{where} has at least one matrix; got none.')
    shown = {}
    for name, matrix in matrices.items():
        numbers = np.array(checks.array(matrix, where), dtype=float)
        checks.shape_is(numbers, (len(labels), len(labels)), where, '(regions, regions)')
        checks.finite(numbers, where)
        np.fill_diagonal(numbers, np.nan)
        shown[name] = numbers
    norm, cmap = colour_scale(np.stack(list(shown.values())))
    fig = figure(4.9 * len(shown) + 1.4, 5.6, fixed_aspect=True)
    axes = fig.subplots(1, len(shown), squeeze=False)[0]
    for axis, (name, numbers) in zip(axes, shown.items(), strict=True):
        _matrix(axis, numbers, labels, norm, cmap, name)
    axes[0].set_ylabel('Region')
    colour_bar(fig, axes, norm, cmap, label, '', aspect=24)
    if title:
        fig.suptitle(title)
    return fig


def connectome(connectome: Connectome, title: str | None = None) -> Any:
    """Weights, on a logarithmic scale, and lengths of the tracts; regions without a tract between them are grey.

    Parameters
    ----------
    connectome : Connectome
        What to show.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.colors import LogNorm

    connected = connectome.weights > 0
    if not connected.any():
        raise ValueError('connectome: every weight is 0, there is nothing to show.')
    fig = figure(12.2, 5.4, fixed_aspect=True)
    left, right = fig.subplots(1, 2)
    weights = np.where(connected, connectome.weights, np.nan)
    lengths = np.where(connected, connectome.tract_lengths.mantissa, np.nan)
    norm, cmap = colour_scale(lengths)
    log = LogNorm(np.nanmin(weights), np.nanmax(weights))
    _matrix(left, weights, connectome.labels, log, cmap, 'Weights')
    _matrix(right, lengths, connectome.labels, norm, cmap, 'Tract lengths')
    fig.colorbar(left.images[0], ax=left, label='Weight (dimensionless)', shrink=0.8, pad=0.02, aspect=24)
    colour_bar(fig, right, norm, cmap, 'Tract length', 'mm', aspect=24)
    for axis in (left, right):
        axis.set_xlabel('Source region')
        axis.set_ylabel('Target region')
    if title:
        fig.suptitle(title)
    return fig


def _matrix(axis: Any, numbers: np.ndarray, labels: Sequence[str], norm: Any, cmap: Any, title: str) -> None:
    axis.imshow(np.ma.masked_invalid(numbers), norm=norm, cmap=cmap.with_extremes(bad=GREY), interpolation='nearest')
    some_ticks(axis.xaxis, labels, 24, rotation=90)
    some_ticks(axis.yaxis, labels, 24)
    mark_hemispheres(axis, labels)
    axis.set_xlabel('Region')
    axis.set_title(title)
