"""Which regions rise and fall together, and how that changes."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import each, gram, number, period_of, regions, standardised, unpack

__all__ = ['functional_connectivity', 'functional_connectivity_dynamics']


def functional_connectivity(data: Any) -> Any:
    r"""Pearson correlation of each region with each other one (FC).

    .. math:: C_{ij} = \frac{\langle (x_i - \bar x_i)(x_j - \bar x_j) \rangle}{\sigma_i\, \sigma_j}

    over the times. It has no unit and does not depend on the scale of a region.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), or channels, or sources.

    Returns
    -------
    array
        (..., regions, regions) between -1 and 1.

    Raises
    ------
    ShapeError, ValueError
        Fewer than two times, values that are not finite, a region that is constant.
    """
    xp, x = regions(data, 'functional_connectivity')
    return xp.clip(gram(xp, standardised(xp, x, 'functional_connectivity(data)')), -1.0, 1.0)


def functional_connectivity_dynamics(
    data: Any, sampling_period: Any = None, *, window: Any = 60 * u.second, step: Any = 10 * u.second
) -> Any:
    r"""How alike functional connectivity is at any two times (FCD).

    .. math:: D_{ab} = \mathrm{corr}_{i<j}\big(C^{(a)}_{ij},\, C^{(b)}_{ij}\big)

    with :math:`C^{(a)}` the functional connectivity within window a: the correlation of upper triangles, without
    diagonals. Windows that share samples are alike for that reason alone. Source: Hansen et al. (2015), NeuroImage 105,
    525-535.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), at least 3 regions.
    sampling_period : Quantity, optional
        Time between samples; records bring their own.
    window, step : Quantity
        Length of a window, and from the start of one to the start of the next; rounded to whole samples. The defaults
        are those usual for BOLD.

    Returns
    -------
    array
        (..., windows, windows) between -1 and 1. Window a starts at sample a times step.

    Raises
    ------
    UnitError, ShapeError, ValueError
        No sampling period, or two; times without a unit; less than two windows in the data, or three samples in a
        window; fewer than three regions; values that are not finite; a region that is constant within a window.
    """
    where = 'functional_connectivity_dynamics'
    data, sampling_period = unpack(data, sampling_period, where)
    period = period_of(sampling_period, where)
    xp, x = regions(data, where)
    n_times, n_regions = x.shape[-2:]
    if n_regions < 3:
        raise checks.ShapeError(f'{where}(data) has at least 3 regions, for 3 pairs to correlate; got {n_regions}.')
    seconds = [
        number(value, u.second, f'{where}({name}=...)', 'a time')
        for name, value in (('window', window), ('step', step))
    ]
    length, shift = (round(value / period) for value in seconds)
    if length < 3 or shift < 1:
        raise ValueError(
            f'{where} has windows of at least 3 samples, and steps of at least 1, {period:g} s apart; got a window of '
            f'{seconds[0]:g} s and a step of {seconds[1]:g} s.'
        )
    if length + shift > n_times:
        raise ValueError(
            f'{where}(data) is as long as two windows, {(length + shift) * period:g} s, at least; got '
            f'{n_times * period:g} s: take a shorter window.'
        )
    upper = np.triu_indices(n_regions, k=1)

    def connectivity(start: Any) -> Any:
        part = xp.take(x, start + np.arange(length), axis=-2)
        at = f'{where}(data)' if xp is not np else f'{where}(data), {start * period:g} s after its first sample,'
        return gram(xp, standardised(xp, part, at))[..., upper[0], upper[1]]

    windows = xp.moveaxis(each(xp, connectivity, range(0, n_times - length + 1, shift)), 0, -1)
    windows = standardised(xp, windows, f'{where}: functional connectivity', over='over pairs', of='window')
    return xp.clip(gram(xp, windows), -1.0, 1.0)
