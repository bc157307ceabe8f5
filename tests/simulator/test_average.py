"""Means over sampling periods are means of all steps."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

DT = 0.5 * u.ms


def positive(network):
    return network.read('x') > 0


def mean_of(steps, period):
    """Over each period, time first."""
    steps = np.asarray(steps, float)[: len(steps) // period * period]
    return steps.reshape(-1, period, *steps.shape[1:]).mean(axis=1)


PERIODS = {'one step': 1, 'seven steps': 7, 'twelve steps': 12, 'fifty ms': 100}


@pytest.fixture(scope='module')
def monitors():
    return {
        'x': 'x',
        'power': bf.Monitor('power'),
        'positive': positive,
        **{
            name: bf.Monitor('power', sampling_period=steps * DT, average=True)
            for name, steps in PERIODS.items()
        },
        'up': bf.Monitor(positive, sampling_period=10 * u.ms, average=True),
    }  # fmt: skip


@pytest.fixture(scope='module')
def whole(far, monitors):
    return bf.Simulator(far(), DT).run(120 * u.ms, monitors=monitors, seed=1)


def test_is_the_mean_of_all_steps(whole):
    for name, period in PERIODS.items():
        np.testing.assert_allclose(whole[name], mean_of(whole['power'], period), rtol=1e-5)
        np.testing.assert_allclose(whole.times_of(name).mantissa, 5e-4 * period * np.arange(1, 240 // period + 1))
    np.testing.assert_array_equal(whole['one step'], whole['power'])


def test_of_what_is_true_or_false_it_is_how_often(whole):
    assert 0 < whole['positive'].mean() < 1
    np.testing.assert_allclose(whole['up'], mean_of(whole['positive'], 20), rtol=1e-6)


def test_in_pieces(far, monitors, whole):
    """113 steps, and the rest: in the middle of every period."""
    sim = bf.Simulator(far(), DT)
    first = sim.run(56.5 * u.ms, monitors=monitors, seed=1)
    second = sim.run(63.5 * u.ms, monitors=monitors, resume=first)
    for name in (*PERIODS, 'up'):
        parts = [part[name] for part in (first, second) if name in part]
        np.testing.assert_array_equal(np.concatenate(parts), whole[name])


def test_the_transient_is_left_out(linear):
    sim = bf.Simulator(linear(1), DT)
    inputs = {'inp': np.arange(24.0)[:, None] * u.mV / u.second}
    options = dict(inputs=inputs, transient=5 * u.ms)
    every = sim.run(7 * u.ms, **options)['output']
    mean = bf.Monitor('x', sampling_period=1 * u.ms, average=True)
    mean = sim.run(7 * u.ms, monitors={'mean': mean}, **options)['mean']
    assert mean.unit == u.mV
    np.testing.assert_allclose(mean.mantissa, mean_of(every.mantissa, 2), rtol=1e-5)


def test_of_each_member(linear):
    start = np.array([[1.0], [5.0]]) * u.mV
    sim = bf.Simulator(linear(3, rate=50.0 * u.Hz), DT)
    sim.network.node.init_x = start
    monitors = {'x': 'x', 'mean': bf.Monitor('x', sampling_period=2 * u.ms, average=True)}
    result = sim.run(10 * u.ms, monitors=monitors, batch_size=2)
    for member in range(2):
        np.testing.assert_allclose(result['mean'][member].mantissa, mean_of(result['x'][member].mantissa, 4), rtol=1e-5)
    np.testing.assert_allclose(result['mean'].mantissa[1], 5 * result['mean'].mantissa[0], rtol=1e-5)


def test_over_many_steps_it_keeps_its_digits(linear):
    sim = bf.Simulator(linear(1, rate=0.0 * u.Hz, init_x=0.1 * u.mV), DT)
    mean = bf.Monitor('x', sampling_period=50 * u.second, average=True)
    result = sim.run(50 * u.second, monitors={'mean': mean})
    np.testing.assert_allclose(result['mean'].mantissa, 0.1, rtol=1e-6)


def test_one_monitor_has_one_name(linear):
    mean = bf.Monitor('x', average=True)
    with pytest.raises(ValueError, match=r'names one monitor or forward model twice'):
        bf.Simulator(linear(1), DT).run(1 * u.ms, monitors={'first': mean, 'second': mean})


def test_a_forward_model_has_filters():
    with pytest.raises(ValueError, match=r'Monitor\(average=True\) is of a name or a function; BOLDSignal has filters'):
        bf.Monitor(bf.BOLDSignal(4), average=True)
