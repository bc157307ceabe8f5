"""The frequency of the peak, between those of the spectrum."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics, records

PERIOD = 2 * u.ms
T = np.arange(5000) * 0.002

peak_frequency = metrics.peak_frequency


@pytest.mark.parametrize('segment', [1, 2])
def test_of_sines(segment):
    frequencies = np.array([8.1, 10.0, 10.23, 10.25, 11.5, 12.9])
    noise = 0.01 * np.random.default_rng(0).normal(size=(5000, 6))
    x = np.sin(2 * np.pi * frequencies * T[:, None] + 0.4) + noise + 20 * np.sin(2 * np.pi * 40 * T[:, None])
    found = peak_frequency(x * u.mV, PERIOD, segment=segment * u.second)
    np.testing.assert_allclose(found.to_decimal(u.Hz), frequencies, atol=0.02 / segment)
    assert peak_frequency(x[:, 2], PERIOD, (30 * u.Hz, 50 * u.Hz)).to_decimal(u.Hz) == pytest.approx(40, abs=1e-3)


def test_batches_and_types_of_channel():
    x = np.sin(2 * np.pi * np.array([9.0, 10.0, 11.0]) * T[:, None])
    np.testing.assert_allclose(peak_frequency(np.stack([x, x[:, ::-1]]), PERIOD).mantissa, [[9, 10, 11], [11, 10, 9]])
    channels = records.Channels(('E1', 'M1', 'E2'), ('eeg', 'mag', 'eeg'))
    found = peak_frequency(records.Recording(x * [1e-6, 1e-13, 1e-6], channels, PERIOD))
    np.testing.assert_allclose(found['eeg'].to_decimal(u.Hz), [9, 11])
    np.testing.assert_allclose(found['mag'].to_decimal(u.Hz), [10])


def test_without_a_peak_it_is_the_edge_of_the_band():
    falling = np.random.default_rng(0).normal(size=(5000, 3)).cumsum(axis=0)
    found = peak_frequency(falling, PERIOD, (4 * u.Hz, 12 * u.Hz), segment=1 * u.second)
    assert (found.to_decimal(u.Hz) <= 4.5).all()
    alternating = (-1.0) ** np.arange(5000)
    top = peak_frequency(alternating, PERIOD, (200 * u.Hz, 250 * u.Hz))
    assert top.to_decimal(u.Hz) == 250


def test_errors():
    with pytest.raises(ValueError, match=r'peak_frequency\(band=\.\.\.\) .* take longer segments'):
        peak_frequency(T, PERIOD, (8 * u.Hz, 8.1 * u.Hz))
    with pytest.raises(ValueError, match='power in the band; got a series without'):
        peak_frequency(np.zeros((100, 2)), PERIOD, (0 * u.Hz, 100 * u.Hz))
