"""Excitatory and inhibitory populations (Wilson & Cowan, 1972)."""

from typing import Any

import brainunit as u
import jax

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['WilsonCowanModel']


class WilsonCowanModel(NeuralMass):
    r"""Active fractions of excitatory and inhibitory cells (Wilson & Cowan, 1972).

    .. math::
        \tau_E \dot E &= -E + (k_E - r_E E)\, S_E(w_{EE} E - w_{EI} I + P) \\
        \tau_I \dot I &= -I + (k_I - r_I I)\, S_I(w_{IE} E - w_{II} I + Q) \\
        S(x) &= \frac{1}{1 + e^{-a (x - \theta)}} - \frac{s}{1 + e^{a \theta}}

    The first index of a weight is the target: :math:`w_{EI}` is from inhibitory to excitatory cells. The default set
    oscillates for P between about 1.1 and 1.9 and rests below. With s = 1 the response at zero is subtracted, so that
    silence is an equilibrium; s = 0 leaves it. A response of another kind is a subclass that overrides ``S``.
    """

    activity_source = 'rE'

    tau_E = Parameter(8.0 * u.ms, 'excitatory time constant', positive=True)
    tau_I = Parameter(8.0 * u.ms, 'inhibitory time constant', positive=True)
    w_EE = Parameter(16.0, 'weight from excitatory to excitatory cells')
    w_EI = Parameter(12.0, 'weight from inhibitory to excitatory cells')
    w_IE = Parameter(15.0, 'weight from excitatory to inhibitory cells')
    w_II = Parameter(3.0, 'weight from inhibitory to inhibitory cells')
    a_E = Parameter(1.3, 'steepness of the excitatory response')
    a_I = Parameter(2.0, 'steepness of the inhibitory response')
    theta_E = Parameter(4.0, 'threshold of the excitatory response')
    theta_I = Parameter(3.7, 'threshold of the inhibitory response')
    r_E = Parameter(1.0, 'refractory fraction of excitatory cells')
    r_I = Parameter(1.0, 'refractory fraction of inhibitory cells')
    k_E = Parameter(1.0, 'largest active fraction of excitatory cells')
    k_I = Parameter(1.0, 'largest active fraction of inhibitory cells')
    shift = Parameter(1.0, 'share of the response at zero that is subtracted (s)')

    rE = Variable(0.1, 'active fraction of excitatory cells')
    rI = Variable(0.1, 'active fraction of inhibitory cells')

    rE_inp = Input(0.0, 'input to the excitatory cells (P)')
    rI_inp = Input(0.0, 'input to the inhibitory cells (Q)')

    def derivative(self, rE: Any, rI: Any, rE_inp: Any, rI_inp: Any) -> dict[str, Any]:
        """The equations above."""
        S_E = self.S(self.w_EE * rE - self.w_EI * rI + rE_inp, self.a_E, self.theta_E)
        S_I = self.S(self.w_IE * rE - self.w_II * rI + rI_inp, self.a_I, self.theta_I)
        return {
            'rE': (-rE + (self.k_E - self.r_E * rE) * S_E) / self.tau_E,
            'rI': (-rI + (self.k_I - self.r_I * rI) * S_I) / self.tau_I,
        }

    def S(self, x: Any, a: Any, theta: Any) -> Any:
        """Response to the input ``x``."""
        # unlike 1 / (1 + exp), its gradient is finite for every input
        return jax.nn.sigmoid(a * (x - theta)) - self.shift * jax.nn.sigmoid(-a * theta)

    def output(self, rE: Any) -> Any:
        """Active fraction of excitatory cells."""
        return rE
