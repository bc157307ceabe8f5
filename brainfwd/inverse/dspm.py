"""Dynamic statistical parametric mapping."""

import brainunit as u
import numpy as np

from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['DSPM']


class DSPM(LinearInverse):
    r"""Minimum norm in units of the noise in it (dimensionless).

    .. math:: z_i = \frac{(K y)_i}{\sqrt{(K C K^T)_{ii} / n_{ave}}}

    With K the kernel of minimum norm: where there is noise alone, z of a fixed orientation is standard normal. Source:
    Dale et al. (2000), Neuron 26, 55-67.
    """

    unit = u.UNITLESS

    def whitened_kernel(self, problem: WhitenedProblem) -> np.ndarray:
        return problem.filtered(problem.tikhonov) / problem.deviation(problem.tikhonov)
