"""Where the sensors are, with names."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import plot
from brainfwd.records import Channels


def names_at(axis):
    return {text.get_text(): text.xy for text in axis.texts}


def test_names_stand_where_the_electrodes_are(eeg_channels, fits, texts):
    figure = plot.sensors(eeg_channels, title='cap')
    assert fits(figure)
    assert {'64 EEG', 'cap'} <= set(texts(figure))
    at = names_at(figure.axes[0])
    assert set(at) == set(eeg_channels.names)
    assert abs(at['Cz'][0]) < 0.05
    assert at['O1'][0] < 0 < at['O2'][0]
    assert at['Oz'][1] < at['Cz'][1] < at['Fz'][1]
    # a quarter of the way round: at the height of the ears or a little above
    assert 0.6 < at['T8'][0] < 1.0
    dots = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(sorted(map(tuple, dots)), sorted(map(tuple, at.values())))


def test_coils_at_one_place_are_one_dot(meg_channels, fits, texts):
    figure = plot.sensors(meg_channels)
    assert fits(figure)
    assert {'204 Gradiometers at 102 places, MEG ...', '102 Magnetometers, MEG ...'} <= set(texts(figure))
    gradiometers, magnetometers = figure.axes
    assert len(gradiometers.lines[0].get_xydata()) == len(gradiometers.texts) == 102
    assert {'0111', '2641'} <= set(names_at(magnetometers))
    shown = {name for text in gradiometers.texts for name in text.get_text().split('\n')}
    assert shown == {name[4:] for name in np.array(meg_channels.names)[meg_channels.indices('grad')]}
    # the last digit is the coil: both coils of a place have the place's three digits before it
    assert all(len({name[:3] for name in text.get_text().split('\n')}) == 1 for text in gradiometers.texts)


def test_names_do_not_overlap(eeg_channels, fits):
    figure = plot.sensors(eeg_channels)
    assert fits(figure)
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_without_names(eeg_channels):
    assert not plot.sensors(eeg_channels, names=False).axes[0].texts


def test_bad_input():
    with pytest.raises(ValueError, match='positions'):
        plot.sensors(Channels(('a', 'b'), ('eeg', 'eeg')))
    with pytest.raises(ValueError, match='at least 4 of each type; got 2 EEG'):
        plot.sensors(Channels(('a', 'b'), ('eeg', 'eeg'), np.eye(3)[:2] * 90 * u.mm))
