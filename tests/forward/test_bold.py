"""The balloon model against published numbers, and against scipy's solution of the equations as they are printed."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import BOLDSignal, bold_parameters


def run(model, z, dt_ms, take='update'):
    """The signal after each step; ``z`` is (steps,) or (steps, ...), one row per step."""

    def step(row):
        getattr(model, take)(row)
        return model.bold()

    with brainstate.environ.context(dt=dt_ms * u.ms):
        z = jax.tree.map(lambda x: jnp.asarray(x, brainstate.environ.dftype()), z)
        return np.asarray(brainstate.transform.for_loop(step, z))


def printed(z, times, kappa=0.65, gamma=0.41, tau=0.98, alpha=0.32, E0=0.34, V0=0.02, k=None):
    """Friston et al. (2003), in f, v, q; ``z`` a function of time."""

    def rhs(t, y):
        s, f, v, q = y
        ds = z(t) - kappa * s - gamma * (f - 1)
        dq = f * (1 - (1 - E0) ** (1 / f)) / E0 - q * v ** (1 / alpha - 1)
        return [ds, s, (f - v ** (1 / alpha)) / tau, dq / tau]

    y = solve_ivp(rhs, (0, times[-1]), [0, 1, 1, 1], t_eval=times, rtol=1e-10, atol=1e-12, max_step=0.05).y
    _, _, v, q = y
    k1, k2, k3 = (7 * E0, 2, 2 * E0 - 0.2) if k is None else k
    return V0 * (k1 * (1 - q) + k2 * (1 - q / v) + k3 * (1 - v))


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
    # activity is constant over a step
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


# ---- published sets


@pytest.mark.parametrize(
    ('name', 'values', 'k'),
    [
        ('friston2003', (0.65, 0.41, 0.98, 0.32, 0.34, 0.02), (2.38, 2, 0.48)),
        ('friston2000', (1 / 0.8, 1 / 0.4, 1.0, 0.2, 0.8, 0.02), (5.6, 2, 1.4)),
        ('tvb', (1 / 1.54, 1 / 1.44, 0.98, 0.32, 0.4, 0.04), (4.3 * 40.3 * 0.4 * 0.04, 0.5 * 25 * 0.4 * 0.04, 0.5)),
        ('spm12', (0.64, 0.32, 2.0, 0.32, 0.4, 0.04), (4.3 * 40.3 * 0.4 * 0.04, 25 * 0.4 * 0.04, 0)),
    ],
)
def test_a_published_set_solves_the_printed_equations(name, values, k):
    times = np.arange(1, 151) * 0.1
    expected = printed(lambda t: 0.2, times, *values, k=k)
    model = BOLDSignal(1, parameters=name)
    assert repr(model) == f'BOLDSignal(1, parameters={name!r}, tr=2. s)'
    np.testing.assert_allclose(model.coefficients, k, rtol=1e-12, atol=1e-15)
    signal = run(model.init_all_states(), np.full(150, 0.2), 100.0)[:, 0]
    assert abs(signal - expected).max() < 1e-5 * abs(expected).max()


def test_single_values_replace_those_of_a_set():
    model = BOLDSignal(2, parameters='tvb', tau_s=1.2 * u.second, k_2=0.3)
    assert (model.tau_s, model.tau_f) == (1.2 * u.second, 1.44 * u.second)
    assert model.coefficients[1] == 0.3
    assert repr(model) == "BOLDSignal(2, tau_s=1.2 s, k_2=0.3, parameters='tvb', tr=2. s)"
    # the formula follows what it is made of: twice the field and the echo time
    model.nu_0, model.echo_time = 80.6 * u.Hz, 80 * u.ms
    assert model.coefficients[0] == pytest.approx(4 * 4.3 * 40.3 * 0.4 * 0.04)
    for one in bold_parameters('tvb'):
        assert one in BOLDSignal.parameter_fields


# ---- a step of its own


def smooth(t):
    return 0.3 * np.sin(2 * np.pi * 0.2 * t) ** 2


def test_error_of_the_sub_step():
    """Second order in it, and below 1e-5 of the peak as it is by default."""
    times, dt = np.arange(1, 1601) * 5e-3, 5.0
    expected, error = printed(smooth, times), {}
    z = (np.vectorize(lambda t: _mean(smooth, t, 5e-3)))(times - 5e-3)
    with brainstate.environ.context(precision=64):
        for sub_step in (10, 100, 200):
            model = BOLDSignal(1, sub_step=sub_step * u.ms).init_all_states()
            error[sub_step] = abs(run(model, z, dt)[:, 0] - expected).max() / abs(expected).max()
    assert error[10] < 1e-5
    assert 3.3 < error[200] / error[100] < 4.7


def _mean(f, begin, width):
    """By Gauss' rule."""
    points, weights = np.polynomial.legendre.leggauss(5)
    return weights @ f(begin + width * (points + 1) / 2) / 2


