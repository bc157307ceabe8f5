"""Dynamic statistical parametric mapping."""

from typing import Any

import brainunit as u

from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['DSPM']


class DSPM(WeightedMinimumNorm):
    r"""Minimum norm in units of the noise in it (dimensionless).

    .. math:: z_i = \frac{(K y)_i}{\sqrt{(K C K^T)_{ii} / n_{ave}}}

    With K the kernel of minimum norm: where there is noise alone, z of a fixed orientation is standard normal. Source:
    Dale et al. (2000), Neuron 26, 55-67.
    """

    unit = u.UNITLESS
    counts_nave = True

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        kernel, _ = self.regularised(problem, self.prior(problem))
        variance = (kernel**2).sum(axis=(1, 2), keepdims=True) / problem.nave
        return kernel / variance**0.5
