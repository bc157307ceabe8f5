"""Nodes against brainmass.

Names differ. Jansen-Rit: M, E, I there are y0, y1, y2 here. Wilson-Cowan: brainmass puts the source first in the names
of its weights, so that its ``wIE`` is ``w_EI`` here. Hopf: brainmass counts time in ms, and ``w`` is an angle per ms.
"""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

brainmass = pytest.importorskip('brainmass')
pytestmark = pytest.mark.peers

N = 5


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def agree(ours, theirs):
    for rate, expected in zip(ours.values(), theirs, strict=True):
        np.testing.assert_allclose(
            rate.in_unit(u.get_unit(expected)).mantissa, u.get_mantissa(expected), rtol=1e-9, atol=1e-12
        )


def test_jansen_rit_derivative(rng):
    ours = bf.JansenRitModel(
        N,
        A=3.6 * u.mV,
        B=20.0 * u.mV,
        a=90.0 * u.Hz,
        b=60.0 * u.Hz,
        e0=2.2 * u.Hz,
        v0=5.7 * u.mV,
        r=0.5 / u.mV,
        C=120.0,
        a_1=0.9,
        a_2=0.7,
        a_3=0.3,
        a_4=0.2,
    )
    theirs = brainmass.JansenRitStep(
        N, Ae=3.6 * u.mV, Ai=20.0 * u.mV, be=90.0 * u.Hz, bi=60.0 * u.Hz, s_max=4.4 * u.Hz, v0=5.7 * u.mV,
        r=0.5, C=120.0, a1=0.9, a2=0.7, a3=0.3, a4=0.2,
    )  # fmt: skip
    sizes = [0.1, 20, 15, 5, 200, 200]
    state = [
        jnp.asarray(size * rng.normal(size=N)) * (u.mV if i < 3 else u.mV / u.second) for i, size in enumerate(sizes)
    ]
    p = rng.uniform(100, 300, N) * u.Hz
    pyramidal, inhibitory = rng.normal(size=(2, N)) * u.mV
    named = {f'y{i}': value for i, value in enumerate(state)}
    rates = ours.derivative(**named, p=p, pyramidal_inp=pyramidal, inhibitory_inp=inhibitory)
    agree(rates, theirs.derivative(state, 0.0, pyramidal, p, inhibitory))


def test_wilson_cowan_derivative(rng):
    common = dict(tau_E=7.0 * u.ms, tau_I=9.0 * u.ms, a_E=1.3, a_I=2.0, theta_E=4.0, theta_I=3.7)
    ours = bf.WilsonCowanModel(N, w_EE=16.0, w_EI=12.0, w_IE=15.0, w_II=3.0, r_E=0.9, r_I=0.9, **common)
    theirs = brainmass.WilsonCowanStep(N, wEE=16.0, wIE=12.0, wEI=15.0, wII=3.0, r=0.9, **common)
    rE, rI, P, Q = jnp.asarray(rng.uniform(0, 1, (4, N)))
    agree(ours.derivative(rE, rI, P, Q), theirs.derivative((rE, rI), 0.0, P, Q))


def test_hopf_derivative(rng):
    a, frequency = rng.uniform(-1, 1, N), rng.uniform(5, 40, N)
    ours = bf.HopfOscillator(N, a=a, frequency=frequency * u.Hz, tau=1.0 * u.ms)
    theirs = brainmass.HopfStep(N, a=jnp.asarray(a), w=jnp.asarray(2 * np.pi * frequency * 1e-3), beta=1.0)
    x, y, x_inp, y_inp = jnp.asarray(rng.normal(size=(4, N)))
    agree(ours.derivative(x, y, x_inp, y_inp), (theirs.dx(x, y, x_inp), theirs.dy(y, x, y_inp)))


@pytest.mark.parametrize(('method', 'their_name'), [('rk4', 'rk4'), ('exponential_euler', 'exp_euler')])
def test_jansen_rit_trajectory(method, their_name):
    dt, steps = 0.1 * u.ms, 3000
    ours = bf.Simulator(bf.JansenRitModel(1, method=method), dt=dt).run(steps * dt, inputs={'p': 220.0 * u.Hz})
    theirs = brainmass.JansenRitStep(1, method=their_name)
    with brainstate.environ.context(dt=dt):
        brainstate.nn.init_all_states(theirs)

        def step(i):
            with brainstate.environ.context(i=i, t=i * dt):
                theirs.update(E_inp=220.0 * u.Hz)
            return theirs.eeg()

        expected = brainstate.transform.for_loop(step, np.arange(steps))
    np.testing.assert_allclose(ours['output'].mantissa, expected.in_unit(u.mV).mantissa, rtol=1e-6, atol=1e-6)
