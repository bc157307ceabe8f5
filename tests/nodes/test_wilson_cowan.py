"""Wilson-Cowan against its published behaviour and an independent solution."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

import brainfwd as bf

P = np.array([0.9, 1.0, 1.5, 2.2])


def response(x, a, theta):
    return 1 / (1 + np.exp(-a * (x - theta))) - 1 / (1 + np.exp(a * theta))


def equations(t, y, p, q):
    """Wilson & Cowan (1972), in ms."""
    E, I = y
    return [
        (-E + (1 - E) * response(16 * E - 12 * I + p, 1.3, 4)) / 8,
        (-I + (1 - I) * response(15 * E - 3 * I + q, 2, 3.7)) / 8,
    ]


@pytest.fixture(scope='module')
def settled():
    """The last half of 2 s for every drive: (times, drives)."""
    sim = bf.Simulator(bf.WilsonCowanModel(len(P)), dt=0.1 * u.ms)
    result = sim.run(1 * u.second, inputs={'rE_inp': P}, transient=1 * u.second, sampling_period=1 * u.ms)
    return np.asarray(result['output'], float)


def test_oscillates_in_between_only(settled):
    swing = np.ptp(settled, axis=0)
    assert (swing[[0, 1, 3]] < 1e-4).all()
    assert swing[2] > 0.1


def test_rest(settled):
    assert settled[-1, 1] == pytest.approx(0.02869, abs=1e-5)
    for p, E in zip(P[[0, 1, 3]], settled[-1, [0, 1, 3]], strict=True):
        E0, _ = fsolve(lambda y, p=p: equations(0, y, p, 0), [E, E])
        assert pytest.approx(E0, abs=1e-4) == E


def test_against_scipy():
    brainstate.environ.set(precision=64)
    node = bf.WilsonCowanModel(1, method='rk4', init_rE=0.3, init_rI=0.05)
    result = bf.Simulator(node, dt=0.1 * u.ms).run(
        100 * u.ms, inputs={'rE_inp': 1.5, 'rI_inp': 0.2}, monitors=['rE', 'rI'], sampling_period=5 * u.ms
    )
    times = result.times.in_unit(u.ms).mantissa
    exact = solve_ivp(equations, (0, 100), [0.3, 0.05], 'DOP853', times, args=(1.5, 0.2), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(result['rE'][:, 0], exact.y[0], rtol=1e-6)
    np.testing.assert_allclose(result['rI'][:, 0], exact.y[1], rtol=1e-6)


def test_the_first_index_of_a_weight_is_the_target():
    node = bf.WilsonCowanModel(1, w_EI=20.0)
    rest = {'rE': 0.1, 'rE_inp': 0.0, 'rI_inp': 0.0}
    base = bf.WilsonCowanModel(1)
    # more weight from inhibitory to excitatory cells lowers E', and leaves I' alone
    assert node.derivative(rI=0.3, **rest)['rE'] < base.derivative(rI=0.3, **rest)['rE']
    assert node.derivative(rI=0.3, **rest)['rI'] == base.derivative(rI=0.3, **rest)['rI']


def test_without_drive_nothing_happens():
    # S(0) = 0, so that silence is an equilibrium
    silent = bf.WilsonCowanModel(1).derivative(rE=0.0, rI=0.0, rE_inp=0.0, rI_inp=0.0)
    assert all(abs(float(rate.mantissa)) < 1e-9 for rate in silent.values())


@pytest.mark.parametrize('drive', [-1e3, 0.0, 1e3])
def test_the_gradient_is_finite_for_every_drive(drive):
    node = bf.WilsonCowanModel(1)
    slope = jax.grad(lambda P: node.derivative(rE=0.1, rI=0.1, rE_inp=P, rI_inp=0.0)['rE'].mantissa)(drive)
    assert np.isfinite(slope)


def test_the_response_at_zero_is_subtracted_in_part():
    silence = dict(rE=0.0, rI=0.0, rE_inp=0.0, rI_inp=0.0)
    rates = bf.WilsonCowanModel(1, shift=0.25, k_E=2.0, k_I=0.5).derivative(**silence)
    expected = {'rE': 2 * 0.75 / (1 + np.exp(1.3 * 4)), 'rI': 0.5 * 0.75 / (1 + np.exp(2 * 3.7))}
    for name, change in expected.items():
        assert float(8 * u.ms * rates[name]) == pytest.approx(change, rel=1e-5)


def test_refractory_fractions():
    # r = 0: no state saturates the response
    state = dict(rE=0.4, rI=0.3, rE_inp=1.0, rI_inp=0.5)
    for name, value, pop in (('rE', 0.4, 'E'), ('rI', 0.3, 'I')):
        none, some = (bf.WilsonCowanModel(1, **{f'r_{pop}': r}).derivative(**state)[name] for r in (0.0, 1.0))
        x, a, theta = (16 * 0.4 - 12 * 0.3 + 1, 1.3, 4) if pop == 'E' else (15 * 0.4 - 3 * 0.3 + 0.5, 2, 3.7)
        assert float(8 * u.ms * (none - some)) == pytest.approx(value * response(x, a, theta), rel=1e-4)
