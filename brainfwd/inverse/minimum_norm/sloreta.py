"""Standardised low-resolution electromagnetic tomography."""

from typing import Any

import brainunit as u

from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['SLORETA']


class SLORETA(WeightedMinimumNorm):
    r"""Minimum norm in units of its own spread, from noise and from all sources together (dimensionless).

    .. math:: z_i = \frac{(K y)_i}{\sqrt{(K (C + G R G^T / \lambda^2) K^T)_{ii} / n_{ave}}}
                  = \frac{(K y)_i}{\sqrt{(K G R)_{ii} / (\lambda^2 n_{ave})}}

    With K the kernel of minimum norm. Without noise, and for fixed orientations, the map of a single source peaks
    exactly at that source. Loose and free orientations are standardised by the trace over the three components, as
    MNE-Python does, and then it need not. Source: Pascual-Marqui (2002), Methods Find. Exp. Clin. Pharmacol. 24D, 5-12.
    """

    unit = u.UNITLESS

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        kernel, columns, lambda2 = self.regularised(problem, self.prior(problem))
        # columns are G R
        variance = (kernel * columns.transpose(1, 2, 0)).sum(axis=(1, 2), keepdims=True) / (lambda2 * problem.nave)
        return kernel / variance**0.5
