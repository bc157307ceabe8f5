"""Standardised low-resolution electromagnetic tomography."""

from typing import Any

import brainunit as u

from brainfwd._core import checks
from brainfwd._core.linear_algebra import symmetric_power
from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm, weighted
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['SLORETA']


class SLORETA(WeightedMinimumNorm):
    r"""Minimum norm in units of its own spread, from noise and from all sources together (dimensionless).

    .. math:: z_i = S_i^{-1/2} (K y)_i, \qquad
              S_i = \frac{(K (C + G R G^T / \lambda^2) K^T)_{ii}}{n_{ave}} = \frac{(K G R)_{ii}}{\lambda^2 n_{ave}}

    With K the kernel of minimum norm, and S a number for each source of fixed orientation. Without noise, the map of a
    single source then peaks exactly at that source. Where a source has three components, S is their 3 x 3 covariance
    with ``standardise='block'``, and the same holds; with ``'trace'`` it is the sum of their variances, as in
    MNE-Python, and then the peak need not be there. Source: Pascual-Marqui (2002), Methods Find. Exp. Clin. Pharmacol.
    24D, 5-12.

    Parameters
    ----------
    standardise : {'trace', 'block'}
        By what sources of loose and free orientation are divided.
    **options
        As for `WeightedMinimumNorm`.
    """

    unit = u.UNITLESS
    counts_nave = True

    def __init__(self, *, standardise: str = 'trace', **options: Any):
        super().__init__(**options)
        self._standardise = checks.choice(standardise, ('trace', 'block'), f'{type(self).__name__}(standardise=...)')

    @property
    def standardise(self) -> str:
        """``'trace'`` or ``'block'``."""
        return self._standardise

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        prior = self.prior(problem)
        kernel, lambda2 = self.regularised(problem, prior)
        columns = weighted(problem.gain, prior)
        if self.standardise == 'block':
            spread = kernel @ columns.swapaxes(0, 1) / (lambda2 * problem.nave)
            return symmetric_power(spread, -0.5) @ kernel
        variance = (kernel * columns.transpose(1, 2, 0)).sum(axis=(1, 2), keepdims=True) / (lambda2 * problem.nave)
        return kernel / variance**0.5
