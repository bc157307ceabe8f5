"""Noise mixed to a signal-to-noise ratio."""

import dataclasses
import tracemalloc

import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import BrainNoise, IndependentNoise, LineNoise, RecordedNoise, add_noise, signal_to_noise
from brainfwd.records import Channels, LeadField, NoiseCovariance, Recording

DT = 4 * u.ms
BAND = (1 * u.Hz, 60 * u.Hz)
TESLA = {'mag': 1e-13 * u.tesla, 'grad': 1e-12 * u.tesla / u.meter}


def recording_of(head, n_times=500, **fields):
    """A rhythm of 10 Hz with a pattern, far from zero mean."""
    rng = np.random.default_rng(8)
    pattern = head.gain_si.reshape(head.n_sensors, -1) @ rng.normal(size=head.gain_si[0].size) * 1e-8
    wave = 3 + np.sin(2 * np.pi * 10 * 0.004 * np.arange(n_times))
    return Recording(wave[:, None] * pattern, head.channels, DT, **{'head': head.head, 'band': BAND, **fields})


def noise_in(result, signal):
    return dataclasses.replace(result, data_si=result.data_si - signal.data_si)


def decibels(signal, noise, hertz=None):
    """The definition, written down again: (times, sensors) each."""
    powers = []
    for x in (signal, noise):
        x = x - x.mean(axis=0)
        if hertz is not None:
            at = np.fft.fftfreq(len(x), 0.004)
            spectrum = np.fft.fft(x, axis=0)
            spectrum[(abs(at) < hertz[0]) | (abs(at) > hertz[1])] = 0
            x = np.fft.ifft(spectrum, axis=0).real
        powers.append(np.trace(np.atleast_2d(np.cov(x.T))))
    return 10 * np.log10(powers[0] / powers[1])


@pytest.mark.parametrize('hertz', [None, (5.0, 30.0)])
def test_a_sample_has_the_ratio_exactly(eeg_head, hertz):
    band = (None, None) if hertz is None else tuple(f * u.Hz for f in hertz)
    signal = recording_of(eeg_head)
    result = add_noise(signal, BrainNoise(eeg_head), snr_db=4.0, band=band, seed=0)
    noise = noise_in(result, signal)
    assert abs(decibels(signal.data_si, noise.data_si, hertz) - 4.0) < 1e-6
    assert abs(signal_to_noise(signal, noise, band=band)['eeg'] - 4.0) < 1e-6


WEIGHTS = {'average': [0.25] * 4, 'Cz': [0, 1, 0, 0], ('Fz', 'Oz'): [0.5, 0, 0, 0.5]}


@pytest.mark.parametrize('reference', WEIGHTS, ids=str)
def test_the_reference_of_the_recording_is_kept(eeg_head, reference):
    covariance = NoiseCovariance.diagonal(1 * u.uvolt, eeg_head.channels)
    signal = recording_of(eeg_head, noise_cov=covariance).referenced(reference)
    # that of several electrodes cannot be seen
    told = {'reference': reference} if isinstance(reference, tuple) else {}
    parts = [BrainNoise(eeg_head), covariance]
    result = add_noise(signal, parts, seed=0, snr_db=-3.0, **told)
    noise = noise_in(result, signal)
    for values in (result.data_si, noise.data_si, result.noise_cov.matrix_si):
        assert abs(values @ WEIGHTS[reference]).max() < 1e-12 * abs(values).max()
    assert abs(decibels(signal.data_si, noise.data_si, (1, 60)) + 3.0) < 1e-6
    # what is added is the noise as it is drawn, in that reference, up to its size
    drawn = noise_in(add_noise(signal, parts, seed=0, reference=None), signal).referenced(reference).data_si
    np.testing.assert_allclose(noise.data_si / noise.data_si.std(), drawn / drawn.std(), atol=1e-9)
    # a recording in single precision shows its reference too
    coarse = dataclasses.replace(signal, data_si=signal.data_si.astype(np.float32))
    added = noise_in(add_noise(coarse, covariance, seed=0, **told), coarse).data_si
    assert abs(added @ WEIGHTS[reference]).max() < 1e-5 * abs(added).max()


def test_noise_stays_as_it_is_drawn_in_no_known_reference(eeg_head):
    signal, white = recording_of(eeg_head), NoiseCovariance.diagonal(1 * u.uvolt, eeg_head.channels)
    silence = dataclasses.replace(signal, data_si=0 * signal.data_si)
    two_dead = dataclasses.replace(signal, data_si=signal.data_si * [0, 1, 1, 0])
    drawn = add_noise(silence, white, seed=0, reference=None).data_si
    for recording in (signal, silence, two_dead):
        result = add_noise(recording, white, seed=0)
        np.testing.assert_allclose(noise_in(result, recording).data_si, drawn, atol=1e-9 * abs(drawn).max())
        np.testing.assert_allclose(result.noise_cov.matrix_si, white.matrix_si, rtol=1e-12)


