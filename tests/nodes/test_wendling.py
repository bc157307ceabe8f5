"""Wendling against Jansen-Rit, its rest, and the activity it is known for."""

import brainstate
import brainunit as u
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import brainfwd as bf


def S(v):
    return 5 / (1 + np.exp(0.56 * (6 - v)))


def equations(t, y, A, B, G, p):
    """Wendling et al. (2002), in mV and s."""
    C = 135
    drive = [
        A * 100 * S(y[1] - y[2] - y[3]),
        A * 100 * (p + 0.8 * C * S(C * y[0])),
        B * 50 * 0.25 * C * S(0.25 * C * y[0]),
        G * 500 * 0.8 * C * S(0.3 * C * y[0] - 0.1 * C * y[4]),
        B * 50 * S(0.25 * C * y[0]),
    ]
    rates = np.array([100, 100, 50, 500, 50])
    return np.concatenate([y[5:], drive - 2 * rates * y[5:] - rates**2 * y[:5]])


def test_against_scipy():
    brainstate.environ.set(precision=64)
    start = np.array([0.1, 20.0, 10.0, 3.0, 0.4, 1.0, -50.0, 30.0, 10.0, 2.0])
    initial = {f'init_y{i}': start[i] * (u.mV if i < 5 else u.mV / u.second) for i in range(10)}
    node = bf.WendlingModel(1, A=5 * u.mV, B=25 * u.mV, G=15 * u.mV, method='rk4', **initial)
    result = bf.Simulator(node, dt=0.1 * u.ms).run(300 * u.ms, monitors=list(node.variables), sampling_period=5 * u.ms)
    exact = solve_ivp(
        equations, (0, 0.3), start, 'DOP853', result.times.mantissa, args=(5, 25, 15, 90), rtol=1e-10, atol=1e-10
    )
    for i, expected in enumerate(exact.y):
        np.testing.assert_allclose(result[f'y{i}'].mantissa[:, 0], expected, rtol=1e-5, atol=1e-5)


def test_without_fast_inhibition_it_is_jansen_rit():
    brainstate.environ.set(precision=64)
    outputs = [
        bf.Simulator(node, dt=0.1 * u.ms).run(500 * u.ms, inputs={'p': 220 * u.Hz}, monitors=['output', 'firing_rate'])
        for node in (bf.WendlingModel(1, G=0 * u.mV), bf.JansenRitModel(1))
    ]
    assert np.ptp(outputs[1]['output'].mantissa) > 2
    for name in ('output', 'firing_rate'):
        np.testing.assert_allclose(outputs[0][name].mantissa, outputs[1][name].mantissa, rtol=1e-9)


def test_background_and_discharges():
    """Sets of Wendling et al. (2002): background at B = 50 mV; sustained discharges of spikes at B = 25 mV."""
    node = bf.WendlingModel(2, A=5 * u.mV, B=np.array([50.0, 25.0]) * u.mV, G=15 * u.mV)
    y = bf.Simulator(node, dt=0.1 * u.ms).run(3 * u.second, transient=3 * u.second, sampling_period=1 * u.ms)
    background, spikes = np.asarray(y['output'].mantissa, float).T
    assert np.ptp(background) < 1e-3
    assert np.ptp(spikes) > 10
    above = spikes > 5
    assert 3 <= (above[1:] & ~above[:-1]).sum() / 3 <= 7

    # at rest each y is its gain over its rate times what drives it
    C, y0 = 135, 5 / 100 * S(background[-1])
    y1 = 5 / 100 * (90 + 0.8 * C * S(C * y0))
    y2 = 50 / 50 * 0.25 * C * S(0.25 * C * y0)
    y4 = 50 / 50 * S(0.25 * C * y0)
    y3 = 15 / 500 * 0.8 * C * S(C * (0.3 * y0 - 0.1 * y4))
    assert y1 - y2 - y3 == pytest.approx(background[-1], abs=5e-3)
