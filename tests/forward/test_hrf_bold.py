"""Convolved BOLD: step by step as scipy does it at once, impulses and steps as closed forms say."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import fftconvolve

import brainfwd as bf
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import BOLDSignal, Gamma, HRFBold


def run(model, z, dt_ms, take='update'):
    """The signal after each step; ``z`` is (steps, ..., regions)."""

    def step(row):
        getattr(model, take)(row)
        return model.bold()

    with brainstate.environ.context(dt=dt_ms * u.ms):
        return np.asarray(brainstate.transform.for_loop(step, jnp.asarray(z, brainstate.environ.dftype())))


def test_step_by_step_is_what_scipy_does_at_once(rng):
    """Longer than the ring of bins, which is overwritten."""
    model = HRFBold(2, kernel=Gamma(2.0, 0.3 * u.second, 0.1 * u.second), sub_step=50 * u.ms, gain=0.05)
    z = rng.uniform(-0.3, 0.5, (400, 2))
    assert 3 * model.n_bins < 400
    weights = np.diff(model.kernel.integral(0.05 * np.arange(401)))
    expected = 0.05 * fftconvolve(z, np.repeat(weights[:, None], 2, 1), axes=0)[:400]
    np.testing.assert_allclose(run(model.init_all_states(), z, 50.0), expected, atol=1e-7)
    np.testing.assert_allclose(model.convolved(z, 50 * u.ms), expected, atol=1e-7)
    np.testing.assert_allclose(model.convolved(np.stack([z, 0 * z]), 50 * u.ms)[0], expected, atol=1e-7)


@pytest.mark.parametrize('kernel', bf.forward.KERNELS)
def test_step_and_impulse(kernel):
    """Sustained activity gives the integral of the kernel, and a second of it a difference of two."""
    model, t = HRFBold(1, kernel=kernel, gain=0.1), 0.02 * np.arange(1, 3001)
    integral, at_once = model.kernel.integral, lambda z: np.asarray(model.convolved(z[:, None], 20 * u.ms))[:, 0]
    np.testing.assert_allclose(at_once(np.ones(3000)), 0.1 * integral(t), atol=1e-6)
    np.testing.assert_allclose(
        at_once((t < 1.01).astype(float)), 0.1 * (integral(t) - integral(np.maximum(t - 1, 0))), atol=1e-6
    )


def test_steady_gain_does_not_depend_on_the_grid():
    for dt, sub_step in ((7.0, 10.0), (100.0, 20.0), (150.0, 1000.0)):
        model = HRFBold(1, sub_step=sub_step * u.ms).init_all_states()
        with brainstate.environ.context(dt=dt * u.ms):
            brainstate.transform.for_loop(lambda _, model=model: model.update(0.5), jnp.arange(int(60e3 / dt)))
            assert float(model.bold()[0]) == pytest.approx(0.5 * 0.128, rel=1e-5)


def test_second_order_in_the_bin():
    """Of a smooth activity, whose response is known: it decays as fast as it is asked to, through one stage."""
    tau, rate, t = 1.5, 0.9, 0.025 * np.arange(1, 401)
    z = np.sin(rate * t - 0.0125 * rate)
    expected = (np.sin(rate * t) - rate * tau * (np.cos(rate * t) - np.exp(-t / tau))) / (1 + (rate * tau) ** 2)
    error = []
    with brainstate.environ.context(precision=64):
        for sub_step in (25.0, 100.0, 200.0):
            model = HRFBold(1, kernel=Gamma(1.0, tau * u.second, 0 * u.second), gain=1.0, sub_step=sub_step * u.ms)
            error.append(abs(run(model.init_all_states(), z[:, None], 25.0)[:, 0] - expected)[80:].max())
    # between two bins it is interpolated, which is of second order too
    assert 3.3 < error[2] / error[1] < 4.7
    assert error[0] < 1e-4


@pytest.mark.parametrize('steps', [[1, 2], [7, 2, 25, 1], [100, 3]])
def test_another_step_of_the_loop(steps):
    """Of sustained activity what was so far of the kernel, and nothing of it lost where a bin is cut short."""
    model, passed = HRFBold(1).init_all_states(), 0.0
    for dt in steps:
        n = round(5000 / dt)
        signal, passed = run(model, np.ones((n, 1)), float(dt))[-1, 0], passed + 1e-3 * n * dt
        assert signal == pytest.approx(0.128 * model.kernel.integral(passed), abs=1e-5 * 0.128)


def test_second_order_in_the_step_of_a_simulation():
    """Which passes on activity after each step."""
    tau, rate, error = 1.5, 0.9, []
    with brainstate.environ.context(precision=64):
        for dt in (100, 200):
            t = np.arange(dt, 8001, dt) * 1e-3
            z, model = np.sin(rate * t), HRFBold(1, kernel=Gamma(1.0, tau * u.second, 0 * u.second), gain=1.0)
            expected = (z - rate * tau * (np.cos(rate * t) - np.exp(-t / tau))) / (1 + (rate * tau) ** 2)
            signal = run(model.init_all_states(), z[:, None], float(dt), 'step')[:, 0]
            error.append(abs(signal - expected)[len(t) // 2 :].max())
    assert 3.3 < error[1] / error[0] < 4.7
    assert error[0] < 2e-3


def test_gain_is_that_of_the_balloon_for_small_activity():
    model = BOLDSignal(1).init_all_states()
    with brainstate.environ.context(dt=100 * u.ms, precision=64):
        model.init_all_states()
        brainstate.transform.for_loop(lambda _: model.update(1e-6), jnp.arange(1000))
        assert float(model.bold()[0]) / 1e-6 == pytest.approx(HRFBold(1).gain, abs=5e-4)


def test_batch_and_gradient(rng):
    z = rng.uniform(0, 0.5, (60, 2, 3))
    model = HRFBold(3, kernel='boynton1996', sub_step=50 * u.ms)
    together = run(model.init_all_states(batch_size=2), z, 20.0)
    np.testing.assert_allclose(run(model.init_all_states(), z[:, 1], 20.0), together[:, 1], atol=1e-8)
    # linear in activity
    z = z.swapaxes(0, 1)
    slope = jax.grad(lambda a: model.convolved(a * z, 20 * u.ms).sum())(2.0)
    assert float(slope) == pytest.approx(float(model.convolved(z, 20 * u.ms).sum()), rel=1e-5)


def test_repr():
    assert repr(HRFBold(3, tr=1 * u.second, kernel='boynton1996')) == (
        'HRFBold(3, kernel=Gamma(n=3.0, tau=1.08, delay=2.05), tr=1. s)'
    )


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (lambda: HRFBold(2, kernel='spm'), ValueError, r"HRFBold\(kernel\) is one of 'spm12'"),
        (lambda: HRFBold(2).init_all_states().update(np.ones(2) * u.Hz), UnitError, r'baseline=5. \* u.Hz'),
        (lambda: HRFBold(2).convolved(np.ones(2), 1 * u.ms), ShapeError, r'times, 2 regions\); got shape \(2,\)'),
        (lambda: HRFBold(2).convolved(np.ones((3, 2)), 1.0), UnitError, r'write 1. \* u.second'),
        (lambda: HRFBold(2, tr=-1 * u.second), ValueError, 'positive'),
        (lambda: run(HRFBold(1).init_all_states(), np.ones((2, 1)), 60e3), ValueError, r'kernel, 40\.2 s; got 60 s'),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()
