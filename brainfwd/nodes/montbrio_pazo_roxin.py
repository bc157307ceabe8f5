"""The exact mean field of quadratic integrate-and-fire (theta) neurons."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['MontbrioPazoRoxinModel']


class MontbrioPazoRoxinModel(NeuralMass):
    r"""Rate and mean potential of infinitely many theta neurons, exactly (Montbrió, Pazó & Roxin, 2015).

    .. math::
        \tau \dot r &= \frac{\Delta}{\pi \tau} + 2 r v \\
        \tau \dot v &= v^2 + \eta + J \tau r + I - (\pi \tau r)^2

    The cells are quadratic integrate-and-fire neurons, :math:`\tau \dot V_j = V_j^2 + \eta_j + J \tau r + I` with a
    spike from :math:`+\infty` to :math:`-\infty`, whose currents :math:`\eta_j` are spread by a Lorentzian of centre
    :math:`\eta` and half-width :math:`\Delta`. Potentials and currents have no unit. The defaults are bistable, between
    a low rate and a high one. Coupling reads r and feeds I, so that its strength is a time, as :math:`J \tau` is.
    """

    observables = ('output', 'synchrony')
    activity_source = 'r'

    tau = Parameter(10.0 * u.ms, 'membrane time constant', positive=True)
    eta = Parameter(-5.0, 'centre of the currents')
    Delta = Parameter(1.0, 'half-width of the currents')
    J = Parameter(15.0, 'synaptic weight')

    r = Variable(10.0 * u.Hz, 'firing rate')
    v = Variable(-2.0, 'mean potential')

    v_inp = Input(0.0, 'input current (I)')

    def derivative(self, r: Any, v: Any, v_inp: Any) -> dict[str, Any]:
        """The equations above."""
        tau = self.tau
        return {
            'r': (self.Delta / (np.pi * tau) + 2 * r * v) / tau,
            'v': (v * v + self.eta + self.J * tau * r + v_inp - (np.pi * tau * r) ** 2) / tau,
        }

    def output(self, r: Any) -> Any:
        """The firing rate, in Hz."""
        return r

    def synchrony(self, r: Any, v: Any) -> Any:
        """How far the cells fire together: the square of the Kuramoto order parameter of their phases, 0 to 1."""
        rate = np.pi * self.tau * r
        return ((1 - rate) ** 2 + v * v) / ((1 + rate) ** 2 + v * v)
