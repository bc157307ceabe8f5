r"""The Hopf normal form against its solution.

.. math:: z = r e^{i \omega t}, \qquad r^2 = \frac{a}{1 + (a/r_0^2 - 1)\,e^{-2 a t/\tau}}
"""

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

A = np.array([-0.05, -0.5, 0.04, 0.25, 1.0])
FREQUENCY = np.array([10.0, 4.0, 40.0, 10.0, 2.5])


def solution(t, a, frequency, r0, tau):
    r = np.sqrt(a / (1 + (a / r0**2 - 1) * np.exp(-2 * a * t / tau)))
    return r * np.exp(2j * np.pi * frequency * t)


def run(node, duration, **options):
    return bf.Simulator(node, dt=0.1 * u.ms).run(duration, monitors=['x', 'y'], **options)


def test_radius_and_frequency():
    result = run(bf.HopfOscillator(5, a=A, frequency=FREQUENCY * u.Hz), 2 * u.second, sampling_period=1 * u.ms)
    z = np.asarray(result['x'] + 1j * result['y'])[1000:]
    np.testing.assert_allclose(abs(z[:, 2:]), np.broadcast_to(np.sqrt(A[2:]), (1000, 3)), rtol=1e-3)
    turns = np.unwrap(np.angle(z[:, 2:]), axis=0) / (2 * np.pi)
    np.testing.assert_allclose((turns[-1] - turns[0]) / 0.999, FREQUENCY[2:], rtol=1e-3)
    # a focus for a < 0
    assert (abs(z[:, :2]) < 1e-6).all()


@pytest.mark.parametrize(('method', 'precision', 'tolerance'), [('heun', 32, 5e-4), ('rk4', 64, 1e-8)])
def test_the_solution_at_all_times(method, precision, tolerance):
    # decay and growth at rate a / tau, in 0.1 s from 0.1
    brainstate.environ.set(precision=precision)
    node = bf.HopfOscillator(5, a=A, frequency=FREQUENCY * u.Hz, tau=20 * u.ms, init_x=0.1, method=method)
    result = run(node, 100 * u.ms)
    z = np.asarray(result['x'], complex) + 1j * np.asarray(result['y'])
    np.testing.assert_allclose(z, solution(result.times.mantissa[:, None], A, FREQUENCY, 0.1, 0.02), atol=tolerance)


def test_zero_is_an_equilibrium():
    result = run(bf.HopfOscillator(2, a=0.5, init_x=0.0), 10 * u.ms)
    assert (result['x'] == 0).all()
    assert (result['y'] == 0).all()


def test_omega_is_the_angular_frequency():
    node = bf.HopfOscillator(2, omega=np.array([60.0, 90.0]) * u.radian / u.second)
    assert node.frequency.unit == u.Hz
    np.testing.assert_allclose(node.frequency.mantissa, np.array([60.0, 90.0]) / (2 * np.pi))
    again = bf.HopfOscillator(2, frequency=np.array([60.0, 90.0]) / (2 * np.pi) * u.Hz)
    state = dict(x=np.array([0.1, 0.2]), y=np.array([0.3, -0.1]), x_inp=0.0, y_inp=0.0)
    for name, rate in node.derivative(**state).items():
        np.testing.assert_allclose(rate.mantissa, again.derivative(**state)[name].mantissa, rtol=1e-12)


def test_omega_errors():
    with pytest.raises(ValueError, match='takes frequency or omega = 2 pi frequency; got both'):
        bf.HopfOscillator(1, omega=60.0 * u.radian / u.second, frequency=10.0 * u.Hz)
    said = r'HopfOscillator\.omega is the angular frequency 2 pi f, in rad / s; got a bare number: write 60\. \* u\.rad'
    with pytest.raises(bf.UnitError, match=said):
        bf.HopfOscillator(1, omega=60.0)
    # brainunit takes one for the other
    with pytest.raises(
        bf.UnitError, match=r'HopfOscillator\.omega is angular, in rad/s; got Hz: write frequency=\.\.\.'
    ):
        bf.HopfOscillator(1, omega=60.0 * u.Hz)
    with pytest.raises(bf.UnitError, match=r'HopfOscillator\.frequency is .*in Hz; got rad / s, an angular frequency'):
        bf.HopfOscillator(1, frequency=60.0 * u.radian / u.second)


def test_power():
    node = bf.HopfOscillator(1)
    assert node.power(x=3.0, y=4.0) == 25.0
    assert 'power' in node.readable
