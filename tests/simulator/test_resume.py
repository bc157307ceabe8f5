"""A run continued from where it stopped."""

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf


def numbers(record):
    return record.data_si if isinstance(record, bf.records.Recording) else np.asarray(u.get_mantissa(record))


@pytest.fixture(scope='module')
def whole(everything):
    sim, monitors = everything()
    return sim.run(120 * u.ms, monitors=monitors, seed=8)


def test_is_one_long_run_bit_for_bit(everything, whole):
    result, found = None, {name: [] for name in whole}
    # 47.5 ms are 95 steps: in the middle of a period of every monitor
    for part in (47.5, 72.5):
        sim, monitors = everything()  # the result holds the place, not the simulator
        result = sim.run(part * u.ms, monitors=monitors, seed=8 if result is None else None, resume=result)
        for name in result:
            found[name].append((numbers(result[name]), result.times_of(name).mantissa))
    for name, pieces in found.items():
        samples, times = (np.concatenate(each) for each in zip(*pieces, strict=True))
        np.testing.assert_array_equal(samples, numbers(whole[name]))
        np.testing.assert_array_equal(times, whole.times_of(name).mantissa)
    assert result.seed == 8
    assert result.stop == whole.stop


def test_with_new_parameters_and_noise(linear):
    node = linear(2)
    sim = bf.Simulator(bf.Network(node, noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)}), dt=1 * u.ms)
    first = sim.run(10 * u.ms, seed=1)
    end = first['output'].mantissa[-1]
    node.rate = 1e3 * u.Hz
    sim.network.noise['x'].noise_amplitude = 0.0 * u.mV / u.second**0.5
    np.testing.assert_allclose(sim.run(1 * u.ms, resume=first)['output'].mantissa[0], end / 2, rtol=1e-5)
    node.rate = 0.0 * u.Hz
    sim.network.noise['x'].noise_amplitude = 1.0 * u.mV / u.second**0.5
    going_on, fresh = (sim.run(10 * u.ms, resume=first, seed=seed)['output'].mantissa for seed in (None, 2))
    assert abs(going_on - fresh).max() > 0.01


def test_new_noise_goes_on_from_the_value_that_it_has(linear):
    noise = {'inp': bf.noise.OrnsteinUhlenbeck(0.0 * u.mV / u.second, 1.0 * u.mV / u.second, 1.0 * u.second)}
    sim = bf.Simulator(bf.Network(linear(50), noise=noise), dt=1 * u.ms)
    monitors = {'noise': lambda network: network.noise['inp'].value}
    first = sim.run(4 * u.ms, monitors=monitors, seed=0)
    second = sim.run(4 * u.ms, monitors=monitors, seed=1, resume=first)
    steps = u.math.concatenate([first['noise'][-1:], second['noise']]).mantissa
    # each step has a spread of sqrt(2 dt / tau) = 0.045; drawn anew it would be 1
    assert np.abs(np.diff(steps, axis=0)).max() < 0.25
    again = sim.run(4 * u.ms, monitors=monitors, resume=first)
    assert (again['noise'] != second['noise']).all()


def test_a_transient_counts_from_where_it_goes_on(linear):
    sim = bf.Simulator(linear(1), dt=1 * u.ms)
    first = sim.run(10 * u.ms)
    rest = sim.run(10 * u.ms, transient=5 * u.ms, resume=first)
    np.testing.assert_allclose(rest.times.mantissa, np.arange(16, 26) / 1000, rtol=1e-12)


def test_what_cannot_be_continued(linear):
    first = bf.Simulator(linear(2), dt=1 * u.ms).run(4 * u.ms)
    with pytest.raises(ValueError, match=r'resume=\.\.\.\) was simulated with dt=1 ms; this Simulator has dt=0\.5 ms'):
        bf.Simulator(linear(2), dt=0.5 * u.ms).run(4 * u.ms, resume=first)
    with pytest.raises(ValueError, match=r'a state of\n  Linear; 2 regions.*\nand this is\n  Linear; 3 regions'):
        bf.Simulator(linear(3), dt=1 * u.ms).run(4 * u.ms, resume=first)
    with pytest.raises(ValueError, match=r'a state of\n  Linear; .*\nand this is\n  WilsonCowanModel;'):
        bf.Simulator(bf.WilsonCowanModel(2), dt=1 * u.ms).run(4 * u.ms, resume=first)
    with pytest.raises(TypeError, match=r'resume=\.\.\.\) is the result of another run.*; got Quantity'):
        bf.Simulator(linear(2), dt=1 * u.ms).run(4 * u.ms, resume=first['output'])


def test_a_piece_shorter_than_a_period_has_no_sample(linear):
    sim = bf.Simulator(linear(1), dt=1 * u.ms)
    monitors = {'slow': bf.Monitor('x', sampling_period=8 * u.ms), 'x': 'x'}
    first = sim.run(10 * u.ms, monitors=monitors)
    second = sim.run(4 * u.ms, monitors=monitors, resume=first)
    assert list(second) == ['x']
    with pytest.raises(KeyError, match="'slow' has no sample in this run, which is shorter than its sampling period"):
        second['slow']
    third = sim.run(4 * u.ms, monitors=monitors, resume=second)
    assert third.times_of('slow').mantissa.tolist() == [0.016]


@pytest.mark.parametrize('then', [3, 17, 20, 30, 49])
def test_other_delays_reach_back_into_the_same_past(then):
    """A ramp, read a delay ago: from the first step on the delay is the new one."""
    brainstate.environ.set(precision=64)
    ramp = {'x_inp': np.array([1.0, 0.0]) * u.Hz}
    coupling = bf.AdditiveCoupling(np.array([[0.0, 0.0], [1.0, 0.0]]), k=1 * u.Hz, delays=5 * u.ms)
    node = bf.LinearModel(2, gamma=0 * u.Hz, init_x=1.0)
    sim = bf.Simulator(bf.Network(node, coupling), dt=1 * u.ms)
    first = sim.run(100 * u.ms, inputs=ramp)
    coupling.delays = then * u.ms
    second = sim.run(60 * u.ms, inputs=ramp, resume=first)['output']
    slope = np.diff(np.concatenate([first['output'][-1:], second])[:, 1]) / 1e-3
    middle = 1 + (100.5 + np.arange(60)) / 1e3  # of each step
    np.testing.assert_allclose(slope, middle - then / 1e3, rtol=0, atol=1e-9)
    coupling.delays = 80 * u.ms
    with pytest.raises(ValueError, match='A longer delay needs a longer history: make the coupling with speed_bounds'):
        sim.run(60 * u.ms, inputs=ramp, resume=first)
