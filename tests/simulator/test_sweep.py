"""Runs over a grid of parameters: every point is the run alone."""

import itertools

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd._core.module import get_parameter, set_parameter

DT = 0.5 * u.ms
SPEED = u.meter / u.second
SEEDS = [3, 4]
RNG = np.random.default_rng(0)
OVER = {
    'coupling.0.conduction_speed': np.array([0.5, 1.0]) * SPEED,
    'node.a': [-0.1, -0.3],
    'node.frequency': RNG.uniform(8, 20, (2, 4)) * u.Hz,
}


@pytest.fixture(scope='module')
def sim(far):
    lengths = RNG.uniform(0, 50, (4, 4)) * u.mm
    bounds = (0.4 * SPEED, 2 * SPEED)
    return bf.Simulator(far(delays=None, tract_lengths=lengths, conduction_speed=2 * SPEED, speed_bounds=bounds), DT)


@pytest.fixture(scope='module')
def monitors():
    return {
        'x': bf.Monitor('x', sampling_period=1 * u.ms),
        'mean': bf.Monitor('y', sampling_period=10 * u.ms, average=True),
    }


@pytest.fixture
def held(sim):
    """What the network has, which a sweep leaves as it is."""
    names = [*OVER, 'coupling.0.conn', 'coupling.0.k']
    before = {name: get_parameter(sim.network, name) for name in names}
    yield
    for name, value in before.items():
        now = get_parameter(sim.network, name)
        np.testing.assert_array_equal(u.get_mantissa(now), u.get_mantissa(value))
        assert u.get_unit(now) == u.get_unit(value)


@pytest.fixture(scope='module')
def swept(sim, monitors, eeg):
    return bf.sweep(sim, 120 * u.ms, OVER, seed=SEEDS, batch_size=3, monitors={**monitors, 'eeg': eeg()})


@pytest.mark.usefixtures('held')
def test_every_point_is_the_run_alone(far, sim, monitors, eeg, swept):
    assert swept.shape == (2, 2, 2, 2)
    assert list(swept.axes) == [*OVER, 'seed']
    assert swept['x'].shape == (2, 2, 2, 2, 120, 4)
    assert swept['mean'].shape == (2, 2, 2, 2, 12, 4)
    network = far(
        delays=None,
        tract_lengths=sim.network.coupling[0].tract_lengths,
        conduction_speed=1 * SPEED,
        speed_bounds=sim.network.coupling[0].speed_bounds,
    )
    single = bf.Simulator(network, DT)
    kept = {**monitors, 'eeg': eeg()}
    for point in itertools.product(range(2), repeat=4):
        for (name, values), i in zip(OVER.items(), point, strict=False):
            set_parameter(network, name, values[i])
        alone = single.run(120 * u.ms, seed=SEEDS[point[-1]], monitors=kept)
        for name in monitors:
            np.testing.assert_allclose(swept[name][point], alone[name], atol=1e-5)
            np.testing.assert_array_equal(swept.times_of(name).mantissa, alone.times_of(name).mantissa)
        expected = alone['eeg'].data_si
        np.testing.assert_allclose(swept['eeg'][point].data_si, expected, atol=1e-5 * abs(expected).max())
    for axis in range(4):
        assert abs(np.diff(swept['x'], axis=axis)).max() > 0.01


@pytest.mark.usefixtures('held')
def test_new_values_do_not_compile_again(sim, monitors, eeg, swept, compilations):
    kept = {**monitors, 'eeg': eeg()}
    bf.sweep(sim, 120 * u.ms, OVER, seed=SEEDS, batch_size=3, monitors=kept)
    other = {name: 1.1 * np.asarray(u.get_mantissa(values)) for name, values in OVER.items()}
    other = {name: values if name == 'node.a' else values * u.get_unit(OVER[name]) for name, values in other.items()}
    with compilations as again:
        after = bf.sweep(sim, 120 * u.ms, other, seed=[8, 9], batch_size=3, monitors=kept)
    assert again.count == 0
    assert abs(after['x'] - swept['x']).max() > 0.01


@pytest.mark.usefixtures('held')
def test_connections_are_a_batch_of_their_own(sim):
    """Values that differ between members, with values that do not."""
    conn = RNG.uniform(size=(2, 4, 4))
    k = np.array([0.1, 0.2, 0.3])
    swept = bf.sweep(sim, 130 * u.ms, {'coupling.0.k': k, 'coupling.0.conn': conn}, seed=1)
    assert swept.shape == (3, 2)
    assert swept['output'].shape == (3, 2, 260, 4)
    before = sim.network.coupling[0].conn
    for i, j in np.ndindex(3, 2):
        # one coupling is linear in its weights
        sim.network.coupling[0].conn = conn[j] * k[i] / 0.2
        alone = sim.run(130 * u.ms, seed=1)
        np.testing.assert_allclose(swept['output'][i, j], alone['output'], atol=1e-5)
    sim.network.coupling[0].conn = before


def test_seeds_alone(sim):
    swept = bf.sweep(sim, 130 * u.ms, {}, seed=range(3))
    assert swept.shape == (3,)
    assert list(swept.axes['seed']) == [0, 1, 2]
    np.testing.assert_allclose(swept['output'][2], sim.run(130 * u.ms, seed=2)['output'], atol=1e-5)
    assert repr(swept) == 'Sweep(seed: 3; output)'


