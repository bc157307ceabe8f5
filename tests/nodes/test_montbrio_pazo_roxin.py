"""The mean field of theta neurons against its fixed points, and against neurons."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

J, ETA, DELTA = 15.0, -5.0, 1.0


def fixed_rates(eta=ETA, J=J, Delta=DELTA):
    """r tau of every fixed point: v = -Delta/(2 pi r tau), and v^2 + eta + J r tau = (pi r tau)^2."""
    roots = np.roots([-(np.pi**2), J, eta, 0, (Delta / (2 * np.pi)) ** 2])
    return np.sort(roots[(abs(roots.imag) < 1e-9) & (roots.real > 0)].real)


def run(duration, **values):
    inputs = values.pop('inputs', None)
    sim = bf.Simulator(bf.MontbrioPazoRoxinModel(2, **values), dt=0.05 * u.ms)
    return sim.run(duration, inputs=inputs, monitors=['r', 'v'])


def test_bistable():
    low, _, high = fixed_rates()
    result = run(300 * u.ms, init_r=np.array([10.0, 120.0]) * u.Hz, init_v=np.array([-2.0, 0.0]))
    r, v = result['r'][-1].mantissa * 0.01, np.asarray(result['v'][-1])
    np.testing.assert_allclose(r, [low, high], rtol=1e-3)
    np.testing.assert_allclose(v, -DELTA / (2 * np.pi * r), rtol=2e-3)


def test_the_high_state_is_a_focus():
    # Jacobian in units of tau: [[2 v, 2 r], [J - 2 pi^2 r, 2 v]]
    r = fixed_rates()[-1]
    frequency = np.sqrt(2 * r * (2 * np.pi**2 * r - J)) / (2 * np.pi * 0.01)
    result = run(200 * u.ms, init_r=1.02 * r * 100 * u.Hz, init_v=-DELTA / (2 * np.pi * r))
    deviation = np.asarray(result['r'].mantissa[:, 0], float) * 0.01 - r
    up = np.flatnonzero((deviation[:-1] < 0) & (deviation[1:] >= 0))
    crossings = up - deviation[up] / (deviation[up + 1] - deviation[up])
    assert 20_000 / np.diff(crossings[:4]).mean() == pytest.approx(frequency, rel=0.01)
    assert frequency == pytest.approx(52.8, abs=0.1)


@pytest.mark.parametrize('I', [0.25, 4.0])
def test_uncoupled_neurons_fire_with_the_average_of_their_rates(I):
    # a neuron with current eta > 0 fires at sqrt(eta)/(pi tau); averaged over a Lorentzian in closed form
    exact = np.real(np.sqrt(I + 1j * DELTA)) / np.pi
    result = run(400 * u.ms, eta=0.0, J=0.0, inputs={'v_inp': I})
    np.testing.assert_allclose(result['r'][-1].mantissa * 0.01, exact, rtol=1e-3)


def quadratic_neurons(I, dt, n=1000):
    """The rate in every step, by the exact solution of V' = V^2 + current while the current is constant.

    Neurons stand for unequal shares of the population, the smaller the stronger their current: the few that fire fast
    count, and in equal shares the error is as 1/sqrt(n).
    """
    at = (np.arange(n) + 0.5) / n
    share = np.pi / (2 * n) * np.sin(np.pi * at)
    eta = ETA - DELTA / np.tan(np.pi * np.sin(np.pi * at / 2) ** 2)
    V, rates, rate = np.full(n, -2.0), [], 0.0
    for now in I:
        current = eta + J * rate + now
        root = np.sqrt(abs(current))
        phase = np.arctan(V / root) + root * dt
        slow = np.tanh(root * dt) / root
        spikes = np.where(current > 0, np.floor(phase / np.pi + 0.5), V * slow > 1)
        V = np.where(current > 0, root * np.tan(phase), (V - root**2 * slow) / (1 - V * slow))
        rate = share @ spikes / dt
        rates.append(rate)
    return np.array(rates)


def test_against_quadratic_neurons():
    """A pulse of current (Fig. 2 of the paper): from the low state to the high one, and there for good."""
    dt, steps = 0.0025, 12000
    I = np.where((np.arange(steps) >= 4000) & (np.arange(steps) < 8000), 3.0, 0.0)
    spikes = quadratic_neurons(I, dt).reshape(-1, 80).mean(axis=1)
    pulse = np.repeat(I[::2, None], 2, axis=1)  # steps of 0.05 ms are 0.005 tau
    mean_field = run(300 * u.ms, inputs={'v_inp': pulse}, init_r=5 * u.Hz)
    r = np.asarray(mean_field['r'].mantissa[:, 0]).reshape(-1, 40).mean(axis=1) * 0.01
    np.testing.assert_allclose(spikes[10:], r[10:], rtol=0.12, atol=0.02)
    assert r[-1] > 5 * r[40]


def test_synchrony():
    # Z = (1 - W*)/(1 + W*), W = pi tau r + i v; none where every neuron's phase drifts evenly, all for r = 0
    node = bf.MontbrioPazoRoxinModel(1)
    W = np.pi * 0.01 * 30 + 0.7j
    assert float(node.synchrony(30.0 * u.Hz, 0.7)) == pytest.approx(abs((1 - np.conj(W)) / (1 + np.conj(W))) ** 2)
    assert float(node.synchrony(100 / np.pi * u.Hz, 0.0)) == pytest.approx(0, abs=1e-6)
    assert float(node.synchrony(0.0 * u.Hz, 3.0)) == pytest.approx(1)
