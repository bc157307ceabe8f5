"""A cortical column of three populations (Jansen & Rit, 1995)."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['JansenRitModel']


class JansenRitModel(NeuralMass):
    r"""Pyramidal cells with an excitatory and an inhibitory loop (Jansen & Rit, 1995; Grimbert & Faugeras, 2006).

    .. math::
        \ddot y_0 &= A a\, S(y_1 - y_2 + v_P) - 2 a \dot y_0 - a^2 y_0 \\
        \ddot y_1 &= A a\, (p + C_2\, S(C_1 y_0)) - 2 a \dot y_1 - a^2 y_1 \\
        \ddot y_2 &= B b\, C_4\, S(C_3 y_0 + v_I) - 2 b \dot y_2 - b^2 y_2 \\
        S(v) &= \frac{2 e_0}{1 + e^{r (v_0 - v)}}

    with :math:`C_i = a_i C`. The output is :math:`y_1 - y_2`, the potential of the pyramidal cells; a positive
    :math:`y_1` is an apical excitatory potential, whose dipole points inward.

    An alpha rhythm (10.9 Hz) at p = 220 Hz; at rest below 89.8 Hz. Coupling adds to p, whose default gives way to noise
    or to what is given; :math:`v_P` and :math:`v_I` are potentials that a stimulus adds to pyramidal and inhibitory
    cells.
    """

    observables = ('output', 'firing_rate')
    activity_source = 'firing_rate'

    A = Parameter(3.25 * u.mV, 'amplitude of the excitatory potential')
    B = Parameter(22.0 * u.mV, 'amplitude of the inhibitory potential')
    a = Parameter(100.0 * u.Hz, 'rate of the excitatory synapses', positive=True)
    b = Parameter(50.0 * u.Hz, 'rate of the inhibitory synapses', positive=True)
    e0 = Parameter(2.5 * u.Hz, 'half the maximum firing rate')
    v0 = Parameter(6.0 * u.mV, 'potential at half the maximum firing rate')
    r = Parameter(0.56 / u.mV, 'steepness of the firing rate')
    C = Parameter(135.0, 'number of synapses')
    a_1 = Parameter(1.0, 'share of C, pyramidal to excitatory cells')
    a_2 = Parameter(0.8, 'share of C, excitatory to pyramidal cells')
    a_3 = Parameter(0.25, 'share of C, pyramidal to inhibitory cells')
    a_4 = Parameter(0.25, 'share of C, inhibitory to pyramidal cells')

    y0 = Variable(0.0 * u.mV, 'potential that the pyramidal cells evoke')
    y1 = Variable(0.0 * u.mV, 'excitatory potential of the pyramidal cells')
    y2 = Variable(0.0 * u.mV, 'inhibitory potential of the pyramidal cells')
    y3 = Variable(0.0 * u.mV / u.second, 'rate of change of y0')
    y4 = Variable(0.0 * u.mV / u.second, 'rate of change of y1')
    y5 = Variable(0.0 * u.mV / u.second, 'rate of change of y2')

    p = Input(220.0 * u.Hz, 'mean input firing rate')
    pyramidal_inp = Input(0.0 * u.mV, 'potential added to the pyramidal cells')
    inhibitory_inp = Input(0.0 * u.mV, 'potential added to the inhibitory cells')

    def derivative(
        self, y0: Any, y1: Any, y2: Any, y3: Any, y4: Any, y5: Any, p: Any, pyramidal_inp: Any, inhibitory_inp: Any
    ) -> dict[str, Any]:
        """The equations above."""
        A, B, a, b, C = self.A, self.B, self.a, self.b, self.C
        inhibitory = self.S(self.a_3 * C * y0 + inhibitory_inp)
        return {
            'y0': y3,
            'y1': y4,
            'y2': y5,
            'y3': A * a * self.S(y1 - y2 + pyramidal_inp) - 2 * a * y3 - a**2 * y0,
            'y4': A * a * (p + self.a_2 * C * self.S(self.a_1 * C * y0)) - 2 * a * y4 - a**2 * y1,
            'y5': B * b * self.a_4 * C * inhibitory - 2 * b * y5 - b**2 * y2,
        }

    def S(self, v: Any) -> Any:
        """Firing rate at the mean potential ``v``."""
        # unlike 1 / (1 + exp), its gradient is finite for every potential
        return 2 * self.e0 * u.math.sigmoid(self.r * (v - self.v0))

    def output(self, y1: Any, y2: Any) -> Any:
        """Potential of the pyramidal cells, in mV."""
        return y1 - y2

    def firing_rate(self, y1: Any, y2: Any) -> Any:
        """Firing rate of the pyramidal cells at y1 - y2, in Hz."""
        return self.S(y1 - y2)
