r"""The Stuart-Landau oscillator against its solution.

.. math:: z = r e^{i \phi}, \qquad q = \frac{\beta r_0^2}{a} (e^{2 a t/\tau} - 1), \qquad
    r^2 = \frac{r_0^2\, e^{2 a t/\tau}}{1 + q}, \qquad \phi = 2 \pi f t - \frac{c}{2 \beta} \ln(1 + q)
"""

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

A = np.array([-0.3, 0.04, 0.25, 1.0])
BETA = np.array([1.0, 0.5, 2.0, 4.0])
SHEAR = np.array([0.7, -1.0, 0.0, 3.0])
FREQUENCY = np.array([10.0, 4.0, 40.0, 20.0])
TAU = 0.02


def test_the_solution_at_all_times():
    brainstate.environ.set(precision=64)
    node = bf.StuartLandauOscillator(
        4, a=A, beta=BETA, c=SHEAR, frequency=FREQUENCY * u.Hz, tau=TAU * u.second, init_x=0.3, method='rk4'
    )
    result = bf.Simulator(node, dt=0.1 * u.ms).run(100 * u.ms, monitors=['x', 'y', 'power'])
    t = result.times.mantissa[:, None]
    q = BETA * 0.3**2 / A * np.expm1(2 * A * t / TAU)
    power = 0.3**2 * np.exp(2 * A * t / TAU) / (1 + q)
    phase = 2 * np.pi * FREQUENCY * t - SHEAR / (2 * BETA) * np.log1p(q)
    np.testing.assert_allclose(result['x'] + 1j * result['y'], np.sqrt(power) * np.exp(1j * phase), atol=1e-7)
    np.testing.assert_allclose(result['power'], power, atol=1e-7)


def test_shear_slows_the_limit_cycle():
    # radius sqrt(a/beta), frequency f - a c / (2 pi beta tau)
    node = bf.StuartLandauOscillator(
        3, a=0.25, beta=BETA[1:], c=np.array([-0.5, 0.0, 0.5]), tau=TAU * u.second, init_x=0.2
    )
    result = bf.Simulator(node, dt=0.5 * u.ms).run(1 * u.second, transient=1 * u.second, monitors=['x', 'y'])
    z = np.asarray(result['x'] + 1j * result['y'])
    np.testing.assert_allclose(abs(z), np.broadcast_to(np.sqrt(0.25 / BETA[1:]), z.shape), rtol=1e-3)
    turns = np.unwrap(np.angle(z), axis=0) / (2 * np.pi)
    slower = 0.25 * np.array([-0.5, 0.0, 0.5]) / (2 * np.pi * BETA[1:] * TAU)
    np.testing.assert_allclose((turns[-1] - turns[0]) / 0.9995, 10 - slower, rtol=2e-3)


def test_without_shear_it_is_the_hopf_oscillator():
    state = dict(x=np.array([0.1, 0.2]), y=np.array([0.3, -0.1]), x_inp=0.2, y_inp=-0.3)
    values = dict(a=0.3, omega=50.0 * u.radian / u.second, tau=3.0 * u.ms)
    ours, hopf = (cls(2, **values).derivative(**state) for cls in (bf.StuartLandauOscillator, bf.HopfOscillator))
    for name, rate in ours.items():
        np.testing.assert_allclose(rate.in_unit(u.Hz).mantissa, hopf[name].in_unit(u.Hz).mantissa, rtol=1e-6)


def test_omega_errors():
    with pytest.raises(ValueError, match='StuartLandauOscillator takes frequency or omega = 2 pi frequency; got both'):
        bf.StuartLandauOscillator(1, omega=60.0 * u.radian / u.second, frequency=10.0 * u.Hz)
    with pytest.raises(bf.UnitError, match=r'StuartLandauOscillator\.omega is angular, in rad/s; got Hz'):
        bf.StuartLandauOscillator(1, omega=60.0 * u.Hz)
