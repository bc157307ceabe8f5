"""Coupling by firing rates: a sigmoid of each source, before the sum."""

from typing import Any

import brainunit as u

from brainfwd.coupling.base import Coupling
from brainfwd.coupling.parameters import PortParameter

__all__ = ['SigmoidalJansenRitCoupling']


class SigmoidalJansenRitCoupling(Coupling):
    r"""The weighted sum of firing rates, each a sigmoid of the potential of its source: each source saturates.

    .. math::
        c_i(t) = k \sum_j w_{ij}\, S\big(x_j(t - d_{ij})\big), \qquad
        S(x) = c_{min} + \frac{c_{max} - c_{min}}{1 + e^{r (m - x)}}

    The defaults are those of Jansen and Rit's pyramidal cells, for a source in mV such as :math:`y_1 - y_2`. Where
    the node has a firing rate of its own, as `JansenRitModel` has, ``AdditiveCoupling(source='firing_rate')`` is the
    same and follows the parameters of the node.

    Parameters
    ----------
    cmin, cmax : float or Quantity
        Rates far below and far above the midpoint; in Hz, or both in another unit.
    midpoint, r : float or Quantity
        In the unit of the source, and in one over it.
    """

    cmin = PortParameter(0.0 * u.Hz, 'rate far below the midpoint', lambda c: u.get_unit(c.cmax))
    cmax = PortParameter(5.0 * u.Hz, 'rate far above the midpoint', lambda c: u.get_unit(c.cmax))
    midpoint = PortParameter(6.0 * u.mV, 'potential at half the range of rates', lambda c: c.reads)
    r = PortParameter(0.56 / u.mV, 'steepness of the firing rate', lambda c: c.reads**-1)

    def pre(self, source: Any) -> Any:
        """The firing rate of each source."""
        return self.cmin + (self.cmax - self.cmin) * u.math.sigmoid(self.r * (source - self.midpoint))

    def post(self, total: Any, target: Any) -> Any:
        """The total of the rates."""
        return total
