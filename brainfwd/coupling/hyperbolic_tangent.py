"""Coupling that saturates on both sides, after the sum."""

from typing import Any

import brainunit as u

from brainfwd.coupling.base import Coupling
from brainfwd.coupling.parameters import PortParameter

__all__ = ['HyperbolicTangentCoupling']


class HyperbolicTangentCoupling(Coupling):
    r"""The weighted sum of the sources, bounded by k on both sides.

    .. math:: c_i(t) = k \tanh\Big(s \sum_j w_{ij}\, x_j(t - d_{ij})\Big)

    The strength k has the unit of the input that is fed.

    The ``HyperbolicTangent`` of The Virtual Brain acts before the sum,
    :math:`a \sum_j w_{ij} (1 + \tanh((x_j - m) / \sigma))`: a `SigmoidalJansenRitCoupling` with ``cmin=0.``,
    ``cmax=2 * a``, ``midpoint=m`` and ``r=2 / sigma``.

    Parameters
    ----------
    scale : float or Quantity
        In one over the unit of the source.
    """

    scale = PortParameter(2.0, 'steepness (s)', lambda c: c.reads**-1)

    def post(self, total: Any, target: Any) -> Any:
        """The hyperbolic tangent of the total."""
        return u.math.tanh(self.scale * total)
