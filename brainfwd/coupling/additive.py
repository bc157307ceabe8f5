"""Additive coupling."""

from typing import Any

from brainfwd.coupling.base import Coupling

__all__ = ['AdditiveCoupling']


class AdditiveCoupling(Coupling):
    r"""The weighted sum of what the sources do.

    .. math:: c_i(t) = k \sum_j w_{ij}\, x_j(t - d_{ij})
    """

    def post(self, total: Any, target: Any) -> Any:
        """The total itself."""
        return total