def test_a_step_longer_than_the_sub_step_is_divided():
    times = np.arange(1, 101) * 0.25
    signal = run(BOLDSignal(1).init_all_states(), np.r_[np.ones(4), np.zeros(96)], 250.0)[:, 0]
    expected = printed(lambda t: float(t < 1), times)
    assert abs(signal - expected).max() < 1e-5 * abs(expected).max()


def test_what_is_read_between_sub_steps_is_of_now():
    """As with a step of the haemodynamics at every step of the loop."""
    z = np.r_[np.full(35, 0.5), np.zeros(20)]
    slow, every = (run(BOLDSignal(1, sub_step=ms * u.ms).init_all_states(), z, 10.0)[:, 0] for ms in (50.0, 10.0))
    np.testing.assert_allclose(slow, every, rtol=0, atol=1e-4 * abs(every).max())
    assert (np.diff(slow[:30]) > 0).all()


def test_another_step_of_the_loop():
    """Sub-steps that a longer step cuts short, steps that do not divide them, and steps that they divide."""
    model, every = (BOLDSignal(1).init_all_states() for _ in range(2))
    parts = [(1.0, np.full(1004, 0.5)), (12.0, np.full(83, 0.1)), (7.0, np.full(101, 0.4)), (3.0, np.full(99, 0.0))]
    signal = np.concatenate([run(model, z, dt)[-1:] for dt, z in parts])
    z = np.concatenate([np.repeat(z, int(dt)) for dt, z in parts])
    ends = np.cumsum([dt * len(z) for dt, z in parts]).astype(int)
    expected = run(every, z, 1.0)
    np.testing.assert_allclose(signal, expected[ends - 1], rtol=0, atol=1e-4 * abs(expected).max())


def test_second_order_in_the_step_of_a_simulation():
    """Which passes on activity after each step."""
    error = []
    with brainstate.environ.context(precision=64):
        for dt in (25, 50):
            times = np.arange(dt, 12001, dt) * 1e-3
            signal = run(BOLDSignal(1).init_all_states(), smooth(times)[:, None], float(dt), 'step')[:, 0]
            expected = printed(smooth, times)
            error.append(abs(signal - expected).max() / abs(expected).max())
    assert 3.3 < error[1] / error[0] < 4.7
    assert error[0] < 1e-4


def test_rest_stays_exact_for_long():
    """Also where activity is what it is at rest, in a unit."""
    baseline = np.array([5.3, 0.7]) * u.Hz
    model = BOLDSignal(2, baseline=baseline).init_all_states()
    signal = run(model, np.broadcast_to(baseline.mantissa, (20000, 2)) * u.Hz, 1.0)
    assert signal.dtype == np.float32
    assert (signal == 0).all()


def test_baseline():
    """(activity - baseline) / baseline, per region, in any unit of the activity."""
    rates = np.broadcast_to([6.0, 0.9], (100, 2))
    z = np.broadcast_to([0.2, -0.1], (100, 2))
    given = run(BOLDSignal(2, baseline=np.array([5e-3, 1e-3]) / u.ms).init_all_states(), rates * u.Hz, 50.0)
    np.testing.assert_allclose(given, run(BOLDSignal(2).init_all_states(), z, 50.0), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (lambda: BOLDSignal(2, parameters='friston'), ValueError, "is one of 'friston2003', 'friston2000', 'tvb'"),
        (lambda: BOLDSignal(2, V_0=4.0), ValueError, r'BOLDSignal\.V_0 is a fraction, between 0 and 1; got 4'),
        (lambda: BOLDSignal(2, E_0=np.array([0.3, 1.0])), ValueError, 'E_0 is a fraction'),
        (lambda: BOLDSignal(2, tau_0=-1 * u.second), ValueError, 'tau_0 must be above zero'),
        (
            lambda: BOLDSignal(2, echo_time=0.04),
            UnitError,
            r'the echo time, in ms; got a bare number: write 0.04 \* u.ms',
        ),
        (lambda: BOLDSignal(2, k_1=2.0 * u.second), UnitError, 'k_1 is the weight of deoxyhaemoglobin, dimensionless'),
        (lambda: BOLDSignal(2, baseline=0.0 * u.Hz), ValueError, 'baseline must be above zero'),
        (lambda: BOLDSignal(2, baseline=8 * u.mV), UnitError, 'a rate or a number; got mV: a potential is no activity'),
        (lambda: BOLDSignal(2, sub_step=0.01), UnitError, r'write 0.01 \* u.second'),
        (
            lambda: BOLDSignal(2).init_all_states().update(np.ones(2) * u.Hz),
            UnitError,
            r'relative neural activity.*got Hz: say what it is at rest, BOLDSignal\(..., baseline=5. \* u.Hz\)',
        ),
        (
            lambda: BOLDSignal(2, baseline=2 * u.Hz).init_all_states().update(np.ones(2)),
            UnitError,
            'in the unit of the baseline, in Hz; got a bare array',
        ),
    ],
)
def test_bad_input_of_sets_and_baseline(make, error, says):
    with pytest.raises(error, match=says):
        make()
