"""A monotone map from nominal levels to levels, with a tail beyond the data."""

import numpy as np

from brainfwd.uncertainty.recalibration import Recalibration
from brainfwd.uncertainty.standardised import Distances

__all__ = ['IsotonicRecalibration']

TAIL = 0.2
"""The share of the largest distances that the tail is fitted to."""
_LEAST = 100


class IsotonicRecalibration(Recalibration):
    r"""The nominal level is replaced by the level that held as often, in the data of ``fit``; with a tail beyond them.

    .. math:: \hat F(r) = \frac{\#\{i : m_i \le r\}}{n + 1}, \qquad
        R(p) = \begin{cases}
        \hat F^{-1}(p) & p \le p_n = \frac{n}{n + 1} \\
        m_n + \frac{\beta}{\xi}\left[\left(\frac{1 - p}{1 - p_n}\right)^{-\xi} - 1\right] & p > p_n \end{cases}

    with m the standardised errors (Mahalanobis distances, of free orientation), and :math:`m_n` the largest. The
    regression of coverage on level is isotonic by itself: coverage counts, and can only rise, so that no violators are
    left to pool (Kuleshov et al., 2018, ICML). Between errors the map is linear in r.

    Up to n/(n + 1), of n independent entries, regions hold those to come as often as they say, to 1/(n + 1) and
    whatever the distribution of the errors. Beyond, where no error is left to count, they follow a generalised Pareto
    tail, fitted to the largest fifth of the errors by maximum likelihood with :math:`\xi \ge 0` (Pickands, 1975, Ann.
    Stat. 3, 119): they grow without end as p goes to 1, by a power law for heavy tails (:math:`\xi > 0`), exponentially
    for light ones, where they hold more than they say.

    Distances are of one number of dimensions, that of ``fit``, in ``radius`` and in what uses it.

    Attributes
    ----------
    tail_index : float
        :math:`\xi`, after ``fit``; 0.5 and above: the errors have no variance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tail_index: float | None = None

    def _learn(self, found: Distances, where: str) -> None:
        from scipy.stats import genpareto

        n, infinite = len(found.distance), int(np.isinf(found.distance).sum())
        if infinite:
            raise ValueError(
                f'{where}: {infinite} of {n} truths are not the mean where there is no variance; no level holds them: '
                f'leave them out by where=..., or prune less.'
            )
        if n < _LEAST:
            raise ValueError(f'{where} needs {_LEAST} entries with a variance at least; got {n}.')
        dimensions = np.unique(found.dof)
        if len(dimensions) > 1:
            raise ValueError(
                f'{where} takes entries with variance in one number of directions; got {dimensions.tolist()}: choose '
                f'them by where=..., or take ScaleRecalibration.'
            )
        ordered = np.sort(found.distance)
        bulk = n - int(np.ceil(TAIL * n))
        # the threshold of the fit; the tail itself begins at the largest
        beyond = ordered[bulk:] - ordered[bulk - 1]
        mean = beyond.mean()
        if not mean > 0:
            raise ValueError(
                f'{where}: the largest {TAIL:.0%} of the standardised errors are all the same, {ordered[-1]:g}.'
            )
        index, _, scale = genpareto.fit(beyond / mean, floc=0)
        # a tail that ends would leave levels without a region: the exponential one, whose scale is the mean, instead
        self.tail_index, scale = (float(index), scale * mean) if index > 0 else (0.0, mean)
        # what is beyond a higher threshold is Pareto's too, of a scale that has grown along
        self._scale = float(scale + self.tail_index * beyond[-1])
        self._dof = int(dimensions[0])
        self._levels = np.arange(n + 1) / (n + 1)
        self._radii = np.concatenate([[0.0], ordered])

    def _radius(self, level: np.ndarray, dof: int) -> np.ndarray:
        from scipy.stats import genpareto

        if dof != self._dof:
            raise ValueError(
                f'IsotonicRecalibration was fitted in {self._dof} dimension(s), and answers in these; got {dof}.'
            )
        left = np.minimum((1 - level) / (1 - self._levels[-1]), 1.0)
        tail = self._radii[-1] + genpareto.isf(left, self.tail_index, scale=self._scale)
        return np.where(level > self._levels[-1], tail, np.interp(level, self._levels, self._radii))

    def __repr__(self) -> str:
        state = 'not fitted' if self.tail_index is None else f'tail_index={self.tail_index:.3g}'
        return f'IsotonicRecalibration({state})'
