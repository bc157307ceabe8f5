"""Power spectral density, against noise and sines of known density."""

import brainunit as u
import numpy as np
import pytest
from scipy import signal

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError

PERIOD = 2 * u.ms


def test_white_noise_is_flat_at_its_variance_over_the_band():
    x = 3.0 * np.random.default_rng(0).normal(size=50_000)
    frequencies, density = metrics.power_spectrum(x * u.uvolt, PERIOD)
    np.testing.assert_allclose(frequencies.to_decimal(u.Hz), np.arange(0, 250.5, 0.5))
    inner = density.to_decimal(u.uvolt**2 / u.Hz)[2:-2]
    assert inner.mean() == pytest.approx(9.0 / 250, rel=0.02)
    # the mean of 99 segments, whose windows overlap
    assert inner.std() / inner.mean() < 0.15


def test_the_integral_is_the_variance_and_the_peak_where_the_sine_is():
    t = np.arange(5000) * 0.002
    x = np.stack([np.sin(2 * np.pi * f * t) for f in (10.0, 30.0)], axis=1)
    spectrum = metrics.power_spectrum(x, PERIOD, segment=1 * u.second)
    density = spectrum.density.to_decimal(u.Hz**-1)
    assert density.shape == (251, 2)
    np.testing.assert_allclose(density.sum(axis=0) * 1.0, 0.5, rtol=1e-3)
    np.testing.assert_array_equal(spectrum.frequencies.mantissa[density.argmax(axis=0)], [10, 30])


def test_band_power_is_its_sum_within_the_band():
    x = np.random.default_rng(1).normal(size=(2, 2000, 3))
    spectrum = metrics.power_spectrum(x * u.volt, PERIOD)
    inside = (spectrum.frequencies.mantissa >= 8) & (spectrum.frequencies.mantissa <= 13)
    assert spectrum.density.shape == (2, 501, 3)
    by_hand = 0.5 * spectrum.density.mantissa[:, inside].sum(axis=1)
    np.testing.assert_allclose(metrics.band_power(x * u.volt, PERIOD).mantissa, by_hand)


def test_density_of_an_ornstein_uhlenbeck_process():
    r"""Sampled it is autoregressive: S = 2 dt (1 - a^2) / |1 - a exp(-2 pi i f dt)|^2 at variance 1."""
    a = np.exp(-2 / 10)
    x = signal.lfilter([np.sqrt(1 - a**2)], [1, -a], np.random.default_rng(0).normal(size=(100_000, 4)), axis=0)
    frequencies, density = metrics.power_spectrum(x, PERIOD, segment=0.4 * u.second)
    turns = np.exp(-2j * np.pi * frequencies.to_decimal(u.Hz) * 0.002)
    expected = 2 * 0.002 * (1 - a**2) / abs(1 - a * turns) ** 2
    # near 0 the mean that is taken away is missing; half the sampling rate has one side
    np.testing.assert_allclose(density.to_decimal(u.Hz**-1).mean(axis=1)[2:-1], expected[2:-1], rtol=0.1)
    low, high = 10 * u.Hz, 100 * u.Hz
    inside = (frequencies.mantissa >= 10) & (frequencies.mantissa <= 100)
    power = metrics.band_power(x, PERIOD, (low, high), segment=0.4 * u.second)
    np.testing.assert_allclose(power, expected[inside].sum() * 2.5, rtol=0.03)


@pytest.mark.parametrize('n', [400, 401, 1000, 1999])
def test_as_scipy(n):
    x = np.random.default_rng(0).normal(size=(2, 1200, 3)).cumsum(axis=1)
    frequencies, density = metrics.power_spectrum(x, PERIOD, segment=n * PERIOD)
    their_frequencies, theirs = signal.welch(x, 500.0, nperseg=min(n, 1200), axis=1)
    np.testing.assert_allclose(frequencies.to_decimal(u.Hz), their_frequencies)
    np.testing.assert_allclose(density.to_decimal(u.Hz**-1), theirs, rtol=1e-9, atol=1e-15 * theirs.max())


def test_many_series_go_through_in_blocks(monkeypatch):
    x = np.random.default_rng(0).normal(size=(3, 500, 7))
    at_once = metrics.power_spectrum(x, PERIOD).density
    monkeypatch.setattr('brainfwd.metrics.spectrum._BLOCK', 1300)
    np.testing.assert_allclose(metrics.power_spectrum(x, PERIOD).density.mantissa, at_once.mantissa, rtol=1e-12)


def test_several_types_of_channel():
    channels = records.Channels(('E1', 'M1', 'E2'), ('eeg', 'mag', 'eeg'))
    data = np.random.default_rng(0).normal(size=(2000, 3)) * [1e-6, 1e-13, 1e-6]
    spectrum = metrics.power_spectrum(records.Recording(data, channels, PERIOD))
    assert {kind: density.shape for kind, density in spectrum.density.items()} == {'eeg': (501, 2), 'mag': (501, 1)}
    assert u.have_same_dim(spectrum.density['mag'].unit, u.tesla**2 / u.Hz)


def test_errors():
    with pytest.raises(ValueError, match=r'power_spectrum\(sampling_period=\.\.\.\) .* write 2\. \* u\.ms'):
        metrics.power_spectrum(np.ones(5))
    with pytest.raises(UnitError, match=r'power_spectrum\(segment=\.\.\.\).* in s; got a bare number'):
        metrics.power_spectrum(np.ones(5), PERIOD, segment=2)
    with pytest.raises(ShapeError, match=r'power_spectrum\(data\) .* at least 2 times'):
        metrics.power_spectrum(np.ones(1), PERIOD)
