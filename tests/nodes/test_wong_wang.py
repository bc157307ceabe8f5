"""The dynamic mean field of one population against the zeros of its equation."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

import brainfwd as bf


def rate(current):
    """Deco et al. (2013), Hz at nA."""
    x = 270 * current - 108
    return x / -np.expm1(-0.154 * x)


def change(S, w, S_inp=0.0):
    return -S / 0.1 + (1 - S) * 0.641 * rate(0.2609 * (w * S + S_inp) + 0.3)


def states(w, S_inp=0.0):
    """Every fixed point in (0, 1), in order."""
    S = np.linspace(1e-6, 1 - 1e-6, 5000)
    changes = np.flatnonzero(np.diff(np.sign(change(S, w, S_inp))))
    return [brentq(change, S[i], S[i + 1], args=(w, S_inp)) for i in changes]


def test_settles_at_the_fixed_points():
    # a low state alone at w = 0.9 (Deco et al., 2013), a low and a high one at w = 1.2
    w = np.array([0.9, 0.9, 1.2, 1.2])
    assert [len(states(each)) for each in w[::2]] == [1, 3]
    node = bf.WongWangModel(4, w=w, init_S=np.tile([0.01, 0.9], 2))
    S = bf.Simulator(node, dt=1 * u.ms).run(1 * u.ms, transient=10 * u.second)['output']
    ends = [states(0.9)[0]] * 2 + [states(1.2)[0], states(1.2)[2]]
    np.testing.assert_allclose(S[0], ends, atol=1e-4)
    assert ends[0] == pytest.approx(0.034, abs=1e-3)


def test_the_high_state_is_born_at_a_saddle_node():
    # change = 0 = its slope
    slope = lambda S, w: (change(S + 1e-6, w) - change(S - 1e-6, w)) / 2e-6  # noqa: E731
    S, w = fsolve(lambda y: [change(*y), slope(*y)], [0.5, 1.2])
    assert w == pytest.approx(1.155, abs=1e-3)
    node = bf.WongWangModel(2, w=w * np.array([0.995, 1.005]), init_S=S + 0.1)
    ends = bf.Simulator(node, dt=1 * u.ms).run(1 * u.ms, transient=10 * u.second)['output'][0]
    assert ends[0] < 0.1
    assert ends[1] > S


def test_coupling_is_in_units_of_gating():
    # two regions that excite each other with G = 0.5 rest where one with S_inp = 0.5 S does
    network = bf.Network(bf.WongWangModel(2), bf.AdditiveCoupling(np.array([[0, 1], [1, 0]]), k=0.5))
    result = bf.Simulator(network, dt=1 * u.ms).run(1 * u.ms, transient=5 * u.second, monitors=['S', 'firing_rate'])
    S = float(result['S'][0, 0])
    assert states(0.9 + 0.5)[0] == pytest.approx(S, abs=1e-5)
    # at rest it is the rate that H gives
    assert float(result['firing_rate'][0, 0].in_unit(u.Hz).mantissa) == pytest.approx(
        rate(0.2609 * 1.4 * S + 0.3), rel=1e-3
    )


def test_firing_rate_curve():
    brainstate.environ.set(precision=64)
    node = bf.WongWangModel(1)
    # around the threshold of 0.4 nA, where the formula is 0/0
    for offset in (0.0, 1e-9, 1e-6, 1e-5, 1e-3, 0.05, -1e-9, -1e-5, -0.05, -0.3):
        got = float(node.H((0.4 + offset) * u.nA).in_unit(u.Hz).mantissa)
        x = 0.154 * 270 * offset
        exact = (x / -np.expm1(-x) if abs(x) > 1e-7 else 1 + x / 2) / 0.154
        assert got == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize('current', [-1e4, -10.0, 0.39, 0.4, 0.41, 10.0, 1e4])
def test_the_rate_has_a_finite_gradient_everywhere(current):
    node = bf.WongWangModel(1)
    slope = jax.grad(lambda x: node.H(x * u.nA).in_unit(u.Hz).mantissa)(current)
    y = np.clip(0.154 * 270 * (current - 0.4), -500, 500) / 2
    # d/dx of x / (1 - exp(-x)), in terms of half of x
    exact = 0.5 if y == 0 else (1 + 1 / np.tanh(y) - y / np.sinh(y) ** 2) / 2
    assert float(slope) == pytest.approx(270 * exact, rel=1e-3, abs=1e-3)
