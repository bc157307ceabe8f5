"""The cross-spectrum over a band: scipy's, the power on its diagonal, delays as phases."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import UnitError

PERIOD = 4 * u.ms
BAND = (8 * u.Hz, 13 * u.Hz)
MIXED = records.Channels(('E1', 'M1', 'E2', 'G1'), ('eeg', 'mag', 'eeg', 'grad'))
SCALE = np.array([1e-6, 1e-14, 1e-6, 1e-13])


@pytest.fixture(scope='module')
def recording():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(3001, 4)) @ (np.eye(4) + 0.4 * rng.normal(size=(4, 4)))
    return records.Recording(data * SCALE, MIXED, PERIOD)


def test_equals_scipy(recording):
    from scipy.signal import csd

    cross = metrics.cross_spectrum(recording, BAND)
    x = recording.data_si
    for a in range(4):
        for b in range(4):
            # theirs is conj(X_a) X_b
            frequencies, density = csd(x[:, b], x[:, a], fs=250.0, nperseg=500, detrend='constant')
            inside = (frequencies >= 8) & (frequencies <= 13)
            assert cross.matrix_si[a, b] == pytest.approx(density[inside].sum() * 0.5, rel=1e-9)
    assert cross.n_segments == (3001 - 500) // 250 + 1
    assert cross.channels is MIXED


def test_its_diagonal_is_the_power_in_the_band(recording):
    diagonal = np.diagonal(metrics.cross_spectrum(recording, BAND, segment=1 * u.second).matrix_si)
    assert not diagonal.imag.any()
    for kind, power in metrics.band_power(recording, band=BAND, segment=1 * u.second).items():
        np.testing.assert_allclose(diagonal.real[MIXED.indices(kind)], u.get_mantissa(power), rtol=1e-12)


def test_a_delay_is_a_phase():
    """Of 10 ms at 10 Hz: a tenth of a cycle, by which the first leads."""
    t = np.arange(5000) * 0.004
    data = np.stack([np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 10 * (t - 0.01))], axis=1)
    channels = records.Channels(('E1', 'E2'), ('eeg',) * 2)
    cross = metrics.cross_spectrum(records.Recording(data, channels, PERIOD), BAND).matrix_si
    assert np.angle(cross[0, 1]) == pytest.approx(2 * np.pi * 10 * 0.01, abs=1e-3)
    assert abs(cross[0, 1]) == pytest.approx(0.5, rel=1e-3)


def test_over_all_frequencies_its_real_part_is_the_covariance(recording):
    cross = metrics.cross_spectrum(recording, (0 * u.Hz, 125 * u.Hz))
    relative = (cross.in_phase.matrix_si - np.cov(recording.data_si.T)) / np.outer(SCALE, SCALE)
    assert abs(relative).max() < 0.1


def test_of_an_average_it_is_that_of_a_single_repetition(recording):
    """As its covariance is: over all frequencies the two agree."""
    rng = np.random.default_rng(1)
    average = SCALE * rng.normal(size=(9, 3001, 4)).mean(axis=0)
    average = records.Recording(average, MIXED, PERIOD, nave=9)
    cross = metrics.cross_spectrum(average, (0 * u.Hz, 125 * u.Hz)).in_phase.matrix_si / np.outer(SCALE, SCALE)
    np.testing.assert_allclose(cross, average.covariance().matrix_si / np.outer(SCALE, SCALE), atol=0.05)
    np.testing.assert_allclose(cross, np.eye(4), atol=0.1)


def test_errors(recording):
    with pytest.raises(TypeError, match=r'Recording, .* write Recording\.from_quantity.*; got ndarray'):
        metrics.cross_spectrum(recording.data_si, BAND)
    with pytest.raises(UnitError, match='in Hz; got a bare number'):
        metrics.cross_spectrum(recording, (8, 13))
    with pytest.raises(ValueError, match='half the sampling rate, 125 Hz'):
        metrics.cross_spectrum(recording, (8 * u.Hz, 200 * u.Hz))
    with pytest.raises(ValueError, match='take longer segments'):
        metrics.cross_spectrum(recording, BAND, segment=0.1 * u.second)
