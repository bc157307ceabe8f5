"""A cortical column with slow and fast inhibition."""

from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['WendlingModel']


class WendlingModel(NeuralMass):
    r"""Jansen-Rit with fast somatic inhibition: from background to fast onset of seizures (Wendling et al., 2002).

    .. math::
        \ddot y_0 &= A a\, S(y_1 - y_2 - y_3) - 2 a \dot y_0 - a^2 y_0 \\
        \ddot y_1 &= A a\, (p + C_2\, S(C_1 y_0)) - 2 a \dot y_1 - a^2 y_1 \\
        \ddot y_2 &= B b\, C_4\, S(C_3 y_0) - 2 b \dot y_2 - b^2 y_2 \\
        \ddot y_3 &= G g\, C_7\, S(C_5 y_0 - C_6 y_4) - 2 g \dot y_3 - g^2 y_3 \\
        \ddot y_4 &= B b\, S(C_3 y_0) - 2 b \dot y_4 - b^2 y_4 \\
        S(v) &= \frac{2 e_0}{1 + e^{r (v_0 - v)}}

    with :math:`C_i = a_i C`; the rates of :math:`y_0 \ldots y_4` are :math:`y_5 \ldots y_9`. The output is
    :math:`y_1 - y_2 - y_3`, the potential of the pyramidal cells. A, B and G are varied to imitate epileptic activity:
    impaired slow inhibition (small B) with strong fast inhibition gives low-voltage rapid activity. With G = 0 the
    column is ``JansenRitModel``.
    """

    observables = ('output', 'firing_rate')
    activity_source = 'firing_rate'

    A = Parameter(3.25 * u.mV, 'amplitude of the excitatory potential')
    B = Parameter(22.0 * u.mV, 'amplitude of the slow inhibitory potential')
    G = Parameter(10.0 * u.mV, 'amplitude of the fast inhibitory potential')
    a = Parameter(100.0 * u.Hz, 'rate of the excitatory synapses', positive=True)
    b = Parameter(50.0 * u.Hz, 'rate of the slow inhibitory synapses', positive=True)
    g = Parameter(500.0 * u.Hz, 'rate of the fast inhibitory synapses', positive=True)
    e0 = Parameter(2.5 * u.Hz, 'half the maximum firing rate')
    v0 = Parameter(6.0 * u.mV, 'potential at half the maximum firing rate')
    r = Parameter(0.56 / u.mV, 'steepness of the firing rate')
    C = Parameter(135.0, 'number of synapses')
    a_1 = Parameter(1.0, 'share of C, pyramidal to excitatory cells')
    a_2 = Parameter(0.8, 'share of C, excitatory to pyramidal cells')
    a_3 = Parameter(0.25, 'share of C, pyramidal to slow inhibitory cells')
    a_4 = Parameter(0.25, 'share of C, slow inhibitory to pyramidal cells')
    a_5 = Parameter(0.3, 'share of C, pyramidal to fast inhibitory cells')
    a_6 = Parameter(0.1, 'share of C, slow to fast inhibitory cells')
    a_7 = Parameter(0.8, 'share of C, fast inhibitory to pyramidal cells')

    y0 = Variable(0.0 * u.mV, 'potential that the pyramidal cells evoke')
    y1 = Variable(0.0 * u.mV, 'excitatory potential of the pyramidal cells')
    y2 = Variable(0.0 * u.mV, 'slow inhibitory potential of the pyramidal cells')
    y3 = Variable(0.0 * u.mV, 'fast inhibitory potential of the pyramidal cells')
    y4 = Variable(0.0 * u.mV, 'slow inhibitory potential of the fast inhibitory cells')
    y5 = Variable(0.0 * u.mV / u.second, 'rate of change of y0')
    y6 = Variable(0.0 * u.mV / u.second, 'rate of change of y1')
    y7 = Variable(0.0 * u.mV / u.second, 'rate of change of y2')
    y8 = Variable(0.0 * u.mV / u.second, 'rate of change of y3')
    y9 = Variable(0.0 * u.mV / u.second, 'rate of change of y4')

    p = Input(90.0 * u.Hz, 'mean input firing rate')

    def derivative(
        self, y0: Any, y1: Any, y2: Any, y3: Any, y4: Any, y5: Any, y6: Any, y7: Any, y8: Any, y9: Any, p: Any
    ) -> dict[str, Any]:
        """The equations above."""
        A, B, G, a, b, g, C, S = self.A, self.B, self.G, self.a, self.b, self.g, self.C, self.S
        slow = S(self.a_3 * C * y0)
        fast = S(C * (self.a_5 * y0 - self.a_6 * y4))
        return {
            'y0': y5,
            'y1': y6,
            'y2': y7,
            'y3': y8,
            'y4': y9,
            'y5': A * a * S(y1 - y2 - y3) - 2 * a * y5 - a**2 * y0,
            'y6': A * a * (p + self.a_2 * C * S(self.a_1 * C * y0)) - 2 * a * y6 - a**2 * y1,
            'y7': B * b * self.a_4 * C * slow - 2 * b * y7 - b**2 * y2,
            'y8': G * g * self.a_7 * C * fast - 2 * g * y8 - g**2 * y3,
            'y9': B * b * slow - 2 * b * y9 - b**2 * y4,
        }

    def S(self, v: Any) -> Any:
        """Firing rate at the mean potential ``v``."""
        # unlike 1 / (1 + exp), its gradient is finite for every potential
        return 2 * self.e0 * u.math.sigmoid(self.r * (v - self.v0))

    def output(self, y1: Any, y2: Any, y3: Any) -> Any:
        """Potential of the pyramidal cells, in mV."""
        return y1 - y2 - y3

    def firing_rate(self, y1: Any, y2: Any, y3: Any) -> Any:
        """Firing rate of the pyramidal cells, in Hz."""
        return self.S(y1 - y2 - y3)
