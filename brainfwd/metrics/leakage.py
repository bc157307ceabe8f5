"""How much of each true source shows up in each estimated time course."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.metrics.series import numbers, standardised, unpack

__all__ = ['leakage']

# of singular values: time courses that alike, a correlation of 1 - 1e-12, cannot be told apart
_DEPENDENT = 1e-6


def leakage(estimate: Any, truth: Any) -> Any:
    r"""What each true source adds to each estimated time course, by least squares on all of them at once.

    .. math:: \hat s_b(t) = \sum_a R_{ba} \, s_a(t) + \varepsilon_b(t), \qquad
        R = \hat C_{\hat s s} \, \hat C_{ss}^{-1}

    with C the covariances over time. Off the diagonal stands what leaks from a to b; on it, what is kept. As all true
    sources are taken together, sources that vary together do not count as leaking into each other: that is what sets it
    apart from a correlation. Of a linear solver it is the part of the resolution matrix that belongs to these sources,
    which `cross_talk` has for all sources without any data; of solvers that learn from the data (LCMV, Champagne) what
    they did to these. Of two equal sources of correlation c LCMV makes R = [[1, -c], [-c, 1]] where noise is weak.

    The standard error of an entry is that of a regression: noise in the estimate over the length of what is in the
    course of a, but in none of the others. Source: for the resolution matrix, Hauk et al. (2022), NeuroImage 255,
    119177; for LCMV, Sekihara et al. (2002), IEEE Trans. Biomed. Eng. 49, 1534-1546.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., times, estimates) at any sources; for the true ones, in their order, R is square.
    truth : SourceEstimate, Quantity or array
        (times, sources) or (..., times, sources), of all sources that were active; more times than sources.

    Returns
    -------
    Quantity or array
        (..., estimates, sources) R[b, a], from a to b: fractions for moments, per nA m for maps without a unit.

    Raises
    ------
    ShapeError, ValueError
        Shapes that do not fit; values that are not finite; a true source that is constant; true sources of which one is
        a sum of others, to 1e-6: what comes from which cannot be told.
    """
    where = 'leakage'
    estimate, truth = (unpack(value, None, where)[0] for value in (estimate, truth))
    xp, found, true = numbers({f'{where}(estimate)': estimate, f'{where}(truth)': truth})
    if true.ndim < 2 or true.shape[-2] <= true.shape[-1]:
        raise checks.ShapeError(
            f'{where}(truth) has shape (..., times, sources), more times than sources; got {tuple(true.shape)}.'
        )
    leading = found.shape[:-2] if true.ndim > 2 else ()
    if found.ndim < 2 or (*leading, found.shape[-2]) != true.shape[:-1]:
        raise checks.ShapeError(
            f'{where}(estimate) has the times of the truth, shape (..., {true.shape[-2]}, estimates); got '
            f'{tuple(found.shape)} for {tuple(true.shape)}.'
        )
    alike = standardised(xp, true, f'{where}(truth)', of='source')
    lengths = (alike * true).sum(axis=-2)
    left, values, right = xp.linalg.svd(alike, full_matrices=False)
    if xp is np and (values[..., -1] <= _DEPENDENT * values[..., 0]).any():
        raise ValueError(
            f'{where}(truth) has sources none of which is a sum of others; got some that are, so that what comes from '
            f'which cannot be told: leave one out, or take cross_talk(solver, lead_field, index).'
        )
    found = found - found.mean(axis=-2, keepdims=True)
    onto = xp.swapaxes(found, -1, -2) @ left
    matrix = (onto / values[..., None, :]) @ right / lengths[..., None, :]
    ratio = u.Quantity(matrix, unit=u.get_unit(estimate) / u.get_unit(truth))
    for unit in (u.UNITLESS, nAm**-1):
        if u.have_same_dim(ratio.unit, unit):
            return ratio.to_decimal(unit) if unit.is_unitless else ratio.in_unit(unit)
    return ratio
