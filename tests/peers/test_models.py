"""Right-hand sides of the models against brainmass and The Virtual Brain.

In both, time is in ms and nothing else has a unit that is checked. What differs beside names:

- brainmass counts what feeds a variable outside of the time constant: FitzHugh-Nagumo's input to w is w_inp / ms there,
  w_inp / tau_w here.
- brainmass leaves out a time constant in the rate equation of Montbrio-Pazo-Roxin (2 r v / ms in place of 2 r v / tau)
  and takes Delta as a rate: the two agree at tau = 1 ms.
- Input to the phase of a Kuramoto oscillator is in rad/ms there, and a frequency here.
- The Epileptor's Kvf, Ks and Kf are strengths of coupling here, and its coupling variable enters twice in both peers.
- The Virtual Brain's shift_sigmoid subtracts the response at theta_e, not at zero, so that silence is an equilibrium
  only where theta_e = 0.
- brainmass' WongWangStep is the decision model of two populations (Wong & Wang, 2006) and has no counterpart here; nor
  has The Virtual Brain's noise amplitude sigma_noise, which its equations do not use.
"""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

pytestmark = pytest.mark.peers

N = 5
PER_MS = 1 / u.ms


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def assert_agree(ours, theirs):
    """Ours by name; theirs in the same order, each in a unit or per ms."""
    for (name, rate), expected in zip(ours.items(), theirs, strict=True):
        expected = expected if isinstance(expected, u.Quantity) else np.asarray(expected) * PER_MS
        np.testing.assert_allclose(
            rate.in_unit(expected.unit).mantissa, expected.mantissa, rtol=1e-6, atol=1e-9, err_msg=name
        )


def near(rng, defaults):
    """One value per region for each parameter, within a tenth of its default."""
    return {name: value * rng.uniform(0.9, 1.1, N) for name, value in defaults.items()}


# ---- The Virtual Brain


@pytest.fixture
def tvb():
    models = pytest.importorskip('tvb.simulator.models')

    def rates(name, values, state, coupling):
        model = getattr(models, name)(**{key: np.asarray(value) for key, value in values.items()})
        model.configure()
        return model.dfun(np.asarray(state)[..., None], np.asarray(coupling)[..., None])[..., 0]

    def per_region(name, values, state, coupling):
        """A model region by region, since some take one value per parameter."""
        by_region = [
            rates(
                name,
                {key: np.atleast_1d(np.broadcast_to(value, N)[i]) for key, value in values.items()},
                np.asarray(state)[:, i : i + 1],
                np.asarray(coupling)[:, i : i + 1],
            )
            for i in range(N)
        ]
        return np.concatenate(by_region, axis=1)

    return per_region


def test_jansen_rit(rng, tvb):
    values = near(rng, dict(A=3.25, B=22, a=0.1, b=0.05, v0=5.52, r=0.56, a_1=1, a_2=0.8, a_3=0.25, a_4=0.25))
    J, nu_max, mu = 135 * rng.uniform(0.9, 1.1, N), 0.0025 * rng.uniform(0.9, 1.1, N), rng.uniform(0.1, 0.3, N)
    y = rng.normal(size=(6, N)) * np.array([[0.1, 20, 15, 0.005, 0.2, 0.2]]).T
    lrc = rng.uniform(0, 0.1, N)
    units = dict(A=u.mV, B=u.mV, a=PER_MS, b=PER_MS, v0=u.mV, r=1 / u.mV)
    ours = bf.JansenRitModel(
        N, C=J, e0=nu_max * PER_MS, **{name: value * units.get(name, 1) for name, value in values.items()}
    )
    state = {f'y{i}': y[i] * (u.mV if i < 3 else u.mV / u.ms) for i in range(6)}
    rates = ours.derivative(**state, p=(mu + lrc) * PER_MS, pyramidal_inp=0 * u.mV, inhibitory_inp=0 * u.mV)
    theirs = tvb('JansenRit', {**values, 'J': J, 'nu_max': nu_max, 'mu': mu}, y, [lrc, 0 * lrc])
    assert_agree(rates, [row * (u.mV / u.ms if i < 3 else u.mV / u.ms**2) for i, row in enumerate(theirs)])


