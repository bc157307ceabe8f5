"""Phase oscillators against their phase, and two of them against Adler's equation."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf


def turned(phase):
    """An angle, to within whole turns of zero."""
    return (phase + np.pi) % (2 * np.pi) - np.pi


def test_the_phase_keeps_its_digits():
    # 2000 turns; an unwrapped phase of 12566 rad is worth 0.001 rad in single precision, and drifts by turns
    result = bf.Simulator(bf.KuramotoModel(2, frequency=np.array([20.0, 7.3]) * u.Hz), dt=1 * u.ms).run(
        100 * u.second, sampling_period=100 * u.ms
    )
    theta = np.asarray(result['output'], float)
    assert (abs(theta) <= np.pi + 1e-6).all()
    exact = 2 * np.pi * np.array([20.0, 7.3]) * result.times.mantissa[:, None]
    np.testing.assert_allclose(turned(theta - exact), 0, atol=0.02)


def test_the_phase_is_wrapped_from_any_value():
    node = bf.KuramotoModel(4, init_theta=np.array([3.0, -50.0, 100.0, -3.1])).init_all_states()
    with brainstate.environ.context(dt=10 * u.ms):
        theta = np.asarray(node.update())
    start = np.array([3.0, -50.0, 100.0, -3.1])
    assert ((theta > -np.pi) & (theta <= np.pi)).all()
    np.testing.assert_allclose(turned(theta - start - 0.2 * np.pi), 0, atol=1e-4)


def test_the_edge_belongs_to_pi():
    brainstate.environ.set(precision=64)
    node = bf.KuramotoModel(2).init_all_states()
    node.write({'theta': np.array([np.pi, -np.pi])})
    np.testing.assert_array_equal(node.theta.value, [np.pi, np.pi])


def test_gradients_pass_through_the_wrapping():
    node = bf.KuramotoModel(1, init_theta=3.1)
    simulate = bf.Simulator(node, dt=1 * u.ms).simulation(20 * u.ms, monitors={'theta': 'theta'})

    def end(parameters):
        return simulate(parameters)['theta'][-1, 0]

    slope = jax.grad(end)(simulate.parameters)['node.frequency']
    # theta = theta_0 + 2 pi f t
    assert float(slope.mantissa) == pytest.approx(2 * np.pi * 0.02, rel=1e-4)


def test_signals():
    node = bf.KuramotoModel(1)
    assert float(node.cos(0.3)) == pytest.approx(np.cos(0.3))
    assert float(node.sin(0.3)) == pytest.approx(np.sin(0.3))


class Pull(bf.Coupling):
    r"""The sine of the difference to the one other oscillator, :math:`k \sin(\theta_j - \theta_i)`."""

    def post(self, total, target):
        return u.math.sin(total - target)


def difference(apart, strength):
    """The phase by which the second of two oscillators leads, over 20 s, and its times."""
    frequency = np.array([10.0, 10.0 + apart]) * u.Hz
    network = bf.Network(bf.KuramotoModel(2, frequency=frequency), Pull(np.array([[0, 1], [1, 0]]), k=strength * u.Hz))
    result = bf.Simulator(network, dt=1 * u.ms).run(20 * u.second)
    theta = np.unwrap(np.asarray(result['output'], float), axis=0)
    return theta[:, 1] - theta[:, 0], result.times.mantissa


@pytest.mark.parametrize('apart', [0.0, 0.5, 1.2])
def test_two_lock_below_twice_the_strength(apart):
    # phi' = 2 pi (apart - 2 k sin(phi))
    phi, _ = difference(apart, 0.65)
    assert turned(phi[-1]) == pytest.approx(np.arcsin(apart / 1.3), abs=1e-3)


@pytest.mark.parametrize('apart', [1.4, 3.0])
def test_beyond_they_drift_with_the_beat_of_adler(apart):
    phi, times = difference(apart, 0.65)
    crossings = np.interp(np.arange(1, phi[-1] // (2 * np.pi) + 1) * 2 * np.pi, phi, times)
    assert 1 / np.diff(crossings).mean() == pytest.approx(np.sqrt(apart**2 - 1.3**2), rel=1e-3)


def test_an_angular_strength_is_refused():
    said = (
        r'theta_inp=\.\.\.\) is the input to the frequency, in Hz; got rad / s, an angular frequency: divide it by 2 pi'
    )
    with pytest.raises(bf.UnitError, match=said):
        bf.KuramotoModel(1).checked_inputs({'theta_inp': 1.0 * u.radian / u.second})
