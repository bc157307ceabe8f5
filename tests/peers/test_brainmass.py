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


def assert_agree(ours, theirs):
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
    assert_agree(rates, theirs.derivative(state, 0.0, pyramidal, p, inhibitory))


def test_wilson_cowan_derivative(rng):
    common = dict(tau_E=7.0 * u.ms, tau_I=9.0 * u.ms, a_E=1.3, a_I=2.0, theta_E=4.0, theta_I=3.7)
    ours = bf.WilsonCowanModel(N, w_EE=16.0, w_EI=12.0, w_IE=15.0, w_II=3.0, r_E=0.9, r_I=0.9, **common)
    theirs = brainmass.WilsonCowanStep(N, wEE=16.0, wIE=12.0, wEI=15.0, wII=3.0, r=0.9, **common)
    rE, rI, P, Q = jnp.asarray(rng.uniform(0, 1, (4, N)))
    assert_agree(ours.derivative(rE, rI, P, Q), theirs.derivative((rE, rI), 0.0, P, Q))


def test_hopf_derivative(rng):
    a, frequency = rng.uniform(-1, 1, N), rng.uniform(5, 40, N)
    ours = bf.HopfOscillator(N, a=a, frequency=frequency * u.Hz, tau=1.0 * u.ms)
    theirs = brainmass.HopfStep(N, a=jnp.asarray(a), w=jnp.asarray(2 * np.pi * frequency * 1e-3), beta=1.0)
    x, y, x_inp, y_inp = jnp.asarray(rng.normal(size=(4, N)))
    assert_agree(ours.derivative(x, y, x_inp, y_inp), (theirs.dx(x, y, x_inp), theirs.dy(y, x, y_inp)))


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


def test_hopf_network(rng):
    """Coupled by x at once, held over a step as there; every step, and means over ten.

    What brainmass reads at the first step is its history, random unless told otherwise.
    """
    conn, starts, steps, dt = rng.uniform(0, 1, (N, N)) * (1 - np.eye(N)), rng.normal(size=(2, N)), 500, 0.2 * u.ms
    frequency = rng.uniform(5, 40, N)
    ours = bf.HopfOscillator(N, a=0.1, frequency=frequency * u.Hz, init_x=starts[0], init_y=starts[1], method='rk4')
    network = bf.Network(ours, bf.DiffusiveCoupling(conn, k=0.2), hold_coupling=True)
    x = bf.Monitor('x', sampling_period=10 * dt, average=True)
    got = bf.Simulator(network, dt).run(steps * dt, monitors={'x': 'x', 'mean': x})

    first, second = (lambda *_, value=value, **__: jnp.asarray(value) for value in starts)
    theirs = brainmass.HopfStep(N, a=0.1, w=2 * np.pi * frequency * 1e-3, method='rk4', init_x=first, init_y=second)
    with brainstate.environ.context(dt=dt):
        past = dict(delay_init=lambda shape, *_, **__: jnp.broadcast_to(starts[0], shape))
        theirs = brainmass.Network(theirs, conn=conn, coupled_var='x', k=0.2, **past)
        expected = brainmass.Simulator(theirs).run(steps * dt, monitors=lambda net: net.node.x.value)['output']
        means = brainmass.TemporalAverage(period=10 * dt)(expected, dt)
    np.testing.assert_allclose(got['x'], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(got['mean'], means, rtol=1e-9, atol=1e-12)


def test_balloon_derivative(rng):
    """Of flow, volume and deoxyhaemoglobin themselves, whose logarithms are the variables here; s per second there."""
    ours, theirs = bf.BOLDSignal(N), brainmass.BOLDSignal(N)
    s, z = jnp.asarray(rng.normal(size=(2, N)))
    f, v, q = jnp.asarray(rng.uniform(0.5, 2, (3, N)))
    rates = ours.derivative(s / u.second, jnp.log(f), jnp.log(v), jnp.log(q), z)
    expected = theirs.derivative((s, f, v, q), 0.0, z)
    assert_agree({'s': rates['s']}, [expected[0] / u.second**2])
    ours = {name: x * rates[f'log_{name}'] for name, x in (('f', f), ('v', v), ('q', q))}
    assert_agree(ours, [rate / u.second for rate in expected[1:]])


@pytest.mark.parametrize(('name', 'unit'), [('EEGLeadFieldModel', u.volt), ('MEGLeadFieldModel', u.tesla)])
def test_lead_field(rng, name, unit):
    """A series of potentials, time first."""
    L = rng.normal(size=(N, 7)) * unit / (u.nA * u.meter)
    potentials = rng.normal(size=(20, N)) * u.mV
    scale = 2.0 * u.nA * u.meter / u.mV
    ours = getattr(bf, name)(N, 7, L, dipole_scale=scale).update(potentials).to_decimal(unit)
    theirs = brainmass.LeadFieldModel((N,), (7,), L, sensor_unit=unit, scale=scale).update(potentials).to_decimal(unit)
    assert ours.shape == (20, 7)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
