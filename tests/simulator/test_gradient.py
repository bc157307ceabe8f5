"""Gradients through a delayed, noisy, stable network, and what they cost."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import brainfwd as bf

DT = 0.5 * u.ms
SPEED = u.meter / u.second
KEY = 0


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


class Loss:
    """A sum of squares of what is recorded, and its gradient."""

    def __init__(self, simulate, at):
        def loss(parameters):
            return jnp.sum((simulate(parameters, KEY)['output'] - 0.3) ** 2)

        self.of = jax.jit(jax.value_and_grad(loss))
        self.value, self.gradient = self.of(at)

    def difference(self, at, direction, h=1e-6):
        moved = [self.of(jax.tree.map(lambda x, d, s=s: x + s * d, at, direction))[0] for s in (h, -h)]
        return float(moved[0] - moved[1]) / (2 * h)


def test_equals_finite_differences(far):
    """Of two couplings: a dense one with short delays that are interpolated, and a sparse one with long delays."""
    rng = np.random.default_rng(0)
    network = far(
        delays=None,
        tract_lengths=rng.uniform(1, 6, (4, 4)) * u.mm,
        conduction_speed=1.0 * SPEED,
        speed_bounds=(0.8 * SPEED, 1.25 * SPEED),
        interpolate=True,
    )
    weights = rng.uniform(0.2, 1, (4, 4)) * (rng.random((4, 4)) < 0.5)
    delays = rng.integers(65, 110, (weights != 0).sum()) * 0.5 * u.ms
    network.coupling.append(bf.AdditiveCoupling(BCOO.fromdense(jnp.asarray(weights)), k=0.1, delays=delays))
    pulse = bf.stimuli.Pulse(0.5, 5 * u.ms, 20 * u.ms, regions=[0, 2])
    simulate = bf.Simulator(network, DT).simulation(90 * u.ms, inputs={'x_inp': pulse}, sampling_period=3 * u.ms)
    at = {
        'node.a': np.array([-0.1, -0.2, -0.15, -0.3]),
        'node.tau': 5.0 * u.ms,
        'node.init_x': np.array([0.5, -0.3, 0.2, 0.8]),
        'coupling.0.k': 0.2,
        'coupling.0.conn': network.coupling[0].conn,
        'coupling.0.conduction_speed': 1.01 * SPEED,
        'coupling.1.conn': weights[weights != 0],
        'noise.x_inp.std': 0.05,
        'noise.y.noise_amplitude': 0.1 / u.second**0.5,
        'inputs.x_inp.amplitude': 0.5,
    }
    at = jax.tree.map(lambda x: jnp.asarray(x, float), at)
    loss = Loss(simulate, at)
    for name in at:
        direction = jax.tree.map(jnp.zeros_like, at)
        direction[name] = jax.tree.map(lambda x: jnp.asarray(rng.uniform(0.5, 1, np.shape(x))), at[name])
        numeric = loss.difference(at, direction)
        found = jax.tree.map(lambda g, d: (g * d).sum(), loss.gradient[name], direction[name])
        assert float(u.get_mantissa(found)) == pytest.approx(numeric, rel=1e-6, abs=1e-8), name
        assert abs(numeric) > 1e-4, f'{name} has no effect'


def test_computing_segments_again_changes_nothing(far):
    """Of which a prime number of blocks has a rest."""
    sim = bf.Simulator(far(), DT)
    for steps, segment in ((113, 10), (180, 12)):  # about the root; a divisor where there is one
        simulate = sim.simulation(steps * DT)
        assert (simulate._plan.blocks, simulate._plan.segment) == (steps, segment)
    simulate = sim.simulation(113 * DT)
    at = {'node.a': jnp.asarray(-0.1), 'coupling.0.k': jnp.asarray(0.2), 'node.init_x': jnp.full(4, 0.5)}
    again = Loss(simulate, at)
    simulate._plan = simulate._plan._replace(segment=0)
    kept = Loss(simulate, at)
    assert float(again.value) == pytest.approx(float(kept.value), rel=1e-12)
    for name in at:
        np.testing.assert_allclose(again.gradient[name], kept.gradient[name], rtol=1e-9)


def test_memory_grows_with_the_root_of_the_steps():
    sim = bf.Simulator(bf.HopfOscillator(50, a=-0.1), DT)

    def memory(steps, segment=None):
        simulate = sim.simulation(steps * DT, sampling_period=steps * DT)
        if segment is not None:
            simulate._plan = simulate._plan._replace(segment=segment)
        loss = lambda a: jnp.sum(simulate({'node.a': a})['output'])  # noqa: E731
        return jax.jit(jax.grad(loss)).lower(-0.1).compile().memory_analysis().temp_size_in_bytes

    few, many = memory(1009), memory(16001)  # both are prime
    assert many < 6 * few
    assert memory(16001, segment=0) > 15 * many


def test_a_batch_has_the_gradient_of_each(far):
    """One seed alone, or two in a batch, with parameters of their own."""
    sim = bf.Simulator(far(delays=5.0 * u.ms), DT)
    keys = jax.random.split(jax.random.key(1, impl='threefry2x32'), 2)
    a = jnp.asarray([[-0.1], [-0.3]])
    one, two = sim.simulation(20 * u.ms), sim.simulation(20 * u.ms, batch_size=2)

    def loss(a, key):
        return jnp.sum(one({'node.a': a}, key)['output'] ** 2)

    def both(a):
        return jnp.sum(two({'node.a': a}, keys)['output'] ** 2)

    together = jax.jit(jax.grad(both))(a)
    alone = jax.jit(jax.grad(loss))
    for member in range(2):
        np.testing.assert_allclose(together[member], alone(a[member], keys[member]), rtol=1e-9)
