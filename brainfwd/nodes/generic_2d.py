"""A plane with two nullclines, to be shaped."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['Generic2dOscillator']


class Generic2dOscillator(NeuralMass):
    r"""A cubic and a quadratic nullcline: excitable, bistable or oscillating (Sanz-Leon et al., 2015).

    .. math::
        \dot V &= d\,\tau\,(-f V^3 + e V^2 + g V + \alpha W + \gamma I) \\
        \dot W &= \frac{d}{\tau}\,(c V^2 + b V - \beta W + a)

    The generic oscillator of The Virtual Brain, with its names and values; V and W have no unit, and d is a rate. The
    defaults are excitable. With them and I = 0 there is a limit cycle for a between 1.74 and 14.26, born with a
    frequency of :math:`3 d / (2 \pi)`, 9.5 Hz.
    """

    tau = Parameter(1.0, 'separation of the time scales, fast V above 1', positive=True)
    a = Parameter(-2.0, 'vertical shift of the nullcline of W')
    b = Parameter(-10.0, 'linear coefficient of the nullcline of W')
    c = Parameter(0.0, 'quadratic coefficient of the nullcline of W')
    d = Parameter(0.02 / u.ms, 'rate of the whole system')
    e = Parameter(3.0, 'quadratic coefficient of the nullcline of V')
    f = Parameter(1.0, 'cubic coefficient of the nullcline of V')
    g = Parameter(0.0, 'linear coefficient of the nullcline of V')
    alpha = Parameter(1.0, 'feedback of W to V')
    beta = Parameter(1.0, 'decay of W')
    gamma = Parameter(1.0, 'scale and sign of the input')

    V = Variable(0.0, 'fast variable')
    W = Variable(0.0, 'slow variable')

    V_inp = Input(0.0, 'input to the fast variable (I)')

    def derivative(self, V: Any, W: Any, V_inp: Any) -> dict[str, Any]:
        """The equations above."""
        cubic = V * (self.g + V * (self.e - self.f * V))
        return {
            'V': self.d * self.tau * (cubic + self.alpha * W + self.gamma * V_inp),
            'W': self.d / self.tau * (self.a + V * (self.b + self.c * V) - self.beta * W),
        }

    def output(self, V: Any) -> Any:
        """The fast variable."""
        return V