def test_another_reference_is_that_of_recording_and_noise(eeg_head):
    signal, white = recording_of(eeg_head), NoiseCovariance.diagonal(1 * u.uvolt, eeg_head.channels)
    before, after = (
        add_noise(each, white, snr_db=0.0, seed=0, reference='Cz') for each in (signal, signal.referenced('average'))
    )
    np.testing.assert_allclose(before.data_si, after.data_si, atol=1e-9 * abs(before.data_si).max())
    assert not before.data_si[:, 1].any()


def test_every_type_of_channel_has_the_ratio(meg_head):
    signal = recording_of(meg_head)
    parts = [BrainNoise(meg_head), LineNoise(meg_head.channels, TESLA)]
    noise = noise_in(add_noise(signal, parts, snr_db=-3.0, seed=1), signal)
    for kind in ('mag', 'grad'):
        index = signal.channels.indices(kind)
        assert abs(decibels(signal.data_si[:, index], noise.data_si[:, index], (1, 60)) + 3.0) < 1e-6
    each = add_noise(signal, parts, snr_db={'mag': 5.0, 'grad': 0.0}, seed=1)
    got = signal_to_noise(signal, noise_in(each, signal), band=BAND)
    assert abs(got['mag'] - 5.0) < 1e-6
    assert abs(got['grad']) < 1e-6


def test_expected_ratio_is_met_within_its_interval(eeg_head):
    signal = recording_of(eeg_head, n_times=2000).referenced('average')
    white = IndependentNoise(NoiseCovariance(np.diag([1.0, 4.0, 2.0, 1.0]) * 1e-12, eeg_head.channels))
    noises = [
        noise_in(add_noise(signal, white, snr_db=3.0, seed=seed, normalise='expected'), signal) for seed in range(20)
    ]
    measured = np.array([signal_to_noise(signal, noise, band=BAND)['eeg'] for noise in noises])
    # a sum of squares in 2 x 59 Hz of 250: relative variance 2 tr(C^2) / tr(C)^2 / samples
    reference = np.eye(4) - 0.25
    covariance = reference @ np.diag([1.0, 4.0, 2.0, 1.0]) @ reference
    samples = 2000 * 2 * 59 / 250
    deviation = np.sqrt(2 * np.trace(covariance @ covariance) / samples) / np.trace(covariance) * 10 / np.log(10)
    assert abs(measured - 3.0).max() < 4 * deviation
    assert abs(measured.mean() - 3.0) < 4 * deviation / np.sqrt(20)
    assert measured.std() > deviation / 2


def test_parts_have_their_shares(eeg_head):
    signal = recording_of(eeg_head)
    line = LineNoise(eeg_head.channels, 1 * u.uvolt, modulation=0.0, linewidth=0 * u.Hz)
    parts = [line, BrainNoise(eeg_head, exponent=0.0, high=40 * u.Hz)]
    both = add_noise(signal, parts, shares=(3, 1), snr_db=0.0, seed=0)
    noise = noise_in(both, signal)
    # 50 Hz in 25 whole periods stands alone above 40
    spectrum = np.square(abs(np.fft.rfft(noise.data_si, axis=0))).sum(axis=1)
    hertz = np.fft.rfftfreq(500, 0.004)
    share = spectrum[abs(hertz - 50) < 1].sum() / spectrum[(hertz >= 1) & (hertz <= 60)].sum()
    assert abs(share - 0.75) < 0.02
    only = add_noise(signal, parts, shares=(1, 0), snr_db=0.0, seed=0)
    spectrum = np.square(abs(np.fft.rfft(noise_in(only, signal).data_si, axis=0))).sum(axis=1)
    assert spectrum[abs(hertz - 50) > 1].sum() < 1e-12 * spectrum.sum()


def test_parts_keep_their_own_sizes_without_a_ratio(eeg_head):
    signal = recording_of(eeg_head)
    covariance = NoiseCovariance(np.diag([1.0, 4.0, 2.0, 1.0]) * 1e-12, eeg_head.channels)
    result = add_noise(signal, [covariance, BrainNoise(eeg_head)], seed=0, reference=None)
    passed = BrainNoise(eeg_head).covariance(DT, passed=BAND).matrix_si
    np.testing.assert_allclose(result.noise_cov.matrix_si, covariance.matrix_si + passed, rtol=1e-12)


