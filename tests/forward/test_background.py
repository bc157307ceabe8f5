"""Backgrounds of sensors: spectra, covariances and draws against closed forms."""

import brainunit as u
import jax
import numpy as np
import pytest
from scipy import stats

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import BrainNoise, IndependentNoise, LineNoise, RecordedNoise
from brainfwd.records import Channels, LeadField, NoiseCovariance, Recording

DT = 4 * u.ms
N_KEYS = 2000
CHANNELS = Channels(('A', 'B', 'C'), ('eeg', 'eeg', 'mag'))
AMPLITUDE = {'eeg': 2 * u.uvolt, 'mag': 3e-13 * u.tesla}
MOMENT = u.nA * u.meter


def draws(noise, n_times=8, **options):
    """(keys, times, sensors)."""
    keys = jax.random.split(jax.random.key(5), N_KEYS)
    return np.asarray(jax.jit(jax.vmap(lambda key: noise.sample(key, n_times, DT, **options)))(keys), float)


def assert_covariance(samples, expected, also_relative=0.0):
    """Independent rows have it: five standard deviations of a Wishart matrix (Anderson, 2003, 3.2)."""
    scale = np.sqrt(np.diagonal(expected))
    correlation = expected / scale / scale[:, None]
    got = samples.T @ samples / len(samples) / scale / scale[:, None]
    deviation = np.sqrt((1 + correlation**2) / len(samples))
    assert (abs(got - correlation) < 5 * deviation + also_relative).all()


@pytest.fixture(scope='module')
def sine_waves():
    """Three sine waves of whole numbers of cycles in half a segment of 0.4 s, each with its pattern and phases."""
    rng = np.random.default_rng(2)
    hertz = np.array([10.0, 40.0, 75.0])
    patterns = (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))) * 1e-6
    times = np.arange(2000) * 0.004
    data = (np.exp(2j * np.pi * hertz * times[:, None]) @ patterns).real
    return hertz, patterns, RecordedNoise(Recording(data, CHANNELS, DT), segment=0.4 * u.second)


# Brain noise


@pytest.mark.parametrize('exponent', [0.5, 1.0, 2.0])
def test_spectrum_of_the_sources_falls_as_a_power(sources, exponent):
    # sensors that see one source each
    head = LeadField(np.eye(12), Channels(tuple('abcdefghijkl'), ('eeg',) * 12), sources)
    n = 2**13
    x = BrainNoise(head, exponent, low=1 * u.Hz).sample(0, n, DT)
    hertz = np.fft.rfftfreq(n, 0.004)
    fitted = (hertz > 2) & (hertz < 120)
    power = abs(np.fft.rfft(np.asarray(x, float) * np.hanning(n)[:, None], axis=0)[fitted]) ** 2
    at = np.log(hertz[fitted]) - np.log(hertz[fitted]).mean()
    slope = (at @ np.log(power)).mean() / (at @ at)
    # the logarithm of an exponential variate has variance pi^2/6; a Hann window makes two neighbours count as one
    deviation = np.sqrt(2 * np.pi**2 / 6 / 12 / (at @ at))
    assert abs(slope + exponent) < 4 * deviation < 0.05


def test_covariance_is_that_of_independent_sources(eeg_head, sources):
    noise = BrainNoise(eeg_head, exponent=1.5, amplitude=np.linspace(1, 3, 12) * MOMENT, low=10 * u.Hz)
    gain = eeg_head.gain_si * np.linspace(1e-9, 3e-9, 12)[:, None]
    expected = np.einsum('msk,nsk->mn', gain, gain)
    np.testing.assert_allclose(noise.spatial_covariance, expected, rtol=1e-12)
    np.testing.assert_allclose(noise.covariance(DT).matrix_si, expected, rtol=1e-4)
    drawn = draws(noise)
    for time in (0, 7):
        assert_covariance(drawn[:, time], expected, also_relative=1e-3)


def test_correlation_falls_with_distance(meg_head, sources):
    places = sources.positions.to_decimal(u.mm)
    distance = np.sqrt(np.square(places[:, None] - places).sum(axis=-1))
    noise = BrainNoise(meg_head, low=10 * u.Hz, correlation_length=30 * u.mm)
    expected = 1e-18 * meg_head.gain_si @ np.exp(-distance / 30) @ meg_head.gain_si.T
    np.testing.assert_allclose(noise.spatial_covariance, expected, rtol=1e-10)
    far_less = BrainNoise(meg_head, correlation_length=1e-6 * u.mm).spatial_covariance
    np.testing.assert_allclose(far_less, BrainNoise(meg_head).spatial_covariance, rtol=1e-10)


