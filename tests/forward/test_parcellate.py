"""From vertices to regions."""

import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.records import Connectome


def member(sources, regions):
    return (sources.region_ids[:, None] == regions.region_ids).astype(float)


@pytest.mark.parametrize('aggregate', ['density', 'mean', 'sum'])
def test_what_one_number_per_region_is(eeg_head, regions, sources, aggregate, rng):
    # the regions as patches: every vertex has a moment, and the sensors see the sum over vertices
    x = rng.normal(size=3)
    areas, inside = sources.areas.mantissa, member(sources, regions)
    moments = {
        'density': areas * (inside @ x),
        'mean': areas * (inside @ (x / (areas @ inside))),
        'sum': inside @ x,
    }[aggregate]  # nA m
    expected = eeg_head.fixed().gain_si @ moments * 1e-9
    model = EEGLeadFieldModel.from_lead_field(eeg_head, regions, aggregate=aggregate, reference=None)
    unit = u.nA * u.meter / u.mm**2 if aggregate == 'density' else u.nA * u.meter
    np.testing.assert_allclose(model.update(x * unit).to_decimal(u.volt), expected, rtol=1e-5)


def test_average_reference_takes_the_mean_off(eeg_head, regions):
    plain = EEGLeadFieldModel.from_lead_field(eeg_head, regions, reference=None).L
    referenced = EEGLeadFieldModel.from_lead_field(eeg_head, regions).L
    np.testing.assert_allclose(referenced.mantissa, plain.mantissa - plain.mantissa.mean(axis=1, keepdims=True))
    assert np.linalg.matrix_rank(referenced.mantissa) == 3


def test_both_types_of_meg_channel(meg_head, regions, density):
    both = MEGLeadFieldModel.from_lead_field(meg_head, regions, dipole_scale=density)
    x = np.array([1.0, -2.0, 3.0]) * u.mV
    for kind, unit in (('mag', u.tesla), ('grad', u.tesla / u.meter)):
        alone = MEGLeadFieldModel.from_lead_field(meg_head.pick(kind), regions, dipole_scale=density)
        assert alone.update(x).unit == both.update(x)[kind].unit == unit
        np.testing.assert_allclose(alone.update(x).mantissa, both.update(x)[kind].mantissa, rtol=1e-6)
    assert both.L['grad'].shape == (3, 3)
    assert both.update(x).shape == (5,)


def test_it_remembers_the_head(eeg_head, regions):
    assert EEGLeadFieldModel.from_lead_field(eeg_head, regions).head == 'one'


def test_weights_and_compression_are_the_same_as_from_lead_field(eeg_head, regions, sources):
    W = LeadFieldModel.build_fixed_orientation_weights(sources.normals, member(sources, regions), sources.areas)
    assert W.shape == (36, 3)
    assert u.have_same_dim(W.unit, u.mm**2)
    # the axes (sources, xyz) flattened are x1 y1 z1 x2 ..., as MNE stores them
    L = eeg_head.gain.mantissa.reshape(4, 36) * u.volt / (u.amp * u.meter)
    compressed = LeadFieldModel.compress_vertex_leadfield(L, W)
    expected = EEGLeadFieldModel.from_lead_field(eeg_head, regions, reference=None).L
    np.testing.assert_allclose(compressed.to_decimal(expected.unit), expected.mantissa, rtol=1e-12)


def test_block_layout_is_that_of_brainmass(rng):
    brainmass = pytest.importorskip('brainmass')
    normals, areas = rng.normal(size=(7, 3)), rng.uniform(1, 2, 7)
    parcellation = np.eye(3)[rng.integers(0, 3, 7)]
    L = rng.normal(size=(4, 21))
    theirs = brainmass.LeadFieldModel.build_fixed_orientation_weights(normals, parcellation, areas)
    ours = LeadFieldModel.build_fixed_orientation_weights(normals, parcellation, areas, layout='block')
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    # documented there as (regions, sensors), and returned the other way round
    compressed = brainmass.LeadFieldModel.compress_vertex_leadfield(L, theirs).T
    np.testing.assert_allclose(LeadFieldModel.compress_vertex_leadfield(L, ours), compressed, rtol=1e-5, atol=1e-6)


def test_layouts_say_the_same(rng):
    normals, parcellation = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2))
    gain = rng.normal(size=(4, 5, 3))
    results = [
        LeadFieldModel.compress_vertex_leadfield(
            columns, LeadFieldModel.build_fixed_orientation_weights(normals, parcellation, layout=layout)
        )
        for layout, columns in (('interleaved', gain.reshape(4, 15)), ('block', gain.swapaxes(1, 2).reshape(4, 15)))
    ]
    np.testing.assert_allclose(*results)


def test_shapes_that_do_not_fit(rng):
    with pytest.raises(ShapeError, match='vertices, 3'):
        LeadFieldModel.build_fixed_orientation_weights(rng.normal(size=(3, 5)), np.ones((3, 2)))
    with pytest.raises(ShapeError, match='parcellation'):
        LeadFieldModel.build_fixed_orientation_weights(rng.normal(size=(5, 3)), np.ones((4, 2)))
    with pytest.raises(ShapeError, match='15 columns and 5 rows'):
        LeadFieldModel.compress_vertex_leadfield(np.ones((4, 15)), np.ones((5, 2)))


def test_region_without_a_source(eeg_head):
    four = Connectome(np.ones((4, 4)), np.ones((4, 4)) * u.mm, ('L.A', 'L.B', 'L.TH', 'R.A'), (1001, 1002, 10, 2001))
    with pytest.raises(ValueError, match=r'no source of the lead field lies in L\.TH'):
        EEGLeadFieldModel.from_lead_field(eeg_head, four)
    model = EEGLeadFieldModel.from_lead_field(eeg_head, four, missing='zero')
    assert (model.L.mantissa[2] == 0).all()
    assert np.isfinite(
        EEGLeadFieldModel.from_lead_field(eeg_head, four, missing='zero', aggregate='mean').L.mantissa
    ).all()


def test_wrong_aggregate_for_the_scale(eeg_head, regions, density):
    moment = -50 * u.nA * u.meter / u.mV
    with pytest.raises(UnitError, match=r"aggregate='mean' or 'sum': write dipole_scale=\.\.\.") as caught:
        EEGLeadFieldModel.from_lead_field(eeg_head, regions, dipole_scale=moment)
    # what it says to write is right
    unit = eval(str(caught.value).split('=... * ')[1].rstrip('.'))
    EEGLeadFieldModel.from_lead_field(eeg_head, regions, dipole_scale=-0.02 * unit)
    with pytest.raises(UnitError, match="aggregate='density'"):
        EEGLeadFieldModel.from_lead_field(eeg_head, regions, aggregate='mean', dipole_scale=density)
    EEGLeadFieldModel.from_lead_field(eeg_head, regions, aggregate='mean', dipole_scale=moment)


def test_arguments_that_do_not_exist(eeg_head, meg_head, regions):
    with pytest.raises(ValueError, match="Did you mean 'density'"):
        EEGLeadFieldModel.from_lead_field(eeg_head, regions, aggregate='densty')
    with pytest.raises(TypeError, match='is a Connectome; got int'):
        EEGLeadFieldModel.from_lead_field(eeg_head, 3)
    with pytest.raises(ValueError, match='channels of type eeg'):
        EEGLeadFieldModel.from_lead_field(meg_head, regions)
