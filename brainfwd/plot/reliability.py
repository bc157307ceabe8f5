"""Coverage against the level that was asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.style import GREY, INK, colours, figure
from brainfwd.uncertainty import CoverageCurve

__all__ = ['reliability']


def reliability(curves: CoverageCurve | Mapping[str, CoverageCurve], title: str | None = None) -> Any:
    """How often credible regions hold the truth, level by level, with 95 % bands (`CoverageCurve.band`).

    On the diagonal regions hold as much as they say. Below it the posterior is overconfident, above it underconfident.

    Parameters
    ----------
    curves : CoverageCurve, or mapping of str to CoverageCurve
        One, or several with names: what `uncertainty.coverage_curves` gives.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        Something else than curves, or none.
    """
    shown = dict(curves) if isinstance(curves, Mapping) else {'': curves}
    if not shown:
        raise ValueError('reliability(curves) has at least one curve; got none.')
    for curve in shown.values():
        if not isinstance(curve, CoverageCurve):
            raise TypeError(
                f'reliability(curves) are of bf.uncertainty.CoverageCurve, as bf.uncertainty.coverage gives; got '
                f'{checks.kind(curve)}.'
            )
    fig = figure(5.4, 5.9)
    axis = fig.subplots()
    axis.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle='--')
    for name, colour in colours(shown).items():
        curve = shown[name]
        axis.fill_between(curve.levels, *curve.band(), color=colour, alpha=0.18, linewidth=0)
        label = f'{name}: {_summary(curve)}' if name else _summary(curve)
        axis.plot(curve.levels, curve.empirical, color=colour, linewidth=1.5, marker='o', markersize=3, label=label)
    # outside, as a curve may be anywhere inside
    style = {'fontsize': 10, 'style': 'italic', 'color': INK, 'transform': axis.transAxes}
    axis.text(1.02, 0, 'overconfident', ha='left', va='bottom', rotation=90, **style)
    axis.text(0, 1.02, 'underconfident', ha='left', va='bottom', **style)
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect='equal')
    axis.set_xticks(np.linspace(0, 1, 6), [f'{100 * tick:.0f}' for tick in np.linspace(0, 1, 6)])
    axis.set_yticks(np.linspace(0, 1, 6), [f'{100 * tick:.0f}' for tick in np.linspace(0, 1, 6)])
    axis.set_xlabel('Level of the credible region (%)')
    axis.set_ylabel('Truths inside (%)')
    axis.spines[['top', 'right']].set_visible(False)
    fig.legend(loc='outside lower center', ncols=1, frameon=False, fontsize=9)
    if title:
        fig.suptitle(title)
    return fig


def _summary(curve: CoverageCurve) -> str:
    text = f'{curve.verdict}, {curve.n} entries'
    return f'{text}, {curve.n_certain} of variance 0' if curve.n_certain else text
