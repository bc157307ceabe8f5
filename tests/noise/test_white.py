r"""White noise: a spread that does not depend on dt.

Every region draws its own noise, so that many regions are many samples. A standard deviation estimated from n of them
is off by 1 / sqrt(2 n), relative; four times that is the tolerance.
"""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

N = 20_000
WITHIN = 4 / np.sqrt(2 * N)


def end(network, dt, duration=40.0, seed=1):
    """Every region after ``duration``, dt and duration in ms."""
    result = bf.Simulator(network, dt=dt * u.ms).run(duration * u.ms, sampling_period=duration * u.ms, seed=seed)
    return np.asarray(result['output'].in_unit(u.mV).mantissa)[0]


@pytest.mark.parametrize('dt', [0.5, 2.0, 8.0])
@pytest.mark.parametrize('method', ['euler', 'heun'])
def test_brownian_motion(linear, method, dt):
    # var = amplitude^2 t, whatever the step
    network = bf.Network(linear(N, method=method), noise={'x': bf.noise.WhiteNoise(3.0 * u.mV / u.second**0.5)})
    x = end(network, dt)
    assert x.std() == pytest.approx(3.0 * np.sqrt(0.04), rel=WITHIN)
    assert x.mean() == pytest.approx(0.0, abs=4 * 0.6 / np.sqrt(N))


@pytest.mark.parametrize('dt', [0.5, 2.0, 8.0])
def test_white_noise_on_an_input_that_is_integrated(linear, dt):
    # the integral of the input over time is the Wiener process
    amplitude = 3.0 * u.mV / u.second * u.second**0.5
    x = end(bf.Network(linear(N), noise={'inp': bf.noise.WhiteNoise(amplitude)}), dt)
    assert x.std() == pytest.approx(3.0 * np.sqrt(0.04), rel=WITHIN)


@pytest.mark.parametrize('fed', ['x', 'inp'])
@pytest.mark.parametrize('dt', [0.5, 1.0])
def test_spread_of_a_leaky_variable(linear, fed, dt):
    # stationary: std = amplitude sqrt(tau / 2), here with tau = 10 ms
    unit = u.mV / u.second**0.5
    x = end(bf.Network(linear(N, rate=100.0 * u.Hz), noise={fed: bf.noise.WhiteNoise(3.0 * unit)}), dt, 80.0)
    assert x.std() == pytest.approx(3.0 * np.sqrt(0.01 / 2), rel=WITHIN + 1e-3)


def test_the_amplitude_is_converted(linear):
    network = bf.Network(linear(2), noise={'x': bf.noise.WhiteNoise(100.0 * u.uvolt / u.ms**0.5)})
    amplitude = network.noise['x'].noise_amplitude
    assert amplitude.unit == u.mV / u.second**0.5
    assert float(amplitude.mantissa) == pytest.approx(0.1 * np.sqrt(1000))


def test_without_a_unit():
    # a dimensionless variable, and an amplitude per square root of a millisecond
    node = bf.HopfOscillator(N, a=0.0, frequency=0.0 * u.Hz, tau=1e6 * u.second, init_x=0.0)
    network = bf.Network(node, noise={'x': bf.noise.WhiteNoise(0.1 / u.ms**0.5)})
    result = bf.Simulator(network, dt=1 * u.ms).run(40 * u.ms, sampling_period=40 * u.ms, seed=2)
    assert np.asarray(result['output']).std() == pytest.approx(0.1 * np.sqrt(40), rel=WITHIN)


def test_one_amplitude_per_region(linear):
    amplitude = np.repeat([0.0, 1.0, 2.0], 5000) * u.mV / u.second**0.5
    x = end(bf.Network(linear(15000), noise={'x': bf.noise.WhiteNoise(amplitude)}), 2.0).reshape(3, 5000)
    assert (x[0] == 0).all()
    np.testing.assert_allclose(x[1:].std(axis=1), np.sqrt(0.04) * np.array([1, 2]), rtol=4 / np.sqrt(1e4))


def test_regions_steps_and_sources_are_independent():
    node = bf.HopfOscillator(N, a=0.0, frequency=0.0 * u.Hz, tau=1e6 * u.second, init_x=0.0)
    white = bf.noise.WhiteNoise
    network = bf.Network(node, noise={'x': white(1.0 / u.second**0.5), 'y': white(1.0 / u.second**0.5)})
    result = bf.Simulator(network, dt=1 * u.ms).run(4 * u.ms, monitors=['x', 'y'], seed=3)
    steps = np.diff([np.zeros((2, N)), *np.stack([result['x'], result['y']], axis=1)], axis=0).reshape(8, N)
    np.testing.assert_allclose(np.corrcoef(steps), np.eye(8), atol=5 / np.sqrt(N))
    # a region and its neighbour
    assert abs(np.corrcoef(steps[:, 1:].ravel(), steps[:, :-1].ravel())[0, 1]) < 5 / np.sqrt(8 * N)


def test_errors(linear):
    white = bf.noise.WhiteNoise
    with pytest.raises(
        bf.UnitError, match=r"Network\(noise={'x': \.\.\.}\) WhiteNoise\.noise_amplitude is the ampli.*mV"
    ):
        bf.Network(linear(2), noise={'x': white(1.0)})
    with pytest.raises(bf.UnitError, match=r'in mV / s\^0\.5; got mV: write'):
        bf.Network(linear(2), noise={'x': white(1.0 * u.mV)})
    with pytest.raises(
        bf.ShapeError, match=r'noise_amplitude is a number or an array that fits \(2,\); got shape \(3,'
    ):
        bf.Network(linear(2), noise={'x': white(np.ones(3) * u.mV / u.second**0.5)})
    with pytest.raises(ValueError, match=r"white noise needs a scheme among 'euler', 'heun'; Linear has 'rk4'"):
        bf.Network(linear(2, method='rk4'), noise={'x': white(1.0 * u.mV / u.second**0.5)})


@pytest.mark.parametrize('fed', ['rE_inp', 'rI_inp'])
def test_an_input_that_is_not_affine_takes_no_white_noise(fed):
    with pytest.raises(ValueError, match=f'WilsonCowanModel.derivative is not affine in {fed}'):
        bf.Network(bf.WilsonCowanModel(2), noise={fed: bf.noise.WhiteNoise(0.1 * u.second**0.5)})


@pytest.mark.parametrize(
    ('node', 'fed', 'amplitude'),
    [(bf.JansenRitModel(2), 'p', 1.0 * u.Hz * u.second**0.5), (bf.HopfOscillator(2), 'x_inp', 0.01 * u.second**0.5)],
)
def test_affine_inputs_take_it(node, fed, amplitude):
    network = bf.Network(node, noise={fed: bf.noise.WhiteNoise(amplitude)})
    runs = [np.asarray(u.get_mantissa(bf.Simulator(network, 1 * u.ms).run(5 * u.ms, seed=s)['output'])) for s in (0, 1)]
    assert np.isfinite(runs).all()
    assert (runs[0][-1] != runs[1][-1]).all()


def test_an_input_that_a_variable_multiplies_takes_no_white_noise(linear):
    # Euler would converge to the solution of Ito, Heun to that of Stratonovich
    class Scaled(linear):
        def derivative(self, x, inp):
            return {'x': inp * (x / u.mV) - self.rate * x}

    with pytest.raises(ValueError, match=r'Scaled\.derivative multiplies inp by a variable, .*MultiplicativeNoise'):
        bf.Network(Scaled(2), noise={'inp': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
