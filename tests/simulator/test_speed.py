"""Conduction speed: within its bounds a parameter like any other."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

SPEED = u.meter / u.second
DT = 0.5 * u.ms
# at 0.5 to 2 m/s delays of 1 to 240 steps: most pairs change from one band of the sum to another
LENGTHS = np.array([[0, 1, 7, 30], [12, 0, 60, 20], [55, 16, 0, 60], [33, 40, 3, 0]]) * u.mm
BOUNDS = (0.5 * SPEED, 2.0 * SPEED)


def kinds(test):
    return pytest.mark.parametrize('interpolate', [False, True], ids=['nearest', 'interpolated'])(test)


@pytest.fixture(scope='module')
def simulator(far):
    """Makes the network with this speed."""

    def make(speed, interpolate, bounds=BOUNDS):
        network = far(
            delays=None,
            tract_lengths=LENGTHS,
            conduction_speed=speed * SPEED,
            speed_bounds=bounds,
            interpolate=interpolate,
        )
        return bf.Simulator(network, DT)

    return make


def x_of(sim, **options):
    return np.asarray(sim.run(150 * u.ms, seed=0, **options)['output'])


@kinds
def test_another_speed_is_a_network_made_with_it(simulator, compilations, interpolate):
    sim = simulator(1.0, interpolate)
    before = x_of(sim)
    found = {}
    with compilations as again:
        for speed in (0.5, 0.83, 2.0):
            sim.network.coupling[0].conduction_speed = speed * SPEED
            found[speed] = x_of(sim)
    assert again.count == 0
    for speed in (0.5, 0.83):
        np.testing.assert_allclose(found[speed], x_of(simulator(speed, interpolate, None)), atol=1e-5)
        assert abs(found[speed] - before).max() > 0.01


@kinds
def test_in_a_pure_simulation(simulator, interpolate):
    simulate = simulator(1.0, interpolate).simulation(150 * u.ms)
    keys = jax.random.split(jax.random.key(0, impl='threefry2x32'), 2)
    runs = jax.jit(lambda speed, key: simulate({'coupling.0.conduction_speed': speed * SPEED}, key)['output'])
    fresh = simulator(0.7, interpolate, None).simulation(150 * u.ms)(key=keys[1])['output']
    np.testing.assert_allclose(runs(0.7, keys[1]), fresh, atol=1e-5)
    # what JAX traces cannot be refused
    for speed in (0.49, 2.01, 1000.0, -1.0):
        assert np.isnan(np.asarray(runs(speed, keys[1])[-1])).any()
    for speed in BOUNDS:
        assert np.isfinite(np.asarray(runs(speed.mantissa, keys[1]))).all()
    with pytest.raises(ValueError, match=r'conduction_speed is within speed_bounds, 0\.5 to 2 m/s; got 1000 m/s: make'):
        simulate({'coupling.0.conduction_speed': 1000.0 * SPEED})


def test_without_bounds_it_is_counted_beforehand(simulator):
    simulate = simulator(1.0, False, None).simulation(150 * u.ms)
    assert 'coupling.0.conduction_speed' not in simulate.parameters
    with pytest.raises(ValueError, match=r"a parameter of the simulation is one of .*got 'coupling\.0\.conduction_sp"):
        simulate({'coupling.0.conduction_speed': 1.0 * SPEED})


def test_outside_of_its_bounds(simulator):
    coupling = simulator(1.0, False).network.coupling[0]
    for speed in (0.4, 2.1):
        with pytest.raises(ValueError, match=r'DiffusiveCoupling\.conduction_speed is within speed_bounds, 0\.5 to 2'):
            coupling.conduction_speed = speed * SPEED
    assert coupling.conduction_speed == 1.0 * SPEED
    with pytest.raises(ValueError, match=r'is within speed_bounds, 0\.5 to 2 m/s; got 3 m/s: make the coupling with'):
        simulator(3.0, False)


@kinds
def test_a_ramp_that_arrives(linear, interpolate):
    r"""The first region is a ramp, :math:`x_0 = a t`; the others integrate what comes, :math:`a w (t - d)`.

    Both are integrated exactly once the ramp has come; a delay of the nearest step is off by a part of a step.
    """
    brainstate.environ.set(precision=64)
    steps = np.array([0.0, 3.3, 20.7, 80.4, 1.0])  # at 1 m/s, of 1 ms
    weights = np.zeros((5, 5))
    weights[1:, 0] = w = np.array([1.0, -2.0, 3.0, 4.0])
    coupling = bf.AdditiveCoupling(
        weights,
        k=1.0 * u.Hz,
        tract_lengths=np.tile(steps[:, None], 5) * u.mm,
        conduction_speed=1.0 * SPEED,
        speed_bounds=(0.8 * SPEED, 1.25 * SPEED),
        interpolate=interpolate,
    )
    sim = bf.Simulator(bf.Network(linear(5), coupling), dt=1.0 * u.ms)
    drive = {'inp': np.array([2.0, 0, 0, 0, 0]) * u.mV / u.second}
    for speed in (1.0, 0.83, 1.1):
        coupling.conduction_speed = speed * SPEED
        x = sim.run(200 * u.ms, inputs=drive)['output'].mantissa
        d = steps[1:] / speed
        d = 1e-3 * (d if interpolate else np.rint(d))
        early, late = 0.110, 0.200
        expected = 2.0 * w * ((late - d) ** 2 - (early - d) ** 2) / 2
        np.testing.assert_allclose(x[199, 1:] - x[109, 1:], expected, rtol=1e-10)


def test_the_gradient_in_the_speed_is_that_of_the_ramp(linear):
    """As above: the derivative in closed form."""
    brainstate.environ.set(precision=64)
    coupling = bf.AdditiveCoupling(
        np.array([[0.0, 0.0], [1.0, 0.0]]),
        k=1.0 * u.Hz,
        tract_lengths=20.7 * u.mm,
        conduction_speed=1.0 * SPEED,
        speed_bounds=(0.8 * SPEED, 1.25 * SPEED),
        interpolate=True,
    )
    sim = bf.Simulator(bf.Network(linear(2), coupling), dt=1.0 * u.ms)
    simulate = sim.simulation(100 * u.ms, inputs={'inp': np.array([1.0, 0.0]) * u.mV / u.second})

    def gained(speed):
        x = simulate({'coupling.0.conduction_speed': speed * SPEED})['output'].mantissa[:, 1]
        return x[99] - x[49]

    speed = 0.93
    d = 0.0207 / speed
    value, slope = jax.jit(jax.value_and_grad(gained))(jnp.asarray(speed))
    assert float(value) == pytest.approx(((0.1 - d) ** 2 - (0.05 - d) ** 2) / 2, rel=1e-10)
    assert float(slope) == pytest.approx((0.1 - 0.05) * d / speed, rel=1e-10)
