"""What changed between runs counts: connections, delays, functions of the user, noise put into a network."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf

DT = 0.5 * u.ms
ONE_WAY = np.array([[0.0, 0.0], [0.6, 0.0]])
BOTH_WAYS = np.array([[0.0, 0.7], [0.6, 0.0]])
DELAYS = np.array([[0.0, 10.0], [10.0, 0.0]]) * u.ms


def network(conn, delays=DELAYS):
    node = bf.HopfOscillator(2, a=-0.2, init_x=np.array([1.0, 0.3]))
    return bf.Network(node, bf.AdditiveCoupling(conn, 0.5, delays=delays))


def series(net, **options):
    return np.asarray(bf.Simulator(net, DT).run(40 * u.ms, **options)['output'])


@pytest.mark.parametrize('delays', [DELAYS, None, np.array([[0.0, 0.0], [10.0, 0.0]]) * u.ms])
def test_a_connection_that_was_zero_counts(delays):
    expected = series(network(BOTH_WAYS, delays))
    net = network(ONE_WAY, delays)
    simulation = bf.Simulator(net, DT).simulation(40 * u.ms)
    np.testing.assert_allclose(simulation({'coupling.0.conn': BOTH_WAYS})['output'], expected, atol=1e-6)
    net.coupling[0].conn = BOTH_WAYS
    np.testing.assert_allclose(series(net), expected, atol=1e-6)
    with brainstate.environ.context(dt=DT):
        net = network(ONE_WAY, delays).init_all_states()
        net.coupling[0].conn = BOTH_WAYS
        loop = brainstate.transform.for_loop(lambda _: net.update(), np.arange(80))
    np.testing.assert_allclose(loop, expected, atol=1e-6)


def test_gradient_with_respect_to_a_connection_that_is_zero():
    brainstate.environ.set(precision=64)
    simulation = bf.Simulator(network(ONE_WAY), DT).simulation(40 * u.ms)

    def last(w):
        return simulation({'coupling.0.conn': jax.numpy.asarray(ONE_WAY).at[0, 1].set(w)})['output'][-1].sum()

    h = 1e-5
    assert abs(jax.grad(last)(0.0)) > 1e-3
    np.testing.assert_allclose(jax.grad(last)(0.0), (last(h) - last(-h)) / (2 * h), rtol=1e-6)


def test_new_delays_act_on_a_run_that_continues():
    asymmetric = [np.array([[0.0, a], [b, 0.0]]) * u.ms for a, b in ((10.0, 12.0), (12.0, 10.0))]
    net = network(BOTH_WAYS, asymmetric[0])
    first = bf.Simulator(net, DT).run(30 * u.ms)
    same = series(net, resume=first)
    net.coupling[0].delays = asymmetric[1]
    assert not np.allclose(series(net, resume=first), same, atol=1e-4)


def test_dt_of_the_delays_is_that_of_the_loop():
    with brainstate.environ.context(dt=0.1 * u.ms):
        net = network(BOTH_WAYS).init_all_states()
    with (
        brainstate.environ.context(dt=DT),
        pytest.raises(ValueError, match=r'rounded to steps of 0\.1 ms; now dt is 0\.5 ms'),
    ):
        net.update()


def test_a_function_is_read_anew_when_what_it_closes_over_changed():
    amplitude = [100.0]
    drive = lambda t: amplitude[0] * u.Hz  # noqa: E731
    watch = lambda net: amplitude[0] * net.read('y1')  # noqa: E731
    sim = bf.Simulator(bf.JansenRitModel(1), DT)
    runs = []
    for amplitude[0] in (100.0, 300.0, 100.0):
        runs.append(sim.run(30 * u.ms, inputs={'p': drive}, monitors={'watched': watch, 'y1': 'y1'}))
    assert float(runs[1]['y1'][-1, 0] / runs[0]['y1'][-1, 0]) > 1.5
    np.testing.assert_allclose((runs[1]['watched'] / runs[1]['y1'])[1:], 300.0, rtol=1e-5)
    np.testing.assert_array_equal(runs[2]['y1'].mantissa, runs[0]['y1'].mantissa)


def test_noise_put_into_a_network_is_one_per_region():
    net = bf.Network(bf.JansenRitModel(3))
    net.noise['p'] = bf.noise.OrnsteinUhlenbeck(mean=220 * u.Hz, std=22 * u.Hz, tau=10 * u.ms)
    last = np.asarray(bf.Simulator(net, DT).run(100 * u.ms, seed=1)['output'].mantissa)[-1]
    assert len(np.unique(last)) == 3
    net.noise['p'] = bf.noise.OrnsteinUhlenbeck(mean=220, std=22, tau=10 * u.ms)
    with pytest.raises(bf.UnitError, match=r"noise=\{'p': \.\.\.\}\) OrnsteinUhlenbeck\.mean is the mean"):
        bf.Simulator(net, DT).run(100 * u.ms)


def test_members_of_a_batch_are_seeded_apart_and_the_first_is_a_run_alone():
    runs = {}
    for batch in (None, 3):
        net = bf.Network(bf.HopfOscillator(2), noise={'x_inp': bf.noise.OrnsteinUhlenbeck(0.0, 1.0, 10 * u.ms)})
        with brainstate.environ.context(dt=DT):
            net.init_all_states(batch_size=batch).seed(5)
            runs[batch] = np.asarray(brainstate.transform.for_loop(lambda _, net=net: net.update(), np.arange(50)))
    np.testing.assert_allclose(runs[3][:, 0], runs[None], atol=1e-6)
    assert np.abs(runs[3][-1, 0] - runs[3][-1, 1]).min() > 1e-4


@pytest.mark.parametrize('seed', [-1, 2**31, 1.5, 'a', True, [1, -1]])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=r'Simulator\.run\(seed\) is a whole number from 0'):
        bf.Simulator(bf.JansenRitModel(1), DT).run(1 * u.ms, seed=seed)
