"""Credible intervals of a Gaussian posterior."""

from typing import Any, NamedTuple

import brainunit as u

from brainfwd._core import checks
from brainfwd.uncertainty.inputs import fixed, level_of, numbers, radius, with_unit

__all__ = ['Interval', 'credible_interval', 'interval_of_radius']


class Interval(NamedTuple):
    """From where to where, for each entry."""

    lower: Any
    upper: Any

    @property
    def width(self) -> Any:
        """Upper less lower end."""
        return self.upper - self.lower

    def contains(self, truth: Any) -> Any:
        """Which entries of ``truth`` lie inside, ends included."""
        unit, where = u.get_unit(self.lower), 'Interval.contains(truth)'
        inside = u.get_mantissa(checks.quantity(truth, unit, where, 'what the interval is about'))
        _, value, lower, upper = numbers(
            {where: inside, 'lower': u.get_mantissa(self.lower), 'upper': u.get_mantissa(self.upper)}
        )
        return (lower <= value) & (value <= upper)


def credible_interval(mean: Any, variance: Any, level: float = 0.9) -> Interval:
    r"""The central interval that holds a share ``level`` of a Gaussian posterior, for each entry on its own.

    .. math:: \mu \pm \sigma\, \Phi^{-1}\!\left(\tfrac{1 + p}{2}\right)

    Where the variance is 0 both ends are the mean. Compiles, batches and differentiates.

    Parameters
    ----------
    mean : Quantity or array
        (..., sources), in any unit.
    variance : Quantity or array
        In the square of that unit; it broadcasts against the mean.
    level : float
        p, between 0 and 1.

    Returns
    -------
    Interval
        ``lower`` and ``upper``, in the unit of the mean.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A variance in another unit than the square of the mean's, of a shape that does not fit, negative or not finite;
        a level that is no fraction.
    """
    where = 'credible_interval'
    return interval_of_radius(mean, variance, radius(level_of(level, where), 1), where)


def interval_of_radius(mean: Any, variance: Any, radius: Any, where: str) -> Interval:
    """The interval of so many standard deviations to each side."""
    xp, unit, centre, spread, _ = fixed(where, mean, variance)
    half = radius * xp.where(spread > 0, xp.sqrt(xp.where(spread > 0, spread, 1.0)), 0.0)
    return Interval(with_unit(centre - half, unit), with_unit(centre + half, unit))