@pytest.mark.parametrize('shifted', [True, False])
def test_wilson_cowan(rng, tvb, shifted):
    names = ('c', 'a', 'b', 'theta', 'k', 'r', 'tau', 'alpha')
    values = near(rng, {f'{name}_{pop}': 1 + i / 2 for i, name in enumerate(names) for pop in 'ei'})
    values |= near(rng, dict(c_ee=12, c_ei=4, c_ie=13, c_ii=11, P=0.7, Q=0.4))
    if shifted:
        values |= dict(theta_e=0.0, theta_i=0.0)
    e = {name: values[f'{name}_e'] for name in names}
    i = {name: values[f'{name}_i'] for name in names}
    ours = bf.WilsonCowanModel(
        N, w_EE=values['c_ee'], w_EI=values['c_ei'], w_IE=values['c_ie'], w_II=values['c_ii'], shift=float(shifted),
        a_E=e['a'] * e['alpha'], theta_E=e['theta'] + e['b'] / e['alpha'], tau_E=e['tau'] * u.ms,
        a_I=i['a'] * i['alpha'], theta_I=i['theta'] + i['b'] / i['alpha'], tau_I=i['tau'] * u.ms,
        k_E=e['c'] * e['k'], r_E=e['c'] * e['r'], k_I=i['c'] * i['k'], r_I=i['c'] * i['r'],
    )  # fmt: skip
    E, I, c0 = rng.uniform(0, 0.5, (3, N))
    theirs = tvb('WilsonCowan', values | dict(shift_sigmoid=shifted), [E, I], [c0, 0 * c0])
    assert_agree(ours.derivative(E, I, values['P'] + c0, values['Q']), theirs)


def test_hopf(rng, tvb):
    a, omega = rng.uniform(-1, 1, N), rng.uniform(0.05, 1, N)
    x, y, x_inp, y_inp = rng.normal(size=(4, N))
    theirs = tvb('SupHopf', dict(a=a, omega=omega), [x, y], [x_inp, y_inp])
    for cls in (bf.HopfOscillator, bf.StuartLandauOscillator):
        assert_agree(cls(N, a=a, omega=omega * u.radian / u.ms).derivative(x, y, x_inp, y_inp), theirs)


def test_kuramoto(rng, tvb):
    omega, theta, c = rng.uniform(0.1, 3, (3, N))
    ours = bf.KuramotoModel(N, omega=omega * u.radian / u.ms)
    theirs = tvb('Kuramoto', dict(omega=omega), [theta], [c])
    assert_agree(ours.derivative(theta, c / (2 * np.pi) * PER_MS), theirs)


def test_linear(rng, tvb):
    gamma, x, c = -rng.uniform(1, 10, (3, N))
    theirs = tvb('Linear', dict(gamma=gamma), [x], [c])
    assert_agree(bf.LinearModel(N, gamma=gamma * PER_MS).derivative(x, c * PER_MS), theirs)


def test_generic_2d_oscillator(rng, tvb):
    names = dict(tau=1, a=-2, b=-10, c=-5, d=0.02, e=3, f=1, g=0.5, alpha=1, beta=0.8, gamma=-1)
    values, I = near(rng, names), rng.normal(size=N)
    V, W, c = rng.normal(size=(3, N))
    ours = bf.Generic2dOscillator(N, **{**values, 'd': values['d'] * PER_MS})
    theirs = tvb('Generic2dOscillator', {**values, 'I': I}, [V, W], [c])
    assert_agree(ours.derivative(V, W, I + c), theirs)


def test_wong_wang(rng, tvb):
    values = near(rng, dict(a=0.27, b=0.108, d=154, gamma=0.641, tau_s=100, w=0.6, J_N=0.2609, I_o=0.33))
    S, c = rng.uniform(0, 1, (2, N))
    ours = bf.WongWangModel(
        N, a=values['a'] / u.ms / u.nA, b=values['b'] * PER_MS, d=values['d'] * u.ms, gamma=values['gamma'],
        tau_S=values['tau_s'] * u.ms, w=values['w'], J_N=values['J_N'] * u.nA, I_0=values['I_o'] * u.nA,
    )  # fmt: skip
    assert_agree(ours.derivative(S, c, 0 * u.nA), tvb('ReducedWongWang', values, [S], [c]))


EI = dict(
    a_e=310, b_e=125, d_e=0.16, gamma_e=0.641e-3, tau_e=100, w_p=1.4, W_e=1, a_i=615, b_i=177, d_i=0.087, gamma_i=1e-3,
    tau_i=10, W_i=0.7, J_N=0.15, J_i=1, I_o=0.382, I_ext=0.02, G=2, lamda=0.3,
)  # fmt: skip


