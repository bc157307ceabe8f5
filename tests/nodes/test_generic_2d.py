"""The generic oscillator against its Hopf bifurcations.

With the defaults a fixed point has V^3 - 3 V^2 + 10 V = a + I; the trace of the Jacobian is zero where
3 V^2 - 6 V + 1 = 0, and its determinant there is 9 d^2.
"""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

HOPF = np.sort(np.roots([3.0, -6.0, 1.0]))
ONSETS = HOPF**3 - 3 * HOPF**2 + 10 * HOPF


@pytest.mark.parametrize(('V', 'a'), list(zip(HOPF, ONSETS, strict=True)))
def test_hopf_points(V, a):
    brainstate.environ.set(precision=64)
    node = bf.Generic2dOscillator(1, a=a)

    def rates(y):
        return jnp.stack([rate.in_unit(u.Hz).mantissa for rate in node.derivative(y[0], y[1], 0.0).values()])

    fixed = jnp.array([V, a - 10 * V])
    np.testing.assert_allclose(rates(fixed), 0, atol=1e-9)
    # born with 3 d / (2 pi), 9.5 Hz; The Virtual Brain's documentation says about 10 Hz
    np.testing.assert_allclose(np.linalg.eigvals(jax.jacfwd(rates)(fixed)), [60j, -60j], atol=1e-9)


def test_limit_cycle_between_the_hopf_points():
    np.testing.assert_allclose(ONSETS, [1.740, 14.260], atol=1e-3)
    a = np.concatenate([ONSETS - 0.4, ONSETS + 0.4])
    sim = bf.Simulator(bf.Generic2dOscillator(4, a=a, init_V=0.5), dt=0.5 * u.ms)
    swing = np.ptp(sim.run(1 * u.second, transient=9 * u.second)['output'], axis=0)
    assert max(swing[[0, 3]]) < 1e-3
    assert min(swing[[1, 2]]) > 0.4


def test_input_is_a_shift_of_the_cubic_nullcline():
    # with gamma = -1 the sign of the input turns; at rest V^3 - 3 V^2 + 10 V = a - I
    node = bf.Generic2dOscillator(1, gamma=-1.0)
    V = bf.Simulator(node, dt=0.5 * u.ms).run(1 * u.second, inputs={'V_inp': 1.5}, transient=9 * u.second)['output']
    assert np.ptp(V) < 1e-4
    v = float(V[-1, 0])
    assert v**3 - 3 * v**2 + 10 * v == pytest.approx(-2 - 1.5, abs=1e-3)


def test_bistable_set_of_the_virtual_brain():
    # a = 1, b = 0, c = -5: rest where (V + 1)(V^2 + V - 1) = 0; stable at V = -1.618, and a cycle around 0.618
    start = dict(init_V=np.array([0.7, -1.6]), init_W=np.array([-1.0, -12.0]))
    sim = bf.Simulator(bf.Generic2dOscillator(2, a=1.0, b=0.0, c=-5.0, **start), dt=0.5 * u.ms)
    V = np.asarray(sim.run(1 * u.second, transient=9 * u.second)['output'])
    assert np.ptp(V[:, 0]) > 1
    np.testing.assert_allclose(V[:, 1], -(1 + 5**0.5) / 2, atol=1e-3)
