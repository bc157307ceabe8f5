"""The projection: units, shapes, both workflows, gradients."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.fields import ParameterState
from brainfwd.forward import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.records import SENSOR_UNITS, ChannelGroups, Channels

MOMENT = u.nA * u.meter
PER_MV = MOMENT / u.mV


def eeg(**options):
    L = np.arange(12.0).reshape(3, 4) * 1e-8 * u.volt / MOMENT
    return EEGLeadFieldModel(3, 4, L, **options)


def test_moments_in_volts_out():
    y = eeg().update(np.array([1.0, 2.0, 3.0]) * MOMENT)
    assert y.unit == u.volt
    np.testing.assert_allclose(y.mantissa, np.array([1.0, 2, 3]) @ np.arange(12.0).reshape(3, 4) * 1e-8, rtol=1e-6)


@pytest.mark.parametrize('leading', [(), (5,), (2, 5)])
def test_leading_axes(leading, rng):
    x = rng.normal(size=(*leading, 3))
    y = eeg(dipole_scale=2 * PER_MV).update(x * u.mV)
    assert y.shape == (*leading, 4)
    np.testing.assert_allclose(y.mantissa, 2 * x @ np.arange(12.0).reshape(3, 4) * 1e-8, rtol=1e-4, atol=1e-13)


def test_units_are_converted_on_every_side():
    x = np.ones(3) * u.mV
    expected = eeg(dipole_scale=2 * PER_MV).update(x).mantissa
    for scale in (2e3 * MOMENT / u.volt, 2e-12 * u.amp * u.meter / u.uvolt):
        y = eeg(dipole_scale=scale).update(x)
        assert y.unit == u.volt
        np.testing.assert_allclose(y.mantissa, expected, rtol=1e-5)
    np.testing.assert_allclose(eeg(dipole_scale=2 * PER_MV).update(x.in_unit(u.volt)).mantissa, expected, rtol=1e-5)
    L = np.arange(12.0).reshape(3, 4) * 10 * u.volt / (u.amp * u.meter)
    np.testing.assert_allclose(
        EEGLeadFieldModel(3, 4, L, dipole_scale=2 * PER_MV).update(x).mantissa, expected, rtol=1e-5
    )


def test_meg_keeps_plain_units():
    L = np.full((3, 5), 2.0) * u.ftesla / MOMENT
    y = MEGLeadFieldModel(3, 5, L).update(np.ones(3) * MOMENT)
    assert str(y.unit) == 'T'
    np.testing.assert_allclose(y.mantissa, 6e-15, rtol=1e-6)
    grad = MEGLeadFieldModel(3, 5, L / u.meter, sensor_unit=u.tesla / u.meter)
    assert grad.channels.kinds == ('grad',)
    assert grad.update(np.ones(3) * MOMENT).unit == u.tesla / u.meter


def test_sensor_unit_of_choice():
    y = eeg(sensor_unit=u.uvolt).update(np.ones(3) * MOMENT)
    assert y.unit == u.uvolt
    np.testing.assert_allclose(y.to_decimal(u.volt), eeg().update(np.ones(3) * MOMENT).mantissa, rtol=1e-6)


def test_without_units():
    unit = u.volt / MOMENT
    model = LeadFieldModel(3, 4, np.ones((3, 4)) * 1e-8, sensor_unit=u.volt, scale=0.5, leadfield_unit=unit)
    np.testing.assert_allclose(model.update(np.ones(3)).to_decimal(u.volt), 1.5e-8, rtol=1e-6)
    # a unit is taken at its word
    np.testing.assert_allclose(model.update(np.ones(3) * u.uA * u.meter).to_decimal(u.volt), 1.5e-5, rtol=1e-6)
    noisy = LeadFieldModel(
        3, 4, np.ones((3, 4)), sensor_unit=u.volt, leadfield_unit=unit, noise_cov=np.diag([1.0, 4, 9, 16])
    )
    np.testing.assert_allclose(noisy.noise_cov.matrix.to_decimal(u.volt**2), np.diag([1.0, 4, 9, 16]))


def test_a_scale_per_region():
    model = eeg(dipole_scale=np.array([1.0, 0.0, 2.0]) * PER_MV)
    expected = eeg().update(np.array([1.0, 0.0, 6.0]) * MOMENT)
    np.testing.assert_allclose(model.update(np.array([1.0, 2.0, 3.0]) * u.mV).mantissa, expected.mantissa, rtol=1e-6)


def test_scale_and_dipole_scale_are_one():
    model = eeg(dipole_scale=2 * PER_MV)
    assert model.dipole_scale == model.scale == 2 * PER_MV
    model.dipole_scale = 3 * MOMENT
    assert model.observable_unit.is_unitless
    assert eeg(scale=2 * PER_MV).dipole_scale == 2 * PER_MV
    with pytest.raises(ValueError, match='two names of one thing'):
        eeg(scale=2 * PER_MV, dipole_scale=2 * PER_MV)


def test_channel_groups_out(rng):
    channels = Channels(('a', 'b', 'c', 'd'), ('mag', 'eeg', 'mag', 'eeg'))
    L = {'mag': rng.normal(size=(3, 2)) * u.tesla / MOMENT, 'eeg': rng.normal(size=(3, 2)) * u.volt / MOMENT}
    model = LeadFieldModel(3, 4, L, channels=channels, reference='average')
    y = brainstate.transform.jit(model.update)(jnp.ones((5, 3)) * MOMENT)
    assert isinstance(y, ChannelGroups)
    assert y.shape == (5, 4)
    np.testing.assert_allclose(y['eeg'].mantissa.sum(axis=-1), 0, atol=1e-6)


HELMET = Channels(tuple('abcd'), ('mag', 'grad', 'mag', 'grad'))


def meg(channels=HELMET, **counts):
    L = {kind: np.ones((3, n)) * SENSOR_UNITS[kind] / MOMENT for kind, n in counts.items()}
    return MEGLeadFieldModel(L=L, channels=channels)


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (
            lambda: eeg().update(np.ones(3) * u.mV),
            UnitError,
            r'with a scale, dipole_scale=1. \* u.meter \* u.nA / u.mV',
        ),
        (
            lambda: MEGLeadFieldModel(L=np.ones((3, 4)) * u.tesla / MOMENT).update(np.ones((5, 3)) * u.mV),
            UnitError,
            r'in m * nA; got mV: make the model with a scale, dipole_scale=1. \* u.meter \* u.nA / u.mV',
        ),
        (
            lambda: eeg(dipole_scale=50.0).update(np.ones(3) * u.mV),
            UnitError,
            r'in m * nA; got mV: the scale has no unit: write dipole_scale=50. \* u.meter \* u.nA / u.mV',
        ),
        (
            lambda: eeg(dipole_scale=50 * u.mV / MOMENT),
            UnitError,
            r'into m * nA; got mV / \(m * nA\), for an observable in .*: write dipole_scale=... \* u.meter \* u.nA',
        ),
        (lambda: eeg().update(np.ones(3)), UnitError, 'in m * nA; got a bare array'),
        (lambda: eeg(dipole_scale=2 * PER_MV).update(np.ones(3)), UnitError, 'in mV; got a bare array'),
        (lambda: eeg(dipole_scale=2 * PER_MV).update(np.ones(3) * MOMENT), UnitError, 'in mV; got m * nA'),
        (lambda: eeg().update(np.ones(4) * MOMENT), ShapeError, r'\(..., 3\) \(..., regions\); got \(4,\)'),
        (lambda: eeg().update(1.0 * MOMENT), ShapeError, 'regions'),
        (lambda: EEGLeadFieldModel(3, 4, np.ones((3, 4))), UnitError, r'V / \(m \* nA\); got a bare array'),
        (lambda: EEGLeadFieldModel(3, 4, np.ones((3, 4)) * u.tesla / MOMENT), UnitError, r'got T / \(m \* nA\)'),
        (lambda: EEGLeadFieldModel(3, 4, np.ones((4, 3)) * u.volt / MOMENT), ShapeError, r'\(regions, sensors\); got'),
        (lambda: EEGLeadFieldModel(3, 4, np.full((3, 4), np.nan) * u.volt / MOMENT), ValueError, 'finite'),
        (lambda: eeg(sensor_unit=u.tesla), UnitError, r'sensor_unit=...\) is V'),
        (lambda: LeadFieldModel(3, 4, np.ones((3, 4)) * u.volt / MOMENT), UnitError, 'V or T or T / m'),
        (lambda: eeg(channels=Channels(('a',), ('eeg',))), ShapeError, 'one per sensor'),
        (lambda: eeg(channels=Channels(tuple('abcd'), ('mag',) * 4)), ValueError, "'eeg'; got 'mag'"),
        (lambda: eeg(reference='Cz'), ValueError, "'average'"),
        (lambda: eeg(sampling_period=2.0), UnitError, r'write 2. \* u.ms'),
        (lambda: eeg(sampling_period=0 * u.ms), ValueError, 'positive'),
        (lambda: eeg(low_pass=300 * u.Hz), ValueError, 'half the sampling rate'),
        (lambda: eeg(dipole_scale=np.ones(2) * PER_MV), ShapeError, r'fits \(3,\)'),
        (lambda: EEGLeadFieldModel((3, 2), 4, np.ones((3, 4)) * u.volt / MOMENT), ShapeError, 'are numbers'),
        (
            lambda: LeadFieldModel(
                3, 2, np.ones((3, 2)) * u.volt / MOMENT, channels=Channels(('a', 'b'), ('eeg', 'mag'))
            ),
            UnitError,
            'one Quantity for each of eeg, mag; got Quantity',
        ),
        (lambda: meg(mag=2), UnitError, "each of mag, grad; got 'mag'"),
        (lambda: meg(mag=2, grad=1), ShapeError, r"L=...\)\['grad'\] has shape \(3, 2\) .*; got \(3, 1\)"),
        (lambda: meg(mag=2, grad=2, channels=None), ValueError, 'needs channels=...'),
        (
            lambda: EEGLeadFieldModel(
                L=np.ones((4, 3)) * u.volt / MOMENT, channels=Channels(tuple('abcd'), ('eeg',) * 4)
            ),
            ShapeError,
            "got \\(4, 3\\): write layout='sensors_regions'",
        ),
        (
            lambda: MEGLeadFieldModel(3, 4, np.ones((3, 4)) * u.tesla / MOMENT, reference='average'),
            ValueError,
            'reference of EEG',
        ),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says.replace('m * nA', r'm \* nA')):
        make()


@pytest.mark.parametrize('known', [(), (3, 4)], ids=['', 'sizes'])
def test_a_record_is_no_array(eeg_head, known):
    with pytest.raises(
        TypeError, match=r'got a LeadField: write EEGLeadFieldModel.from_lead_field\(lead_field, regions\)'
    ):
        EEGLeadFieldModel(*known, L=eeg_head)


def test_a_current_times_a_length_is_a_moment():
    model = eeg(dipole_scale=0.1 * u.mm)
    np.testing.assert_allclose(
        model.update(np.ones(3) * u.nA).mantissa, eeg().update(np.full(3, 1e-4) * MOMENT).mantissa, rtol=1e-6
    )


def test_the_scale_that_an_error_names_works():
    with pytest.raises(UnitError) as caught:
        eeg().update(np.ones(3) * u.mV)
    scale = eval(str(caught.value).split('dipole_scale=')[1].split(' for example')[0])
    eeg(dipole_scale=scale).update(np.ones(3) * u.mV)


def test_vmap_and_jit_without_noise(rng):
    model, x = eeg(dipole_scale=2 * PER_MV), jnp.asarray(rng.normal(size=(5, 3)), jnp.float32) * u.mV
    expected = model.update(x).mantissa
    np.testing.assert_allclose(jax.vmap(model)(x).mantissa, expected, rtol=1e-5, atol=1e-14)
    np.testing.assert_allclose(brainstate.transform.jit(model.update)(x).mantissa, expected, rtol=1e-5, atol=1e-14)


def test_a_new_value_does_not_compile_again():
    model, traces = eeg(dipole_scale=2 * PER_MV, noise_cov=np.eye(4) * 1e-24 * u.volt**2), []

    @brainstate.transform.jit
    def run(x):
        traces.append(1)
        return model.update(x)

    first = run(jnp.ones(3) * u.mV)
    model.dipole_scale, model.L, model.noise_cov = 4 * PER_MV, 2 * model.L, np.eye(4) * 4e-24 * u.volt**2
    np.testing.assert_allclose(run(jnp.ones(3) * u.mV).mantissa, 4 * first.mantissa, atol=1e-10)
    assert len(traces) == 1


def test_gradients_in_lead_field_scale_and_input(rng):
    x, target = rng.normal(size=(6, 3)), rng.normal(size=(6, 4)) * 1e-8
    with brainstate.environ.context(precision=64):
        model = eeg(dipole_scale=2 * PER_MV, noise_cov=np.eye(4) * 1e-17 * u.volt**2, seed=1)
        graph, parameters, rest = brainstate.graph.treefy_split(model, ParameterState, ...)
        values = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), parameters)

        def loss(values, x):
            y = brainstate.graph.treefy_merge(graph, values, rest).update(x * u.mV)
            return (((y.to_decimal(u.volt) - target) * 1e8) ** 2).sum()

        gradient = jax.grad(loss, argnums=(0, 1))(values, x)
        direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)) * abs(leaf).max(), (values, x))
        along = sum(jax.tree.leaves(jax.tree.map(lambda g, d: (g * d).sum(), gradient, direction)))

        def moved(step):
            return loss(*jax.tree.map(lambda leaf, d: leaf + step * d, (values, jnp.asarray(x)), direction))

        numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5
    np.testing.assert_allclose(along, numeric, rtol=1e-7)


def test_float64_all_the_way():
    with brainstate.environ.context(precision=64):
        x = np.array([1.0, 2.0, 3.0])
        y = eeg().update(x * MOMENT).mantissa
        assert y.dtype == jnp.float64
        np.testing.assert_allclose(y, x @ np.arange(12.0).reshape(3, 4) * 1e-8, rtol=1e-14)


def test_repr_is_one_line(eeg_head, meg_head, regions, density):
    shown = repr(MEGLeadFieldModel.from_lead_field(meg_head, regions, dipole_scale=density, snr_db=10.0))
    assert shown.startswith('MEGLeadFieldModel(3 regions -> Channels(3 grad, 2 mag), dipole_scale=-0.024')
    assert '\n' not in shown
    assert '0.5 to 200 Hz' in shown
