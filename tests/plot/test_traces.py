"""Traces of sensors and regions, and spectra."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import plot
from brainfwd._core.checks import ShapeError, UnitError

SEGMENTS = [(0 * u.second, 2 * u.second, 'rest'), (2 * u.second, 4 * u.second, 'L.SPG')]


@pytest.mark.parametrize(('sensors', 'units'), [('eeg', {'µV'}), ('meg', {'fT', 'fT/cm'})])
def test_a_panel_per_type_with_its_unit(request, sensors, units, fits, texts):
    figure = plot.time_series(request.getfixturevalue(sensors), segments=SEGMENTS, title='noise')
    assert fits(figure)
    assert {axis.get_ylabel().split('(')[1].split(')')[0] for axis in figure.axes} == units
    assert figure.axes[-1].get_xlabel() == 'Time (s)'
    bars = [text.split(' ') for text in texts(figure) if text.endswith(tuple(f' {unit}' for unit in units))]
    assert {unit for _, unit in bars} == units
    assert {'rest', 'L.SPG', 'noise'} <= set(texts(figure))


def test_traces_are_the_recording_in_microvolts(eeg):
    axis = plot.time_series(eeg, 1 * u.second, 2 * u.second, n_channels=5).axes[0]
    part = eeg.crop(1 * u.second, 2 * u.second)
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert len(names) == 5
    for name, offset, line in zip(names, axis.get_yticks(), axis.lines, strict=False):
        true = 1e6 * part.data_si[:, part.channels.names.index(name)]
        np.testing.assert_allclose(line.get_ydata() - offset, true - true.mean(), atol=1e-9)
        np.testing.assert_array_equal(line.get_xdata(), part.times.mantissa)


def test_the_bar_is_as_long_as_it_says(eeg):
    axis = plot.time_series(eeg).axes[0]
    bar = axis.lines[-1].get_ydata()
    assert axis.texts[0].get_text() == f'{bar[1] - bar[0]:g} µV'


def test_channels_are_spread_over_the_head(eeg):
    axis = plot.time_series(eeg, n_channels=4).axes[0]
    shown = [eeg.channels.names.index(label.get_text()) for label in axis.get_yticklabels()]
    places = eeg.channels.positions.to_decimal(u.mm)[shown]
    assert min(np.linalg.norm(a - b) for i, a in enumerate(places) for b in places[:i]) > 100


def test_a_silent_recording_is_drawn(eeg, fits):
    import dataclasses

    assert fits(plot.time_series(dataclasses.replace(eeg, data_si=0 * eeg.data_si)))


def test_segments_need_units(eeg):
    with pytest.raises(UnitError, match=r'write 1\. \* u\.second'):
        plot.time_series(eeg, segments=[(1.0, 2 * u.second, 'rest')])


def test_regions_in_millivolts(fits):
    times = np.arange(100) * 10 * u.ms
    volts = np.random.default_rng(0).standard_normal((100, 3)) * 1e-3 * u.volt
    figure = plot.region_time_series(times, volts, ['L.SPG', 'R.CU', 'R.PrCG'], SEGMENTS[:1])
    assert fits(figure)
    assert figure.get_supylabel() == 'Output (mV)'
    for axis, trace in zip(figure.axes, volts.mantissa.T, strict=True):
        np.testing.assert_allclose(axis.lines[0].get_ydata(), 1e3 * trace)
        assert axis.get_ylim() == figure.axes[0].get_ylim()


def test_regions_that_do_not_fit():
    with pytest.raises(ShapeError, match=r'\(times, regions\)'):
        plot.region_time_series(np.arange(3) * u.second, np.zeros((3, 2)) * u.mV, ['one'])
    with pytest.raises(UnitError, match='when each sample was taken'):
        plot.region_time_series(np.arange(3), np.zeros((3, 1)) * u.mV, ['one'])
    with pytest.raises(ValueError, match='0 s after 1 s at 2'):
        plot.region_time_series(np.array([0, 1, 0]) * u.second, np.zeros((3, 1)) * u.mV, ['one'])


def test_the_spectrum_of_white_noise_is_flat_at_its_variance_per_band(meg, fits):
    figure = plot.spectrum(meg, highest=250 * u.Hz)
    assert fits(figure)
    density = {axis.get_title(): axis.lines[-1].get_ydata() for axis in figure.axes}
    # white noise of standard deviation s at rate f has the one-sided density 2 s^2 / f
    np.testing.assert_allclose(density['Magnetometers'][5:-5].mean(), 2 * 300**2 / 500, rtol=0.03)
    np.testing.assert_allclose(density['Gradiometers'][5:-5].mean(), 2 * 50**2 / 500, rtol=0.03)
    units = [axis.get_ylabel() for axis in figure.axes]
    assert any('(fT²/Hz)' in text for text in units)
    assert any('(fT²/cm²/Hz)' in text for text in units)


def test_spectra_of_segments(eeg, fits, texts):
    figure = plot.spectrum(eeg, SEGMENTS, band=(8 * u.Hz, 13 * u.Hz))
    assert fits(figure)
    assert {'rest', 'L.SPG', '8–13 Hz', 'Frequency (Hz)'} <= set(texts(figure))
    with pytest.raises(ValueError, match='a label each'):
        plot.spectrum(eeg, [SEGMENTS[0], SEGMENTS[0]])


def test_spectra_of_several_recordings(eeg, meg):
    halves = {'rest': eeg.crop(stop=2 * u.second), 'L.SPG': eeg.crop(start=2 * u.second)}
    one, other = plot.spectrum(eeg, SEGMENTS).axes[0].lines, plot.spectrum(halves).axes[0].lines
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.get_ydata(), b.get_ydata())
    with pytest.raises(ValueError, match='without segments'):
        plot.spectrum(halves, SEGMENTS)
    with pytest.raises(ValueError, match='one set of types'):
        plot.spectrum({'one': eeg, 'other': meg})


def test_the_spectrum_of_regions(fits, texts):
    volts = np.random.default_rng(0).standard_normal((20_000, 3)) * 2e-3 * u.volt
    figure = plot.spectrum(volts, sampling_period=2 * u.ms, highest=250 * u.Hz)
    assert fits(figure)
    assert 'Power spectral density (mV²/Hz)' in texts(figure)
    assert len(figure.axes[0].lines) == 4
    # 2 s^2 / f, as above
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_ydata()[5:-5].mean(), 2 * 2**2 / 500, rtol=0.03)
    rates = {'slow': volts.mantissa * u.Hz, 'fast': 3 * volts.mantissa * u.Hz}
    figure = plot.spectrum(rates, sampling_period=2 * u.ms)
    assert 'Power spectral density (Hz²/Hz)' in texts(figure)
    slow, fast = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(fast, 9 * slow)


def test_spectra_that_do_not_fit(eeg):
    volts = np.ones((100, 3)) * u.mV
    with pytest.raises(ValueError, match='sampling_period'):
        plot.spectrum(volts)
    with pytest.raises(ValueError, match='the record brings its own'):
        plot.spectrum(eeg, sampling_period=2 * u.ms)
    with pytest.raises(ShapeError, match=r'\(times, regions\)'):
        plot.spectrum(volts[None], sampling_period=2 * u.ms)
    with pytest.raises(ValueError, match=r"'mean' has frequencies 100 Hz apart, fewer than two up to 45 Hz"):
        plot.spectrum(volts[:5], sampling_period=2 * u.ms)
    with pytest.raises(TypeError, match='parts of a Recording'):
        plot.spectrum(volts, SEGMENTS, sampling_period=2 * u.ms)
    with pytest.raises(ValueError, match='one set of types, mV²/Hz'):
        plot.spectrum({'a': volts, 'b': volts.mantissa}, sampling_period=2 * u.ms)
