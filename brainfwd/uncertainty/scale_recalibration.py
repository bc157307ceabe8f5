"""One factor on all standard deviations."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.uncertainty.inputs import radius, refuse_records, with_unit
from brainfwd.uncertainty.recalibration import Recalibration
from brainfwd.uncertainty.standardised import Distances

__all__ = ['ScaleRecalibration']


class ScaleRecalibration(Recalibration):
    r"""Every standard deviation times one factor, so that regions of one level hold the truth as often as they say.

    .. math:: s = q_{\lceil (n + 1) p \rceil}, \qquad
        q = \text{sorted}\; \frac{|x_i - \mu_i|}{\sigma_i \Phi^{-1}(\tfrac{1+p}{2})}

    The rank, instead of the quantile of a sample, makes it hold for finite n: if entries are exchangeable, those to
    come are covered with a probability between p and p + 1/(n + 1), whatever the distribution of the errors (split
    conformal prediction: Angelopoulos & Bates, 2023, Found. Trends Mach. Learn. 16, 494-591). The factor of
    maximum likelihood would be the root mean square of the standardised errors: right for Gaussian errors alone. Errors
    of sparse solvers are heavy tailed, a source missed is many standard deviations away; these few would set it, and
    90 % regions would hold far more. At levels other than ``level`` it is right as far as the errors are Gaussian;
    `IsotonicRecalibration` is right at all.

    Parameters
    ----------
    level : float
        p, at which coverage is matched.

    Attributes
    ----------
    factor : float
        s, after ``fit``; above 1 if the posterior was overconfident.
    """

    def __init__(self, level: float = 0.9):
        super().__init__()
        checks.fraction(level, 'ScaleRecalibration(level=...)')
        self._level = checks.number(level, 'ScaleRecalibration(level=...)')
        self.factor: float | None = None

    def _learn(self, found: Distances, where: str) -> None:
        n = len(found.distance)
        # rounding: 0.9 * 10 is to stay 9
        rank = int(np.ceil((n + 1) * self._level - 1e-9))
        if rank > n:
            least = int(np.ceil(self._level / (1 - self._level) - 1e-9))
            raise ValueError(f'{where} at the level {self._level:g} needs {least} entries at least; got {n}.')
        scale = np.array([np.nan, *(radius(self._level, dof) for dof in range(1, int(found.dof.max(initial=1)) + 1))])
        ratio = np.divide(found.distance, scale[found.dof], out=np.full(n, np.inf), where=np.isfinite(found.distance))
        factor = np.partition(ratio, rank - 1)[rank - 1]
        if not np.isfinite(factor):
            raise ValueError(
                f'{where}: {np.isinf(found.distance).mean():.1%} of the truths are not the mean where there is no '
                f'variance, and no factor covers {self._level:.0%}: choose others by where=..., or prune less.'
            )
        if factor == 0:
            raise ValueError(f'{where}: {self._level:.0%} of the truths are exactly the mean, and would need no width.')
        self.factor = float(factor)

    def _radius(self, level: np.ndarray, dof: int) -> np.ndarray:
        return np.asarray(self.factor * radius(level, dof))

    def variance(self, variance: Any) -> Any:
        """Variances or covariance blocks, recalibrated: times the square of the factor."""
        refuse_records('ScaleRecalibration.variance', variance=variance)
        # of its own level the radius is the factor, and an error while there is none
        factor = self.radius(self._level) / radius(self._level, 1)
        return with_unit(factor**2 * u.get_mantissa(variance), u.get_unit(variance))

    def __repr__(self) -> str:
        state = 'not fitted' if self.factor is None else f'factor={self.factor:.4g}'
        return f'ScaleRecalibration(level={self._level:g}, {state})'