def test_power_in_a_band_is_the_integral_of_the_spectrum(eeg_head):
    noise = BrainNoise(eeg_head, exponent=1.0, low=1 * u.Hz, high=100 * u.Hz)
    total = np.trace(noise.spatial_covariance)

    def share(low, high, **passed):
        return np.trace(noise.covariance(DT, within=(low * u.Hz, high * u.Hz), **passed).matrix_si) / total

    # flat to 1 Hz, 1/f to 100 Hz, nothing above
    whole = 1 + np.log(100)
    np.testing.assert_allclose(share(0, 0.5), 0.5 / whole, rtol=1e-6)
    np.testing.assert_allclose(share(8, 12), np.log(1.5) / whole, rtol=1e-5)
    np.testing.assert_allclose(share(0, 125), 1.0, rtol=1e-5)
    # half the power at the corner frequency of a filter
    low_passed = share(19.9, 20.1, passed=(None, 20 * u.Hz))
    np.testing.assert_allclose(low_passed, share(19.9, 20.1) / 2, rtol=1e-3)
    high_passed = share(0.49, 0.51, passed=(0.5 * u.Hz, None))
    np.testing.assert_allclose(high_passed, share(0.49, 0.51) / 2, rtol=1e-3)


def test_filters_of_the_recording_shape_the_draws(eeg_head):
    noise = BrainNoise(eeg_head, exponent=0.0, low=10 * u.Hz)
    passed = (None, 20 * u.Hz)
    assert_covariance(draws(noise, passed=passed)[:, 2], noise.covariance(DT, passed).matrix_si, also_relative=1e-3)
    # the power left by a low-pass of fourth order, with pi/8 / sin(pi/8) for the integral of 1 / (1 + x^8)
    left = np.trace(noise.covariance(DT, passed).matrix_si) / np.trace(noise.spatial_covariance)
    np.testing.assert_allclose(left, np.pi / 8 / np.sin(np.pi / 8) * 20 / 125, rtol=1e-3)


def test_the_ends_of_a_draw_do_not_join(eeg_head):
    drawn = draws(BrainNoise(eeg_head, exponent=2.0, low=20 * u.Hz), n_times=64)
    first, last = drawn[:, 0, 0], drawn[:, -1, 0]
    assert abs(stats.pearsonr(first, last).statistic) < 5 / np.sqrt(N_KEYS)


# The mains


def test_lines_stand_at_the_harmonics_alone():
    noise = LineNoise(CHANNELS, AMPLITUDE, 25 * u.Hz, harmonics=(1.0, 0.0, 0.5), linewidth=1e-4 * u.Hz)
    n = 2500  # 10 s
    x = np.asarray(noise.sample(0, n, DT), float)
    hertz, power = np.fft.rfftfreq(n, 0.004), abs(np.fft.rfft(x * np.hanning(n)[:, None], axis=0)) ** 2
    at = [power[abs(hertz - f) <= 1].sum(axis=0) for f in (25, 50, 75)]
    assert (at[0] + at[2] > 0.999 * power.sum(axis=0)).all()
    assert (at[1] < 1e-3 * at[2]).all()


def test_amplitude_is_that_of_the_line():
    steady = LineNoise(
        CHANNELS, AMPLITUDE, harmonics=(1.0, 0.5), pattern=[1, 1j, -2], linewidth=0 * u.Hz, modulation=0.0
    )
    x = np.asarray(steady.sample(3, 500, DT), float)
    # over whole periods: half the square of each amplitude
    power = np.array([2e-6, 2e-6, 3e-13]) ** 2 * (1 + 0.5**2) / 2
    np.testing.assert_allclose(np.square(x).mean(axis=0), power, rtol=1e-4)
    np.testing.assert_allclose(np.diagonal(steady.covariance(DT).matrix_si), power, rtol=1e-12)
    # a quarter of a period apart, at both harmonics
    assert abs(np.corrcoef(x[:, 0], x[:, 1])[0, 1]) < 1e-4


def test_lines_wander_as_they_are_told():
    noise = LineNoise(CHANNELS, AMPLITUDE, 20 * u.Hz, linewidth=2 * u.Hz, modulation=0.3, modulation_time=20 * u.ms)
    drawn = draws(noise, n_times=26)
    expected = noise.covariance(DT).matrix_si
    # kurtosis of a sine of this modulation is below 3: Wishart's bound holds
    for time in (0, 25):
        assert_covariance(drawn[:, time], expected)
    # two periods of 50 ms later: exp(-pi width lag) of the phase, and what the modulation forgets in 5 time constants
    kept = np.mean(drawn[:, 0, 0] * drawn[:, 25, 0]) / expected[0, 0]
    modulation = (1 + 0.3**2 * np.exp(-5)) / (1 + 0.3**2)
    assert abs(kept - np.exp(-np.pi * 2 * 0.1) * modulation) < 5 / np.sqrt(N_KEYS)


