"""Diffusive coupling."""

from typing import Any

from brainfwd.coupling.base import Coupling

__all__ = ['DiffusiveCoupling']


class DiffusiveCoupling(Coupling):
    r"""The weighted sum of the differences between sources and target.

    .. math:: c_i(t) = k \sum_j w_{ij}\, \big(x_j(t - d_{ij}) - x_i(t)\big)
    """

    def post(self, total: Any, target: Any) -> Any:
        """The total of the differences: a target counts once for every weight."""
        return total - self.in_strength * target
