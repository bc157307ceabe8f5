"""The normal form of a Hopf bifurcation."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.angular import with_frequency
from brainfwd.nodes.base import NeuralMass

__all__ = ['HopfOscillator']


class HopfOscillator(NeuralMass):
    r"""Between noisy rest and oscillation (Deco et al., 2017).

    .. math:: \tau \dot z = (a - |z|^2)\, z + i\, 2 \pi f \tau\, z + I, \qquad z = x + i y

    For a > 0 a limit cycle of radius :math:`\sqrt a` and frequency f; for a < 0 a stable focus at 0. z = 0 is an
    equilibrium for every a: start away from it (the default), or add noise. ``StuartLandauOscillator`` is the same with
    a frequency that depends on the amplitude.

    Parameters
    ----------
    omega : Quantity, optional
        Angular frequency :math:`2 \pi f` in rad/s, in place of ``frequency``.
    """

    observables = ('output', 'power')
    activity_source = 'power'

    a = Parameter(0.25, 'bifurcation parameter')
    frequency = Parameter(10.0 * u.Hz, 'frequency of the oscillation')
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
        growth = self.a - x * x - y * y
        omega = 2 * np.pi * self.frequency
        return {
            'x': (growth * x + x_inp) / self.tau - omega * y,
            'y': (growth * y + y_inp) / self.tau + omega * x,
        }

    def output(self, x: Any) -> Any:
        """The real part."""
        return x

    def power(self, x: Any, y: Any) -> Any:
        """The squared amplitude, |z|^2."""
        return x * x + y * y