def test_a_pattern_belongs_to_its_seed():
    one, same, other = (LineNoise(CHANNELS, AMPLITUDE, seed=seed).covariance(DT).matrix_si for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other, atol=0)
    assert np.linalg.matrix_rank(one / np.sqrt(np.outer(np.diagonal(one), np.diagonal(one)))) == 2
    np.testing.assert_allclose(np.diagonal(one)[:2].mean(), (1 + 0.05**2) / 2 * 4e-12)


# Recorded noise


def test_cross_spectra_are_those_of_the_recording(sine_waves):
    hertz, patterns, noise = sine_waves
    expected = np.einsum('hm,hn->mn', patterns, patterns.conj()).real / 2
    np.testing.assert_allclose(noise.covariance(DT).matrix_si, expected, rtol=1e-10)
    for i, f in enumerate(hertz):
        band = ((f - 8) * u.Hz, (f + 8) * u.Hz)
        one = np.outer(patterns[i], patterns[i].conj()).real / 2
        np.testing.assert_allclose(noise.covariance(DT, within=band).matrix_si, one, rtol=1e-10)


def test_surrogates_are_gaussian_and_vary_as_the_recording(sine_waves):
    hertz, patterns, noise = sine_waves
    drawn = draws(noise)
    for time in (0, 7):
        assert_covariance(drawn[:, time], noise.covariance(DT).matrix_si)
    # sine waves are far from Gaussian (a kurtosis of 1.5); surrogates are
    assert (abs(stats.kurtosis(drawn[:, 4])) < 5 * np.sqrt(24 / N_KEYS)).all()
    # what a channel has to do with another 12 ms later: the phases of the cross-spectra
    turned = np.exp(-2j * np.pi * hertz * 3 * 0.004)
    lagged = np.einsum('h,hm,hn->mn', turned, patterns, patterns.conj()).real / 2
    got = drawn[:, 0].T @ drawn[:, 3] / N_KEYS
    size = np.sqrt(np.outer(*[np.einsum('hm,hm->m', patterns, patterns.conj()).real / 2] * 2))
    # 12 ms of segments of 400: a Hann window keeps 1 - (pi 12 / 400)^2 / 3 at the least
    assert (abs(got - lagged) / size < 5 * np.sqrt(2 / N_KEYS) + 0.01).all()


def test_recorded_noise_of_coloured_mixtures(rng):
    """Two autoregressions of known spectra, mixed: a long surrogate has the covariance of the process."""
    from scipy.signal import lfilter

    keep = np.array([0.9, -0.5])
    innovations = rng.normal(size=(40_000, 2))
    processes = np.stack([lfilter([1.0], [1.0, -a], x) for a, x in zip(keep, innovations.T, strict=True)], axis=1)
    mixing = np.array([[1.0, 0.2, -0.7], [0.3, 1.0, 0.5]])
    noise = RecordedNoise(Recording(processes @ mixing, CHANNELS, DT), segment=1 * u.second)
    truth = mixing.T @ np.diag(1 / (1 - keep**2)) @ mixing
    # samples of an autoregression count as (1 - a^2) / (1 + a^2) of independent ones in the estimate of a variance
    independent = 40_000 * (1 - 0.9**2) / (1 + 0.9**2)
    scale = np.sqrt(np.outer(np.diagonal(truth), np.diagonal(truth)))
    # a segment without its mean lacks 2 tau / T of the variance of correlation time tau
    lost = 2 / (-np.log(0.9) * 250)
    assert (abs(noise.covariance(DT).matrix_si - truth) / scale < 5 * np.sqrt(2 / independent) + lost).all()
    drawn = np.asarray(noise.sample(1, 40_000, DT), float)
    assert (abs(np.cov(drawn.T) - truth) / scale < 5 * np.sqrt(4 / independent) + lost).all()


def test_a_draw_may_be_longer_than_the_recording(sine_waves):
    *_, noise = sine_waves
    assert noise.sample(0, 5001, DT).shape == (5001, 3)


# All of them


@pytest.fixture(params=['brain', 'line', 'recorded', 'independent'])
def noise(request, eeg_head, sine_waves):
    return {
        'brain': lambda: BrainNoise(eeg_head, low=10 * u.Hz),
        'line': lambda: LineNoise(CHANNELS, AMPLITUDE, modulation_time=0.1 * u.second),
        'recorded': lambda: sine_waves[2],
        'independent': lambda: IndependentNoise(NoiseCovariance(np.diag([1e-12, 0, 4e-26]), CHANNELS)),
    }[request.param]()


def test_draws_depend_on_the_key_alone(noise):
    keys = jax.random.split(jax.random.key(0), 3)
    mapped = jax.jit(jax.vmap(lambda key: noise.sample(key, 8, DT)))(keys)
    looped = np.stack([noise.sample(key, 8, DT) for key in keys])
    # the phase of a line is some hundred radians
    size = abs(looped).max(axis=(0, 1))
    np.testing.assert_allclose(mapped / np.where(size, size, 1), looped / np.where(size, size, 1), atol=1e-4)
    assert not np.allclose(looped[0], looped[1], atol=0)
    np.testing.assert_array_equal(noise.sample(7, 8, DT), noise.sample(jax.random.key(7), 8, DT))


