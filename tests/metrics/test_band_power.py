"""Power in a band, against sines and noise of known power."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError

PERIOD = 2 * u.ms
T = np.arange(5000) * 0.002


def _sine(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * T + 0.4)


def test_a_sine_in_the_band_has_half_its_amplitude_squared():
    assert metrics.band_power(_sine(10, 3.0), PERIOD) == pytest.approx(4.5, rel=1e-3)
    assert metrics.band_power(_sine(10, 3.0) + _sine(30, 5.0) + 7, PERIOD) == pytest.approx(4.5, rel=1e-3)
    assert metrics.band_power(_sine(30, 3.0), PERIOD) < 1e-4


def test_all_bands_together_are_the_variance():
    x = np.random.default_rng(0).normal(size=5000)
    whole = metrics.band_power(x, PERIOD, (0 * u.Hz, 250 * u.Hz))
    assert whole == pytest.approx(x.var(), rel=0.05)
    # white noise has the same power in every Hz
    assert metrics.band_power(x, PERIOD, (50 * u.Hz, 150 * u.Hz)) == pytest.approx(0.4 * x.var(), rel=0.05)


def test_unit_is_squared_and_nothing_underflows():
    x = 1e-15 * np.stack([_sine(10), _sine(11, 2.0)], axis=1)
    power = metrics.band_power(x * u.tesla, PERIOD)
    assert u.have_same_dim(power.unit, u.tesla**2)
    assert power.mantissa.dtype == np.float64
    assert np.allclose(power.mantissa / 1e-30, [0.5, 2.0], rtol=1e-3)
    in_float32 = metrics.band_power(jnp.asarray(x * 1e-10, dtype=jnp.float32) * u.tesla, PERIOD)
    assert np.allclose(in_float32.mantissa / 1e-50, [0.5, 2.0], rtol=1e-3)
    assert isinstance(metrics.band_power(x, PERIOD), np.ndarray)


def test_batches_and_many_sources():
    x = np.random.default_rng(0).normal(size=(2, 600, 300))
    power = metrics.band_power(x, PERIOD, segment=1 * u.second)
    assert power.shape == (2, 300)
    assert power[1, 299] == pytest.approx(metrics.band_power(x[1, :, 299], PERIOD, segment=1 * u.second))


def test_records():
    channels = records.Channels(('E1', 'M1', 'E2'), ('eeg', 'mag', 'eeg'))
    data = np.stack([_sine(10, 1e-6), _sine(10, 1e-13), _sine(20, 1e-6)], axis=1)
    power = metrics.band_power(records.Recording(data, channels, PERIOD))
    assert np.allclose(power['eeg'].to_decimal(u.volt**2) * 1e12, [0.5, 0], atol=1e-3)
    assert np.allclose(power['mag'].to_decimal(u.tesla**2) * 1e26, [0.5], atol=1e-3)
    eeg = records.Recording(data, channels, PERIOD).pick('eeg')
    assert np.allclose(metrics.band_power(eeg).to_decimal(u.volt**2), power['eeg'].to_decimal(u.volt**2))


def test_short_series_are_one_segment():
    x = _sine(10)[:500]  # one second, of segments of two
    assert metrics.band_power(x, PERIOD) == pytest.approx(0.5, rel=0.05)


def test_errors():
    x, power = _sine(10), metrics.band_power
    with pytest.raises(ValueError, match=r'write 2\. \* u\.ms'):
        power(x)
    with pytest.raises(UnitError, match=r'sampling_period=\.\.\.\).* in s; got a bare number'):
        power(x, 0.002)
    with pytest.raises(UnitError, match=r'band=\.\.\.\).* in Hz; got a bare number'):
        power(x, PERIOD, (8, 13))
    with pytest.raises(ValueError, match='lower to a higher'):
        power(x, PERIOD, (13 * u.Hz, 8 * u.Hz))
    with pytest.raises(ValueError, match='half the sampling rate, 250 Hz'):
        power(x, PERIOD, (8 * u.Hz, 251 * u.Hz))
    with pytest.raises(ValueError, match='take longer segments'):
        power(x[:50], PERIOD)
    with pytest.raises(ValueError, match=r'sampling_period=\.\.\.\) must be above zero; got -0\.002'):
        power(x, -PERIOD)
    with pytest.raises(ValueError, match='finite'):
        power(x * np.nan, PERIOD)
    with pytest.raises(ShapeError, match='at least 2 times'):
        power(x[:1], PERIOD)
    recording = records.Recording(x[:, None], records.Channels(('E1',), ('eeg',)), PERIOD)
    with pytest.raises(ValueError, match='brings its own'):
        power(recording, PERIOD)
