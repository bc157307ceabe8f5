"""Stimuli bound to an input in mV/s of three regions, and a linear network that they drive."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

UNIT = u.mV / u.second
WHERE = "run(inputs={'inp': ...})"


@pytest.fixture(scope='session')
def bound():
    """Gives a stimulus its place, and returns it."""

    def bind(stimulus, n=3, unit=UNIT):
        field = bf.Input(1.0 if unit is None else 1.0 * unit, 'drive of the potential')
        field.__set_name__(bf.NeuralMass, 'inp')
        stimulus.bind((n,), field, WHERE)
        return stimulus

    return bind


@pytest.fixture(scope='session')
def read():
    """The values of a stimulus at these steps, time first, as NumPy."""

    def values(stimulus, steps, fraction=0.0, dt=0.1 * u.ms):
        @brainstate.transform.jit
        def at(steps):
            return jax.vmap(lambda step: stimulus.at(step, fraction, dt))(steps)

        return np.asarray(u.get_mantissa(at(jnp.asarray(steps, jnp.int32))))

    return values


@pytest.fixture(scope='session')
def drive(linear):
    """The linear node x' = stimulus - rate x of three regions after every step, in mV, time first."""

    def run(stimulus, n_steps, dt, method='heun', rate=0.0):
        network = bf.Network(linear(3, method=method, rate=rate * u.Hz))
        stimulus.bind((3,), network.node.inputs['inp'], WHERE)
        with brainstate.environ.context(dt=dt):
            network.init_all_states()
            x = brainstate.transform.for_loop(
                lambda step: network.update(inp=lambda fraction: stimulus.at(step, fraction, dt)), jnp.arange(n_steps)
            )
        return np.asarray(x.in_unit(u.mV).mantissa, float)

    return run
