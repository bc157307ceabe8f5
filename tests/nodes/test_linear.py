"""The linear model against its solution, and its network against a Lyapunov equation."""

import brainstate
import brainunit as u
import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

import brainfwd as bf

CONN = np.array([[0, 1, 0.5], [0.2, 0, 1], [0, 0.4, 0]])


def test_relaxation():
    brainstate.environ.set(precision=64)
    gamma, I = np.array([-10.0, -3.0, 2.0]), np.array([1.0, 0.0, -2.0])
    node = bf.LinearModel(3, gamma=gamma * u.Hz, init_x=0.7, method='rk4')
    result = bf.Simulator(node, dt=1 * u.ms).run(300 * u.ms, inputs={'x_inp': I * u.Hz})
    t = result.times.mantissa[:, None]
    np.testing.assert_allclose(result['output'], (0.7 + I / gamma) * np.exp(gamma * t) - I / gamma, atol=1e-9)


def test_a_network_is_a_matrix_exponential():
    brainstate.environ.set(precision=64)
    start = np.array([0.5, -0.2, 0.1])
    network = bf.Network(bf.LinearModel(3, init_x=start, method='rk4'), bf.AdditiveCoupling(CONN, k=6.0 * u.Hz))
    end = bf.Simulator(network, dt=1 * u.ms).run(200 * u.ms)['output'][-1]
    np.testing.assert_allclose(end, expm(0.2 * (6 * CONN - 10 * np.eye(3))) @ start, atol=1e-9)


def test_covariance_of_fluctuations():
    # A P + P A' + sigma^2 I = 0
    network = bf.Network(
        bf.LinearModel(3), bf.AdditiveCoupling(CONN, k=6.0 * u.Hz), noise={'x': bf.noise.WhiteNoise(1 / u.second**0.5)}
    )
    x = bf.Simulator(network, dt=2 * u.ms).run(1000 * u.second, sampling_period=20 * u.ms, seed=0)['output']
    exact = solve_continuous_lyapunov(6 * CONN - 10 * np.eye(3), -np.eye(3))
    # about 5000 independent samples
    np.testing.assert_allclose(np.cov(np.asarray(x[50:], float).T), exact, rtol=0.1, atol=0.02 * exact.max())
