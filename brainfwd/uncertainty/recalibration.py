"""What every recalibration shares: fitted on data with a known truth, then regions for other data of the same kind."""

import abc
from typing import Any, Self

import numpy as np

from brainfwd._core import checks
from brainfwd.uncertainty.coverage import LEVELS, CoverageCurve, curve_of
from brainfwd.uncertainty.ellipsoids import Ellipsoid, ellipsoid_of_radius
from brainfwd.uncertainty.inputs import level_of
from brainfwd.uncertainty.intervals import Interval, interval_of_radius
from brainfwd.uncertainty.standardised import Distances, distances

__all__ = ['Recalibration']


class Recalibration(abc.ABC):
    """Credible regions with as many standard deviations as it took to hold the truth, in data held out for that.

    ``fit`` it on one part of the data whose truth is known, check it by ``coverage`` on another, use it where the truth
    is not known. It holds for data of the same kind: head, noise, number and size of sources, solver. Widths are
    corrected, source for source in proportion; means are not, and a bias is paid for by width.

    To add one, inherit, learn the distances in `_learn` and answer `radius`.
    """

    def __init__(self) -> None:
        self._is_fitted = False

    def fit(self, truth: Any, mean: Any, variance: Any = None, *, blocks: Any = None, where: Any = None) -> Self:
        """Learn from a truth and the posteriors about it; arguments and errors are those of `coverage`.

        Fit on the entries that it is meant for: ``where='active'``, or the mask of those that a solver selects. Entries
        without variance whose truth is the mean are left out, as no factor changes them; ones whose truth is not the
        mean count as infinitely far.
        """
        name = f'{type(self).__name__}.fit'
        found = distances(name, truth, mean, variance, blocks, where)
        kept = ~(found.certain & (found.distance == 0))
        if not kept.any():
            raise ValueError(f'{name} needs entries with a variance above 0; got {kept.size} without.')
        self._learn(Distances(found.distance[kept], found.dof[kept]), name)
        self._is_fitted = True
        return self

    @abc.abstractmethod
    def _learn(self, found: Distances, where: str) -> None:
        """Keep what ``radius`` needs."""

    @abc.abstractmethod
    def _radius(self, level: np.ndarray, dof: int) -> np.ndarray:
        """Standard deviations, for levels between 0 and 1."""

    def radius(self, level: Any, dof: int = 1) -> Any:
        """How many of the posterior's standard deviations its regions of a level reach, in ``dof`` dimensions."""
        where = f'{type(self).__name__}.radius'
        if not self._is_fitted:
            raise RuntimeError(f'{type(self).__name__} has learned nothing: write .fit(truth, mean, variance) first.')
        checks.fraction(level, f'{where}(level)')
        return self._radius(np.asarray(level, dtype=float), checks.positive_int(dof, f'{where}(dof=...)'))[()]

    def level(self, nominal: Any, dof: int = 1) -> Any:
        """The level to ask of the posterior as it is, for regions that hold the truth at the nominal one.

        It rounds to 1 where regions have to reach 9 standard deviations; `radius` does not.
        """
        from scipy.special import chdtr

        return chdtr(dof, np.square(self.radius(nominal, dof)))

    def interval(self, mean: Any, variance: Any, level: float = 0.9) -> Interval:
        """`credible_interval`, recalibrated."""
        where = f'{type(self).__name__}.interval'
        return interval_of_radius(mean, variance, self.radius(level_of(level, where)), where)

    def ellipsoid(self, mean: Any, blocks: Any, level: float = 0.9) -> Ellipsoid:
        """`credible_ellipsoid`, recalibrated."""
        where = f'{type(self).__name__}.ellipsoid'
        level = level_of(level, where)
        return ellipsoid_of_radius(mean, blocks, lambda dof: self.radius(level, dof), where)

    def coverage(
        self,
        truth: Any,
        mean: Any,
        variance: Any = None,
        *,
        blocks: Any = None,
        where: Any = None,
        levels: Any = LEVELS,
        independent: int | None = None,
    ) -> CoverageCurve:
        """`coverage` of the recalibrated regions; of other data than those of ``fit``."""
        name = f'{type(self).__name__}.coverage'
        found = distances(name, truth, mean, variance, blocks, where)
        return curve_of(found, self.radius, levels, independent, name)
