"""The signal-to-noise ratio after whitening."""

import dataclasses

import brainunit as u
import numpy as np
import pytest

from brainfwd.forward import signal_to_noise, whitened_signal_to_noise
from brainfwd.records import Channels, NoiseCovariance, Recording

CHANNELS = Channels(('Fz', 'M1', 'Cz', 'G1', 'Pz'), ('eeg', 'mag', 'eeg', 'grad', 'eeg'))
SIZE = np.array([1e-6, 1e-13, 1e-6, 1e-11, 1e-6])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def recorded(data, period=2 * u.ms):
    return Recording(data, CHANNELS, period)


def mixing(rng, rank=5):
    return rng.normal(size=(rank, 5)) * SIZE


@pytest.mark.parametrize('reference', [None, 'average', 'Cz'], ids=str)
def test_is_the_mean_of_squared_ratios(rng, reference):
    """Noise and signal of the same covariance, up to a factor: the ratio is that factor, whatever they look like."""
    noise = recorded(rng.normal(size=(400, 5)) @ mixing(rng))
    signal = recorded(3.0 * noise.data_si[::-1] + 5 * SIZE)
    db = 20 * np.log10(3.0)
    assert whitened_signal_to_noise(signal, noise, reference=reference) == pytest.approx(db)
    assert whitened_signal_to_noise(signal, noise.covariance(), reference=reference) == pytest.approx(db)


def test_is_the_trace_of_the_quotient(rng):
    signal, noise = (recorded(rng.normal(size=(400, 5)) @ mixing(rng)) for _ in range(2))
    # in other units, so that the inverse is an ordinary one
    top, bottom = (np.cov((each.data_si / SIZE).T) for each in (signal, noise))
    expected = 10 * np.log10(np.trace(np.linalg.solve(bottom, top)) / 5)
    assert whitened_signal_to_noise(signal, noise, reference=None) == pytest.approx(expected)


def test_the_units_of_sensors_do_not_count(rng):
    signal, noise = (rng.normal(size=(400, 5)) @ mixing(rng) for _ in range(2))
    ratio = whitened_signal_to_noise(recorded(signal), recorded(noise))
    # electrodes together, for the sake of their average
    other = np.array([1e6, 1e15, 1e6, 1e-3, 1e6])
    assert whitened_signal_to_noise(recorded(signal * other), recorded(noise * other)) == pytest.approx(ratio)


def test_data_are_taken_as_they_are(rng):
    """In the reference that they have, in which `snr_db` of a model is meant, and not in the average."""
    signal, noise = (recorded(rng.normal(size=(400, 5)) @ mixing(rng)) for _ in range(2))
    power = {kind: [r.pick(kind).data_si.var(axis=0).sum() for r in (signal, noise)] for kind in CHANNELS.kinds}
    measured = signal_to_noise(signal, noise)
    assert measured == {kind: pytest.approx(10 * np.log10(top / bottom)) for kind, (top, bottom) in power.items()}
    assert abs(measured['eeg'] - signal_to_noise(signal, noise, reference='average')['eeg']) > 0.1
    as_they_are = whitened_signal_to_noise(signal, noise, reference=None)
    assert whitened_signal_to_noise(signal, noise) == as_they_are


def test_of_lower_rank_no_more_than_where_there_is_noise_counts(rng):
    few = mixing(rng, rank=2)
    noise = recorded(rng.normal(size=(400, 2)) @ few)
    same = 2.0 * noise.data_si[::-1]
    assert whitened_signal_to_noise(recorded(same), noise, reference=None) == pytest.approx(20 * np.log10(2.0))
    dead = NoiseCovariance(np.diag(SIZE**2 * [1, 0, 1, 1, 1]), CHANNELS)
    signal = recorded(rng.normal(size=(400, 5)) * SIZE)
    expected = 10 * np.log10((signal.data_si / SIZE)[:, [0, 2, 3, 4]].var(axis=0, ddof=1).mean())
    assert whitened_signal_to_noise(signal, dead, reference=None) == pytest.approx(expected)


def test_an_average_has_less_of_a_covariance(rng):
    noise = recorded(rng.normal(size=(400, 5)) @ mixing(rng))
    signal = recorded(rng.normal(size=(400, 5)) * SIZE)
    average = dataclasses.replace(signal, nave=25)
    single = whitened_signal_to_noise(signal, noise.covariance())
    assert whitened_signal_to_noise(average, noise.covariance()) == pytest.approx(single + 10 * np.log10(25))
    # what is left of the noise in the average itself, of which the covariance is that of a single one again
    left = Recording(noise.data_si / 5, CHANNELS, noise.sampling_period, nave=25)
    assert whitened_signal_to_noise(average, left) == pytest.approx(single + 10 * np.log10(25))
    assert whitened_signal_to_noise(average, left.covariance()) == pytest.approx(single + 10 * np.log10(25))


def test_in_a_band(rng):
    t = np.arange(500) * 0.002
    noise = recorded(rng.normal(size=(500, 5)) * SIZE)
    alpha, fast = (np.sin(2 * np.pi * f * t)[:, None] * SIZE for f in (10.0, 40.0))
    band = (8 * u.Hz, 13 * u.Hz)
    inside = whitened_signal_to_noise(recorded(alpha), noise, band=band)
    assert whitened_signal_to_noise(recorded(alpha + 10 * fast), noise, band=band) == pytest.approx(inside)
    assert whitened_signal_to_noise(recorded(10 * fast), noise, band=band) < -200


def test_in_a_band_lies_a_part_of_white_noise(rng):
    """12 of 499 values of each sensor, on average: the trace of a matrix of the beta distribution."""
    alpha = recorded(np.sin(2 * np.pi * 10.0 * np.arange(500) * 0.002)[:, None] * SIZE)
    noises = [recorded(rng.normal(size=(500, 5)) * SIZE) for _ in range(200)]
    inside, all_over = (
        np.array([whitened_signal_to_noise(alpha, noise, band=band) for noise in noises])
        for band in ((8 * u.Hz, 13 * u.Hz), None)
    )
    part = 10 ** ((all_over - inside) / 10)
    error = 4 * part.std() / np.sqrt(len(part))
    assert abs(part.mean() - 12 / 499) < error
    assert error < 0.1 * 12 / 499


def test_bad_input(rng):
    signal, noise = recorded(rng.normal(size=(9, 5))), recorded(rng.normal(size=(9, 5)))
    for other, options, says in (
        (noise.pick('eeg'), {}, 'of the channels of the signal'),
        (recorded(noise.data_si, 1 * u.ms), {}, 'the sampling period of the signal'),
        (noise, {'band': 8 * u.Hz}, r'are two frequencies, \(8 \* u.Hz, 13 \* u.Hz\), None for an open edge; got 8 Hz'),
        (noise, {'band': '8'}, 'two frequencies'),
        (noise, {'band': (8 * u.Hz,)}, 'two frequencies'),
        (noise.covariance(), {'band': (8 * u.Hz, 90 * u.Hz)}, 'needs noise as a Recording'),
        (recorded(np.ones((9, 5))), {}, 'shows no noise'),
    ):
        with pytest.raises(ValueError, match=says):
            whitened_signal_to_noise(signal, other, **options)
