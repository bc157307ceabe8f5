"""Each stimulus against its closed form: what it delivers, what a linear node answers, that no time is lost."""

import brainunit as u
import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import brainfwd as bf
from brainfwd import stimuli
from brainfwd.integrate import SCHEMES
from brainfwd.stimuli.clock import split, steps_of

UNIT = u.mV / u.second
DT = 0.1 * u.ms
TEN_MINUTES = 6_000_000
"""Steps of 0.1 ms."""

# ---- what is delivered


@pytest.mark.parametrize('method', SCHEMES)
@pytest.mark.parametrize(
    ('stimulus', 'delivered'),
    [
        (lambda: stimuli.Step(20 * UNIT, 5 * u.ms), 20 * 0.025),
        (lambda: stimuli.Pulse(20 * UNIT, 5 * u.ms, 7 * u.ms), 20 * 0.007),
        (lambda: stimuli.PulseTrain(20 * UNIT, 2.5 * u.ms, 1.5 * u.ms, 130 * u.Hz, count=3), 20 * 3 * 0.0015),
        (lambda: stimuli.Data([20.0, -10.0, 5.0] * UNIT, 4 * u.ms, 3 * u.ms, 'previous'), 15 * 0.004),
    ],
    ids=['step', 'pulse', 'train', 'data'],
)
def test_n_steps_deliver_n_dt_times_the_amplitude(stimulus, delivered, method, drive):
    x = drive(stimulus(), 60, 0.5 * u.ms, method=method)[-1]
    np.testing.assert_allclose(x, delivered, rtol=2e-5)


@pytest.mark.parametrize('method', ['heun', 'rk4'])
def test_straight_lines_are_integrated_exactly(method, drive):
    # 20 over 4 ms from 5 ms on, then constant until 30 ms
    x = drive(stimuli.Ramp(20 * UNIT, 5 * u.ms, 4 * u.ms), 60, 0.5 * u.ms, method=method)
    np.testing.assert_allclose(x[-1], 20 * (0.002 + 0.021), rtol=2e-5)
    # two triangles' worth between three samples; the last one lasts
    x = drive(stimuli.Data([0.0, 8.0, 4.0] * UNIT, 2 * u.ms, 3 * u.ms), 60, 0.5 * u.ms, method=method)
    np.testing.assert_allclose(x[-1], (4 + 6 + 4) * 0.002, rtol=2e-5)


@given(st.integers(0, 60), st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.3, 1.0]))
def test_a_pulse_is_on_for_its_steps(onset, duration, dt):
    pulse = stimuli.Pulse(1.0, onset * dt * u.ms, duration * dt * u.ms)
    for fraction in (0.0, 0.5, 1.0):
        on = np.asarray(pulse.at(np.arange(120), fraction, dt * u.ms))
        np.testing.assert_array_equal(np.flatnonzero(on), np.arange(onset, onset + duration))


@given(st.floats(20.0, 3000.0), st.integers(1, 3), st.integers(1, 30))
def test_every_pulse_of_a_train_lasts_alike_and_begins_at_the_nearest_step(frequency, width, count):
    train = stimuli.PulseTrain(1.0, 1 * u.ms, width * DT, frequency * u.Hz, count=count)
    on = np.asarray(train.at(np.arange(15_100), 0.0, DT))
    edges = np.diff(on)
    starts, stops = np.flatnonzero(edges > 0) + 1, np.flatnonzero(edges < 0) + 1
    exact = 10 + np.arange(count) * 1e4 / np.float32(frequency)
    if 1e4 / frequency > width + 1:  # otherwise two may touch
        assert len(starts) == count
        np.testing.assert_array_equal(stops - starts, width)
        # half a step, and what float32 leaves of the period
        assert abs(starts - exact).max() < 0.5 + 1e-3


# ---- what a linear node answers

RATE = 40.0


def leaky(t):
    """The answer of x' = s - 40 x to a unit step, t in s since then."""
    return np.where(t > 0, -np.expm1(-RATE * np.maximum(t, 0)) / RATE, 0.0)


