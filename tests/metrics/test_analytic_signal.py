"""Amplitudes and phases, against modulated sines, scipy and MNE-Python."""

import brainunit as u
import mne
import numpy as np
import pytest
from scipy import signal

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError

RATE = 250.0
PERIOD = 4 * u.ms
T = np.arange(2500)[:, None] / RATE
BAND = (8 * u.Hz, 13 * u.Hz)
INNER = slice(500, -500)


def test_amplitude_and_phase_of_a_modulated_sine():
    amplitude = 3 + np.cos(2 * np.pi * 0.5 * T)
    phase = 2 * np.pi * 10 * T + [0.0, 1.0]
    elsewhere = 5 * np.sin(2 * np.pi * 40 * T) + 2 * np.sin(2 * np.pi * 3 * T) + 100
    z = metrics.analytic_signal((amplitude * np.cos(phase) + elsewhere) * u.mV, PERIOD, band=BAND)
    assert z.unit == u.mV
    assert z.mantissa.dtype == np.complex128
    np.testing.assert_allclose(z.mantissa[INNER], (amplitude * np.exp(1j * phase))[INNER], atol=0.01)


def test_at_the_ends_half_the_amplitude_is_missing_but_no_phase():
    phase = 2 * np.pi * 10.2 * T + np.linspace(0, 6, 20)
    z = metrics.analytic_signal(np.cos(phase) + 3 + T, PERIOD, band=BAND)
    assert abs(z[[0, -1]]).mean() == pytest.approx(0.5, abs=0.05)
    assert abs(np.angle(z * np.exp(-1j * phase))).max() < 0.4
    # what is said of 1 / (high - low)
    np.testing.assert_allclose(z[50:-50], np.exp(1j * phase[50:-50]), atol=0.15)


def test_without_a_band_it_is_the_hilbert_transform():
    for n in (100, 101):
        x = np.random.default_rng(0).normal(size=(2, n, 3))
        expected = signal.hilbert(x - x.mean(axis=1, keepdims=True), axis=1)
        np.testing.assert_allclose(metrics.analytic_signal(x), expected, atol=1e-13)


def test_half_the_amplitude_at_the_edges_of_the_band():
    edges = np.array([8.0, 13.0])
    z = metrics.analytic_signal(np.cos(2 * np.pi * edges * T), PERIOD, band=BAND)
    np.testing.assert_allclose(abs(z[INNER]), 0.5, atol=2e-3)


def test_the_band_is_that_of_scipy_and_of_mne():
    x = np.random.default_rng(0).normal(size=(2500, 3)).cumsum(axis=0)
    z = metrics.analytic_signal(x, PERIOD, band=BAND)
    sections = signal.butter(4, [8, 13], 'bandpass', fs=RATE, output='sos')
    theirs = signal.hilbert(signal.sosfiltfilt(sections, x, axis=0), axis=0)
    scale = abs(theirs).max()
    # that Hilbert transform takes the series for periodic
    np.testing.assert_allclose(z[INNER] / scale, theirs[INNER] / scale, atol=5e-3)
    options = {'order': 4, 'ftype': 'butter', 'output': 'sos'}
    filtered = mne.filter.filter_data(x.T.copy(), RATE, 8, 13, method='iir', iir_params=options, verbose='error').T
    np.testing.assert_allclose(z.real[INNER] / scale, filtered[INNER] / scale, atol=1e-4)


def test_records():
    channels = records.Channels(('E1', 'M1', 'E2'), ('eeg', 'mag', 'eeg'))
    data = np.random.default_rng(0).normal(size=(500, 3)) * [1e-6, 1e-13, 1e-6]
    recording = records.Recording(data, channels, PERIOD)
    z = metrics.analytic_signal(recording, band=BAND)
    np.testing.assert_allclose(z, metrics.analytic_signal(data, PERIOD, band=BAND))
    np.testing.assert_allclose(metrics.analytic_signal(recording.data, PERIOD, band=BAND), z)
    eeg = metrics.analytic_signal(recording.pick('eeg'), band=BAND)
    np.testing.assert_allclose(eeg.to_decimal(u.volt), z[:, [0, 2]])
    with pytest.raises(ValueError, match='brings its own'):
        metrics.analytic_signal(recording, PERIOD, band=BAND)


def test_errors():
    x, analytic = np.cos(2 * np.pi * 10 * T) * [1.0, 2.0], metrics.analytic_signal
    with pytest.raises(ValueError, match=r'analytic_signal\(sampling_period=\.\.\.\) .* write 2\. \* u\.ms'):
        analytic(x, band=BAND)
    with pytest.raises(UnitError, match=r'sampling_period=\.\.\.\) is the time between samples, in s; got a bare'):
        analytic(x, 0.004, band=BAND)
    with pytest.raises(UnitError, match=r'band=\.\.\.\) is a frequency, in Hz; got a bare number: write 8\. \* u\.Hz'):
        analytic(x, PERIOD, band=(8, 13))
    with pytest.raises(UnitError, match='an angular frequency: divide it by 2 pi'):
        analytic(x, PERIOD, band=(50 * u.radian / u.second, 80 * u.radian / u.second))
    with pytest.raises(ValueError, match=r'two frequencies, from and to: write \(8 \* u\.Hz, 13 \* u\.Hz\)'):
        analytic(x, PERIOD, band=10 * u.Hz)
    with pytest.raises(ValueError, match='from a lower to a higher frequency; got 13 Hz to 8 Hz'):
        analytic(x, PERIOD, band=(13 * u.Hz, 8 * u.Hz))
    for band in ((8 * u.Hz, 125 * u.Hz), (0 * u.Hz, 13 * u.Hz)):
        with pytest.raises(ValueError, match='between 0 and half the sampling rate, 125 Hz'):
            analytic(x, PERIOD, band=band)
    with pytest.raises(ValueError, match='half the sampling rate, 125 Hz, at most; got 200 Hz'):
        analytic(x, PERIOD, band=(8 * u.Hz, 200 * u.Hz))
    for band, shortest in ((BAND, '0.2'), ((5 * u.Hz, 20 * u.Hz), '0.2'), ((10 * u.Hz, 10.1 * u.Hz), '10')):
        with pytest.raises(ShapeError, match=rf'of the band, {shortest} s, at least; got 49 samples, 0\.196 s'):
            analytic(x[:49], PERIOD, band=band)
    assert analytic(x[:50], PERIOD, band=BAND).shape == (50, 2)
    with pytest.raises(ShapeError, match=r'shape \(\.\.\., times, regions\), at least 2 times; got \(2500,\)'):
        analytic(x[:, 0])
    with pytest.raises(ValueError, match=r'analytic_signal\(data\) varies in time; got a constant at region 1'):
        analytic(x * [1, 0] + [0, 3], PERIOD, band=BAND)
    with pytest.raises(ValueError, match='must be finite'):
        analytic(x * np.nan)
    with pytest.raises(TypeError, match='is real; got complex numbers'):
        analytic(x * 1j)
