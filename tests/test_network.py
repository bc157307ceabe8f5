"""A network: what feeds what, and the equation it steps."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from scipy.linalg import expm

import brainfwd as bf

UNIT = u.mV / u.second
RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(3, 3)) * (1 - np.eye(3))
DELAYS = np.array([[0, 2, 5], [0, 0, 3], [1, 4, 0]])


def ornstein(mean, std=0.0):
    return bf.noise.OrnsteinUhlenbeck(mean * UNIT, std * UNIT, 5.0 * u.ms)


def fed(network, **inputs):
    """What reaches the input of a linear node at rest, from the change over one step of Euler."""
    with brainstate.environ.context(dt=1.0 * u.second):
        network.init_all_states()
        before = network.node.x.value
        return np.asarray((network.update(**inputs) - before).in_unit(u.mV).mantissa)


# ---- what feeds what


def test_the_default_gives_way_to_noise_and_to_what_is_given_and_not_to_coupling(linear):
    class Driven(linear):
        inp = bf.Input(7.0 * UNIT, 'drive of the potential')

    node = lambda: Driven(3, method='euler')  # noqa: E731
    np.testing.assert_allclose(fed(bf.Network(node())), 7.0)
    np.testing.assert_allclose(fed(bf.Network(node()), inp=2.0 * UNIT), 2.0)
    np.testing.assert_allclose(fed(bf.Network(node(), noise={'inp': ornstein(3.0)})), 3.0)
    np.testing.assert_allclose(fed(bf.Network(node(), noise={'inp': ornstein(3.0)}), inp=2.0 * UNIT), 5.0)
    # no coupling is as k = 0
    silent = bf.AdditiveCoupling(WEIGHTS, k=0.0 * u.Hz)
    np.testing.assert_allclose(fed(bf.Network(node(), silent)), 7.0)
    np.testing.assert_allclose(fed(bf.Network(node(), silent), inp=2.0 * UNIT), 2.0)


def test_an_input_is_the_sum_of_all_that_feeds_it(linear):
    start = np.array([1.0, 2.0, 4.0])
    coupling = [bf.AdditiveCoupling(WEIGHTS, k=2.0 * u.Hz), bf.DiffusiveCoupling(WEIGHTS, k=3.0 * u.Hz)]
    network = bf.Network(linear(3, method='euler', init_x=start * u.mV), coupling, noise={'inp': ornstein(5.0)})
    laplacian = WEIGHTS - np.diag(WEIGHTS.sum(axis=1))
    expected = 2 * WEIGHTS @ start + 3 * laplacian @ start + 5 + 11
    np.testing.assert_allclose(fed(network, inp=11.0 * UNIT), expected, rtol=1e-5)


def test_coupling_reads_and_feeds_what_it_says():
    node = bf.JansenRitModel(2)
    by_rate = bf.AdditiveCoupling(np.ones((2, 2)), k=3.0, source='firing_rate')
    by_potential = bf.AdditiveCoupling(np.ones((2, 2)), k=3.0 * u.Hz / u.mV, source='y1', target='p')
    network = bf.Network(node, [by_rate, by_potential]).init_all_states()
    # at zero potential every column fires at S(0), and receives that of two
    rate = 2 * 3.0 * 5 / (1 + np.exp(0.56 * 6))
    with brainstate.environ.context(dt=1e-3 * u.ms):
        network.update(p=0.0 * u.Hz)
    # after one short step of Heun y1'' = A a (p + C2 S(0)) is dt
    rates = network.read('y4') / (1e-6 * u.second) / (3.25 * u.mV * 100 * u.Hz)
    np.testing.assert_allclose(rates.in_unit(u.Hz).mantissa, rate + 108 * 5 / (1 + np.exp(0.56 * 6)), rtol=1e-3)


def test_coupling_feeds_the_second_input():
    coupling = bf.AdditiveCoupling(np.ones((2, 2)), k=1.0, source='y', target='y_inp')
    network = bf.Network(bf.HopfOscillator(2, init_x=0.0, init_y=0.1, method='euler', tau=1 * u.second), coupling)
    with brainstate.environ.context(dt=1.0 * u.ms):
        network.init_all_states().update()
    a, w, y, dt = 0.25, 2 * np.pi * 10, 0.1, 1e-3
    np.testing.assert_allclose(network.read('y'), y + dt * ((a - y**2) * y + 0.2), rtol=1e-5)
    np.testing.assert_allclose(network.read('x'), -dt * w * y, rtol=1e-5)


def test_what_is_given_may_be_a_function_of_the_fraction_of_the_step(linear):
    # Heun takes the mean of both ends
    with brainstate.environ.context(dt=1.0 * u.second):
        network = bf.Network(linear(2)).init_all_states()
        moved = network.update(inp=lambda fraction: (1.0 + 6.0 * fraction) * UNIT)
    np.testing.assert_allclose(moved.mantissa, 4.0)


# ---- the equation


def test_coupling_without_delay_acts_at_every_stage(linear):
    # x' = k W x is solved by the exponential of the matrix; each scheme keeps its order
    brainstate.environ.set(precision=64)
    start = np.array([1.0, -2.0, 0.5])
    exact = expm(2.0 * WEIGHTS) @ start
    for method, order in (('euler', 1), ('heun', 2), ('rk4', 4), ('exponential_euler', 1)):
        errors = []
        for steps in (32, 64):
            network = bf.Network(
                linear(3, method=method, init_x=start * u.mV), bf.AdditiveCoupling(WEIGHTS, k=2.0 * u.Hz)
            )
            result = bf.Simulator(network, dt=1 / steps * u.second).run(1 * u.second, sampling_period=1 * u.second)
            errors.append(abs(result['output'].mantissa[0] - exact).max())
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_held_coupling_makes_heun_first_order(linear):
    brainstate.environ.set(precision=64)
    start = np.array([1.0, -2.0, 0.5])
    errors = []
    for steps in (32, 64):
        network = bf.Network(
            linear(3, init_x=start * u.mV), bf.AdditiveCoupling(WEIGHTS, k=2.0 * u.Hz), hold_coupling=True
        )
        result = bf.Simulator(network, dt=1 / steps * u.second).run(1 * u.second, sampling_period=1 * u.second)
        errors.append(abs(result['output'].mantissa[0] - expm(2.0 * WEIGHTS) @ start).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.15)


def heun_by_hand(start, weights, delays, k, drive, dt, steps):
    """Jansen & Rit (1995) with diffusive coupling by y1 - y2, in mV and s, in plain NumPy."""

    def slope(y, delayed, p):
        S = lambda v: 5 / (1 + np.exp(0.56 * (6 - v)))  # noqa: E731
        out = y[1] - y[2]
        source = np.where(delays > 0, delayed, out[None, :])
        p = p + k * (weights * (source - out[:, None])).sum(axis=1)
        return np.array([
            *y[3:],
            325 * S(out) - 200 * y[3] - 1e4 * y[0],
            325 * (p + 108 * S(135 * y[0])) - 200 * y[4] - 1e4 * y[1],
            1100 * 33.75 * S(33.75 * y[0]) - 100 * y[5] - 2500 * y[2],
        ])  # fmt: skip

    states, columns = [start], np.arange(3)
    # what is delayed by a step at least is known at the end of the step; the rest is not read from here
    at = lambda n: states[min(max(n, 0), len(states) - 1)]  # noqa: E731
    past = lambda n: at(n)[1] - at(n)[2]  # noqa: E731
    delayed = lambda n: np.array([[past(n - delays[i, j])[j] for j in columns] for i in columns])  # noqa: E731
    for n in range(steps):
        y = states[-1]
        first = slope(y, delayed(n), drive)
        states.append(y + dt * (first + slope(y + dt * first, delayed(n + 1), drive)) / 2)
    return np.array(states[1:])


def test_equals_heun_by_hand():
    brainstate.environ.set(precision=64)
    start = RNG.normal(size=(6, 3)) * [[0.1], [10], [10], [10], [100], [100]]
    start[1] += 20
    names = [f'y{i}' for i in range(6)]
    units = [u.mV] * 3 + [UNIT] * 3
    node = bf.JansenRitModel(3, **{f'init_{n}': y * unit for n, y, unit in zip(names, start, units, strict=True)})
    network = bf.Network(node, bf.DiffusiveCoupling(WEIGHTS, k=20.0 * u.Hz / u.mV, delays=DELAYS * 0.5 * u.ms))
    drive = np.array([120.0, 180.0, 220.0])
    result = bf.Simulator(network, dt=0.5 * u.ms).run(100 * u.ms, inputs={'p': drive * u.Hz}, monitors=names)
    expected = heun_by_hand(start, WEIGHTS, DELAYS, 20.0, drive, 5e-4, 200)
    for i, name in enumerate(names):
        np.testing.assert_allclose(result[name].mantissa, expected[:, i], rtol=1e-10, atol=1e-10)


def test_weights_are_target_source(linear):
    """A chain 0 -> 1 -> 2 of integrators, and nothing back: rows are targets, of weights and of delays."""
    brainstate.environ.set(precision=64)
    weights, delays = np.zeros((3, 3)), np.full((3, 3), 90.0)
    weights[1, 0], weights[2, 1] = 2.0, 3.0
    delays[1, 0], delays[2, 1] = 20.0, 40.0
    network = bf.Network(linear(3), bf.AdditiveCoupling(weights, k=1.0 * u.Hz, delays=delays * u.ms))
    drive = {'inp': np.array([1.0, 0.0, 0.0]) * UNIT}
    x = bf.Simulator(network, dt=1.0 * u.ms).run(200 * u.ms, inputs=drive)['output'].mantissa
    after = lambda t: np.maximum(1e-3 * (np.arange(1, 201) - t), 0)  # noqa: E731
    expected = np.stack([after(0), 2 * after(20) ** 2 / 2, 6 * after(60) ** 3 / 6], axis=1)
    np.testing.assert_allclose(x, expected, atol=1e-6)
    assert expected.max(axis=0).min() > 1e-3


# ---- in a loop of one's own


def test_batch_equals_loop(linear):
    rng = np.random.default_rng(1)
    network = bf.Network(
        bf.HopfOscillator(3, a=-0.1, frequency=20.0 * u.Hz, tau=10 * u.ms),
        bf.DiffusiveCoupling(WEIGHTS, k=0.2, delays=DELAYS * 1.0 * u.ms),
    )
    starts = rng.normal(size=(2, 3)).astype(np.float32)

    def run(start, batch):
        network.init_all_states(batch_size=batch)
        network.node.x.value = start
        return brainstate.transform.for_loop(lambda _: network.update(), np.arange(50))

    with brainstate.environ.context(dt=1.0 * u.ms):
        together = run(starts, 2)
        assert together.shape == (50, 2, 3)
        for member in range(2):
            np.testing.assert_allclose(run(starts[member], None), together[:, member], atol=1e-6)


def test_every_member_of_a_batch_has_its_own_noise(linear):
    network = bf.Network(linear(1000), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
    with brainstate.environ.context(dt=1.0 * u.ms):
        network.init_all_states(batch_size=3)
        x = np.asarray(network.update().mantissa)
    np.testing.assert_allclose(np.corrcoef(x), np.eye(3), atol=4 / np.sqrt(1000))


def test_a_seed_of_ones_own(linear):
    network = bf.Network(linear(3), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})

    def first(seed):
        network.init_all_states()
        network.seed(jax.random.key(seed))
        with brainstate.environ.context(dt=1.0 * u.ms):
            return np.asarray(network.update().mantissa)

    np.testing.assert_array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_read():
    network = bf.Network(bf.HopfOscillator(2, init_x=3.0, init_y=4.0)).init_all_states()
    np.testing.assert_array_equal(network.output(), [3.0, 3.0])
    np.testing.assert_array_equal(network.read('power'), [25.0, 25.0])
    np.testing.assert_array_equal(network.read('y'), [4.0, 4.0])


def test_repr():
    network = bf.Network(bf.HopfOscillator(2, a=0.5), bf.AdditiveCoupling(np.ones((2, 2)), k=0.1))
    assert repr(network).startswith('Network(HopfOscillator(2, a=0.5), AdditiveCoupling(2, conn=')


# ---- what is refused


def test_kinds_of_arguments(linear):
    with pytest.raises(TypeError, match=r'Network\(node\) is a neural mass such as .*; got int'):
        bf.Network(5)
    with pytest.raises(TypeError, match=r'got the class JansenRitModel: write JansenRitModel\(\.\.\.\)\.'):
        bf.Network(bf.JansenRitModel)
    with pytest.raises(TypeError, match=r'got the class JansenRitModel: write JansenRitModel\(\.\.\.\)\.'):
        bf.Simulator(bf.JansenRitModel, dt=0.1 * u.ms)
    with pytest.raises(TypeError, match=r'Network\(coupling\) is a coupling such as bf\.Diffusive.*; got ndarray'):
        bf.Network(linear(2), np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"Network\(noise\) is a dict, {'inp': \.\.\.}; got WhiteNoise"):
        bf.Network(linear(2), noise=bf.noise.WhiteNoise(1.0))
    with pytest.raises(TypeError, match=r"Network\(noise={'inp': \.\.\.}\) is a noise such as .*; got float"):
        bf.Network(linear(2), noise={'inp': 1.0})


def test_sizes(linear):
    with pytest.raises(bf.ShapeError, match=r'AdditiveCoupling\.conn couples 3 regions; Linear has \(2,\)'):
        bf.Network(linear(2), bf.AdditiveCoupling(np.ones((3, 3)), k=1.0 * u.Hz))
    with pytest.raises(bf.ShapeError, match=r'Network\.labels names 2 regions; got 1 names'):
        bf.Network(linear(2), labels=['left'])


@pytest.mark.parametrize(
    ('ends', 'said'),
    [
        (
            dict(source='outpt'),
            r"AdditiveCoupling\.source is one of 'x', 'output'; got 'outpt'\. Did you mean 'output'",
        ),
        (dict(target='x'), r"AdditiveCoupling\.target is one of 'inp'; got 'x'"),
    ],
)
def test_what_coupling_reads_and_feeds(linear, ends, said):
    with pytest.raises(ValueError, match=said):
        bf.Network(linear(2), bf.AdditiveCoupling(np.ones((2, 2)), k=1.0 * u.Hz, **ends))


def test_a_derivative_that_is_incomplete_or_has_another_unit(linear):
    class Forgetful(linear):
        y = bf.Variable(0.0 * u.mV, 'another potential')

        def derivative(self, x, y, inp):
            return {'x': inp}

    class Confused(linear):
        def derivative(self, x, inp):
            return {'x': x}

    with pytest.raises(ValueError, match=r'Forgetful\.derivative gives the rate of each of x, y; got x'):
        bf.Network(Forgetful(2))
    with pytest.raises(
        bf.UnitError, match=r"Confused\.derivative\['x'\] is the rate of change of x, in mV / s; got mV"
    ):
        bf.Network(Confused(2))


def test_what_was_changed_since_is_checked_when_a_run_begins(linear):
    network = bf.Network(linear(2), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
    network.node.method = 'rk4'
    with pytest.raises(ValueError, match=r"white noise needs a scheme among 'euler', 'heun'; Linear has 'rk4'"):
        bf.Simulator(network, dt=1 * u.ms).run(1 * u.ms)


def test_one_object_in_two_places(linear):
    coupling = bf.AdditiveCoupling(np.ones((2, 2)), k=1.0 * u.Hz)
    with pytest.raises(ValueError, match='one coupling or noise object in two places'):
        bf.Network(linear(2), [coupling, coupling])


def test_inputs(linear):
    network = bf.Network(linear(2)).init_all_states()
    with brainstate.environ.context(dt=1.0 * u.ms):
        with pytest.raises(ValueError, match=r"an input of Linear is one of 'inp'; got 'p'"):
            network.update(p=1.0)
        with pytest.raises(bf.UnitError, match=r'Linear\.inp is the drive of .*in mV / s; got a bare number: write 1'):
            network.update(inp=1.0)
        with pytest.raises(
            bf.ShapeError, match=r'Linear\.inp is a number or an array that fits \(2,\); got shape \(3,\)'
        ):
            network.update(inp=np.ones(3) * UNIT)


def test_before_it_begins(linear):
    network = bf.Network(linear(2))
    with pytest.raises(ValueError, match=r'Network\.update needs the time step'):
        network.update()
    with (
        brainstate.environ.context(dt=1.0 * u.ms),
        pytest.raises(AttributeError, match=r'Linear\.x has no value yet: call Linear\.init_all_states\(\) first'),
    ):
        network.update()


def test_initial_values_may_differ_between_members_from_the_start():
    starts = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    network = bf.Network(bf.HopfOscillator(2, init_x=starts)).init_all_states(batch_size=3)
    np.testing.assert_array_equal(network.read('x'), np.float32(starts))


def test_white_noise_on_an_input_when_members_have_parameters_of_their_own():
    network = bf.Network(
        bf.JansenRitModel(3, A=np.array([[3.0], [3.5]]) * u.mV),
        noise={'p': bf.noise.WhiteNoise(1.0 * u.Hz * u.second**0.5)},
    )
    result = bf.Simulator(network, dt=0.5 * u.ms).run(5 * u.ms, batch_size=2, seed=0)
    assert result['output'].shape == (2, 10, 3)
    assert np.isfinite(result['output'].mantissa).all()