def wong_wang_ei(values):
    return bf.WongWangEIModel(
        N, a_E=values['a_e'] * u.Hz / u.nA, b_E=values['b_e'] * u.Hz, d_E=values['d_e'] * u.second,
        a_I=values['a_i'] * u.Hz / u.nA, b_I=values['b_i'] * u.Hz, d_I=values['d_i'] * u.second,
        gamma_E=1e3 * values['gamma_e'], gamma_I=1e3 * values['gamma_i'], tau_E=values['tau_e'] * u.ms,
        tau_I=values['tau_i'] * u.ms, w_p=values['w_p'], W_E=values['W_e'], W_I=values['W_i'],
        J_N=values['J_N'] * u.nA, J_I=values['J_i'] * u.nA, I_0=values['I_o'] * u.nA, lamda=values['lamda'],
    )  # fmt: skip


def test_wong_wang_ei(rng, tvb):
    values = near(rng, EI)
    S_E, S_I, c = rng.uniform(0, 0.5, (3, N))
    rates = wong_wang_ei(values).derivative(S_E, S_I, values['G'] * c, values['I_ext'] * u.nA)
    assert_agree(rates, tvb('ReducedWongWangExcInh', values, [S_E, S_I], [c]))


def test_montbrio_pazo_roxin(rng, tvb):
    values = near(rng, dict(tau=10, Delta=1, J=15, eta=-5))
    I, r, V, c = rng.normal(size=(4, N))
    ours = bf.MontbrioPazoRoxinModel(N, **{**values, 'tau': values['tau'] * u.ms})
    theirs = tvb('MontbrioPazoRoxin', {**values, 'I': I}, [r, V], [c, 0 * c])
    rates = ours.derivative(r * PER_MS, V, I + c)
    assert_agree(rates, [theirs[0] / u.ms**2, theirs[1]])


EPILEPTOR = dict(
    a=1, b=3, c=1, d=5, r=0.00035, x0=-1.6, Iext=3.1, slope=0.5, Iext2=0.45, tau=10, aa=6, bb=2, tt=0.8
)  # fmt: skip
GAINS = dict(Kvf=0.7, Ks=-1.3, Kf=0.4)


def epileptor(rng):
    """A model, a state on either side of every piece, and coupling."""
    values = near(rng, EPILEPTOR)
    state = rng.normal(size=(6, N)) * np.array([[1, 3, 2, 1, 1, 0.3]]).T
    assert all(
        (row < edge).any() and (row > edge).any() for row, edge in zip(state[[0, 2, 3]], (0, 0, -0.25), strict=True)
    )
    return values, state, rng.normal(size=(2, N))


@pytest.mark.parametrize('modification', [False, True])
def test_epileptor(rng, tvb, modification):
    values, state, (c1, c2) = epileptor(rng)
    ours = bf.EpileptorModel(N, modification=float(modification), **{**values, 'tt': values['tt'] * PER_MS})
    rates = ours.derivative(*state, x1_inp=GAINS['Kvf'] * c1, x2_inp=GAINS['Kf'] * c2, z_inp=GAINS['Ks'] * c1)
    assert_agree(rates, tvb('Epileptor', {**values, **GAINS, 'modification': modification}, state, [c1, c2]))


# ---- brainmass


@pytest.fixture
def brainmass():
    return pytest.importorskip('brainmass')


def test_brainmass_stuart_landau(rng, brainmass):
    a, omega = rng.uniform(-1, 1, N), rng.uniform(0.05, 1, N)
    x, y, x_inp, y_inp = jnp.asarray(rng.normal(size=(4, N)))
    theirs = brainmass.StuartLandauStep(N, a=a, w=omega)
    ours = bf.StuartLandauOscillator(N, a=a, omega=omega * u.radian / u.ms)
    assert_agree(ours.derivative(x, y, x_inp, y_inp), theirs.derivative((x, y), 0.0, x_inp, y_inp))


