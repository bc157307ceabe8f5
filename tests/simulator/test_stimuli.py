"""Stimuli in a network that is coupled and noisy; see also the tests of stimuli."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

DT = 0.5 * u.ms


def make(amplitude=0.4):
    """Edges lie on steps, so that it is constant over each."""
    return bf.stimuli.Pulse(amplitude, 10 * u.ms, 25 * u.ms, regions=[0, 2]) + bf.stimuli.Step(
        -0.2, 30 * u.ms, regions=np.array([0.0, 1.0, 0.5, 0.0])
    )


def by_step(amplitude=0.4):
    series = np.zeros((160, 4))
    series[20:70, [0, 2]] = amplitude
    series[60:] -= 0.2 * np.array([0.0, 1.0, 0.5, 0.0])
    return series


def run(sim, drive, duration=80 * u.ms, **options):
    result = sim.run(duration, inputs={'x_inp': drive}, **{'seed': 0, **options})
    return np.asarray(result['output']), result


@pytest.fixture(scope='module')
def sim(far):
    return bf.Simulator(far(), DT)


def test_is_the_drive_given_for_every_step(sim):
    x, _ = run(sim, make())
    np.testing.assert_allclose(x, run(sim, by_step())[0], atol=1e-6)
    assert abs(x - run(sim, 0.0)[0]).max() > 0.05


def test_a_new_amplitude_does_not_compile_again(sim, compilations):
    stimulus = make()
    run(sim, stimulus)
    stimulus.terms[0].amplitude = 0.9
    with compilations as again:
        x, _ = run(sim, stimulus)
    assert again.count == 0
    np.testing.assert_allclose(x, run(sim, by_step(0.9))[0], atol=1e-6)


def test_goes_on_in_time(sim):
    whole, _ = run(sim, make())
    first, result = run(sim, make(), 65.5 * u.ms)
    rest, _ = run(sim, make(), 14.5 * u.ms, resume=result, seed=None)
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    # one that begins after the first part
    late = bf.stimuli.Pulse(1.0, 70 * u.ms, 5 * u.ms)
    series = np.zeros((29, 4))
    series[9:19] = 1.0
    np.testing.assert_allclose(
        run(sim, late, 14.5 * u.ms, resume=result, seed=None)[0],
        run(sim, series, 14.5 * u.ms, resume=result, seed=None)[0],
        atol=1e-6,
    )


def test_longer_than_the_run(sim):
    long = bf.stimuli.Pulse(1.0, 10 * u.ms, 80 * u.ms)
    said = r"run\(inputs={'x_inp': \.\.\.}\): this Pulse goes on until 0\.09 s, and the run ends at 0\.08 s"
    with pytest.raises(ValueError, match=said):
        run(sim, long)
    _, result = run(sim, 0.0, 65.5 * u.ms)
    with pytest.raises(ValueError, match=said):
        run(sim, long, 14.5 * u.ms, resume=result)


def test_an_amplitude_for_each_member(sim):
    amplitudes = np.array([[0.1], [0.5]])
    together, _ = run(sim, make(amplitudes), seed=[1, 2])
    for member in range(2):
        alone, _ = run(sim, make(amplitudes[member, 0]), seed=[1, 2][member])
        np.testing.assert_allclose(together[member], alone, atol=1e-5)


def test_parameters_of_a_pure_simulation(sim):
    simulate = sim.simulation(80 * u.ms, inputs={'x_inp': bf.stimuli.Pulse(0.0, 10 * u.ms, 25 * u.ms)})
    assert {'inputs.x_inp.amplitude', 'inputs.x_inp.onset', 'inputs.x_inp.weights'} <= set(simulate.parameters)
    key = jax.random.key(0, impl='threefry2x32')
    x = simulate({'inputs.x_inp.amplitude': jnp.asarray(0.4), 'inputs.x_inp.onset': 20.0 * u.ms}, key)['output']
    series = np.zeros((160, 4))
    series[40:90] = 0.4
    np.testing.assert_allclose(x, run(sim, series)[0], atol=1e-5)
    with pytest.raises(bf.UnitError, match=r'Pulse\.onset is the onset, in ms; got a bare number'):
        simulate({'inputs.x_inp.onset': 20.0})