def test_answer_to_a_step_and_to_a_pulse(drive):
    t = np.arange(1, 201) * 5e-4
    x = drive(stimuli.Step(20 * UNIT, 10 * u.ms, regions=[0, 2]), 200, 0.5 * u.ms, 'rk4', RATE)
    np.testing.assert_allclose(x[:, 0], 20 * leaky(t - 0.010), atol=5e-6)
    np.testing.assert_array_equal(x[:, 0], x[:, 2])
    np.testing.assert_array_equal(x[:, 1], 0.0)
    x = drive(stimuli.Pulse(20 * UNIT, 10 * u.ms, 30 * u.ms), 200, 0.5 * u.ms, 'rk4', RATE)
    np.testing.assert_allclose(x[:, 1], 20 * (leaky(t - 0.010) - leaky(t - 0.040)), atol=5e-6)


def test_answer_to_a_sine(drive):
    # gain 1 / |rate + i omega|, phase -arg(rate + i omega), after a transient of exp(-rate t)
    omega = 2 * np.pi * 15
    x = drive(stimuli.Sine(20 * UNIT, 15 * u.Hz, 0.4), 800, 0.5 * u.ms, 'rk4', RATE)[:, 0]
    t = np.arange(1, 801) * 5e-4
    response = lambda t: 20 * (np.exp(1j * (omega * t + 0.4)) / (RATE + 1j * omega)).imag  # noqa: E731
    np.testing.assert_allclose(x, response(t) - response(0) * np.exp(-RATE * t), atol=5e-6)


@pytest.mark.parametrize('make', [
    lambda: stimuli.Sine(20 * UNIT, 15 * u.Hz, 0.4) * stimuli.Pulse(1.0, 10 * u.ms, 30 * u.ms),
    lambda: stimuli.Pulse(20 * UNIT, 10 * u.ms, 30 * u.ms) + stimuli.Ramp(8 * UNIT, 20 * u.ms, 30 * u.ms),
], ids=['windowed sine', 'pulse and ramp'])  # fmt: skip
def test_heun_stays_second_order_across_edges(make, drive):
    def end(dt):
        return drive(make(), round(60 / dt), dt * u.ms, rate=RATE)[-1, 0]

    reference = drive(make(), 600, 0.1 * u.ms, method='rk4', rate=RATE)[-1, 0]
    order = np.log2(abs(end(5.0) - reference) / abs(end(2.5) - reference))
    assert order == pytest.approx(2, abs=0.3)


# ---- over regions


def test_a_wave_that_travels(bound, read):
    steps = np.arange(300)
    sine = bound(stimuli.Sine(2 * UNIT, 20 * u.Hz, phase=np.array([0.0, -1.0, -2.0])))
    expected = 2 * np.sin(2 * np.pi * 20 * steps[:, None] * 1e-4 + [0, -1, -2])
    np.testing.assert_allclose(read(sine, steps), expected, atol=2e-6)
    pulse = bound(stimuli.Pulse(2 * UNIT, [1.0, 2.0, 3.0] * u.ms, [1.0, 1.0, 2.0] * u.ms))
    on = read(pulse, steps)
    for region, (begin, end) in enumerate([(10, 20), (20, 30), (30, 50)]):
        np.testing.assert_array_equal(np.flatnonzero(on[:, region]), np.arange(begin, end))
    assert float(pulse.stop.mantissa) == pytest.approx(5e-3)


def test_data_per_region(bound, read):
    samples = np.array([[1.0, 2.0, 3.0], [3.0, -2.0, 5.0]])
    line = read(bound(stimuli.Data(samples * UNIT, 1 * u.ms, regions=[0, 1])), [0, 5, 10, 15], 0.5)
    np.testing.assert_allclose(line, [[1.1, 1.8, 0], [2.1, -0.2, 0], [3, -2, 0], [3, -2, 0]], rtol=1e-5)


