"""What a run gives: times, samples, inputs, random numbers."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.simulator import simulator

UNIT = u.mV / u.second
DT = 0.5 * u.ms


@pytest.fixture(scope='module')
def full(network):
    """Every step of 60 ms."""
    return bf.Simulator(network(), dt=DT).run(60 * u.ms, monitors=['x', 'y'], seed=3)


# ---- the loop


def test_equals_a_loop_of_ones_own(network, full):
    own = network()
    with brainstate.environ.context(dt=DT):
        own.init_all_states()
        own.seed(jax.random.key(3, impl='threefry2x32'))

        def step(_):
            own.update()
            return own.read('x'), own.read('y')

        x, y = brainstate.transform.for_loop(step, np.arange(120))
    np.testing.assert_allclose(full['x'], x, atol=1e-6)
    np.testing.assert_allclose(full['y'], y, atol=1e-6)


def test_equals_a_loop_of_ones_own_with_delays_of_all_lengths_and_stimuli(far):
    def stimulus():
        pulse = bf.stimuli.Pulse(0.3, 10 * u.ms, 25 * u.ms, regions=[0, 2])
        return pulse + bf.stimuli.Sine(0.1, 40 * u.Hz, onset=20 * u.ms)

    run = bf.Simulator(far(), dt=DT).run(150 * u.ms, inputs={'x_inp': stimulus()}, monitors=['x', 'y'], seed=3)
    own, drive = far(), stimulus()
    drive.bind(own.in_size, own.node.inputs['x_inp'], 'drive')
    with brainstate.environ.context(dt=DT):
        own.init_all_states()
        own.seed(3)

        def step(i):
            own.update(x_inp=lambda fraction: drive.at(i, fraction, DT))
            return own.read('x'), own.read('y')

        x, y = brainstate.transform.for_loop(step, np.arange(300))
    np.testing.assert_allclose(run['x'], x, atol=1e-5)
    np.testing.assert_allclose(run['y'], y, atol=1e-5)


def test_a_single_node_runs_uncoupled():
    node = bf.HopfOscillator(2, a=0.3)
    alone = bf.Simulator(node, dt=DT).run(20 * u.ms)['output']
    with brainstate.environ.context(dt=DT):
        node.init_all_states()
        own = brainstate.transform.for_loop(lambda _: node.update(), np.arange(40))
    np.testing.assert_allclose(alone, own, atol=1e-6)


def test_the_network_is_left_where_the_run_stopped(network):
    net = network()
    result = bf.Simulator(net, dt=DT).run(10 * u.ms, seed=3)
    np.testing.assert_array_equal(net.output(), result['output'][-1])
    assert int(net.step.value) == 20


def test_units_and_precision():
    result = bf.Simulator(bf.JansenRitModel(2), dt=DT).run(5 * u.ms, monitors=['y3', 'output', 'firing_rate'])
    assert [result[name].unit for name in result] == [UNIT, u.mV, u.Hz]
    assert result['output'].mantissa.dtype == np.float32
    brainstate.environ.set(precision=64)
    result = bf.Simulator(bf.JansenRitModel(2), dt=DT).run(5 * u.ms)
    assert result['output'].mantissa.dtype == np.float64


# ---- time


def test_a_sample_stands_at_the_end_of_its_period(full):
    assert full.times.unit == u.second
    np.testing.assert_allclose(full.times.mantissa, np.arange(1, 121) * 5e-4, rtol=1e-12)
    assert float(full.stop.mantissa) == pytest.approx(0.06)


def test_monitors_at_periods_that_do_not_divide_each_other(network, full):
    duration = 59.5  # nor do they divide this
    monitors = {f'{p} ms': bf.Monitor('x', sampling_period=p * u.ms) for p in (2, 3, 7)}
    result = bf.Simulator(network(), dt=DT).run(duration * u.ms, monitors=monitors, seed=3)
    for period in (2, 3, 7):
        name, every = f'{period} ms', 2 * period
        np.testing.assert_allclose(result[name], full['x'][every - 1 : round(2 * duration) : every], atol=1e-6)
        np.testing.assert_allclose(
            result.times_of(name).mantissa, full.times.mantissa[every - 1 : round(2 * duration) : every], rtol=1e-12
        )
    with pytest.raises(ValueError, match=r"'2 ms', .*were sampled at different times|2 ms, .*times_of"):
        result.times  # noqa: B018


def test_the_transient_is_left_out(network, full):
    result = bf.Simulator(network(), dt=DT).run(
        29 * u.ms, monitors=['x', 'y'], transient=31 * u.ms, sampling_period=2 * u.ms, seed=3
    )
    np.testing.assert_allclose(result.times.mantissa, np.arange(16, 31) * 2e-3, rtol=1e-12)
    np.testing.assert_allclose(result['x'], full['x'][63::4], atol=1e-6)


def test_functions_of_the_network_are_monitors(network, full):
    monitors = {
        'mean': lambda network: network.read('x').mean(),
        'radius': lambda network: network.read('power') ** 0.5,
    }
    result = bf.Simulator(network(), dt=DT).run(60 * u.ms, monitors=monitors, seed=3)
    np.testing.assert_allclose(result['mean'], full['x'].mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(result['radius'], np.hypot(full['x'], full['y']), atol=1e-6)


def test_result_is_a_mapping(full):
    assert list(full) == ['x', 'y']
    assert len(full) == 2
    assert repr(full) == 'Result(x: 120 samples, y: 120 samples; dt=0.5 ms, seed=3)'


# ---- inputs


def test_inputs_that_stay(linear):
    sim = bf.Simulator(linear(3), dt=DT)
    for given, expected in ((2.0, [2, 2, 2]), ([1.0, 2.0, 3.0], [1, 2, 3]), ([4.0], [4, 4, 4])):
        x = sim.run(100 * u.ms, inputs={'inp': np.asarray(given) * UNIT})['output'].in_unit(u.mV).mantissa
        np.testing.assert_allclose(x[-1], 0.1 * np.array(expected), rtol=1e-5)


def test_inputs_for_every_step(linear):
    rng = np.random.default_rng(0)
    sim = bf.Simulator(linear(3), dt=DT)
    for shape in ((200, 3), (200, 1)):
        series = rng.normal(size=shape)
        result = sim.run(60 * u.ms, inputs={'inp': series * UNIT}, transient=40 * u.ms, sampling_period=5 * u.ms)
        expected = np.broadcast_to(np.cumsum(series, axis=0) * 5e-4, (200, 3))[89::10]
        np.testing.assert_allclose(result['output'].mantissa, expected, atol=1e-6)


def test_functions_of_time_are_read_at_every_stage(linear):
    # x' = 2 t gives t^2: exact by the trapezoidal rule only if the end of the step is read at its end
    sim = bf.Simulator(linear(2), dt=10 * u.ms)
    result = sim.run(1 * u.second, inputs={'inp': lambda t: 2 * t / u.second * UNIT})
    np.testing.assert_allclose(result['output'].mantissa[:, 0], result.times.mantissa**2, rtol=1e-5)


def test_functions_of_time_per_region(linear):
    onset = np.array([0.0, 0.05])
    result = bf.Simulator(linear(2), dt=DT).run(
        0.1 * u.second, inputs={'inp': lambda t: (t.to_decimal(u.second) >= onset) * 3.0 * UNIT}
    )
    np.testing.assert_allclose(result['output'].mantissa[-1], [0.3, 0.15], atol=1.1 * 3 * 2.5e-4)


# ---- random numbers


def test_the_same_seed_gives_the_same_numbers(network, full):
    again = bf.Simulator(network(), dt=DT).run(60 * u.ms, monitors=['x', 'y'], seed=3)
    np.testing.assert_array_equal(again['x'], full['x'])
    other = bf.Simulator(network(), dt=DT).run(60 * u.ms, monitors=['x', 'y'], seed=4)
    assert abs(other['x'] - full['x']).max() > 0.01


def test_a_fresh_seed_is_noted(network):
    sim = bf.Simulator(network(), dt=DT)
    first, second = (sim.run(10 * u.ms) for _ in range(2))
    assert first.seed != second.seed
    np.testing.assert_array_equal(sim.run(10 * u.ms, seed=first.seed)['output'], first['output'])


def test_draws_depend_neither_on_chunks_nor_on_sampling(linear, monkeypatch):
    network = bf.Network(linear(5), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
    sim = bf.Simulator(network, dt=DT)
    whole = sim.run(30 * u.ms, seed=1)['output'].mantissa
    np.testing.assert_array_equal(sim.run(30 * u.ms, seed=1, sampling_period=3 * u.ms)['output'].mantissa, whole[5::6])
    monkeypatch.setattr(simulator, '_CHUNK', 7)
    np.testing.assert_array_equal(sim.run(30 * u.ms, seed=1)['output'].mantissa, whole)
    np.testing.assert_array_equal(
        sim.run(30 * u.ms, seed=1, monitors=['output', 'x'], sampling_period=2 * u.ms)['x'].mantissa, whole[3::4]
    )


def test_progress(network, capfd):
    bf.Simulator(network(), dt=DT).run(10 * u.ms, progress=True, seed=0)
    assert '0.0/0.0 s simulated' in capfd.readouterr().err
