"""Standardised low-resolution electromagnetic tomography."""

import brainunit as u
import numpy as np

from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['SLORETA']


class SLORETA(LinearInverse):
    r"""Minimum norm in units of its own spread, from noise and from all sources together (dimensionless).

    .. math:: z_i = \frac{(K y)_i}{\sqrt{(K (C + G R G^T / \lambda^2) K^T)_{ii} / n_{ave}}}

    With K the kernel of minimum norm. Without noise, and for fixed orientations, the map of a single source peaks
    exactly at that source. Loose and free orientations are standardised by the trace over the three components, as
    MNE-Python does, and then it need not. Source: Pascual-Marqui (2002), Methods Find. Exp. Clin. Pharmacol. 24D, 5-12.
    """

    unit = u.UNITLESS

    def whitened_kernel(self, problem: WhitenedProblem) -> np.ndarray:
        def spread(s: np.ndarray) -> np.ndarray:
            return problem.tikhonov(s) * np.sqrt(1 + s**2 / problem.lambda2)

        return problem.filtered(problem.tikhonov) / problem.deviation(spread)
