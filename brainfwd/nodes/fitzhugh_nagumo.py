"""Excitable tissue in two variables."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['FitzHughNagumoModel']


class FitzHughNagumoModel(NeuralMass):
    r"""An excitable potential and its slow recovery (FitzHugh, 1961; Nagumo et al., 1962).

    .. math::
        \tau_v \dot v &= -\alpha v^3 + \beta v^2 + \gamma v - w + I_v \\
        \tau_w \dot w &= v - \delta - \epsilon w + I_w

    The defaults are the set of Kostova et al. (2004) that whole-brain studies use: Hopf bifurcations at :math:`I_v`
    0.726 and 1.332, between them a relaxation oscillation, at rest outside. The set of FitzHugh (1961) is
    :math:`\alpha = 1/3, \beta = 0, \gamma = 1, \delta = -0.7, \epsilon = 0.8, \tau_w = 12.5\,\tau_v`.
    """

    alpha = Parameter(3.0, 'cubic coefficient of the potential')
    beta = Parameter(4.0, 'quadratic coefficient of the potential')
    gamma = Parameter(-1.5, 'linear coefficient of the potential')
    delta = Parameter(0.0, 'potential at which recovery rests at zero')
    epsilon = Parameter(0.5, 'decay of the recovery')
    tau_v = Parameter(1.0 * u.ms, 'time constant of the potential', positive=True)
    tau_w = Parameter(20.0 * u.ms, 'time constant of the recovery', positive=True)

    v = Variable(0.05, 'potential')
    w = Variable(0.05, 'recovery')

    v_inp = Input(0.0, 'input to the potential')
    w_inp = Input(0.0, 'input to the recovery')

    def derivative(self, v: Any, w: Any, v_inp: Any, w_inp: Any) -> dict[str, Any]:
        """The equations above."""
        cubic = v * (self.gamma + v * (self.beta - self.alpha * v))
        return {
            'v': (cubic - w + v_inp) / self.tau_v,
            'w': (v - self.delta - self.epsilon * w + w_inp) / self.tau_w,
        }

    def output(self, v: Any) -> Any:
        """The potential."""
        return v
