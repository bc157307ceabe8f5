"""Stimuli in a Simulator: as in a loop of one's own, in pieces, with new values, in a pure simulation."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf
from brainfwd import stimuli

UNIT = u.mV / u.second
DT = 0.5 * u.ms


def make():
    window = stimuli.Pulse(1.0, 10 * u.ms, 20 * u.ms, regions=[0, 2])
    noise = stimuli.Noise(3.0 * UNIT, 5 * u.Hz, 100 * u.Hz, n_frequencies=8)
    return window * (stimuli.Sine(20.0 * UNIT, 40 * u.Hz) + noise) + stimuli.Ramp(4.0 * UNIT, 5 * u.ms, 30 * u.ms)


@pytest.fixture(scope='module')
def simulator(linear):
    return bf.Simulator(linear(3, rate=40.0 * u.Hz), dt=DT)


def run(simulator, stimulus, duration=60 * u.ms, **options):
    result = simulator.run(duration, inputs={'inp': stimulus}, seed=0, **options)
    return np.asarray(result['output'].in_unit(u.mV).mantissa), result


def test_as_in_a_loop_of_ones_own(simulator, drive):
    x, _ = run(simulator, make())
    np.testing.assert_allclose(x, drive(make(), 120, DT, rate=40.0), rtol=1e-4, atol=1e-6)
    assert abs(x[40, 0]) > 0.05


def test_in_pieces_as_in_one(simulator):
    whole, _ = run(simulator, make())
    first, result = run(simulator, make(), 40 * u.ms)
    rest, _ = run(simulator, make(), 20 * u.ms, resume=result)
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


def test_new_values_do_not_compile_again(simulator, compilations):
    stimulus = make()
    before, _ = run(simulator, stimulus)
    stimulus.terms[1].amplitude = 8.0 * UNIT
    stimulus.terms[0].factors[0].onset = 15 * u.ms
    stimulus.terms[0].factors[1].terms[1].seed = 5
    with compilations:
        after, _ = run(simulator, stimulus)
    assert compilations.count == 0
    # region 1 sees the ramp alone
    np.testing.assert_allclose(after[:, 1], 2 * before[:, 1], rtol=1e-5)
    assert abs(after[30:, 0] - 2 * before[30:, 0]).max() > 0.01


def test_a_pure_simulation_and_its_gradient(linear):
    brainstate.environ.set(precision=64)
    simulator = bf.Simulator(linear(3, rate=40.0 * u.Hz), dt=DT)
    stimulus = stimuli.Pulse(1.0, 10 * u.ms, 20 * u.ms, regions=[0, 2]) * stimuli.Sine(20.0 * UNIT, 40 * u.Hz)
    simulation = simulator.simulation(40 * u.ms, inputs={'inp': stimulus})

    def power(frequency):
        x = simulation({'inputs.inp.factors.1.frequency': frequency * u.Hz})['output']
        return u.get_mantissa((x**2).sum())

    slope = float(jax.jit(jax.grad(power))(40.0))
    assert slope == pytest.approx(float(power(40.01) - power(39.99)) / 0.02, rel=1e-5)
    ends = jax.jit(jax.vmap(power))(jnp.array([30.0, 40.0, 50.0]))
    np.testing.assert_allclose(ends[1], power(40.0), rtol=1e-10)


def test_errors_come_before_the_run(simulator):
    with pytest.raises(ValueError, match=r"run\(inputs={'inp': \.\.\.}\): this Pulse goes on until 0\.1 s"):
        run(simulator, stimuli.Pulse(1.0 * UNIT, 0 * u.ms, 100 * u.ms))
    with pytest.raises(ValueError, match=r'Pulse has a time of 0\.2 ms, shorter than a step of 0\.5'):
        run(simulator, stimuli.Pulse(1.0 * UNIT, 0 * u.ms, 0.2 * u.ms))
    with pytest.raises(bf.UnitError, match=r"run\(inputs={'inp': \.\.\.}\) Pulse\.amplitude is the amplitude"):
        run(simulator, stimuli.Pulse(1.0, 0 * u.ms, 10 * u.ms))
