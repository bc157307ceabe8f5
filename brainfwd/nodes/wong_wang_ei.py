"""Excitatory cells held at a low rate by inhibitory ones."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.responses import current_to_rate

__all__ = ['WongWangEIModel']


class WongWangEIModel(NeuralMass):
    r"""Excitatory cells held at a low rate by feedback inhibition: resting-state activity (Deco et al., 2014).

    .. math::
        \dot S_E &= -\frac{S_E}{\tau_E} + (1 - S_E)\,\gamma_E\,H_E(x_E), &
        x_E &= W_E I_0 + w_p J_N S_E - J_I S_I + J_N S_{inp} + I_{ext} \\
        \dot S_I &= -\frac{S_I}{\tau_I} + \gamma_I\,H_I(x_I), &
        x_I &= W_I I_0 + J_N S_E - J_{II} S_I + \lambda J_N S_{inp}

    with H as in ``WongWangModel``. Coupling feeds :math:`S_{inp}`, so that its strength is the dimensionless G of Deco
    et al. A region on its own fires at 3.1 Hz; in a network :math:`J_I` has to grow with the input of the region to
    keep it there (feedback inhibition control).
    """

    observables = ('output', 'firing_rate')
    activity_source = 'S_E'

    a_E = Parameter(310.0 * u.Hz / u.nA, 'gain of the excitatory firing rate')
    b_E = Parameter(125.0 * u.Hz, 'threshold of the excitatory firing rate')
    d_E = Parameter(0.16 * u.second, 'curvature of the excitatory firing rate', positive=True)
    a_I = Parameter(615.0 * u.Hz / u.nA, 'gain of the inhibitory firing rate')
    b_I = Parameter(177.0 * u.Hz, 'threshold of the inhibitory firing rate')
    d_I = Parameter(0.087 * u.second, 'curvature of the inhibitory firing rate', positive=True)
    gamma_E = Parameter(0.641, 'gain of the excitatory gating')
    gamma_I = Parameter(1.0, 'gain of the inhibitory gating')
    tau_E = Parameter(100.0 * u.ms, 'time constant of the excitatory gating (NMDA)', positive=True)
    tau_I = Parameter(10.0 * u.ms, 'time constant of the inhibitory gating (GABA)', positive=True)
    w_p = Parameter(1.4, 'recurrent excitatory weight')
    J_N = Parameter(0.15 * u.nA, 'strength of excitatory synapses')
    J_I = Parameter(1.0 * u.nA, 'strength of the feedback inhibition')
    J_II = Parameter(1.0 * u.nA, 'strength of inhibition among inhibitory cells')
    I_0 = Parameter(0.382 * u.nA, 'background current')
    W_E = Parameter(1.0, 'share of the background current, excitatory cells')
    W_I = Parameter(0.7, 'share of the background current, inhibitory cells')
    lamda = Parameter(0.0, 'share of the input from other regions, inhibitory cells')

    S_E = Variable(0.1, 'excitatory synaptic gating')
    S_I = Variable(0.05, 'inhibitory synaptic gating')

    S_inp = Input(0.0, 'excitatory gating of other regions')
    I_ext = Input(0.0 * u.nA, 'external current, excitatory cells')

    def derivative(self, S_E: Any, S_I: Any, S_inp: Any, I_ext: Any) -> dict[str, Any]:
        """The equations above."""
        far = self.J_N * S_inp
        x_E = self.W_E * self.I_0 + self.w_p * self.J_N * S_E - self.J_I * S_I + far + I_ext
        x_I = self.W_I * self.I_0 + self.J_N * S_E - self.J_II * S_I + self.lamda * far
        return {
            'S_E': -S_E / self.tau_E + (1 - S_E) * self.gamma_E * self.H_E(x_E),
            'S_I': -S_I / self.tau_I + self.gamma_I * self.H_I(x_I),
        }

    def H_E(self, current: Any) -> Any:
        """Firing rate of the excitatory cells at a current, in Hz."""
        return current_to_rate(current, self.a_E, self.b_E, self.d_E)

    def H_I(self, current: Any) -> Any:
        """Firing rate of the inhibitory cells at a current, in Hz."""
        return current_to_rate(current, self.a_I, self.b_I, self.d_I)

    def output(self, S_E: Any) -> Any:
        """The excitatory synaptic gating."""
        return S_E

    def firing_rate(self, S_E: Any) -> Any:
        """The excitatory rate that sustains S_E, S_E/(gamma_E tau_E (1 - S_E)): at rest H_E(x_E), else smoothed."""
        return (S_E / (self.gamma_E * self.tau_E * (1 - S_E))).in_unit(u.Hz)
