"""Coupled phases against what is known of them."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import brainfwd as bf


def phases(frequency, coupling, duration, transient=0.0, dt=1.0):
    network = bf.Network(bf.KuramotoModel(len(frequency), frequency=frequency * u.Hz), coupling)
    run = bf.Simulator(network, dt=dt * u.ms).run(duration * u.second, transient=transient * u.second)
    return np.unwrap(np.asarray(run['output'], float), axis=0)


def test_two_lock_where_their_frequencies_differ_by_less_than_twice_the_strength():
    # three pairs with a strength of 1 Hz: phi' = 2 pi (difference - 2 sin phi)
    frequency = np.array([4.0, 5.0, 4.0, 5.9, 4.0, 6.1])
    weights = np.kron(np.eye(3), [[0.0, 1.0], [1.0, 0.0]])
    run = phases(frequency, bf.KuramotoCoupling(weights, k=1.0 * u.Hz), 12.0, transient=3.0)
    first, second, third = (run[:, 1::2] - run[:, ::2]).T
    np.testing.assert_allclose(first % (2 * np.pi), np.arcsin(0.5), atol=1e-3)
    np.testing.assert_allclose(second % (2 * np.pi), np.arcsin(0.95), atol=1e-3)
    # beyond it they slip, one turn in 1 / sqrt(2.1^2 - 2^2) s
    turns = np.floor((third - third[0]) / (2 * np.pi))
    at = np.flatnonzero(np.diff(turns) > 0)
    assert len(at) >= 6
    np.testing.assert_allclose(np.diff(at) * 1e-3, 1 / np.sqrt(2.1**2 - 2**2), rtol=5e-3)


@pytest.mark.parametrize(('delay', 'alpha'), [(0.0, 0.4), (40.0, 0.0), (40.0, -0.5)])
def test_frequency_of_two_in_phase(delay, alpha):
    # f' = f - k sin(2 pi f' delay + alpha) (Yeung & Strogatz, 1999)
    k, f = 0.8, 5.0
    expected = brentq(lambda x: x - f + k * np.sin(2 * np.pi * x * delay * 1e-3 + alpha), f - 0.9, f + 0.9)
    coupling = bf.KuramotoCoupling(1 - np.eye(2), k=k * u.Hz, alpha=alpha, delays=delay * u.ms)
    run = phases(np.array([f, f]), coupling, 1.0, transient=3.0)
    np.testing.assert_allclose((run[-1] - run[0]) / (2 * np.pi * 0.999), expected, rtol=1e-4)
    np.testing.assert_allclose(run[:, 0], run[:, 1], atol=1e-4)


def test_order_of_many_with_lorentzian_frequencies():
    # r = sqrt(1 - Kc / K), Kc twice the half width at half maximum (Kuramoto, 1975)
    n, width = 300, 0.5
    frequency = 10 + width * np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    coupling = bf.KuramotoCoupling(np.ones((n, n)))
    order = {'order': lambda net: jnp.hypot(net.read('cos').mean(), net.read('sin').mean())}
    for strength, expected, tolerance in ((2.0, np.sqrt(0.5), 0.03), (4.0, np.sqrt(0.75), 0.03), (0.4, 0.0, 0.12)):
        coupling.k = strength / n * u.Hz
        network = bf.Network(bf.KuramotoModel(n, frequency=frequency * u.Hz), coupling)
        run = bf.Simulator(network, dt=2 * u.ms).run(
            2 * u.second, transient=4 * u.second, monitors=order, sampling_period=20 * u.ms
        )
        assert run['order'].mean() == pytest.approx(expected, abs=tolerance), strength


def test_whole_turns_change_nothing():
    rng = np.random.default_rng(0)
    coupling = bf.KuramotoCoupling(rng.normal(size=(4, 4)), alpha=0.3).init_all_states()
    theta = rng.uniform(-3, 3, 4)
    other = theta + 2 * np.pi * np.array([0, 1, -2, 5])
    np.testing.assert_allclose(coupling(theta, theta), coupling(other, other), atol=1e-5)


def test_a_source_with_a_unit_is_no_phase():
    with pytest.raises(bf.UnitError, match=r'KuramotoCoupling reads phases, in rad without a unit; got output of Jan'):
        bf.Network(bf.JansenRitModel(2), bf.KuramotoCoupling(np.ones((2, 2))))
    with pytest.raises(
        bf.UnitError, match=r'KuramotoCoupling\.k is what turns output of KuramotoModel .*, in Hz; got '
    ):
        bf.Network(bf.KuramotoModel(2), bf.KuramotoCoupling(np.ones((2, 2))))
