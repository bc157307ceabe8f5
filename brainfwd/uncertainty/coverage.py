"""How often credible regions hold the truth, at each level."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.records.base import frozen, keep
from brainfwd.uncertainty.inputs import radius
from brainfwd.uncertainty.standardised import Distances, distances

__all__ = ['CoverageCurve', 'coverage', 'coverage_curves', 'curve_of']

LEVELS = (*(round(0.05 * i, 2) for i in range(1, 20)), 0.99)


@dataclass(frozen=True, repr=False)
class CoverageCurve:
    """Nominal levels, and the share of truths inside the credible regions of each.

    A curve below the diagonal is overconfident: the regions are too small, fewer truths are inside than they claim. One
    above it is underconfident.
    """

    levels: np.ndarray
    """Ascending, between 0 and 1."""
    covered: np.ndarray
    """How many entries are covered at each level."""
    n: int
    """How many entries there are."""
    n_certain: int
    """How many of them have a variance of exactly 0."""
    n_certain_right: int
    """How many of these have a truth of exactly the mean, and so count as covered at every level."""
    n_independent: int
    """How many entries are independent of each other, for bands and the verdict."""

    def __post_init__(self) -> None:
        keep(self, levels=frozen(self.levels, 'levels'), covered=frozen(self.covered, 'covered', np.dtype(int)))

    @property
    def empirical(self) -> np.ndarray:
        """Share of the truths inside, at each level."""
        return self.covered / self.n

    def at(self, level: float) -> float:
        """Share of the truths inside at one of the levels."""
        found = np.flatnonzero(np.isclose(self.levels, level, rtol=0, atol=1e-9))
        if not len(found):
            raise ValueError(f'CoverageCurve.at(level) is one of {self.levels.tolist()}; got {level}.')
        return float(self.empirical[found[0]])

    def band(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Where the true coverage lies, level by level: the interval of Wilson (1927), J. Am. Stat. Assoc. 22, 209."""
        from scipy.special import ndtri

        checks.fraction(confidence, 'CoverageCurve.band(confidence=...)')
        z2, p, n = ndtri((1 + confidence) / 2) ** 2, self.empirical, self.n_independent
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
        return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)

    @property
    def overconfidence(self) -> float:
        """Area between the diagonal and the curve where the curve is below it: 0 to 0.5."""
        return self._areas()[0]

    @property
    def underconfidence(self) -> float:
        """Area between the diagonal and the curve where the curve is above it: 0 to 0.5."""
        return self._areas()[1]

    @property
    def miscalibration(self) -> float:
        """Area between curve and diagonal, absolute: `overconfidence` plus `underconfidence`."""
        return sum(self._areas())

    @property
    def signed_miscalibration(self) -> float:
        """`underconfidence` less `overconfidence`: negative when overconfident, positive when underconfident."""
        below, above = self._areas()
        return above - below

    @property
    def verdict(self) -> str:
        """``'overconfident'``, ``'underconfident'``, ``'mixed'`` or ``'calibrated'``.

        Calibrated: no level differs from its coverage by more than the simultaneous 95 % bound of Massart (1990), Ann.
        Probab. 18, 1269, for `n_independent` entries; which is to say that no difference was seen. Mixed: by more than
        that to both sides, at different levels.
        """
        bound = np.sqrt(np.log(2 / 0.05) / (2 * self.n_independent))
        difference = self.empirical - self.levels
        below, above = bool((difference < -bound).any()), bool((difference > bound).any())
        return {(1, 0): 'overconfident', (0, 1): 'underconfident', (1, 1): 'mixed', (0, 0): 'calibrated'}[below, above]

    def _areas(self) -> tuple[float, float]:
        """Below and above the diagonal, of straight lines from level to level, exactly."""
        # at level 0 regions are points, at level 1 they are all there is where there is variance
        ends = self.n_certain_right / self.n, (self.n_certain_right - self.n_certain) / self.n
        d = np.concatenate([ends[:1], self.empirical - self.levels, ends[1:]])
        width = np.diff(np.concatenate([[0.0], self.levels, [1.0]]))
        height = np.maximum(abs(d[1:]) + abs(d[:-1]), np.finfo(float).tiny)

        def area(side: np.ndarray) -> float:
            first, last = np.maximum(side[:-1], 0), np.maximum(side[1:], 0)
            # a line that crosses cuts its share off a triangle
            crossing = (side[:-1] > 0) != (side[1:] > 0)
            return float((width * np.where(crossing, (first + last) ** 2 / height, first + last) / 2).sum())

        return area(-d), area(d)

    def __str__(self) -> str:
        level = self.levels[np.argmin(abs(self.levels - 0.9))]
        text = f'{self.verdict}: {level:.0%} regions hold {self.at(level):.1%} of {self.n} truths'
        if self.n_certain:
            text += f'; {self.n_certain} have variance 0, {self.n_certain_right} of these count as covered'
        return text

    def __repr__(self) -> str:
        return f'CoverageCurve({self})'