def test_units(linear):
    sim = bf.Simulator(linear(2), DT)
    swept = bf.sweep(sim, 1 * u.ms, {'node.init_x': [1.0 * u.mV, 2e-3 * u.volt]})
    assert swept['output'].unit == u.mV
    np.testing.assert_allclose(swept['output'].mantissa, [[[1.0] * 2] * 2, [[2.0] * 2] * 2], rtol=1e-6)
    assert swept.axes['node.init_x'].unit == u.mV


@pytest.mark.parametrize(
    ('over', 'options', 'said'),
    [
        ({}, {}, r'sweep\(over\) is empty: name a parameter, or give a list of seeds'),
        ({'node.a': [1.0]}, dict(seed=[]), r'sweep\(over\) is empty'),
        ({'node.a': []}, {}, r"sweep\(over={'node\.a': \.\.\.}\) is a list of values, one per point of the grid; got"),
        ({'node.a': -0.1}, {}, r'is a list of values, one per point of the grid; got -0\.1'),
        ({'node.b': [1.0]}, {}, r"node\.b is one of 'a', 'frequency', 'tau', 'init_x', 'init_y'; got 'b'"),
        ({'nodes.a': [1.0]}, {}, r"nodes\.a is one of 'node', 'coupling', 'noise'; got 'nodes'\. Did you mean 'node'"),
        ({'coupling.1.k': [1.0]}, {}, r"coupling\.1\.k is one of '0'; got '1'"),
        ({'coupling.k': [1.0]}, {}, r"'coupling\.k' names no parameter: write 'node\.a', 'coupling\.0\.k' or"),
        ({'a': [1.0]}, {}, r"'a' names no parameter: write 'node\.a', 'coupling\.0\.k' or 'noise\.p\.mean'"),
        ({3: [1.0]}, {}, r"sweep\(over\) is a dict by the name of a parameter, {'node\.a': values}; got {3:"),
        (['node.a'], {}, r"sweep\(over\) is a dict by the name of a parameter, .* got \['node\.a'\]"),
        (
            {'node.frequency': [1.0, 2.0]},
            {},
            r"{'node\.frequency': \.\.\.}\) is in Hz; got a bare array: write <array>",
        ),
        ({'node.frequency': [1.0 * u.Hz, 2.0]}, {}, r'is in Hz; got a bare number: write 2\. \* u\.Hz'),
        ({'node.frequency': [1.0, 2.0] * u.mV}, {}, r'is in Hz; got mV: write'),
        ({'node.a': np.ones((2, 3))}, {}, r'HopfOscillator\.a is a number or an array that fits \(4,\); got shape'),
        ({'node.tau': [1.0, -2.0] * u.ms}, {}, r'HopfOscillator\.tau must be above zero; got -2'),
        ({'node.a': [0.1, np.nan]}, {}, r'HopfOscillator\.a must be finite; got 1 value'),
        ({'coupling.0.conduction_speed': [9.0, 1.0] * SPEED}, {}, r'is within speed_bounds, 0\.4 to 2 m/s; got 9 m/s'),
        ({'node.a': [0.1]}, dict(batch_size=0), r'sweep\(batch_size\) is a whole number of at least 1; got 0'),
        ({'node.a': [0.1]}, dict(seed=-1), r'Simulator\.run\(seed\) is a whole number from 0'),
        ({'node.a': [0.1]}, dict(monitors='z'), r"Simulator\.run\(monitors={'z': \.\.\.}\) is one of"),
    ],
)
@pytest.mark.usefixtures('held')
def test_what_is_refused(sim, monkeypatch, over, options, said):
    monkeypatch.setattr('brainfwd.simulator.simulator.forward', None)  # before anything is compiled
    with pytest.raises((ValueError, TypeError), match=said):
        bf.sweep(sim, 130 * u.ms, over, **options)


def test_a_point_that_diverges(linear):
    sim = bf.Simulator(linear(2, init_x=1.0 * u.mV, rate=1.0 * u.Hz), DT)
    with pytest.raises(bf.SimulationError, match=r'sweep at node\.rate=-1\.e\+09 Hz, seed=7: .*region 0'):
        bf.sweep(sim, 50 * u.ms, {'node.rate': [0.0, -1e9] * u.Hz}, seed=7)
    assert sim.network.node.rate == 1.0 * u.Hz


def test_it_runs_a_simulator(sim):
    with pytest.raises(TypeError, match=r'sweep\(simulator\) is a bf\.Simulator; got Network'):
        bf.sweep(sim.network, 10 * u.ms, {'node.a': [0.1]})


def test_rows_that_were_left_from_a_batch(linear):
    sim = bf.Simulator(linear(2, init_x=np.array([[0.0], [5.0]]) * u.mV), DT)
    with pytest.raises(bf.ShapeError, match=r'every point is one run, and the network has a parameter with rows'):
        bf.sweep(sim, 50 * u.ms, {'node.rate': [0.0, 1.0] * u.Hz})