@pytest.mark.parametrize('normalise', ['sample', 'expected'])
def test_noise_covariance_is_that_of_the_noise(eeg_head, normalise):
    signal = recording_of(eeg_head, n_times=20_000).referenced('average')
    white = IndependentNoise(NoiseCovariance(np.diag([1.0, 4.0, 2.0, 1.0]) * 1e-12, eeg_head.channels))
    result = add_noise(signal, [white, BrainNoise(eeg_head)], shares=(1, 1), snr_db=0.0, seed=3, normalise=normalise)
    drawn, expected = noise_in(result, signal).covariance().matrix_si, result.noise_cov.matrix_si
    # half the power is that of slow fluctuations: some ten times fewer samples count
    assert abs(drawn - expected).max() < 5 * np.sqrt(2 * 10 / 20_000) * np.trace(expected)
    # the average reference takes a rank
    assert np.linalg.matrix_rank(expected / np.trace(expected), tol=1e-9) == 3
    assert (result.head, result.band, result.nave) == (signal.head, signal.band, 1)


def test_noise_that_was_there_counts(eeg_head):
    before = NoiseCovariance(1e-12 * np.eye(4), eeg_head.channels)
    added = NoiseCovariance(2e-12 * np.eye(4), eeg_head.channels)
    single = add_noise(recording_of(eeg_head, noise_cov=before), added, seed=0, reference=None)
    np.testing.assert_allclose(single.noise_cov.matrix_si, 3e-12 * np.eye(4), atol=1e-24)
    # noise_cov is that of one repetition, what is added that of the average
    average = add_noise(recording_of(eeg_head, noise_cov=before, nave=10), added, seed=0, reference=None)
    np.testing.assert_allclose(average.noise_cov.matrix_si, 21e-12 * np.eye(4), atol=1e-24)


def test_a_seed_is_all_it_depends_on(eeg_head):
    signal = recording_of(eeg_head)
    brain, line = BrainNoise(eeg_head), LineNoise(eeg_head.channels, 1 * u.uvolt)
    one, same, other = (add_noise(signal, brain, snr_db=0.0, seed=seed).data_si for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other, rtol=1e-3, atol=0)
    # another part changes nothing for those before it
    alone = add_noise(signal, brain, seed=1).data_si
    silent = dataclasses.replace(line, amplitude=0 * u.uvolt)
    np.testing.assert_allclose(add_noise(signal, [brain, silent], seed=1).data_si, alone, rtol=1e-12)
    # independent of each other
    both = [noise_in(add_noise(signal, parts, seed=1), signal).data_si for parts in (brain, [silent, brain])]
    assert not np.allclose(*both, rtol=1e-3, atol=0)


@pytest.mark.parametrize('part', ['brain', 'line', 'recorded', 'independent'])
def test_sensors_of_another_kind(sources, part):
    """They draw other numbers from one seed, and patterns of the mains, which has one phase."""
    gain, rest = np.eye(12)[:4], np.random.default_rng(0).normal(size=(2000, 4))
    drawn = []
    for kind, unit in (('eeg', u.volt), ('mag', u.tesla)):
        channels = Channels(tuple(f'{kind}{i}' for i in range(4)), (kind,) * 4)
        noise = {
            'brain': lambda c=channels: BrainNoise(LeadField(gain, c, sources), exponent=0.0),
            'line': lambda c=channels, unit=unit: LineNoise(c, 1 * unit),
            'recorded': lambda c=channels: RecordedNoise(Recording(rest, c, DT)),
            'independent': lambda c=channels: IndependentNoise(NoiseCovariance(np.eye(4), c)),
        }[part]()
        empty = Recording(np.zeros((10_000, 4)), channels, DT)
        drawn.append(add_noise(empty, noise, seed=0, reference=None).data_si)
    correlation = np.corrcoef(drawn[0].T, drawn[1].T)[:4, 4:]
    if part != 'line':
        assert abs(correlation).max() < 5 / np.sqrt(10_000)
        return
    both = np.concatenate(drawn, axis=1)
    values = np.linalg.svd(both / both.std(axis=0), compute_uv=False)
    # a sine and a cosine; of two phases that wander it would be four
    assert values[2] < 1e-6 * values[0]
    assert abs(np.diagonal(correlation) - 1).max() > 0.1