def test_data_at_a_rate_that_is_no_whole_number_of_steps(bound, read):
    samples = np.random.default_rng(0).normal(size=400)
    period = 1 / 1.024  # ms
    data = bound(stimuli.Data(samples * UNIT, period * u.ms))
    steps = np.arange(0, 3890)
    at = (steps + 0.25) * 0.1
    np.testing.assert_allclose(read(data, steps, 0.25), np.interp(at, np.arange(400) * period, samples), atol=1e-5)
    held = read(bound(stimuli.Data(samples * UNIT, period * u.ms, interpolation='previous')), steps)
    np.testing.assert_allclose(held, samples[np.floor((steps + 0.5) * 0.1 / period).astype(int)], atol=1e-6)


# ---- after ten minutes

LATE = np.concatenate([np.arange(TEN_MINUTES - 500, TEN_MINUTES), np.arange(7, TEN_MINUTES, 9973)])


@pytest.mark.parametrize('frequency', [0.125, 7.25, 10.0, 40.0])
def test_the_phase_of_a_sine_is_kept(frequency, bound, read):
    sine = bound(stimuli.Sine(1.0 * UNIT, frequency * u.Hz, 0.7))
    exact = np.sin(2 * np.pi * frequency * LATE * 1e-4 + 0.7)
    # float32 seconds alone would be off by 0.02 at 40 Hz
    np.testing.assert_allclose(read(sine, LATE), exact, atol=2.5e-5)


def test_a_train_keeps_its_times(bound, read):
    # 76.923... steps
    steps = np.arange(TEN_MINUTES - 2000, TEN_MINUTES)
    on = read(bound(stimuli.PulseTrain(1.0 * UNIT, 3 * u.ms, 0.2 * u.ms, 130 * u.Hz)), steps)
    starts = steps[1:][np.diff(on) > 0]
    k = np.round((starts - 30) * 130e-4)
    np.testing.assert_array_equal(starts, np.round(30 + k / 130e-4))


