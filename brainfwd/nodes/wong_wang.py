"""One population with slow synapses."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.responses import current_to_rate

__all__ = ['WongWangModel']


class WongWangModel(NeuralMass):
    r"""The open NMDA channels of one population: slow fluctuations at rest (Wong & Wang, 2006; Deco et al., 2013).

    .. math::
        \dot S &= -\frac{S}{\tau_S} + (1 - S)\,\gamma\,H(x) \\
        H(x) &= \frac{a x - b}{1 - e^{-d (a x - b)}}, \qquad x = w J_N S + J_N S_{inp} + I_0 + I_{ext}

    The dynamic mean field of Deco et al. (2013). Coupling feeds :math:`S_{inp}`, so that its strength is their
    dimensionless G. A region on its own rests at a low rate, S = 0.034; from w = 1.155 on a high state coexists.
    """

    observables = ('output', 'firing_rate')
    activity_source = 'S'

    a = Parameter(270.0 * u.Hz / u.nA, 'gain of the firing rate')
    b = Parameter(108.0 * u.Hz, 'threshold of the firing rate')
    d = Parameter(0.154 * u.second, 'curvature of the firing rate', positive=True)
    gamma = Parameter(0.641, 'gain of the gating')
    tau_S = Parameter(100.0 * u.ms, 'time constant of the gating', positive=True)
    w = Parameter(0.9, 'recurrent weight')
    J_N = Parameter(0.2609 * u.nA, 'synaptic strength')
    I_0 = Parameter(0.3 * u.nA, 'background current')

    S = Variable(0.1, 'synaptic gating, the fraction of open channels')

    S_inp = Input(0.0, 'gating of other regions')
    I_ext = Input(0.0 * u.nA, 'external current')

    def derivative(self, S: Any, S_inp: Any, I_ext: Any) -> dict[str, Any]:
        """The equations above."""
        x = self.w * self.J_N * S + self.J_N * S_inp + self.I_0 + I_ext
        return {'S': -S / self.tau_S + (1 - S) * self.gamma * self.H(x)}

    def H(self, current: Any) -> Any:
        """Firing rate at a current, in Hz."""
        return current_to_rate(current, self.a, self.b, self.d)

    def output(self, S: Any) -> Any:
        """The synaptic gating."""
        return S

    def firing_rate(self, S: Any) -> Any:
        r"""The firing rate that sustains S, :math:`S/(\gamma \tau_S (1 - S))`: at rest H(x), else H(x) smoothed."""
        return (S / (self.gamma * self.tau_S * (1 - S))).in_unit(u.Hz)