def coverage(
    truth: Any,
    mean: Any,
    variance: Any = None,
    *,
    blocks: Any = None,
    where: Any = None,
    levels: Any = LEVELS,
    independent: int | None = None,
) -> CoverageCurve:
    r"""How often the credible regions of a Gaussian posterior hold the truth, level by level.

    .. math:: \hat c(p) = \frac1n \#\{i : |x_i - \mu_i| \le \sigma_i \Phi^{-1}(\tfrac{1+p}{2})\}
        \qquad\text{or}\qquad
        \frac1n \#\{i : (x_i - \mu_i)^T \Sigma_i^{-1} (x_i - \mu_i) \le \chi^2_K(p)\}

    Sparse solvers give most sources a variance of exactly 0, and most truths are exactly 0: such entries count as
    covered at every level. ``n_certain_right`` counts them; ``where='active'`` leaves them out, and is what to report.

    Parameters
    ----------
    truth, mean : Quantity or array
        (..., sources); with ``blocks`` (..., sources, 3), in the same unit.
    variance : Quantity or array, optional
        Of fixed orientation, in the square of that unit; it broadcasts: (sources,) for many data sets.
    blocks : Quantity or array, optional
        Of free orientation, (..., sources, 3, 3) in the square of that unit.
    where : 'active' or array of bool, optional
        Which entries count: those whose truth is not 0, or those of a mask that broadcasts against (..., sources).
    levels : sequence of float
        Ascending, between 0 and 1.
    independent : int, optional
        How many entries are independent; all, by default. The sources of one data set are not: the number of data sets
        is a safe answer, and makes bands and the verdict wider.

    Returns
    -------
    CoverageCurve

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units or shapes that do not fit, negative variances, blocks that are no covariances, an empty selection, levels
        that are no fractions in ascending order, input that JAX traces.
    """
    found = distances('coverage', truth, mean, variance, blocks, where)
    return curve_of(found, lambda level, dof: radius(level, dof), levels, independent, 'coverage')


def coverage_curves(
    truth: Any,
    mean: Any,
    variance: Any = None,
    *,
    blocks: Any = None,
    selected: Any = None,
    levels: Any = LEVELS,
    independent: int | None = None,
) -> dict[str, CoverageCurve]:
    """`coverage` of all entries, of the active ones and, if given, of those ``selected`` by a solver or a user.

    Parameters
    ----------
    truth, mean, variance, blocks, levels, independent
        As in `coverage`.
    selected : array of bool, optional
        A mask that broadcasts against (..., sources).

    Returns
    -------
    dict of str to CoverageCurve
        ``'all'``, ``'active'`` and ``'selected'``: what `plot.reliability` takes.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        As `coverage`; no active entry, or none selected.
    """
    chosen = {'all': None, 'active': 'active'} | ({} if selected is None else {'selected': selected})
    return {
        name: coverage(truth, mean, variance, blocks=blocks, where=mask, levels=levels, independent=independent)
        for name, mask in chosen.items()
    }


def curve_of(
    found: Distances,
    radius: Callable[[np.ndarray, int], np.ndarray],
    levels: Any,
    independent: int | None,
    where: str,
) -> CoverageCurve:
    """Coverage by regions of ``radius(levels, dof)`` standard deviations."""
    levels = np.asarray(checks.array(levels, f'{where}(levels=...)'))
    checks.fraction(levels, f'{where}(levels=...)')
    if levels.ndim != 1 or not levels.size or (np.diff(levels) <= 0).any():
        raise ValueError(f'{where}(levels=...) is a sequence of ascending levels; got {levels.tolist()}.')
    n, covered = len(found.distance), np.zeros(len(levels), int)
    if independent is not None and checks.positive_int(independent, f'{where}(independent=...)') > n:
        raise ValueError(f'{where}(independent=...) is {n} at most, all entries; got {independent}.')
    for dof in np.unique(found.dof):
        ordered = np.sort(found.distance[found.dof == dof])
        # of no variance the truth that is the mean is inside, at any radius
        radii = radius(levels, int(dof)) if dof else np.zeros(len(levels))
        covered += np.searchsorted(ordered, radii, side='right')
    certain = found.certain
    return CoverageCurve(
        levels=levels,
        covered=covered,
        n=n,
        n_certain=int(certain.sum()),
        n_certain_right=int((certain & (found.distance == 0)).sum()),
        n_independent=n if independent is None else int(independent),
    )
