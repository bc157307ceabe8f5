"""Additive coupling."""

from typing import Any

from brainfwd.coupling.base import Coupling
from brainfwd.coupling.parameters import PortParameter

__all__ = ['AdditiveCoupling']


class AdditiveCoupling(Coupling):
    r"""The weighted sum of what the sources do.

    .. math:: c_i(t) = k \sum_j w_{ij}\, \big(x_j(t - d_{ij}) - \bar x_j\big) + o_i

    Neither a baseline nor an offset by default. With the mean activity as its baseline, coupling adds fluctuations
    alone: each region stays at the working point that it has without coupling, whatever the strength.
    """

    baseline = PortParameter(None, 'level of the source that does not count', lambda c: c.reads, optional=True)
    offset = PortParameter(None, 'offset', lambda c: c.feeds, optional=True)

    def pre(self, source: Any) -> Any:
        """The source above its baseline."""
        return source if self.baseline is None else source - self.baseline

    def post(self, total: Any, target: Any) -> Any:
        """The total itself."""
        return total

    def at(self, source: Any, target: Any, fraction: float = 0.0) -> Any:
        """The coupling at ``fraction`` of the step recorded last, offset included."""
        coupled = super().at(source, target, fraction)
        return coupled if self.offset is None else coupled + self.offset
