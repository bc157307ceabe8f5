"""The balloon model against published numbers, and against scipy's solution of the equations as they are printed."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import BOLDSignal


def run(model, z, dt_ms):
    """The signal after each step; ``z`` is (steps,) or (steps, ...), one row per step."""

    def step(row):
        model.update(row)
        return model.bold()

    with brainstate.environ.context(dt=dt_ms * u.ms):
        return np.asarray(brainstate.transform.for_loop(step, jnp.asarray(z, brainstate.environ.dftype())))


def printed(z, times, kappa=0.65, gamma=0.41, tau=0.98, alpha=0.32, E0=0.34, V0=0.02):
    """Friston et al. (2003), in f, v, q; ``z`` a function of time."""

    def rhs(t, y):
        s, f, v, q = y
        ds = z(t) - kappa * s - gamma * (f - 1)
        dq = f * (1 - (1 - E0) ** (1 / f)) / E0 - q * v ** (1 / alpha - 1)
        return [ds, s, (f - v ** (1 / alpha)) / tau, dq / tau]

    y = solve_ivp(rhs, (0, times[-1]), [0, 1, 1, 1], t_eval=times, rtol=1e-10, atol=1e-12, max_step=0.05).y
    _, _, v, q = y
    return V0 * (7 * E0 * (1 - q) + 2 * (1 - q / v) + (2 * E0 - 0.2) * (1 - v))


def test_response_to_one_second():
    signal = run(BOLDSignal(1).init_all_states(), np.r_[np.ones(1000), np.zeros(19000)], 1.0)[:, 0]
    times = np.arange(1, 20001) * 1e-3
    assert signal.max() == pytest.approx(0.025235, rel=1e-3)
    assert times[signal.argmax()] == pytest.approx(3.376, abs=5e-3)
    assert signal.min() == pytest.approx(-0.005620, rel=1e-3)
    assert times[signal.argmin()] == pytest.approx(9.580, abs=2e-2)


def test_sustained_activity():
    model = BOLDSignal(1).init_all_states()
    signal = run(model, np.ones(12000), 10.0)
    assert signal[-1, 0] == pytest.approx(0.045899, rel=1e-4)
    # flow rises by 244 percent
    assert float(model.f[0]) == pytest.approx(3.44, abs=0.005)


def test_agrees_with_the_printed_equations():
    def z(t):
        return 0.3 * np.sin(2 * np.pi * 0.11 * t) + 0.1

    times = np.arange(1, 4001) * 5e-3
    # Heun takes the activity to be constant over a step
    middle = z(times - 2.5e-3)
    expected = printed(z, times)
    with brainstate.environ.context(precision=64):
        exact = run(BOLDSignal(1).init_all_states(), middle, 5.0)[:, 0]
    assert abs(exact - expected).max() < 1e-5 * abs(expected).max()
    single = run(BOLDSignal(1).init_all_states(), middle, 5.0)[:, 0]
    assert abs(single - expected).max() < 1e-4 * abs(expected).max()


def test_other_parameters():
    values = dict(tau_s=1.54 * u.second, tau_f=1.44 * u.second, E_0=0.4, V_0=0.04)
    times = np.arange(1, 2001) * 1e-2
    expected = printed(lambda t: 0.2, times, 1 / 1.54, 1 / 1.44, E0=0.4, V0=0.04)
    signal = run(BOLDSignal(1, **values).init_all_states(), np.full(2000, 0.2), 10.0)[:, 0]
    assert abs(signal - expected).max() < 1e-4 * abs(expected).max()


def test_small_steps_in_float32():
    # steps of 0.1 ms change the flow by a few millionths
    times = np.arange(1, 50001) * 1e-4
    signal = run(BOLDSignal(1).init_all_states(), np.full(50000, 0.01), 0.1)[:, 0]
    expected = printed(lambda t: 0.01, times[999::1000])
    assert abs(signal[999::1000] - expected).max() < 2e-3 * abs(expected).max()


@pytest.mark.parametrize('precision', [32, 64])
def test_rest_is_exactly_zero(precision):
    with brainstate.environ.context(precision=precision):
        model = BOLDSignal(3, E_0=np.array([0.34, 0.4, 0.8])).init_all_states()
        assert (model.bold() == 0).all()
        assert (run(model, np.zeros(200), 1.0) == 0).all()
        assert (model.f == 1).all()
        assert (model.q == 1).all()


def test_flow_never_passes_zero_in_silence():
    # the printed equations lose the flow when activity falls to -1
    signal = run(BOLDSignal(1).init_all_states(), np.full(10000, -1.0), 1.0)[:, 0]
    lost = np.flatnonzero(~np.isfinite(signal))
    assert lost.size
    assert np.isnan(signal[lost[0] :]).all()
    # and keep it for a fall to -0.3
    assert np.isfinite(run(BOLDSignal(1).init_all_states(), np.full(2000, -0.3), 10.0)).all()


def test_batch_and_regions(rng):
    z = rng.uniform(0, 0.5, size=(200, 2, 3))
    together = run(BOLDSignal(3).init_all_states(batch_size=2), z, 10.0)
    for member in range(2):
        np.testing.assert_allclose(
            run(BOLDSignal(3).init_all_states(), z[:, member], 10.0), together[:, member], atol=1e-8
        )


def test_gradient_equals_finite_differences():
    with brainstate.environ.context(precision=64):
        model = BOLDSignal(1).init_all_states()
        graph, states = brainstate.graph.treefy_split(model)

        def loss(z):
            return (run_traced(brainstate.graph.treefy_merge(graph, states), z) ** 2).sum() * 1e4

        def run_traced(model, z):
            def step(_):
                model.update(z)
                return model.bold()

            with brainstate.environ.context(dt=20 * u.ms):
                return brainstate.transform.for_loop(step, jnp.arange(200))

        gradient = jax.grad(loss)(0.3)
        numeric = (loss(0.3 + 1e-5) - loss(0.3 - 1e-5)) / 2e-5
        assert float(gradient) == pytest.approx(float(numeric), rel=1e-6)


def test_as_a_monitor():
    model = BOLDSignal(2, tr=1.5 * u.second).init_all_states()
    assert model.sampling_period == 1.5 * u.second
    with brainstate.environ.context(dt=1 * u.ms):
        model.step(np.ones(2))
    np.testing.assert_array_equal(model.sample(), model.bold())
    assert model.recording(jnp.zeros((4, 2))).shape == (4, 2)


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (
            lambda: BOLDSignal(2).init_all_states().update(np.ones(2) * u.mV),
            UnitError,
            'relative neural activity.*got mV',
        ),
        (lambda: BOLDSignal(2, tau_s=1.54), UnitError, r'write 1.54 \* u.second'),
        (lambda: BOLDSignal(2, tr=2.0), UnitError, r'write 2. \* u.second'),
        (lambda: BOLDSignal(2, tr=0 * u.second), ValueError, 'positive'),
        (lambda: BOLDSignal(2, tau=1), ValueError, 'tau_s'),
        (lambda: BOLDSignal(2).init_all_states().update(np.ones(2)), ValueError, 'needs the time step'),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_shape_that_does_not_fit():
    with brainstate.environ.context(dt=1 * u.ms), pytest.raises(ShapeError, match='batch_size'):
        BOLDSignal(2).init_all_states().update(np.ones((3, 2)))
