"""Minimum norm."""

from typing import Any

from brainfwd._core.units import nAm
from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['MinimumNorm']


class MinimumNorm(WeightedMinimumNorm):
    r"""The dipole moments that explain the data best for their size (nA m).

    .. math::

        \hat s = \arg\min_s \|W (y - G s)\|^2 + \lambda^2 \, s^T R^{-1} s
        = R G^T W^T (W G R G^T W^T + \lambda^2 I)^{-1} W y

    with W the whitener and R the prior covariance (depth, orientation). Its peak leans towards the surface, and less so
    with depth weighting. Source: Hämäläinen & Ilmoniemi (1994), Med. Biol. Eng. Comput. 32, 35-42.
    """

    unit = nAm

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        kernel, _ = self.regularised(problem, self.prior(problem))
        return kernel
