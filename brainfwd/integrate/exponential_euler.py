r"""Exponential Euler, each variable linearised in itself.

.. math:: x' = x + dt\,\varphi(dt\,J)\,f(x), \qquad \varphi(z) = (e^z - 1)/z, \qquad J_i = \partial f_i/\partial x_i

First order; second for a variable on its own. Stable for stiff decay, and exact where a variable relaxes linearly to a
constant.
"""

import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd.integrate.base import Derivative, State, increment


class _ExponentialEuler:
    name = 'exponential_euler'
    stochastic = False

    def __call__(self, f: Derivative, state: State, dt: u.Quantity, noise: State | None = None) -> State:
        moved = {}
        for name, value in state.items():
            unit = u.get_unit(value)

            def change(x, name=name, unit=unit, value=value):
                x = x if unit.is_unitless else u.Quantity(x, unit=unit)
                return u.get_mantissa(increment(dt, f({**state, name: x}, 0.0)[name], value, name))

            x = u.get_mantissa(value)
            # a node acts region by region, so that one tangent of ones reads the whole diagonal; coupling without delay
            # adds the rest of its row, which changes the error and not the order
            step, z = jax.jvp(change, (x,), (jnp.ones_like(x),))
            step = step * _phi(z)
            moved[name] = value + (step if unit.is_unitless else u.Quantity(step, unit=unit))
        return moved


def _phi(z: jax.Array) -> jax.Array:
    small = jnp.abs(z) < 1e-4
    safe = jnp.where(small, 1.0, z)
    return jnp.where(small, 1.0 + z / 2, jnp.expm1(safe) / safe)


exponential_euler = _ExponentialEuler()
