"""A chaotic system through the schemes: the Lyapunov exponents of Lorenz (1963)."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.integrate import SCHEMES


class Lorenz(bf.NeuralMass):
    r"""Convection in three modes (Lorenz, 1963).

    .. math:: \dot x = \sigma (y - x), \quad \dot y = x (\rho - z) - y, \quad \dot z = x y - \beta z
    """

    sigma = bf.Parameter(10.0 / u.second, 'Prandtl number')
    rho = bf.Parameter(28.0, 'Rayleigh number')
    beta = bf.Parameter(8 / 3, 'aspect ratio')

    x = bf.Variable(1.0, 'convection')
    y = bf.Variable(1.0, 'difference of temperature')
    z = bf.Variable(25.0, 'distortion of the profile')

    x_inp = bf.Input(0.0, 'input to the convection')

    def derivative(self, x, y, z, x_inp):
        return {
            'x': self.sigma * (y - x + x_inp),
            'y': (x * (self.rho - z) - y) * u.Hz,
            'z': (x * y - self.beta * z) * u.Hz,
        }

    def output(self, x):
        return x


DT = 0.005 * u.second
N = 16


def exponents(method):
    """All three exponents per second, over 200 s from 16 starts, by reorthonormalised tangents."""
    node = Lorenz(N, init_x=np.linspace(-10, 10, N) + 0.1)

    def step(state):
        return SCHEMES[method](lambda stage, _: node.derivative(**stage, x_inp=0.0), state, DT)

    def advance(carry, _):
        state, frame = carry
        moved, push = jax.linearize(step, state)
        pushed = jax.vmap(push, in_axes=-1, out_axes=-1)(dict(zip('xyz', jnp.moveaxis(frame, -2, 0), strict=True)))
        frame, triangle = jnp.linalg.qr(jnp.stack([pushed[name] for name in 'xyz'], axis=-2))
        return (moved, frame), jnp.log(jnp.abs(jnp.diagonal(triangle, axis1=-2, axis2=-1)))

    start = {name: jnp.broadcast_to(jnp.asarray(getattr(node, f'init_{name}')), N) for name in 'xyz'}
    frame = jnp.broadcast_to(jnp.eye(3), (N, 3, 3))
    _, growth = jax.jit(lambda *carry: jax.lax.scan(advance, carry, length=40_000))(start, frame)
    return np.asarray(growth[2000:]).mean(axis=(0, 1)) / float(DT.mantissa)


@pytest.mark.parametrize('method', ['heun', 'rk4'])
def test_lyapunov_exponents(method):
    # published: 0.906, 0, -14.572 (Sprott, 2003); their sum is the divergence -(sigma + 1 + beta)
    brainstate.environ.set(precision=64)
    found = exponents(method)
    assert found[0] == pytest.approx(0.906, rel=0.02)
    assert found[1] == pytest.approx(0.0, abs=0.01)
    assert found.sum() == pytest.approx(-(10 + 1 + 8 / 3), rel=2e-3)


def test_a_run_stays_on_the_attractor():
    # the loop of the Simulator: two starts 1e-4 apart are soon as far apart as any two, and neither leaves
    starts = np.array([5.0, 5.0 + 1e-4])
    result = bf.Simulator(Lorenz(2, init_x=starts, method='rk4'), dt=DT).run(60 * u.second, monitors=['x', 'z'])
    x, z = np.asarray(result['x']), np.asarray(result['z'])
    assert abs(x[:100, 0] - x[:100, 1]).max() < 1e-2
    assert abs(x[-4000:, 0] - x[-4000:, 1]).max() > 10
    assert abs(x).max() < 22
    assert (z.min() > 0) & (z.max() < 50)
    # the mean of z on the attractor
    np.testing.assert_allclose(z[2000:].mean(axis=0), 23.55, atol=0.5)
