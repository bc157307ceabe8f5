"""What a lead field may be given as."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.records import Channels

MOMENT = u.nA * u.meter
PER_MOMENT = u.volt / MOMENT
L = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ('given', 'options'),
    [
        (L * PER_MOMENT, {}),
        (L.T * PER_MOMENT, {'layout': 'sensors_regions'}),
        (jnp.asarray(L.T) * PER_MOMENT, {'layout': 'sensors_regions'}),
        (L, {'leadfield_unit': PER_MOMENT}),
        (L.T.tolist(), {'leadfield_unit': PER_MOMENT, 'layout': 'sensors_regions'}),
        (L * 1e6 * u.uvolt / MOMENT, {'leadfield_unit': PER_MOMENT}),
        (lambda shape: L.reshape(shape) * PER_MOMENT, {}),
        (lambda shape: L.T.reshape(shape) * PER_MOMENT, {'layout': 'sensors_regions'}),
    ],
)
def test_layouts(given, options):
    model = EEGLeadFieldModel(3, 4, given, **options)
    np.testing.assert_allclose(model.L.to_decimal(PER_MOMENT), L, rtol=1e-6)
    np.testing.assert_allclose(model.update(np.ones(3) * MOMENT).mantissa, L.sum(axis=0), rtol=1e-6)


def test_layout_of_several_types():
    channels = Channels(('a', 'b', 'c'), ('grad', 'mag', 'grad'))
    blocks = {'mag': np.ones((1, 3)) * u.tesla / MOMENT, 'grad': L[:, :2].T * u.tesla / u.meter / MOMENT}
    model = MEGLeadFieldModel(L=blocks, channels=channels, layout='sensors_regions')
    assert (model.in_size, model.out_size) == ((3,), (3,))
    np.testing.assert_array_equal(model.L['grad'].mantissa, L[:, :2])
    with pytest.raises(ShapeError, match=r"\(L=\.\.\.\)\['mag'\] has shape .* write layout='sensors_regions'"):
        MEGLeadFieldModel(3, 3, blocks, channels=channels)


def test_a_square_lead_field_is_taken_at_its_word():
    square = np.arange(9.0).reshape(3, 3) * PER_MOMENT
    one, other = EEGLeadFieldModel(3, 3, square), EEGLeadFieldModel(3, 3, square, layout='sensors_regions')
    np.testing.assert_array_equal(one.L.mantissa, other.L.mantissa.T)


def test_a_new_lead_field_is_regions_by_sensors_whatever_the_first_was():
    model = EEGLeadFieldModel(3, 4, L.T, leadfield_unit=PER_MOMENT, layout='sensors_regions')
    model.L = 2 * model.L
    np.testing.assert_array_equal(model.L.mantissa, 2 * L)
    model.L = L
    np.testing.assert_array_equal(model.L.mantissa, L)


def test_sizes_are_those_of_the_lead_field():
    model = LeadFieldModel(L=L * PER_MOMENT, sensor_unit=u.volt)
    assert (model.in_size, model.out_size) == ((3,), (4,))
    assert EEGLeadFieldModel(3, L=L.T * PER_MOMENT, layout='sensors_regions').out_size == (4,)


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (
            lambda: EEGLeadFieldModel(3, 4, L.T * PER_MOMENT),
            ShapeError,
            r"\(4, 3\): write layout='sensors_regions'",
        ),
        (
            lambda: EEGLeadFieldModel(3, 4, L * PER_MOMENT, layout='sensors_regions'),
            ShapeError,
            r"\(4, 3\) \(sensors, regions\); got \(3, 4\): write layout='regions_sensors'",
        ),
        (lambda: EEGLeadFieldModel(3, 5, L * PER_MOMENT), ShapeError, r'\(3, 5\) \(regions, sensors\); got \(3, 4\)\.'),
        (lambda: EEGLeadFieldModel(3, 4, L * PER_MOMENT, layout='MR'), ValueError, "'regions_sensors', 'sensors_reg"),
        (lambda: EEGLeadFieldModel(L=np.ones(3) * PER_MOMENT), ShapeError, r'the lead field, .*; got \(3,\)'),
        (lambda: EEGLeadFieldModel(3), ShapeError, r'EEGLeadFieldModel\(L=...\) is the lead field, .*; got NoneType'),
        (lambda: EEGLeadFieldModel(0, L=L * PER_MOMENT), ValueError, 'in_size is a whole number of at least 1; got 0'),
        (lambda: EEGLeadFieldModel(L=lambda shape: L), ShapeError, 'got function'),
        (lambda: EEGLeadFieldModel(3, 4, L, leadfield_unit=u.volt), UnitError, r'V / \(m \* nA\); got V'),
        (
            lambda: EEGLeadFieldModel(3, 4, L * PER_MOMENT, leadfield_unit=u.volt),
            UnitError,
            r'L=...\) is the lead field, in V; got V /',
        ),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_record_is_taken_by_another_name(eeg_head):
    with pytest.raises(TypeError, match=r'EEGLeadFieldModel\.from_lead_field\(lead_field, regions\)'):
        EEGLeadFieldModel(3, 4, eeg_head)
