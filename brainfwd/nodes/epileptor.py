"""Seizures that begin and end by themselves."""

from typing import Any

import brainunit as u
import jax.numpy as jnp

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.nodes.base import NeuralMass

__all__ = ['EpileptorModel']


class EpileptorModel(NeuralMass):
    r"""Seizures that begin and end by themselves (Jirsa et al., 2014).

    .. math::
        \dot x_1 &= t_t\,(y_1 - z + I_1 + f_1 x_1 + I_{x_1}) \\
        \dot y_1 &= t_t\,(c - d x_1^2 - y_1) \\
        \dot z &= t_t\,r\,(h - z + I_z) \\
        \dot x_2 &= t_t\,(x_2 - x_2^3 - y_2 + I_2 + b_b\,g - 0.3\,(z - 3.5) + I_{x_2}) \\
        \dot y_2 &= t_t\,(f_2 - y_2)/\tau \\
        \dot g &= -0.01\,t_t\,(g - 0.1\,x_1)

    with

    .. math::
        f_1 &= b x_1 - a x_1^2 \text{ for } x_1 < 0, \quad m - x_2 + 0.6\,(z - 4)^2 \text{ otherwise} \\
        f_2 &= a_a\,\max(x_2 + 0.25, 0) \\
        h &= 4\,(x_1 - x_0) - 0.1\,\min(z, 0)^7 \quad \text{(linear)}, \qquad
        x_0 + \frac{3}{1 + e^{-10\,(x_1 + 0.5)}} \quad \text{(sigmoidal)}

    As in The Virtual Brain, with its names and values: fast discharges (:math:`x_1, y_1`), slow permittivity z,
    spike-and-wave events (:math:`x_2, y_2`), and a filter g. Nothing but :math:`t_t` has a unit. Seizures come and go
    for an epileptogenicity :math:`x_0` above -2.06, where the fixed point reaches :math:`x_1 = -4/3`; below, the region
    rests until others recruit it.

    Coupling reads :math:`x_1` and feeds :math:`I_z`: differences of :math:`x_1`, with a negative strength, recruit
    (permittivity coupling; Proix et al., 2014). ``target='x1_inp'`` and ``'x2_inp'`` are its faster ways.
    """

    observables = ('output',)
    coupling_source = 'x1'
    coupling_target = 'z_inp'

    x0 = Parameter(-1.6, 'epileptogenicity')
    Iext = Parameter(3.1, 'current into the fast discharges (I_1)')
    Iext2 = Parameter(0.45, 'current into the spike-and-wave events (I_2)')
    a = Parameter(1.0, 'cubic coefficient of x1')
    b = Parameter(3.0, 'quadratic coefficient of x1')
    c = Parameter(1.0, 'constant coefficient of y1')
    d = Parameter(5.0, 'quadratic coefficient of y1')
    slope = Parameter(0.0, 'linear coefficient of x1 above zero (m)')
    r = Parameter(0.00035, 'rate of the permittivity relative to that of x1')
    tau = Parameter(10.0, 'time constant of y2 relative to that of x2', positive=True)
    aa = Parameter(6.0, 'linear coefficient of y2')
    bb = Parameter(2.0, 'weight of the filter in x2')
    tt = Parameter(1.0 / u.ms, 'rate of the whole system')
    modification = Parameter(0.0, 'influence of x1 on z: 0 linear, 1 sigmoidal, a blend between')

    x1 = Variable(-1.5, 'potential of the fast discharges')
    y1 = Variable(-10.0, 'recovery of the fast discharges')
    z = Variable(3.5, 'permittivity')
    x2 = Variable(-1.0, 'potential of the spike-and-wave events')
    y2 = Variable(0.0, 'recovery of the spike-and-wave events')
    g = Variable(0.0, 'filter of x1')

    x1_inp = Input(0.0, 'input to the fast discharges')
    x2_inp = Input(0.0, 'input to the spike-and-wave events')
    z_inp = Input(0.0, 'input to the permittivity')

    def derivative(
        self, x1: Any, y1: Any, z: Any, x2: Any, y2: Any, g: Any, x1_inp: Any, x2_inp: Any, z_inp: Any
    ) -> dict[str, Any]:
        """The equations above."""
        f1 = jnp.where(x1 < 0, (self.b - self.a * x1) * x1, self.slope - x2 + 0.6 * (z - 4) ** 2)
        f2 = self.aa * jnp.maximum(x2 + 0.25, 0)
        linear = 4 * (x1 - self.x0) - 0.1 * jnp.minimum(z, 0) ** 7
        sigmoidal = self.x0 + 3 * u.math.sigmoid(10 * (x1 + 0.5))
        h = linear + self.modification * (sigmoidal - linear)
        return {
            'x1': self.tt * (y1 - z + self.Iext + f1 * x1 + x1_inp),
            'y1': self.tt * (self.c - self.d * x1 * x1 - y1),
            'z': self.tt * self.r * (h - z + z_inp),
            'x2': self.tt * (x2 - x2**3 - y2 + self.Iext2 + self.bb * g - 0.3 * (z - 3.5) + x2_inp),
            'y2': self.tt * (f2 - y2) / self.tau,
            'g': -0.01 * self.tt * (g - 0.1 * x1),
        }

    def output(self, x1: Any, x2: Any) -> Any:
        """The local field potential, x2 - x1."""
        return x2 - x1
