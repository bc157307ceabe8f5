"""Several couplings, from and into what they name."""

import brainunit as u
import numpy as np

import brainfwd as bf

WEIGHTS = np.array([[0.0, 1.0, 0.3], [0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])
DELAYS = np.array([[0.0, 4.0, 2.0], [1.0, 0.0, 0.0], [0.0, 7.0, 0.0]]) * u.ms
PAIR = 1.0 - np.eye(2)


def oscillate(start, names, weights=WEIGHTS, a=0.1, k=0.05, delays=None):
    start = np.atleast_1d(start)
    couplings = [bf.DiffusiveCoupling(weights, k=k, delays=delays, source=n, target=f'{n}_inp') for n in names]
    node = bf.HopfOscillator(len(start), a=a, tau=5 * u.ms, init_x=start.real, init_y=start.imag)
    run = bf.Simulator(bf.Network(node, couplings), dt=0.5 * u.ms).run(100 * u.ms, monitors=['x', 'y'])
    return run['x'] + 1j * run['y']


def test_both_parts_coupled_know_no_angle():
    start, turn = np.array([0.3, -0.1 + 0.2j, 0.2j]), np.exp(0.7j)
    for names, same in ((['x', 'y'], True), (['x'], False)):
        first, second = (oscillate(z, names, delays=DELAYS) for z in (start, start * turn))
        assert np.allclose(second, first * turn, atol=1e-5) == same


def test_two_in_opposition_are_one_with_less_drive():
    # z and -z: k (-z - z) shifts a by -2 k
    z = 0.2 + 0.1j
    pair = oscillate([z, -z], ['x', 'y'], PAIR, a=0.3, k=0.08)
    one = oscillate([z], [], a=0.3 - 0.16)
    np.testing.assert_allclose(pair[:, 0], one[:, 0], atol=1e-5)
    np.testing.assert_allclose(pair[:, 1], -one[:, 0], atol=1e-5)


def test_two_couplings_into_one_input_add_up():
    def run(*couplings):
        network = bf.Network(bf.JansenRitModel(3), list(couplings))
        return bf.Simulator(network, dt=0.5 * u.ms).run(100 * u.ms)['output'].mantissa

    def by_rate(k):
        return bf.AdditiveCoupling(WEIGHTS, k=k, source='firing_rate', delays=DELAYS)

    by_potential = dict(k=2.0 * u.Hz / u.mV, source='output', delays=DELAYS)
    # in parts or at once
    np.testing.assert_allclose(run(by_rate(2.0), by_rate(3.0)), run(by_rate(5.0)), rtol=1e-4)
    both = run(by_rate(5.0), bf.DiffusiveCoupling(WEIGHTS, **by_potential))
    parts = run(
        by_rate(5.0),
        bf.AdditiveCoupling(WEIGHTS, **by_potential),
        bf.AdditiveCoupling(-np.diag(WEIGHTS.sum(axis=1)), k=2.0 * u.Hz / u.mV),
    )
    np.testing.assert_allclose(both, parts, rtol=1e-4)
