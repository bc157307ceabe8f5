"""Linear relaxation."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['LinearModel']


class LinearModel(NeuralMass):
    r"""Relaxation to rest: with white noise and coupling, the linear model of resting activity (Galán, 2008).

    .. math:: \dot x = \gamma x + I

    The one network whose covariance is known in closed form, from a Lyapunov equation. x has no unit, so that I and the
    strength of coupling are rates, as :math:`\gamma` is. A network rests as long as no eigenvalue of its coupling
    reaches :math:`-\gamma`.
    """

    activity_source = 'x'

    gamma = Parameter(-10.0 * u.Hz, 'rate of growth, negative for relaxation')

    x = Variable(0.01, 'activity')

    x_inp = Input(0.0 * u.Hz, 'input to the activity')

    def derivative(self, x: Any, x_inp: Any) -> dict[str, Any]:
        """The equation above."""
        return {'x': self.gamma * x + x_inp}

    def output(self, x: Any) -> Any:
        """The activity."""
        return x