def test_brainmass_hopf_with_saturation(rng, brainmass):
    a, beta, omega = rng.uniform(0.2, 1, (3, N))
    x, y, x_inp, y_inp = jnp.asarray(rng.normal(size=(4, N)))
    theirs = brainmass.HopfStep(N, a=a, beta=beta, w=omega)
    ours = bf.StuartLandauOscillator(N, a=a, beta=beta, omega=omega * u.radian / u.ms)
    assert_agree(ours.derivative(x, y, x_inp, y_inp), (theirs.dx(x, y, x_inp), theirs.dy(y, x, y_inp)))


def test_brainmass_fitzhugh_nagumo(rng, brainmass):
    values = near(rng, dict(alpha=3, beta=4, gamma=-1.5, delta=0.2, epsilon=0.5))
    tau = rng.uniform(10, 30, N)
    v, w, v_inp, w_inp = jnp.asarray(rng.normal(size=(4, N)))
    theirs = brainmass.FitzHughNagumoStep(N, **values, tau=tau * u.ms)
    ours = bf.FitzHughNagumoModel(N, **values, tau_w=tau * u.ms)
    assert_agree(ours.derivative(v, w, v_inp, w_inp * tau), theirs.derivative((v, w), 0.0, v_inp, w_inp))


def test_brainmass_kuramoto(rng, brainmass):
    omega, theta, drive = jnp.asarray(rng.uniform(0.1, 3, (3, N)))
    theirs = brainmass.KuramotoNetwork(N, omega=omega)
    ours = bf.KuramotoModel(N, omega=omega * u.radian / u.ms)
    assert_agree(ours.derivative(theta, drive / (2 * np.pi) * PER_MS), [theirs.dtheta(theta, drive)])


def test_brainmass_linear(rng, brainmass):
    gamma, x, c = -jnp.asarray(rng.uniform(1, 10, (3, N)))
    theirs = brainmass.LinearStep(N, gamma=gamma)
    assert_agree(bf.LinearModel(N, gamma=gamma * PER_MS).derivative(x, c * PER_MS), theirs.derivative((x,), 0.0, c))


def test_brainmass_generic_2d_oscillator(rng, brainmass):
    names = dict(tau=1, a=-2, b=-10, c=-5, d=0.02, e=3, f=1, g=0.5, alpha=1, beta=0.8, gamma=-1)
    values, I = near(rng, names), rng.normal(size=N)
    V, W, c = jnp.asarray(rng.normal(size=(3, N)))
    theirs = brainmass.Generic2dOscillatorStep(N, **values, I=I)
    ours = bf.Generic2dOscillator(N, **{**values, 'd': values['d'] * PER_MS})
    assert_agree(ours.derivative(V, W, I + c), theirs.derivative((V, W), 0.0, c))


def test_brainmass_wong_wang_ei(rng, brainmass):
    values = near(rng, EI)
    S_E, S_I, c = jnp.asarray(rng.uniform(0, 0.5, (3, N)))
    theirs = brainmass.WongWangExcInhStep(N, **values)
    rates = wong_wang_ei(values).derivative(S_E, S_I, values['G'] * c, values['I_ext'] * u.nA)
    assert_agree(rates, theirs.derivative((S_E, S_I), 0.0, c))


def test_brainmass_montbrio_pazo_roxin(rng, brainmass):
    values = near(rng, dict(J=15, eta=-5))
    Delta = rng.uniform(0.5, 2, N)
    r, v, v_inp = jnp.asarray(rng.normal(size=(3, N)))
    theirs = brainmass.MontbrioPazoRoxinStep(N, **values, delta=Delta * PER_MS, tau=1 * u.ms)
    ours = bf.MontbrioPazoRoxinModel(N, **values, Delta=Delta, tau=1 * u.ms)
    assert_agree(ours.derivative(r * PER_MS, v, v_inp), theirs.derivative((r * PER_MS, v), 0.0, 0 * PER_MS, v_inp))


def test_brainmass_epileptor(rng, brainmass):
    values, state, (c1, c2) = epileptor(rng)
    state = jnp.asarray(state)
    theirs = brainmass.EpileptorStep(N, **values, **GAINS, modification=0.3)
    ours = bf.EpileptorModel(N, modification=0.3, **{**values, 'tt': values['tt'] * PER_MS})
    rates = ours.derivative(*state, x1_inp=GAINS['Kvf'] * c1, x2_inp=GAINS['Kf'] * c2, z_inp=GAINS['Ks'] * c1)
    assert_agree(rates, theirs.derivative(tuple(state), 0.0, c1, c2))
