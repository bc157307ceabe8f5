"""Jansen-Rit against its published behaviour and an independent solution."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import brainfwd as bf

# p in Hz and v0 in mV of each column
RUNS = {
    'rest': (80, 6),
    'slow': (120, 6),
    'alpha': (220, 6),
    'fast end': (300, 6),
    'beyond': (350, 6),
    'tvb': (220, 5.52),
}


def frequency(y, rate):
    """From the times at which the mean is crossed upwards."""
    below = y - y.mean()
    before = np.flatnonzero((below[:-1] < 0) & (below[1:] >= 0))
    crossings = before - below[before] / (below[before + 1] - below[before])
    return rate / np.diff(crossings).mean()


@pytest.fixture(scope='module')
def columns():
    """20 s of every column from zero, each ms."""
    p, v0 = np.array(list(RUNS.values()), float).T
    node = bf.JansenRitModel(len(RUNS), v0=v0 * u.mV)
    result = bf.Simulator(node, dt=0.1 * u.ms).run(20 * u.second, inputs={'p': p * u.Hz}, sampling_period=1 * u.ms)
    assert result['output'].unit == u.mV
    return result.times.mantissa, dict(zip(RUNS, np.asarray(result['output'].mantissa, float).T, strict=True))


@pytest.fixture(scope='module')
def settled(columns):
    times, outputs = columns
    return {name: y[times > 10] for name, y in outputs.items()}


def test_the_alpha_rhythm(settled):
    y = settled['alpha']
    assert y.mean() == pytest.approx(7.56747, abs=1e-3)
    assert y.min() == pytest.approx(6.08826, abs=1e-3)
    assert y.max() == pytest.approx(9.03439, abs=1e-3)
    assert frequency(y, 1000) == pytest.approx(10.938, abs=1e-3)


def test_the_onset(columns):
    times, outputs = columns
    at = [np.flatnonzero(np.isclose(times, t))[0] for t in (0.1, 0.5, 1.0)]
    np.testing.assert_allclose(outputs['alpha'][at], [6.973829, 7.582810, 6.569001], rtol=1e-3)


def test_another_threshold_slows_it(settled):
    assert frequency(settled['tvb'], 1000) == pytest.approx(6.80, abs=0.005)


def test_bifurcations(settled):
    # Hopf points at 89.83 and 315.70 Hz, with rest outside and oscillation inside
    swing = {name: np.ptp(y[-2000:]) for name, y in settled.items()}
    assert swing['rest'] < 1e-3
    assert swing['slow'] > 1
    assert swing['alpha'] == pytest.approx(9.03439 - 6.08826, abs=2e-3)
    assert 0.1 < swing['fast end'] < swing['alpha']
    assert swing['beyond'] < 5e-3


def test_rest_solves_the_equations(settled):
    # at rest y0 = A S(y1 - y2) / a, y1 = A (p + C2 S(C1 y0)) / a, y2 = B C4 S(C3 y0) / b
    S = lambda v: 5 / (1 + np.exp(0.56 * (6 - v)))  # noqa: E731
    for name in ('rest', 'beyond'):
        v = settled[name][-1]
        y0 = 3.25 / 100 * S(v)
        y1 = 3.25 / 100 * (RUNS[name][0] + 108 * S(135 * y0))
        y2 = 22 / 50 * 33.75 * S(33.75 * y0)
        assert y1 - y2 == pytest.approx(v, abs=5e-3)


def equations(t, y, p):
    """Jansen & Rit (1995), in mV and s."""
    y0, y1, y2, y3, y4, y5 = y
    sigmoid = lambda v: 2 * 2.5 / (1 + np.exp(0.56 * (6.0 - v)))  # noqa: E731
    return [
        y3,
        y4,
        y5,
        3.25 * 100 * sigmoid(y1 - y2) - 2 * 100 * y3 - 100**2 * y0,
        3.25 * 100 * (p + 0.8 * 135 * sigmoid(135 * y0)) - 2 * 100 * y4 - 100**2 * y1,
        22 * 50 * 0.25 * 135 * sigmoid(0.25 * 135 * y0) - 2 * 50 * y5 - 50**2 * y2,
    ]


def test_against_scipy():
    brainstate.environ.set(precision=64)
    start = np.array([0.1, 20.0, 14.0, 1.0, -50.0, 30.0])
    initial = {f'init_y{i}': start[i] * (u.mV if i < 3 else u.mV / u.second) for i in range(6)}
    node = bf.JansenRitModel(1, method='rk4', **initial)
    result = bf.Simulator(node, dt=0.1 * u.ms).run(
        300 * u.ms, inputs={'p': 150 * u.Hz}, monitors=list(node.variables), sampling_period=10 * u.ms
    )
    exact = solve_ivp(equations, (0, 0.3), start, 'DOP853', result.times.mantissa, args=(150,), rtol=1e-11, atol=1e-11)
    for i, expected in enumerate(exact.y):
        np.testing.assert_allclose(result[f'y{i}'].mantissa[:, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(('method', 'inflated'), [('heun', 1.00), ('euler', 1.14), ('exponential_euler', 1.20)])
def test_first_order_schemes_inflate_the_rhythm(method, inflated):
    """Why Heun is the default."""
    sim = bf.Simulator(bf.JansenRitModel(1, method=method), dt=0.1 * u.ms)
    y = sim.run(10 * u.second, inputs={'p': 220 * u.Hz}, transient=10 * u.second, sampling_period=1 * u.ms)['output']
    assert np.ptp(y.mantissa) / (9.03439 - 6.08826) == pytest.approx(inflated, abs=0.01)


def test_firing_rate():
    node = bf.JansenRitModel(2)
    assert node.S(6.0 * u.mV).mantissa == pytest.approx(2.5)  # half the maximum, at v0
    assert node.S(1e3 * u.mV).mantissa == pytest.approx(5.0)
    rate = node.firing_rate(y1=7.0 * u.mV, y2=0.5 * u.mV)
    assert rate.unit == u.Hz
    assert float(rate.mantissa) == pytest.approx(5 / (1 + np.exp(-0.28)))


@pytest.mark.parametrize('potential', [-1e4, -300.0, 0.0, 300.0])
def test_the_firing_rate_has_a_finite_gradient_everywhere(potential):
    node = bf.JansenRitModel(1)
    slope = jax.grad(lambda v: node.S(v * u.mV).mantissa)(potential)
    expected = 0.56 * 5 / (4 * np.cosh(np.clip(0.28 * (potential - 6), -300, 300)) ** 2)
    assert float(slope) == pytest.approx(expected, abs=1e-6)
