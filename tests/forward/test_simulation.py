"""What a simulation reads: band-limited samples, in a loop."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal
from scipy.stats import chi2

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import EEGLeadFieldModel, MEGLeadFieldModel
from brainfwd.nodes import HopfOscillator
from brainfwd.records import Recording
from brainfwd.simulator import Simulator

MOMENT = u.nA * u.meter
DT = 0.1 * u.ms
STEPS = 20  # of 0.1 ms, in a sampling period of 2 ms


def eeg(rng=None, **options):
    rng = rng or np.random.default_rng(0)
    options = {'dipole_scale': -50 * MOMENT / u.mV, 'sampling_period': 2 * u.ms} | options
    return EEGLeadFieldModel(3, 4, rng.normal(size=(3, 4)) * 1e-8 * u.volt / MOMENT, **options)


def run(model, x):
    """Samples of a model that sees the rows of ``x``, (steps, [batch,] regions) mV, one per step of integration."""
    x = jnp.asarray(x, brainstate.environ.dftype())

    def block(rows):
        brainstate.transform.for_loop(lambda row: model.step(row * u.mV), rows)
        return model.sample()

    with brainstate.environ.context(dt=DT):
        return brainstate.transform.for_loop(block, x.reshape(-1, STEPS, *x.shape[1:]))


def activity(rng, seconds):
    """7.6 mV, 1 mV at 10 Hz, and broadband noise."""
    t = np.arange(round(seconds * 1e4)) * 1e-4
    return 7.6 + np.sin(2 * np.pi * 10 * t)[:, None] * [1.0, 0.5, -1.0] + 0.2 * rng.normal(size=(len(t), 3))


def expected(model, x, low=200.0, high=0.5):
    """The same by scipy: low-pass, every twentieth value, high-pass, project."""
    for order, edge, kind, rate, every in ((4, low, 'low', 1e4, STEPS), (2, high, 'high', 500.0, 1)):
        if edge is not None:
            sos = signal.butter(order, edge, kind, fs=rate, output='sos')
            x = signal.sosfilt(sos, x, axis=0, zi=signal.sosfilt_zi(sos)[:, :, None] * x[0])[0]
        x = x[every - 1 :: every]
    return -50 * x @ model.L.mantissa


@pytest.mark.parametrize(('low', 'high'), [(200.0, 0.5), (45.0, None), (None, 1.0), (None, None)])
def test_agrees_with_scipy(rng, low, high):
    model = eeg(low_pass=None if low is None else low * u.Hz, high_pass=None if high is None else high * u.Hz)
    x = activity(rng, 0.6)
    y = run(model.init_all_states(), x)
    assert y.unit == u.volt
    np.testing.assert_allclose(y.mantissa, expected(model, x, low, high), atol=2e-5 * 1e-6)


def test_the_default_band():
    model = eeg(sampling_period=1 * u.ms)
    assert (model.high_pass, model.low_pass) == (0.5, pytest.approx(400.0))


def test_the_mean_makes_no_transient():
    t = np.arange(10000) * 1e-4
    rhythm = np.sin(2 * np.pi * 10 * t)[:, None] * np.ones(3)
    with_mean = run(eeg().init_all_states(), 7.6 + rhythm).mantissa
    without = run(eeg().init_all_states(), rhythm).mantissa
    assert abs(without).max() > 5e-7
    np.testing.assert_allclose(with_mean, without, atol=1e-11)


def test_what_would_alias_is_attenuated():
    # 470 Hz sampled at 500 Hz looks like 30 Hz
    t = np.arange(20000) * 1e-4
    beyond = np.sin(2 * np.pi * 470 * t)[:, None] * np.ones(3)
    seen = run(eeg(high_pass=None).init_all_states(), beyond).mantissa[500:]
    raw = run(eeg(high_pass=None, low_pass=None).init_all_states(), beyond).mantissa[500:]
    assert abs(seen).max() / abs(raw).max() == pytest.approx(1 / np.sqrt(1 + (470 / 200) ** 8), rel=0.05)


def test_noise_comes_once_per_sample():
    clean, noisy = eeg(), eeg(noise_cov=np.eye(4) * u.uvolt**2, seed=3)
    x = activity(np.random.default_rng(1), 1.0)
    noise = np.asarray(run(noisy.init_all_states(), x).mantissa - run(clean.init_all_states(), x).mantissa)
    assert int(noisy.noise.n_draws.value) == 500
    noisy.seed(3)
    np.testing.assert_allclose(noise, noisy.update(np.zeros((500, 3)) * u.mV).mantissa, atol=1e-11)
    np.testing.assert_allclose(noise.std(axis=0), 1e-6, rtol=0.15)


def test_a_continued_run_is_the_same_bit_for_bit(rng):
    x = activity(rng, 0.2)
    options = dict(noise_cov=np.eye(4) * u.uvolt**2, seed=3)
    whole = run(eeg(**options).init_all_states(), x).mantissa
    model = eeg(**options).init_all_states()
    parts = [run(model, half).mantissa for half in np.split(x, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_batch_equals_loop(rng):
    x = np.stack([activity(rng, 0.1) for _ in range(2)], axis=1)
    together = run(eeg().init_all_states(batch_size=2), x).mantissa
    assert together.shape == (50, 2, 4)
    for member in range(2):
        alone = run(eeg().init_all_states(), x[:, member]).mantissa
        np.testing.assert_allclose(together[:, member], alone, atol=1e-12)


def test_pure_function_with_jit_vmap_and_grad(rng):
    model = eeg(noise_cov=np.eye(4) * u.uvolt**2, seed=3).init_all_states()
    graph, states = brainstate.graph.treefy_split(model)

    def simulate(key, gain):
        merged = brainstate.graph.treefy_merge(graph, states)
        merged.seed(key)
        return run(merged, gain * activity(np.random.default_rng(0), 0.02)).mantissa * 1e6

    keys = jax.random.split(jax.random.key(0), 2)
    gains = jnp.array([1.0, 2.0])
    together = jax.jit(jax.vmap(simulate))(keys, gains)
    np.testing.assert_allclose(together[1], simulate(keys[1], gains[1]), atol=1e-4)
    slope = jax.grad(lambda gain: simulate(keys[0], gain).sum())(1.0)
    # linear in the signal
    np.testing.assert_allclose(slope, (simulate(keys[0], 2.0) - simulate(keys[0], 1.0)).sum(), rtol=1e-3)


@pytest.mark.parametrize('reference', [None, 'average'])
def test_gradients_through_a_simulation(reference):
    """The signal is linear in the scale, and in the lead field: each slope is the signal over the parameter."""
    model = eeg(noise_cov=np.eye(4) * u.uvolt**2, dipole_scale=-50 * MOMENT, reference=reference, seed=3)
    clean = eeg(dipole_scale=-50 * MOMENT, reference=reference)
    sim = Simulator(HopfOscillator(3, init_x=0.1), dt=0.5 * u.ms)
    simulate = sim.simulation(20 * u.ms, monitors={'eeg': model, 'clean': clean})
    weights = np.random.default_rng(1).normal(size=(10, 4)) * 1e6

    def total(scale, L):
        samples = simulate({'monitors.eeg.scale': scale * MOMENT, 'monitors.eeg.L': L * u.volt / MOMENT})
        return (weights * samples['eeg'].mantissa).sum()

    L = jnp.asarray(model.L.mantissa, jnp.float32)
    by_scale, by_lead_field = jax.grad(total, argnums=(0, 1))(-50.0, L)
    signal = float((weights * simulate()['clean'].mantissa).sum())
    assert abs(signal) > 0.1
    assert float(by_scale) == pytest.approx(signal / -50, rel=1e-4)
    assert float((by_lead_field * L).sum()) == pytest.approx(signal, rel=1e-4)
    # what all electrodes share has no slope against the average
    shared = abs(by_lead_field.sum(axis=1)).max() / abs(by_lead_field).max()
    assert (shared < 1e-5) == (reference == 'average')


def test_noise_in_common_under_vmap():
    """A pure simulation has its key as an argument: mapped over a parameter alone, all rows have the same noise."""
    options = dict(dipole_scale=-50 * MOMENT, sampling_period=1 * u.ms, low_pass=None, seed=3)
    noisy, clean = eeg(noise_cov=np.eye(4) * u.uvolt**2, **options), eeg(**options)
    sim = Simulator(HopfOscillator(3, init_x=0.1), dt=0.5 * u.ms)
    simulate = sim.simulation(10 * u.ms, monitors={'noisy': noisy, 'clean': clean})
    key = jax.random.key(1)

    def noise(a, key):
        samples = simulate({'node.a': a}, key)
        return 1e6 * (samples['noisy'] - samples['clean']).mantissa, 1e6 * samples['clean'].mantissa

    together, signal = jax.vmap(noise, in_axes=(0, None))(jnp.array([-0.5, 0.1]), key)
    np.testing.assert_allclose(together[0], together[1], atol=1e-5)
    assert float(together.std()) == pytest.approx(1.0, abs=0.3)
    assert abs(signal[0] - signal[1]).max() > 0.01
    np.testing.assert_allclose(together[0], noise(-0.5, key)[0], atol=1e-5)


def test_a_pure_simulation_keeps_the_noise_of_the_last_pilot(rng):
    model = eeg(snr_db=10.0, dipole_scale=-50 * MOMENT, sampling_period=1 * u.ms, low_pass=None)
    sim = Simulator(HopfOscillator(3, init_x=0.1), dt=0.5 * u.ms)
    model.fix_noise(rng.normal(size=(10, 4)) * u.uvolt)
    simulate = sim.simulation(100 * u.ms, monitors={'eeg': model})
    one, two = (simulate({'monitors.eeg.scale': s * MOMENT}, jax.random.key(1))['eeg'].mantissa for s in (-50.0, 0.0))
    assert float(abs(one - two).max()) > 0
    sum_of_squares = np.square(np.asarray(two, np.float64)).sum(axis=0) / np.diag(model.noise_cov.matrix_si)
    low, high = chi2.interval(1 - 1e-6, len(two))
    assert (low < sum_of_squares).all()
    assert (sum_of_squares < high).all()
    assert not model.needs_pilot


def test_mixed_channels_in_a_loop(meg_head, regions, density, rng):
    model = MEGLeadFieldModel.from_lead_field(meg_head, regions, dipole_scale=density, snr_db=10.0, seed=0)
    x = activity(rng, 0.1)
    with model.silenced():
        pilot = run(model.init_all_states(), x)
    model.fix_noise(pilot)
    recording = model.recording(run(model.init_all_states(), x), start=1 * u.second)
    assert recording.data['grad'].shape == (50, 3)
    assert recording.head == 'one'
    np.testing.assert_array_equal(recording.noise_cov.matrix_si, model.noise_cov.matrix_si)


def test_recording():
    model = eeg(head='one', noise_cov=np.eye(4) * u.uvolt**2).init_all_states()
    recording = model.recording(run(model, np.full((200, 3), 7.6)), start=10 * u.second)
    assert isinstance(recording, Recording)
    assert recording.unit == u.volt
    np.testing.assert_allclose(recording.times.mantissa, 10 + np.arange(10) * 0.002)
    assert [edge.mantissa for edge in recording.band] == pytest.approx([0.5, 200.0])
    with pytest.raises(ValueError, match=r'sampling period of 2\. ms; got samples every 4'):
        model.recording(np.zeros((2, 4)) * u.volt, sampling_period=4 * u.ms)
    assert eeg(high_pass=None).recording(np.zeros((2, 4)) * u.volt).band[0] is None


def test_sensor_unit_of_choice_in_a_recording(rng):
    x = activity(rng, 0.02)
    volts, microvolts = eeg(), eeg(sensor_unit=u.uvolt)
    y = run(microvolts.init_all_states(), x)
    assert y.unit == u.uvolt
    expected = volts.recording(run(volts.init_all_states(), x)).data_si
    np.testing.assert_allclose(microvolts.recording(y).data_si, expected, rtol=1e-5, atol=1e-13)


def test_bad_input():
    model = eeg()
    with pytest.raises(RuntimeError, match='init_all_states'):
        model.sample()
    with pytest.raises(RuntimeError, match='init_all_states'):
        model.step(np.ones(3) * u.mV)
    model.init_all_states()
    with pytest.raises(ValueError, match='needs the time step'):
        model.step(np.ones(3) * u.mV)
    with brainstate.environ.context(dt=DT):
        with pytest.raises(UnitError, match='in mV; got a bare array'):
            model.step(np.ones(3))
        with pytest.raises(ShapeError, match='batch_size'):
            model.step(np.ones((2, 3)) * u.mV)
    with brainstate.environ.context(dt=4 * u.ms), pytest.raises(ValueError, match='shorter than dt'):
        model.step(np.ones(3) * u.mV)