@given(st.integers(0, TEN_MINUTES), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_a_time_is_its_number_of_steps(n, dt):
    assert int(steps_of(n * dt * u.ms, dt * u.ms)) == n


@given(st.integers(0, TEN_MINUTES), st.floats(1e-5, 3.0))
def test_a_number_of_steps_is_its_time(n, per_step):
    n = min(n, int(4e6 / per_step))
    whole, rest = split(np.asarray(n), per_step)
    assert 0 <= rest <= 1
    assert int(whole) + float(rest) == pytest.approx(n * per_step, abs=2e-7)


def test_data_keep_their_place(bound, read):
    samples = np.random.default_rng(0).normal(size=600_100)
    data = bound(stimuli.Data(samples * UNIT, 1 * u.ms, interpolation='previous'))
    np.testing.assert_allclose(read(data, LATE), samples[LATE // 10], rtol=1e-6)


# ---- frozen noise


def test_noise_has_its_spread_and_its_band(bound, read):
    noise = bound(stimuli.Noise(3 * UNIT, 10 * u.Hz, 60 * u.Hz, seed=2, n_frequencies=512))
    x = read(noise, np.arange(20_000), dt=2 * u.ms)  # 40 s
    # 512 lines over 50 Hz: over 40 s their products average out to 1 / sqrt(50 * 40)
    assert x.std() == pytest.approx(3.0, rel=0.08)
    assert x.mean() == pytest.approx(0.0, abs=0.05)
    f, spectrum = scipy.signal.welch(x, fs=500, nperseg=500, detrend=False)
    inside = (f >= 12) & (f <= 58)
    np.testing.assert_allclose(spectrum[inside].mean(), 9 / 50, rtol=0.1)
    assert spectrum[(f <= 7) | (f >= 63)].max() < 1e-3 * 9 / 50
    assert abs(scipy.stats.kurtosis(x)) < 0.3


def test_noise_is_frozen(bound, read):
    make = lambda **options: bound(stimuli.Noise(3 * UNIT, 1 * u.Hz, 40 * u.Hz, **options))  # noqa: E731
    steps = np.arange(100)
    x = read(make(seed=5), steps, dt=1 * u.ms)
    np.testing.assert_array_equal(x, read(make(seed=5), steps, dt=1 * u.ms))
    # the same at the same time, whatever the step
    np.testing.assert_allclose(read(make(seed=5), 4 * steps, dt=0.25 * u.ms), x, atol=1e-4)
    halfway = read(make(seed=5), steps, 0.5, dt=1 * u.ms)
    np.testing.assert_allclose(read(make(seed=5), 4 * steps + 1, 1.0, dt=0.25 * u.ms), halfway, atol=1e-4)
    assert abs(np.corrcoef(x, read(make(seed=6), steps, dt=1 * u.ms))[0, 1]) < 0.9


def test_independent_noise(bound, read):
    noise = bound(stimuli.Noise(3 * UNIT, 20 * u.Hz, 200 * u.Hz, independent=True))
    x = read(noise, np.arange(10_000), dt=1 * u.ms)
    assert x.shape == (10_000, 3)
    np.testing.assert_allclose(x.std(axis=0), 3.0, rtol=0.08)
    # 256 frequencies have 512 coefficients
    np.testing.assert_allclose(np.corrcoef(x.T), np.eye(3), atol=4 / np.sqrt(512))


def test_a_new_seed_is_another_noise_at_the_next_run(bound, read):
    noise = bound(stimuli.Noise(3 * UNIT, 1 * u.Hz, 40 * u.Hz, seed=1, independent=True))
    before = read(noise, np.arange(50))
    noise.seed = 2
    after = read(bound(noise), np.arange(50))
    assert noise.seed == 2
    assert abs(after - before).max() > 0.1
    np.testing.assert_array_equal(
        after, read(bound(stimuli.Noise(3 * UNIT, 1 * u.Hz, 40 * u.Hz, seed=2, independent=True)), np.arange(50))
    )


# ---- errors


def test_errors(bound):
    with pytest.raises(ValueError, match=r'PulseTrain\.width is shorter than the period, 1 / frequency; got 1\.3'):
        bound(stimuli.PulseTrain(1 * UNIT, 0 * u.ms, 10 * u.ms, 130 * u.Hz))
    with pytest.raises(ValueError, match=r'PulseTrain\.count is a whole number of at least 1; got 0'):
        stimuli.PulseTrain(1 * UNIT, 0 * u.ms, 1 * u.ms, 130 * u.Hz, count=0)
    with pytest.raises(ValueError, match=r'Pulse\.duration must be above zero'):
        stimuli.Pulse(1 * UNIT, 0 * u.ms, 0 * u.ms)
    with pytest.raises(bf.UnitError, match=r'Sine\.frequency is the frequency of the sine, in Hz; got rad / s'):
        stimuli.Sine(1 * UNIT, 10 * u.radian / u.second)
    with pytest.raises(bf.UnitError, match=r'Sine\.offset is the offset of the sine, in mV / s; got a bare number'):
        bound(stimuli.Sine(1 * UNIT, 10 * u.Hz, offset=3.0))
    with pytest.raises(bf.ShapeError, match=r"Data\.samples is \(time,\) or \('time', 3\); got shape \(5, 2\)"):
        bound(stimuli.Data(np.ones((5, 2)) * UNIT, 1 * u.ms))
    with pytest.raises(bf.ShapeError, match=r'Data\.samples is \(time,\)'):
        bound(stimuli.Data(1.0 * UNIT, 1 * u.ms))
    with pytest.raises(bf.ShapeError, match=r'Data\.onset has shape \(\)'):
        bound(stimuli.Data(np.ones(5) * UNIT, 1 * u.ms, [1.0, 2.0, 3.0] * u.ms))
    with pytest.raises(ValueError, match=r"Data\.interpolation is one of 'linear', 'previous'; got 'linea'.*Did you"):
        stimuli.Data(np.ones(5) * UNIT, 1 * u.ms, interpolation='linea')
    with pytest.raises(bf.UnitError, match=r'Data\.sampling_period is the time between two samples, in ms; got a bare'):
        stimuli.Data(np.ones(5) * UNIT, 1.0)
    with pytest.raises(ValueError, match=r'Noise\.low is below high; got 40\. Hz and 4\. Hz'):
        bound(stimuli.Noise(1 * UNIT, 40 * u.Hz, 4 * u.Hz))
    with pytest.raises(ValueError, match=r'Noise\.seed is a whole number'):
        stimuli.Noise(1 * UNIT, 4 * u.Hz, 40 * u.Hz, seed=-1)