def test_memory_does_not_grow_with_the_number_of_parts(eeg_head):
    """Draws are added up one by one."""
    channels = Channels(tuple(map(str, range(64))), ('eeg',) * 64)
    recording = Recording(np.ones((20_000, 64)), channels, DT)
    white = NoiseCovariance(np.eye(64), channels)
    peaks = []
    for n in (1, 6):
        tracemalloc.start()
        add_noise(recording, [white] * n, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # what NumPy holds
    assert max(peaks) < 4 * recording.data_si.nbytes
    assert abs(peaks[1] - peaks[0]) < 0.5 * recording.data_si.nbytes


def test_recorded_noise_in_a_mixture(eeg_head, rng):
    rest = Recording(rng.normal(size=(2000, 4)) * 1e-6, eeg_head.channels, DT)
    signal = recording_of(eeg_head)
    result = add_noise(signal, RecordedNoise(rest), snr_db=10.0, seed=0)
    assert abs(signal_to_noise(signal, noise_in(result, signal), band=BAND)['eeg'] - 10.0) < 1e-6


def test_bad_input(eeg_head, meg_head):
    signal, brain = recording_of(eeg_head), BrainNoise(eeg_head)
    line = LineNoise(eeg_head.channels, 1 * u.uvolt)
    others = Channels(tuple('abcd'), ('eeg',) * 4)
    flat = dataclasses.replace(signal, data_si=np.ones((500, 4)))
    cases = [
        (lambda: add_noise(signal, [], seed=0), ValueError, 'one at least'),
        (lambda: add_noise(signal, 1.0 * brain.spatial_covariance, seed=0), TypeError, 'BrainNoise.*got ndarray'),
        (lambda: add_noise(signal, LineNoise(others, 1 * u.uvolt), seed=0), ValueError, 'channels of the recording'),
        (lambda: add_noise(signal, BrainNoise(meg_head), seed=0), ValueError, 'channels of the recording'),
        (
            lambda: add_noise(dataclasses.replace(signal, head='two'), brain, seed=0),
            ValueError,
            "head of the recording, 'two'; got 'one'",
        ),
        (lambda: add_noise(signal, LineNoise(eeg_head.channels, 1 * u.uvolt, 130 * u.Hz), seed=0), ValueError, '125'),
        (lambda: add_noise(flat, brain, snr_db=0.0, seed=0), ValueError, 'eeg channels show no signal in the band'),
        (
            lambda: add_noise(signal, line, snr_db=0.0, seed=0, normalise='expected', band=(1 * u.Hz, 30 * u.Hz)),
            ValueError,
            'no power in the eeg channels in the band',
        ),
        (
            lambda: add_noise(
                signal,
                [line, brain],
                snr_db=0.0,
                seed=0,
                shares=(1, 1),
                normalise='expected',
                band=(1 * u.Hz, 9 * u.Hz),
            ),
            ValueError,
            'LineNoise has no power in the eeg channels in the band, and no share',
        ),
        (lambda: add_noise(signal, [line, brain], seed=0, shares=(1, 1)), ValueError, 'give both'),
        (lambda: add_noise(signal, [line, brain], seed=0, snr_db=0.0, shares=(1,)), ShapeError, r'\(2,\) \(parts,\)'),
        (lambda: add_noise(signal, [line, brain], seed=0, snr_db=0.0, shares=(0, 0)), ValueError, 'not all zero'),
        (lambda: add_noise(signal, brain, seed=0, snr_db=np.inf), ValueError, 'finite'),
        (lambda: add_noise(signal, brain, seed=0, snr_db='3'), ValueError, "one number; got '3'"),
        (lambda: add_noise(signal, brain, seed=0, snr_db=[3, 3]), ValueError, 'one number'),
        (lambda: add_noise(signal, brain, seed=0, band=8 * u.Hz), ValueError, 'two frequencies'),
        (lambda: add_noise(signal, brain, seed=0, snr_db={'mag': 1.0}), ValueError, 'each of eeg; got mag'),
        (lambda: add_noise(signal, brain, seed=0, band=(1, 40)), UnitError, r'write 1. \* u.Hz'),
        (lambda: add_noise(signal, brain, seed=0, band=(40 * u.Hz, 1 * u.Hz)), ValueError, 'goes up'),
        (
            lambda: add_noise(signal, brain, seed=0, snr_db=0.0, band=(1.1 * u.Hz, 1.2 * u.Hz)),
            ValueError,
            'holds no frequency of 500 samples, which are 0.5 Hz apart',
        ),
        (lambda: add_noise(signal, brain, seed=0, normalise='max'), ValueError, "'sample', 'expected'"),
        (lambda: add_noise(signal, brain, seed=-1), ValueError, 'whole number from 0'),
        (lambda: add_noise(signal.data_si, brain, seed=0), TypeError, 'is a Recording; got ndarray'),
        (lambda: signal_to_noise(signal, flat), ValueError, 'eeg channels show no noise'),
        (
            lambda: signal_to_noise(signal, dataclasses.replace(signal, sampling_period=2 * u.ms)),
            ValueError,
            'sampling period of the signal',
        ),
    ]
    for call, error, says in cases:
        with pytest.raises(error, match=says):
            call()