def test_independent_noise_of_lower_rank():
    covariance = np.diag([1e-12, 0.0, 4e-26])
    drawn = draws(IndependentNoise(NoiseCovariance(covariance, CHANNELS)))
    assert (drawn[:, :, 1] == 0).all()
    seen = np.array([0, 2])
    assert_covariance(drawn[:, 5][:, seen], covariance[np.ix_(seen, seen)])


def test_bands_add_up(noise):
    whole = noise.covariance(DT).matrix_si
    # between two frequencies of Welch's, so that none counts twice
    parts = [noise.covariance(DT, within=band).matrix_si for band in ((None, 30.01 * u.Hz), (30.01 * u.Hz, None))]
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-5, atol=1e-7 * abs(whole).max())


@pytest.mark.parametrize(
    ('options', 'error', 'says'),
    [
        (dict(amplitude=1.0), UnitError, 'a dipole moment, in .* got a bare number'),
        (dict(amplitude=np.ones(3) * MOMENT), ShapeError, r'\(12,\) \(sources,\)'),
        (dict(amplitude=-1 * MOMENT), ValueError, 'negative'),
        (dict(low=0 * u.Hz), ValueError, 'above zero'),
        (dict(low=None), UnitError, 'in Hz; got None'),
        (dict(low=2 * u.Hz, high=1 * u.Hz), ValueError, 'below high'),
        (dict(exponent=np.nan), ValueError, 'finite'),
        (dict(correlation_length=3.0), UnitError, 'in mm; got a bare number'),
    ],
)
def test_bad_brain_noise(eeg_head, options, error, says):
    with pytest.raises(error, match=says):
        BrainNoise(eeg_head, **options)


@pytest.mark.parametrize(
    ('options', 'error', 'says'),
    [
        (dict(amplitude=1 * u.uvolt), UnitError, 'that of mag channels, in T; got uV'),
        (dict(amplitude={'eeg': 1 * u.uvolt}), ValueError, 'each of eeg, mag; got eeg'),
        (dict(frequency=50.0), UnitError, r'write 50. \* u.Hz'),
        (dict(frequency=-50 * u.Hz), ValueError, 'above zero'),
        (dict(harmonics=(0.0,)), ValueError, 'relative amplitudes'),
        (dict(pattern=np.ones(4)), ShapeError, r'\(3,\) or \(1, 3\)'),
        (dict(pattern=np.ones(3) * u.volt), UnitError, 'relative, without a unit'),
        (dict(pattern=[1, 1, 0]), ValueError, 'zero for all mag channels'),
        (dict(modulation=-0.1), ValueError, 'negative'),
    ],
)
def test_bad_line_noise(options, error, says):
    with pytest.raises(error, match=says):
        LineNoise(CHANNELS, **{'amplitude': AMPLITUDE, **options})


def test_bad_recorded_noise(sine_waves):
    recording = sine_waves[2].recording
    for segment in (4.1 * u.second, 1 * u.ms):
        with pytest.raises(ValueError, match='half the recording at most, 2000 samples'):
            RecordedNoise(recording, segment=segment)
    with pytest.raises(UnitError, match='in s; got a bare number'):
        RecordedNoise(recording, segment=2.0)
    with pytest.raises(TypeError, match='is a Recording; got ndarray'):
        RecordedNoise(recording.data_si)


def test_bad_draws(eeg_head, sine_waves):
    with pytest.raises(ValueError, match=r'below half the sampling rate, 125 Hz; got 150 Hz'):
        LineNoise(CHANNELS, AMPLITUDE, harmonics=(1.0, 0.0, 0.2)).sample(0, 10, DT)
    with pytest.raises(ValueError, match=r'high=...\) is at most half the sampling rate, 125 Hz'):
        BrainNoise(eeg_head, high=130 * u.Hz).sample(0, 10, DT)
    with pytest.raises(ValueError, match=r'resample one of them; got 0\.002 s'):
        sine_waves[2].sample(0, 10, 2 * u.ms)
    with pytest.raises(UnitError, match='in s; got a bare number'):
        BrainNoise(eeg_head).sample(0, 10, 0.004)
    with pytest.raises(ValueError, match='whole number of at least 1'):
        BrainNoise(eeg_head).sample(0, 0, DT)
    with pytest.raises(ValueError, match='goes up, from 0 at least to half the sampling rate at most, 125 Hz'):
        BrainNoise(eeg_head).covariance(DT, within=(10 * u.Hz, 200 * u.Hz))
