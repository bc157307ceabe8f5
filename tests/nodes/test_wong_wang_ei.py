"""Excitation and inhibition of Deco et al. (2014) against their fixed points and feedback inhibition control."""

import brainunit as u
import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

import brainfwd as bf

CONN = np.array([[0, 0.4, 0.1, 0], [0.2, 0, 0.3, 0.1], [0.1, 0.2, 0, 0.4], [0.5, 0, 0.2, 0]])


def rate(x, a, b, d):
    x = a * x - b
    return x / -np.expm1(-d * x)


def excitatory(current):
    return rate(current, 310, 125, 0.16)


def inhibitory(current):
    return rate(current, 615, 177, 0.087)


def settled(node, coupling=None):
    sim = bf.Simulator(bf.Network(node, coupling), dt=0.5 * u.ms)
    result = sim.run(0.5 * u.ms, transient=5 * u.second, monitors=['S_E', 'S_I', 'firing_rate'])
    return {name: np.asarray(u.get_mantissa(result[name][0]), float) for name in result}


def test_a_region_alone_fires_at_three_hertz():
    def equations(y):
        E, I = y
        return [
            -E / 0.1 + (1 - E) * 0.641 * excitatory(0.382 + 1.4 * 0.15 * E - I),
            -I / 0.01 + inhibitory(0.7 * 0.382 + 0.15 * E - I),
        ]

    E, I = fsolve(equations, [0.16, 0.05])
    end = settled(bf.WongWangEIModel(1))
    assert end['S_E'] == pytest.approx(E, abs=1e-5)
    assert end['S_I'] == pytest.approx(I, abs=1e-5)
    # Deco et al. (2014): about 3 Hz
    assert end['firing_rate'] == pytest.approx(excitatory(0.382 + 0.21 * E - I), rel=1e-3)
    assert end['firing_rate'] == pytest.approx(3.08, abs=0.01)


def test_feedback_inhibition_control():
    """The J_I of each region at which all fire at 3.06 Hz: their condition x_E - b_E/a_E = -0.026 nA."""
    current = 125 / 310 - 0.026
    hertz = excitatory(current)
    assert hertz == pytest.approx(3.0631, abs=1e-4)
    E = 0.0641 * hertz / (1 + 0.0641 * hertz)
    I = brentq(lambda I: -I / 0.01 + inhibitory(0.7 * 0.382 + 0.15 * E - I), 0, 1)
    G = 0.8
    J_I = (0.382 + 0.15 * (1.4 + G * CONN.sum(axis=1)) * E - current) / I
    end = settled(bf.WongWangEIModel(4, J_I=J_I * u.nA), bf.AdditiveCoupling(CONN, k=G))
    np.testing.assert_allclose(end['firing_rate'], hertz, rtol=1e-3)
    np.testing.assert_allclose(end['S_I'], I, rtol=1e-3)
    # without it the network fires five times as fast
    assert (settled(bf.WongWangEIModel(4), bf.AdditiveCoupling(CONN, k=G))['firing_rate'] > 5 * hertz).all()


def test_feedforward_inhibition_is_a_share_of_the_coupling():
    node = bf.WongWangEIModel(1, lamda=0.3)
    rest = dict(S_E=0.2, S_I=0.04, I_ext=0.0 * u.nA)
    with_input, without = node.derivative(**rest, S_inp=0.5), node.derivative(**rest, S_inp=0.0)
    x_E, x_I = 0.382 + 0.21 * 0.2 - 0.04, 0.7 * 0.382 + 0.15 * 0.2 - 0.04
    for name, expected in {
        'S_E': 0.8 * 0.641 * (excitatory(x_E + 0.075) - excitatory(x_E)),
        'S_I': inhibitory(x_I + 0.3 * 0.075) - inhibitory(x_I),
    }.items():
        assert float((with_input[name] - without[name]).in_unit(u.Hz).mantissa) == pytest.approx(expected, rel=1e-4)
