"""Multiplicative noise in a network: geometric Brownian motion, and what may be given."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

N = 20_000
PER_ROOT = 1 / u.second**0.5


def end(node, noise, dt, duration=200.0, seed=1, **options):
    network = bf.Network(node, noise=noise)
    result = bf.Simulator(network, dt=dt * u.ms).run(
        duration * u.ms, sampling_period=duration * u.ms, seed=seed, **options
    )
    return np.asarray(u.get_mantissa(result['output']))[0]


@pytest.mark.parametrize('dt', [1.0, 5.0])
@pytest.mark.parametrize('method', ['euler', 'heun'])
def test_geometric_brownian_motion(linear, method, dt):
    # dx = -2 x dt + 0.8 x dW (s): log x is normal, of mean log 3 - (2 + 0.8^2 / 2) t and variance 0.8^2 t
    node = linear(N, method=method, rate=2.0 * u.Hz, init_x=3.0 * u.mV)
    x = np.log(end(node, {'x': bf.noise.MultiplicativeNoise(0.8 * PER_ROOT, milstein=True)}, dt))
    # the step itself is off by (2 dt)^2 / 2 for Euler's drift, and by (0.8 sqrt(dt))^4 or so in the noise, per step
    assert x.mean() == pytest.approx(np.log(3) - 0.2 * (2 + 0.32), abs=4 * 0.36 / np.sqrt(N) + 0.5 * dt / 1000)
    assert x.std() == pytest.approx(0.8 * np.sqrt(0.2), rel=4 / np.sqrt(2 * N) + dt / 1000)


def test_the_mean_is_that_of_ito(linear):
    # without a drift it stays, however strong the noise
    node = linear(N, init_x=1.0 * u.mV)
    x = end(node, {'x': bf.noise.MultiplicativeNoise(1.5 * PER_ROOT)}, 2.0)
    assert x.mean() == pytest.approx(1.0, abs=4 * np.sqrt(np.expm1(1.5**2 * 0.2) / N))


def test_of_another_variable_and_with_its_unit():
    # y stays at 0.5, so that x gets white noise of 0.4 * (1 + 0.5)
    node = bf.HopfOscillator(N, a=0.0, frequency=0.0 * u.Hz, tau=1e6 * u.second, init_x=0.0, init_y=0.5)
    noise = bf.noise.MultiplicativeNoise(0.4 * PER_ROOT, of=lambda y: 1 + y)
    assert end(node, {'x': noise}, 2.0).std() == pytest.approx(0.4 * 1.5 * np.sqrt(0.2), rel=4 / np.sqrt(2 * N))
    noise = bf.noise.MultiplicativeNoise(0.4 * PER_ROOT, of='y')
    assert end(node, {'x': noise}, 2.0).std() == pytest.approx(0.4 * 0.5 * np.sqrt(0.2), rel=4 / np.sqrt(2 * N))


def test_the_unit_of_the_amplitude_follows_from_that_of_its_function(linear):
    noise = bf.noise.MultiplicativeNoise(2.0 * u.mV**0.5 / u.second**0.5, of=lambda x: u.math.sqrt(u.math.abs(x)))
    bf.Network(linear(2), noise={'x': noise})
    noise = bf.noise.MultiplicativeNoise(2.0 * PER_ROOT, of=lambda x: u.math.sqrt(u.math.abs(x)))
    with pytest.raises(bf.UnitError, match=r'MultiplicativeNoise\.noise_amplitude is the amplitude .* in mV'):
        bf.Network(linear(2), noise={'x': noise})


def test_a_function_that_closes_over_another_value_is_read_anew(linear):
    size = {'now': 1.0}
    noise = bf.noise.MultiplicativeNoise(0.1 * u.mV * PER_ROOT, of=lambda x: size['now'] + 0 * x / u.mV)
    simulator = bf.Simulator(bf.Network(linear(3), noise={'x': noise}), dt=1 * u.ms)
    once = simulator.run(5 * u.ms, seed=0)['output']
    size['now'] = 2.0
    twice = simulator.run(5 * u.ms, seed=0)['output']
    np.testing.assert_allclose(twice.mantissa, 2 * np.asarray(once.mantissa), rtol=1e-5)


def test_a_new_amplitude_does_not_compile_again(linear, compilations):
    network = bf.Network(linear(3, init_x=1 * u.mV), noise={'x': bf.noise.MultiplicativeNoise(0.1 * PER_ROOT)})
    simulator = bf.Simulator(network, dt=1 * u.ms)
    simulator.run(5 * u.ms, seed=0)
    network.noise['x'].noise_amplitude = 0.3 * PER_ROOT
    with compilations:
        simulator.run(5 * u.ms, seed=0)
    assert compilations.count == 0


def test_errors(linear):
    make = bf.noise.MultiplicativeNoise
    with pytest.raises(ValueError, match=r'MultiplicativeNoise feeds a variable; inp is an input'):
        bf.Network(linear(2), noise={'inp': make(1.0 * PER_ROOT)})
    with pytest.raises(ValueError, match=r"MultiplicativeNoise\.of: a variable is one of 'x'; got 'y'"):
        bf.Network(linear(2), noise={'x': make(1.0 * PER_ROOT, of='y')})
    with pytest.raises(ValueError, match=r"MultiplicativeNoise\.of: a variable is one of 'x', 'y'; got 'z'"):
        bf.Network(bf.HopfOscillator(2), noise={'x': make(1.0 * PER_ROOT, of=lambda x, z: x * z)})
    with pytest.raises(TypeError, match=r'MultiplicativeNoise\.of is the name of a variable or a function; got float'):
        make(1.0 * PER_ROOT, of=2.0)
    with pytest.raises(bf.ShapeError, match=r'of: what it gives is a number or .* fits \(2,\); got shape \(3,'):
        bf.Network(linear(2), noise={'x': make(1.0 * PER_ROOT, of=lambda x: np.ones(3))})
    with pytest.raises(ValueError, match=r"white noise needs a scheme among 'euler', 'heun'; Linear has 'rk4'"):
        bf.Network(linear(2, method='rk4'), noise={'x': make(1.0 * PER_ROOT)})
