"""Maps of the head."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, plot
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import uV
from brainfwd.plot.head import unroll
from brainfwd.plot.topography import _join_pairs
from brainfwd.records import Channels


def brightest(axis):
    """Where the map is largest, in the coordinates of the head."""
    image = axis.images[0]
    numbers = np.asarray(image.get_array())
    row, column = np.unravel_index(numbers.argmax(), numbers.shape)
    left, right, bottom, top = image.get_extent()
    return left + (column + 0.5) / numbers.shape[1] * (right - left), bottom + (row + 0.5) / len(numbers) * (
        top - bottom
    )


@pytest.mark.parametrize(
    ('name', 'where'), [('O1', (-1, -1)), ('O2', (1, -1)), ('F3', (-1, 1)), ('F4', (1, 1)), ('T8', (1, None))]
)
def test_a_hot_electrode_is_bright_where_it_sits(eeg_channels, name, where):
    power = (np.array(eeg_channels.names) == name) * 5.0 * uV**2
    axis = plot.topography(power, eeg_channels).axes[0]
    for found, side in zip(brightest(axis), where, strict=True):
        assert side is None or np.sign(found) == side


def test_colours_have_the_values_of_the_sensors(eeg_channels, fits, texts):
    volts = np.linspace(1, 3, 64) * 1e-6 * u.volt
    figure = plot.topography(volts**2, eeg_channels, 'rest', '8–13 Hz power')
    assert fits(figure)
    assert 'EEG\n8–13 Hz power (µV²)' in texts(figure)
    image = figure.axes[0].images[0]
    assert image.get_clim() == pytest.approx((0, 9))
    # a spline runs through what it interpolates, and is not let beyond it
    assert np.asarray(image.get_array()).min() >= 1
    assert np.asarray(image.get_array()).max() == pytest.approx(9, rel=0.02)


def test_signed_values_are_symmetric_around_zero(eeg_channels):
    figure = plot.topography(np.linspace(-1, 3, 64) * u.uvolt, eeg_channels)
    low, high = figure.axes[0].images[0].get_clim()
    assert (low, high) == pytest.approx((-3, 3))


def test_a_column_of_a_lead_field(texts):
    head = datasets.load_lead_field('eeg')
    column = head.gain[:, 1000]
    figure = plot.topography(column, head.channels)
    assert 'EEG\nLead field (µV per nA m)' in texts(figure)
    # V/(A m) is 1e-3 uV/(nA m)
    largest = abs(column.mantissa).max() * 1e-3
    assert figure.axes[0].images[0].get_clim() == pytest.approx((-largest, largest))
    per_area = column * (2.0 * u.mm**2)
    figure = plot.topography(per_area, head.channels)
    assert 'EEG\nLead field (µV per nA m/mm²)' in texts(figure)
    assert figure.axes[0].images[0].get_clim()[1] == pytest.approx(2 * largest)


def test_several_maps_have_one_scale(eeg_channels, fits):
    power = np.stack([np.ones(64), 4 * np.ones(64)]) * uV**2
    figure = plot.topography(power, eeg_channels, ['rest', 'driven'])
    assert fits(figure)
    limits = [axis.images[0].get_clim() for axis in figure.axes if axis.images]
    assert limits == [(0, 4), (0, 4)]


def test_a_row_per_type_of_meg_channel(meg, meg_channels, fits, texts):
    power = {kind: np.square(u.get_mantissa(x)).mean(axis=0) * u.get_unit(x) ** 2 for kind, x in meg.data.items()}
    figure = plot.topography(power, meg_channels, 'noise', 'Power')
    assert fits(figure)
    assert {'Gradiometer pairs\nPower (fT²/cm²)', 'Magnetometers\nPower (fT²)'} <= set(texts(figure))
    limits = [axis.images[0].get_clim()[1] for axis in figure.axes if axis.images]
    assert limits[0] == pytest.approx(50**2, rel=0.15)
    assert limits[1] == pytest.approx(300**2, rel=0.15)


def test_pairs_of_gradiometers():
    places = np.array([[0, 0, 0.1], [0.1, 0, 0], [0, 0, 0.1], [0.1, 0, 0.00001]])
    field = np.array([[3.0, 1.0, 4.0, 1.0]])
    rms, where = _join_pairs(field, places, is_power=False)
    power, _ = _join_pairs(field**2, places, is_power=True)
    assert len(where) == 2
    np.testing.assert_allclose(sorted(power[0]), [1, 12.5])
    np.testing.assert_allclose(rms**2, power)


def test_the_head_is_unrolled_by_angle():
    # sensors on a sphere about a centre 40 mm above the fiducials: the angle from the vertex, over that of the rim
    angle, turn = np.meshgrid(np.linspace(0.2, 1.6, 5), np.linspace(0, 6, 9))
    angle, turn = angle.ravel(), turn.ravel()
    sphere = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=1)
    xy = unroll(0.09 * sphere + [0.0, 0.01, 0.04])
    rim = np.pi / 2 + np.arcsin(0.04 / 0.09)
    np.testing.assert_allclose(np.hypot(*xy.T), angle / rim, atol=1e-9)
    np.testing.assert_allclose(xy / np.hypot(*xy.T)[:, None], np.c_[np.cos(turn), np.sin(turn)], atol=1e-9)


def test_bad_input(eeg_channels, meg_channels):
    with pytest.raises(UnitError, match='or its square'):
        plot.topography(np.ones(64) * u.meter / u.second, eeg_channels)
    with pytest.raises(ShapeError, match=r'\(64,\)'):
        plot.topography(np.ones(3), eeg_channels)
    with pytest.raises(ShapeError, match='one per map'):
        plot.topography(np.ones(64), eeg_channels, ['one', 'two'])
    with pytest.raises(ValueError, match='positions'):
        plot.topography(np.ones(2), Channels(('a', 'b'), ('eeg', 'eeg')))
    with pytest.raises(ValueError, match='one for each of grad, mag'):
        plot.topography({'mag': np.ones(102) * u.tesla}, meg_channels)
    with pytest.raises(ValueError, match='finite'):
        plot.topography(np.full(64, np.nan), eeg_channels)
