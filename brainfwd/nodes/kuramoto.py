"""Phase oscillators."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.angular import with_frequency
from brainfwd.nodes.base import NeuralMass

__all__ = ['KuramotoModel']


class KuramotoModel(NeuralMass):
    r"""An oscillation that is nothing but its phase (Kuramoto, 1975; Cabral et al., 2011).

    .. math:: \dot\theta = 2 \pi\, (f + I)

    The phase is in rad and kept in (-pi, pi], so that it loses no digits in long runs. The input I is a frequency in
    Hz, as f is, and so is the strength of a coupling by :math:`\sin(\theta_j - \theta_i)`: the strength in rad/s of
    the literature, divided by :math:`2 \pi`. Two oscillators that pull at each other with strength k lock when their
    frequencies differ by less than 2 k.

    All regions start at phase 0: give ``init_theta`` for others.

    Parameters
    ----------
    omega : Quantity, optional
        Angular frequency :math:`2 \pi f` in rad/s, in place of ``frequency``.
    """

    observables = ('output', 'cos', 'sin')

    frequency = Parameter(10.0 * u.Hz, 'natural frequency')

    theta = Variable(0.0, 'phase in rad')

    theta_inp = Input(0.0 * u.Hz, 'input to the frequency')

    def __init__(
        self, in_size: Any, *, omega: Any = None, method: str = 'heun', name: str | None = None, **values: Any
    ):
        values = with_frequency(values, omega, type(self).__name__)
        super().__init__(in_size, method=method, name=name, **values)

    def derivative(self, theta: Any, theta_inp: Any) -> dict[str, Any]:
        """The equation above."""
        return {'theta': 2 * np.pi * (self.frequency + theta_inp)}

    def write(self, state: dict[str, Any]) -> None:
        """Set the phase, by whole turns to (-pi, pi]."""
        theta = state['theta']
        super().write({'theta': theta - 2 * np.pi * u.math.ceil((theta - np.pi) / (2 * np.pi))})

    def output(self, theta: Any) -> Any:
        """The phase, in rad."""
        return theta

    def cos(self, theta: Any) -> Any:
        """The cosine of the phase: a signal of amplitude 1."""
        return u.math.cos(theta)

    def sin(self, theta: Any) -> Any:
        """The sine of the phase."""
        return u.math.sin(theta)
