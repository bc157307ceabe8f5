"""Coupling that saturates, after the sum."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Parameter
from brainfwd.coupling.base import Coupling
from brainfwd.coupling.parameters import PortParameter

__all__ = ['SigmoidalCoupling']


class SigmoidalCoupling(Coupling):
    r"""The weighted sum of the sources, through a sigmoid: each target saturates.

    .. math::
        c_i(t) = k \Big(c_{min} + \frac{c_{max} - c_{min}}{1 + e^{-s (T_i(t) - m)}}\Big), \qquad
        T_i(t) = \sum_j w_{ij}\, x_j(t - d_{ij})

    The strength k has the unit of the input that is fed, midpoint m and slope s go with that of the source. In The
    Virtual Brain's ``Sigmoidal`` s is :math:`a / \sigma`, and the range from -1 to 1.

    Parameters
    ----------
    midpoint, slope : float or Quantity
        In the unit of the source, and in one over it.
    """

    cmin = Parameter(0.0, 'value far below the midpoint')
    cmax = Parameter(1.0, 'value far above the midpoint')
    midpoint = PortParameter(0.0, 'total in the middle of the sigmoid', lambda c: c.reads)
    slope = PortParameter(1.0, 'steepness of the sigmoid', lambda c: c.reads**-1)

    def post(self, total: Any, target: Any) -> Any:
        """The sigmoid of the total."""
        return self.cmin + (self.cmax - self.cmin) * u.math.sigmoid(self.slope * (total - self.midpoint))
