"""The Stuart-Landau oscillator, whose frequency depends on its amplitude."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.angular import with_frequency
from brainfwd.nodes.base import NeuralMass

__all__ = ['StuartLandauOscillator']


class StuartLandauOscillator(NeuralMass):
    r"""An oscillation near its onset, with saturation and shear (Stuart, 1960; Kuramoto, 1984).

    .. math:: \tau \dot z = (a + i\, 2 \pi f \tau)\, z - (\beta + i\, c)\, |z|^2 z + I, \qquad z = x + i y

    For :math:`a, \beta > 0` a limit cycle of radius :math:`\sqrt{a/\beta}`, whose frequency
    :math:`f - a c / (2 \pi \beta \tau)` falls with its size when the shear c is positive. With the defaults
    :math:`\beta = 1` and c = 0 this is ``HopfOscillator``. z = 0 is an equilibrium: start away from it (the default),
    or add noise.

    Parameters
    ----------
    omega : Quantity, optional
        Angular frequency :math:`2 \pi f` in rad/s, in place of ``frequency``.
    """

    observables = ('output', 'power')
    activity_source = 'power'

    a = Parameter(0.25, 'bifurcation parameter')
    beta = Parameter(1.0, 'saturation of the amplitude')
    c = Parameter(0.0, 'shear, the change of frequency with amplitude')
    frequency = Parameter(10.0 * u.Hz, 'frequency of small oscillations')
    tau = Parameter(1.0 * u.ms, 'time constant of the amplitude', positive=True)

    x = Variable(0.1, 'real part')
    y = Variable(0.0, 'imaginary part')

    x_inp = Input(0.0, 'input to the real part')
    y_inp = Input(0.0, 'input to the imaginary part')

    def __init__(
        self, in_size: Any, *, omega: Any = None, method: str = 'heun', name: str | None = None, **values: Any
    ):
        values = with_frequency(values, omega, type(self).__name__)
        super().__init__(in_size, method=method, name=name, **values)

    def derivative(self, x: Any, y: Any, x_inp: Any, y_inp: Any) -> dict[str, Any]:
        """The equation above."""
        power = x * x + y * y
        growth = (self.a - self.beta * power) / self.tau
        turn = 2 * np.pi * self.frequency - self.c * power / self.tau
        return {'x': growth * x - turn * y + x_inp / self.tau, 'y': growth * y + turn * x + y_inp / self.tau}

    def output(self, x: Any) -> Any:
        """The real part."""
        return x

    def power(self, x: Any, y: Any) -> Any:
        """The squared amplitude, |z|^2."""
        return x * x + y * y
