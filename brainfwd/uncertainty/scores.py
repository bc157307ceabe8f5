"""How good a Gaussian posterior is, entry by entry, given the truth; and how narrow it is."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.uncertainty.inputs import fixed, free, level_of, radius, refuse_records, special, with_unit

__all__ = ['crps', 'pit', 'sharpness']


def pit(truth: Any, mean: Any, variance: Any) -> Any:
    r"""Probability integral transform: how much of the posterior lies below the truth.

    .. math:: \Phi\!\left(\frac{x - \mu}{\sigma}\right)

    Uniform between 0 and 1 if the posterior is calibrated; piled up at both ends if it is too narrow (overconfident),
    in the middle if it is too wide. Without variance it is 0, 1, or 0.5 where the truth is the mean. Compiles, batches
    and differentiates. Source: Dawid (1984), J. R. Stat. Soc. A 147, 278-292; Gneiting et al. (2007), J. R. Stat. Soc.
    B 69, 243-268.

    Parameters
    ----------
    truth, mean : Quantity or array
        (..., sources), in the same unit.
    variance : Quantity or array
        In the square of that unit; it broadcasts.

    Returns
    -------
    array
        (..., sources) between 0 and 1.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that do not fit, values that are not finite, a negative variance.
    """
    xp, _, mean, variance, truth = fixed('pit', mean, variance, truth)
    certain = (1 + xp.sign(truth - mean)) / 2
    z = (truth - mean) / xp.sqrt(xp.where(variance > 0, variance, 1.0))
    return xp.where(variance > 0, special(xp).ndtr(z), certain)


def crps(truth: Any, mean: Any, variance: Any) -> Any:
    r"""Continuous ranked probability score of a Gaussian posterior: the lower, the better.

    .. math:: \int \left(F(y) - 1_{y \ge x}\right)^2 dy
        = \sigma \left[ z (2 \Phi(z) - 1) + 2 \varphi(z) - \pi^{-1/2} \right], \quad z = (x - \mu)/\sigma

    It is proper, the least on average for the posterior that is true, and generalises the absolute error, which it is
    where the variance is 0. Compiles, batches and differentiates. Source: Gneiting & Raftery (2007), J. Am. Stat.
    Assoc. 102, 359-378, section 4.2.

    Parameters
    ----------
    truth, mean : Quantity or array
        (..., sources), in the same unit.
    variance : Quantity or array
        In the square of that unit; it broadcasts.

    Returns
    -------
    Quantity or array
        (..., sources), not negative, in the unit of the mean.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that do not fit, values that are not finite, a negative variance.
    """
    xp, unit, mean, variance, truth = fixed('crps', mean, variance, truth)
    std = xp.sqrt(xp.where(variance > 0, variance, 1.0))
    z = (truth - mean) / std
    density = xp.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    score = std * (z * (2 * special(xp).ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return with_unit(xp.where(variance > 0, score, abs(truth - mean)), unit)


def sharpness(variance: Any = None, *, blocks: Any = None, level: float | None = None) -> Any:
    r"""How wide a posterior is, whatever the truth: mean standard deviation, or mean width of its credible regions.

    .. math:: \operatorname{mean}_i \sigma_i
        \qquad\text{or}\qquad
        \operatorname{mean}_i 2 \sigma_i \Phi^{-1}(\tfrac{1+p}{2})

    Of blocks the standard deviation is the root mean square over all directions,
    :math:`\sqrt{\mathrm{tr}\,\Sigma_i/K}`, and the width that of the ellipsoid in K dimensions, root mean square over
    its axes; neither depends on the axes chosen. Of two calibrated posteriors the sharper one says more. Compiles,
    batches and differentiates.

    Parameters
    ----------
    variance : Quantity or array, optional
        (..., sources), of fixed orientation.
    blocks : Quantity or array, optional
        (..., sources, K, K), of free orientation.
    level : float, optional
        p, between 0 and 1, for the width.

    Returns
    -------
    Quantity or array
        One number, in the unit whose square was given.

    Raises
    ------
    ShapeError, ValueError
        Neither or both of variance and blocks, a negative variance, blocks that are not square, a level that is no
        fraction.
    """
    where = 'sharpness'
    refuse_records(where, variance=variance, blocks=blocks)
    if (variance is None) == (blocks is None):
        raise ValueError(f'{where} takes variance, of fixed orientation, or blocks=..., of free; one of them.')
    unit = u.get_unit(variance if blocks is None else blocks) ** 0.5
    if blocks is None:
        given, k = fixed(where, with_unit(np.zeros(()), unit), variance), 1
        square = given.spread
    else:
        k = np.shape(u.get_mantissa(blocks))[-1] if np.ndim(u.get_mantissa(blocks)) else 0
        given = free(where, with_unit(np.zeros(k), unit), blocks)
        square = given.xp.trace(given.spread, axis1=-2, axis2=-1) / k
        checks.non_negative(square, f'the trace of {where}(blocks)')
    if not square.size:
        raise checks.ShapeError(f'{where} is of at least one entry; got shape {square.shape}.')
    xp = given.xp
    std = xp.where(square > 0, xp.sqrt(xp.where(square > 0, square, 1.0)), 0.0).mean()
    if level is not None:
        std = 2 * radius(level_of(level, where), k) * std
    return with_unit(std, unit)
