"""From vertices to regions."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.experimental.sparse import BCOO
from scipy import sparse

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import (
    EEGLeadFieldModel,
    LeadFieldModel,
    MEGLeadFieldModel,
    build_fixed_orientation_weights,
    compress_vertex_leadfield,
)
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


@pytest.mark.parametrize('aggregate', ['density', 'mean', 'sum'])
def test_weights_and_compression_are_the_same_as_from_lead_field(eeg_head, regions, sources, aggregate):
    areas = None if aggregate == 'sum' else sources.areas
    W = LeadFieldModel.build_fixed_orientation_weights(
        sources.normals, member(sources, regions), areas, aggregate=aggregate
    )
    compressed = LeadFieldModel.compress_vertex_leadfield(eeg_head.gain, W)
    expected = EEGLeadFieldModel.from_lead_field(eeg_head, regions, aggregate=aggregate, reference=None).L
    np.testing.assert_allclose(compressed.to_decimal(expected.unit), expected.mantissa, rtol=1e-12)


def test_block_layout_is_that_of_brainmass(cortex):
    brainmass = pytest.importorskip('brainmass')
    normals, parcellation, areas, gain = cortex
    L = gain.transpose(0, 2, 1).reshape(4, 21)
    theirs = brainmass.LeadFieldModel.build_fixed_orientation_weights(normals, parcellation, areas.mantissa)
    ours = LeadFieldModel.build_fixed_orientation_weights(normals, parcellation, areas, layout='block')
    np.testing.assert_allclose(ours.mantissa, theirs, rtol=1e-6)
    # documented there as (regions, sensors), and returned the other way round
    compressed = brainmass.LeadFieldModel.compress_vertex_leadfield(L, theirs).T
    np.testing.assert_allclose(
        LeadFieldModel.compress_vertex_leadfield(L, ours).mantissa, compressed, rtol=1e-5, atol=1e-5
    )


@pytest.fixture
def cortex(rng):
    """Normals, a soft parcellation, areas and a gain of 7 vertices, 3 regions and 4 sensors."""
    normals = rng.normal(size=(7, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    soft = rng.dirichlet(np.ones(3), size=7)
    return normals, soft, rng.uniform(1, 2, 7) * u.mm**2, rng.normal(size=(4, 7, 3))


def by_hand(normals, parcellation, areas, gain, aggregate):
    """Vertex by vertex."""
    n_vertices, n_regions = parcellation.shape
    L = np.zeros((n_regions, len(gain)))
    for r in range(n_regions):
        total = sum(areas[v] * parcellation[v, r] for v in range(n_vertices))
        for v in range(n_vertices):
            share = {'density': areas[v], 'mean': areas[v] / total, 'sum': 1.0}[aggregate] * parcellation[v, r]
            for m in range(len(gain)):
                L[r, m] += share * sum(gain[m, v, k] * normals[v, k] for k in range(3))
    return L


def columns(gain, layout):
    return (gain if layout == 'interleaved' else gain.swapaxes(1, 2)).reshape(len(gain), -1)


@pytest.mark.parametrize('layout', ['interleaved', 'block'])
@pytest.mark.parametrize('aggregate', ['density', 'mean', 'sum'])
@pytest.mark.parametrize('make', [np.asarray, sparse.csr_array, sparse.coo_matrix, BCOO.fromdense, jnp.asarray])
def test_against_a_loop_over_vertices(cortex, make, aggregate, layout):
    normals, soft, areas, gain = cortex
    soft[2] = [0, 0, 0]  # on the medial wall
    W = build_fixed_orientation_weights(
        normals, make(soft), None if aggregate == 'sum' else areas, layout=layout, aggregate=aggregate
    )
    assert W.shape == (21, 3)
    is_sparse = make not in (np.asarray, jnp.asarray)
    assert isinstance(W, u.sparse.CSR) == is_sparse
    if is_sparse:
        assert W.nse == 6 * 3 * 3
    got = compress_vertex_leadfield(columns(gain, layout), W)
    assert u.get_unit(got) == (u.mm**2 if aggregate == 'density' else u.UNITLESS)
    expected = by_hand(normals, soft, areas.mantissa, gain, aggregate)
    exact = make in (np.asarray, sparse.csr_array, sparse.coo_matrix)
    np.testing.assert_allclose(u.get_mantissa(got), expected, rtol=1e-12 if exact else 1e-5, atol=0 if exact else 1e-6)


def test_whole_numbers_are_the_region_of_each_vertex(cortex):
    normals, _, areas, gain = cortex
    labels = np.array([0, 2, 1, -1, 1, 0, 2])
    W = build_fixed_orientation_weights(normals, labels, areas)
    assert isinstance(W, u.sparse.CSR)
    assert W.nse == 18
    expected = by_hand(normals, np.eye(4)[labels][:, :3], areas.mantissa, gain, 'density')
    np.testing.assert_allclose(compress_vertex_leadfield(gain, W).mantissa, expected, rtol=1e-12)


def test_units_multiply_and_what_comes_out_is_ready(cortex):
    normals, soft, areas, gain = cortex
    L = compress_vertex_leadfield(
        gain * u.uvolt / (u.nA * u.meter), build_fixed_orientation_weights(normals, soft, areas.in_unit(u.cm**2))
    )
    assert L.shape == (3, 4)
    moment = u.nA * u.meter / u.mm**2
    model = LeadFieldModel(3, 4, L, sensor_unit=u.volt, dipole_unit=moment)
    seen = model.update(np.array([1.0, -2.0, 0.5]) * moment).to_decimal(u.uvolt)
    expected = np.array([1.0, -2.0, 0.5]) @ by_hand(normals, soft, areas.mantissa, gain, 'density')
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


@given(hnp.arrays(float, (2, 5, 3), elements=st.floats(-10, 10)), st.floats(-3, 3))
def test_linear_in_the_lead_field(gains, factor):
    normals = np.eye(3)[[0, 1, 2, 0, 1]]
    W = build_fixed_orientation_weights(normals, [0, 1, 0, 1, 0], aggregate='sum')
    one, other, both = (compress_vertex_leadfield(g[None], W) for g in (*gains, gains[0] + factor * gains[1]))
    np.testing.assert_allclose(both, one + factor * other, atol=1e-12)


def test_a_merged_region_sees_the_sum(cortex):
    # densities add up over regions
    normals, soft, areas, gain = cortex
    apart = compress_vertex_leadfield(gain, build_fixed_orientation_weights(normals, soft, areas))
    whole = compress_vertex_leadfield(gain, build_fixed_orientation_weights(normals, np.ones((7, 1)), areas))
    np.testing.assert_allclose(apart.mantissa.sum(axis=0), whole.mantissa[0], rtol=1e-12)


def test_precision_is_that_of_the_lead_field(cortex):
    normals, soft, areas, gain = cortex
    for parcellation in (soft, sparse.csr_array(soft)):
        W = build_fixed_orientation_weights(normals, parcellation, areas)
        assert compress_vertex_leadfield(gain, W).dtype == np.float64
        assert compress_vertex_leadfield(gain.astype(np.float32), W).dtype == np.float32
        assert isinstance(compress_vertex_leadfield(jnp.asarray(gain), W).mantissa, jax.Array)


@pytest.mark.parametrize('make', [np.asarray, sparse.csr_array])
def test_gradient_in_lead_field_and_normals(cortex, make):
    normals, soft, areas, gain = cortex
    soft = make(soft)

    def seen(gain, normals):
        W = build_fixed_orientation_weights(normals, soft, areas)
        return (compress_vertex_leadfield(gain, W).mantissa ** 2).sum()

    with jax.enable_x64():
        gain, normals = jnp.asarray(gain), jnp.asarray(normals)
        slopes = jax.jit(jax.grad(seen, argnums=(0, 1)))(gain, normals)
        # the loss is quadratic in each: central differences are exact
        for i, (slope, at) in enumerate(zip(slopes, (gain, normals), strict=True)):
            step = jnp.zeros_like(at).at[0, 1].set(1e-5)
            ends = [seen(*((gain + s * step, normals) if i == 0 else (gain, normals + s * step))) for s in (1, -1)]
            np.testing.assert_allclose(slope[0, 1].sum(), (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


def test_shapes_that_do_not_fit(cortex):
    normals, soft, areas, gain = cortex
    with pytest.raises(ShapeError, match=r'normals\) has shape \(3, 3\) \(vertices, 3\); got \(3, 7\)'):
        build_fixed_orientation_weights(normals.T, soft, areas)
    for wrong in (soft[:4], sparse.csr_array(soft[:4]), soft.T, [0, 1]):
        with pytest.raises(ShapeError, match=r'parcellation\) has shape \(7, regions\)'):
            build_fixed_orientation_weights(normals, wrong, areas)
    with pytest.raises(ShapeError, match='areas'):
        build_fixed_orientation_weights(normals, soft, areas[:4])
    with pytest.raises(ShapeError, match=r'\(4, 15\) \(sensors, columns\) and \(5, 2\)'):
        compress_vertex_leadfield(np.ones((4, 15)), np.ones((5, 2)))
    with pytest.raises(ShapeError, match='sensors, vertices, 3'):
        compress_vertex_leadfield(gain.swapaxes(1, 2), build_fixed_orientation_weights(normals, soft, areas))


def test_block_weights_for_three_axes_are_noticed(cortex):
    normals, soft, areas, gain = cortex
    for parcellation in (soft, sparse.csr_array(soft), [0, 1, 2, 0, 1, 2, 0]):
        W = build_fixed_orientation_weights(normals, parcellation, areas, layout='block')
        with pytest.raises(ValueError, match="layout='interleaved'"):
            compress_vertex_leadfield(gain, W)


def test_values_that_make_no_weights(cortex):
    normals, soft, areas, _ = cortex
    zero = normals.copy()
    zero[4] = 0
    with pytest.raises(ValueError, match='unit vectors; got length 0 at 4'):
        build_fixed_orientation_weights(zero, soft, areas)
    with pytest.raises(ValueError, match='must not be negative; got -'):
        build_fixed_orientation_weights(normals, soft, areas * np.array([1, -1, 1, 1, 1, 1, 1]))
    with pytest.raises(UnitError, match=r'bare array: write <array> \* u.mm\*\*2'):
        build_fixed_orientation_weights(normals, soft, areas.mantissa)
    with pytest.raises(UnitError, match="aggregate='sum'"):
        build_fixed_orientation_weights(normals, soft)
    with pytest.raises(ValueError, match='play no part'):
        build_fixed_orientation_weights(normals, soft, areas, aggregate='sum')
    for wrong in (100 * soft, sparse.csr_array(-soft)):
        with pytest.raises(ValueError, match='shares of each vertex, 0 to 1'):
            build_fixed_orientation_weights(normals, wrong, areas)
    for wrong in ([0.5] * 7, [-2] * 7):
        with pytest.raises(ValueError, match='whole numbers from 0'):
            build_fixed_orientation_weights(normals, wrong, areas)
    with pytest.raises(ValueError, match="Did you mean 'block'"):
        build_fixed_orientation_weights(normals, soft, areas, layout='blocks')
    with pytest.raises(ValueError, match="one of 'density', 'mean', 'sum'"):
        build_fixed_orientation_weights(normals, soft, areas, aggregate='total')


@pytest.mark.parametrize('make', [np.asarray, sparse.csr_array, jnp.asarray])
def test_an_empty_region_is_named(cortex, make):
    normals, soft, areas, _ = cortex
    soft[:, 1] = 0
    with pytest.raises(ValueError, match='lies in region 1 '):
        build_fixed_orientation_weights(normals, make(soft), areas)
    with pytest.raises(ValueError, match='lies in region 0, 2 '):
        build_fixed_orientation_weights(normals, [1, 1, 1, 1, 3, 3, 3], areas)
    # vertices alone do not make a region that has a density
    nothing = areas * np.array([0, 0, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match='lies in region 0 '):
        build_fixed_orientation_weights(normals, [0, 0, 1, 1, 1, 1, 1], nothing)


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
