"""Histogram of ranks or of probability integral transforms, which should be flat."""

from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.style import INK, PALETTE, figure
from brainfwd.uncertainty import uniformity

__all__ = ['rank_histogram']

_CONFIDENCE = 0.95


def rank_histogram(
    values: Any, n_samples: int | None = None, n_bins: int = 20, title: str | None = None, label: str | None = None
) -> Any:
    """Ranks of simulation-based calibration, or PIT values: their histogram and their distribution function.

    Left, how many there are, relative to how many there would be if they were uniform, with the range in which 95 % of
    the bars would lie then. Right, the share of values up to each level, less the level, with the band that would hold
    all of the curve for 95 % of uniform values (`uncertainty.uniformity`). High at both ends: too narrow,
    overconfident. High in the middle: too wide. Sloped: biased.

    Parameters
    ----------
    values : array
        Of any shape: ranks from `uncertainty.sbc_ranks`, or numbers between 0 and 1 from `uncertainty.pit`.
    n_samples : int, optional
        For ranks: how many samples each is among.
    n_bins : int
        Bars; of ranks at most as many as there are different ones.
    title : str, optional
        Above the figure.
    label : str, optional
        What the values are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError, ValueError
        No values, values outside their range.
    """
    from scipy.stats import binom

    test = uniformity(values, n_samples, _CONFIDENCE)
    n_bins = checks.positive_int(n_bins, 'rank_histogram(n_bins=...)')
    flat = np.ravel(values)
    if n_samples is None:
        edges, total = np.linspace(0, 1, n_bins + 1), 1.0
    else:
        total = n_samples + 1
        edges = np.unique(np.linspace(0, total, min(n_bins, total) + 1).round()) - 0.5
    counts, _ = np.histogram(flat, edges)
    # ranks do not always divide into equal bins
    share = np.diff(edges) / total
    inside = [binom.ppf(tail, test.n, share) for tail in ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2)]

    fig = figure(9.4, 4.1)
    left, right = fig.subplots(1, 2)
    expected = test.n * share
    left.bar(edges[:-1], counts / expected, np.diff(edges), align='edge', color=PALETTE[5], edgecolor='white', lw=0.5)
    low, high = (np.append(bound, bound[-1]) / np.append(expected, expected[-1]) for bound in inside)
    left.fill_between(edges, low, high, step='post', color=INK, alpha=0.18, linewidth=0, label='95 % if uniform')
    left.axhline(1, color=INK, linewidth=1, linestyle='--')
    left.set_xlim(edges[0], edges[-1])
    left.set_xlabel(label or ('Posterior probability below the truth' if n_samples is None else 'Rank of the truth'))
    left.set_ylabel('Count, relative to uniform')

    points, ecdf, lower, upper = (
        np.concatenate([[0.0], curve, [1.0]]) for curve in (test.points, test.ecdf, test.lower, test.upper)
    )
    right.fill_between(points, lower - points, upper - points, color=INK, alpha=0.18, linewidth=0)
    right.axhline(0, color=INK, linewidth=1, linestyle='--')
    right.plot(points, ecdf - points, color=PALETTE[0], linewidth=1.5)
    right.set_xlim(0, 1)
    right.set_xlabel('Level')
    right.set_ylabel('Share of values up to it, less the level')
    p = 'p < 0.001' if test.p_value < 0.001 else f'p = {test.p_value:.2g}'
    right.set_title(f'{"uniform" if test.uniform else "not uniform"}, {p}', fontsize=10)
    left.set_title(f'{test.n} values', fontsize=10)
    for axis in (left, right):
        axis.spines[['top', 'right']].set_visible(False)
    fig.legend(loc='outside lower center', frameon=False, fontsize=9)
    if title:
        fig.suptitle(title)
    return fig
