"""The Epileptor against the threshold of its seizures, its fixed point, and an independent solution."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import brainfwd as bf


def resting_x1(x0):
    """y1 = 1 - 5 x1^2, z = 4 (x1 - x0), and y1 - z + 3.1 + 3 x1^2 - x1^3 = 0."""
    return brentq(lambda x: 4.1 - 2 * x**2 - x**3 - 4 * (x - x0), -3, 0)


def test_seizures_come_and_go_above_the_threshold():
    # the knee of the fast nullcline is at x1 = -4/3, the fixed point on it for x0 = -2.062 (published: about -2.05)
    threshold = brentq(lambda x0: resting_x1(x0) + 4 / 3, -3, -1.5)
    assert threshold == pytest.approx(-2.062, abs=1e-3)
    x0 = np.array([-1.6, threshold + 0.02, threshold - 0.02, -2.3])
    sim = bf.Simulator(bf.EpileptorModel(4, x0=x0), dt=0.1 * u.ms)
    result = sim.run(15 * u.second, monitors=['x1', 'z'], sampling_period=1 * u.ms)
    x1, z = np.asarray(result['x1']), np.asarray(result['z'])

    # discharges within the last 100 ms, or not
    ictal = np.lib.stride_tricks.sliding_window_view(x1 > 0, 100, axis=0).any(axis=-1)
    onsets = [np.flatnonzero(np.diff(each.astype(int)) == 1) for each in ictal.T]
    assert len(onsets[0]) >= 6
    assert len(onsets[1]) >= 3
    assert len(onsets[2]) == len(onsets[3]) == 0
    # seizures return evenly, begin when permittivity has fallen, and end when it has risen
    assert np.ptp(np.diff(onsets[0])) < 5
    assert z[onsets[0] + 100, 0] == pytest.approx(np.full(len(onsets[0]), z[2000:, 0].min()), abs=0.1)
    for i in (2, 3):
        assert x1[-1, i] == pytest.approx(resting_x1(x0[i]), abs=2e-3)
        assert z[-1, i] == pytest.approx(4 * (resting_x1(x0[i]) - x0[i]), abs=5e-3)


def test_permittivity_coupling_recruits():
    # a healthy region beside an epileptogenic one (Proix et al., 2014); it rests when left alone
    node = bf.EpileptorModel(2, x0=np.array([-1.6, -2.2]))
    for strength, seizes in ((0.0, False), (-1.5, True)):
        network = bf.Network(node, bf.DiffusiveCoupling(np.array([[0, 0], [1, 0]]), k=strength))
        x1 = bf.Simulator(network, dt=0.1 * u.ms).run(6 * u.second, monitors='x1', sampling_period=1 * u.ms)['x1']
        assert (np.asarray(x1[1000:, 1]) > 0).any() == seizes


def equations(t, y):
    """Jirsa et al. (2014), Table 1, with the terms of The Virtual Brain."""
    x1, y1, z, x2, y2, g = y
    f1 = x1**3 - 3 * x1**2 if x1 < 0 else (x2 - 0.6 * (z - 4) ** 2) * x1
    f2 = 0 if x2 < -0.25 else 6 * (x2 + 0.25)
    return [
        y1 - f1 - z + 3.1,
        1 - 5 * x1**2 - y1,
        0.00035 * (4 * (x1 + 1.6) - z),
        -y2 + x2 - x2**3 + 0.45 + 2 * g - 0.3 * (z - 3.5),
        (-y2 + f2) / 10,
        -0.01 * (g - 0.1 * x1),
    ]


def test_against_scipy():
    # within a seizure: both sides of both pieces
    brainstate.environ.set(precision=64)
    start = [0.5, -2.0, 2.9, 0.1, 1.0, 0.2]
    initial = {f'init_{name}': value for name, value in zip(bf.EpileptorModel.variables, start, strict=True)}
    node = bf.EpileptorModel(1, method='rk4', **initial)
    result = bf.Simulator(node, dt=0.01 * u.ms).run(60 * u.ms, monitors=node.readable, sampling_period=1 * u.ms)
    times = result.times.in_unit(u.ms).mantissa
    exact = solve_ivp(equations, (0, 60), start, 'DOP853', times, rtol=1e-10, atol=1e-10, max_step=0.05)
    assert exact.y[0].min() < 0 < exact.y[0].max()
    assert exact.y[3].min() < -0.25 < exact.y[3].max()
    for name, expected in zip(node.variables, exact.y, strict=True):
        np.testing.assert_allclose(result[name][:, 0], expected, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(result['output'][:, 0], exact.y[3] - exact.y[0], atol=2e-4)


@pytest.mark.parametrize('modification', [0.0, 1.0])
def test_pieces_meet_and_gradients_are_finite_on_their_edges(modification):
    node = bf.EpileptorModel(1, modification=modification)

    @jax.jit
    def rates(y):
        found = node.derivative(*y, x1_inp=0.0, x2_inp=0.0, z_inp=0.0)
        return jnp.stack([rate.in_unit(u.kHz).mantissa for rate in found.values()])

    slopes = jax.jit(jax.jacfwd(rates))
    edge = jnp.array([0.0, -3.0, 0.0, -0.25, 0.3, 0.1])
    np.testing.assert_allclose(rates(edge + 1e-6), rates(edge - 1e-6), atol=1e-4)
    for y in (edge, 1e3 * jnp.ones(6), -1e3 * jnp.ones(6)):
        assert np.isfinite(slopes(y)).all()
