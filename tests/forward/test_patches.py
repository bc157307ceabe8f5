"""Patches of cortex: on a sphere, where areas and distances are known, and on the cortex that is shipped."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from brainfwd import datasets
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import compress_vertex_leadfield, cortical_patches
from brainfwd.forward.regions.geodesic import cortical_graph
from brainfwd.records import Cortex, SourceSpace

RADIUS = 80.0
DENSITY = u.nA * u.meter / u.mm**2


def icosphere(divisions):
    """Unit vectors and triangles: an octahedron whose triangles are cut in four, again and again."""
    xyz = np.concatenate([np.eye(3), -np.eye(3)])
    triangles = np.array([[i, j, k] for i in (0, 3) for j in (1, 4) for k in (2, 5)])
    for _ in range(divisions):
        edges = np.sort(np.concatenate([triangles[:, [i, j]] for i, j in ((0, 1), (1, 2), (2, 0))]), axis=1)
        edges, middle = np.unique(edges, axis=0, return_inverse=True)
        new = xyz[edges].sum(axis=1)
        ab, bc, ca = middle.reshape(3, -1) + len(xyz)
        xyz = np.concatenate([xyz, new / np.linalg.norm(new, axis=1, keepdims=True)])
        a, b, c = triangles.T
        triangles = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return xyz, triangles


@pytest.fixture(scope='module')
def sphere():
    """One hemisphere that is a sphere; its middle surface has the radius."""
    xyz, triangles = icosphere(5)
    n = len(xyz)
    return Cortex(
        (RADIUS + 1) * xyz * u.mm, (RADIUS - 1) * xyz * u.mm, triangles, np.ones(n, int), np.ones(n, bool), np.zeros(n)
    )


@pytest.fixture(scope='module')
def cortex():
    return datasets.load_cortex()


@pytest.fixture(scope='module')
def head():
    return datasets.load_lead_field('eeg')


def angle(sphere, centre):
    xyz = sphere.middle.mantissa / RADIUS
    return np.arccos(np.clip(xyz @ xyz[centre], -1, 1))


def dense(weights):
    return sparse.csr_array((weights.data.mantissa, weights.indices, weights.indptr), weights.shape).toarray()


def pieces(cortex, vertices):
    """Into how many parts the triangles alone divide them."""
    edges = np.concatenate([cortex.triangles[:, [0, 1]], cortex.triangles[:, [1, 2]], cortex.triangles[:, [2, 0]]])
    graph = sparse.csr_array((np.ones(len(edges)), edges.T), (cortex.n_vertices,) * 2)
    return connected_components(graph[vertices][:, vertices], directed=False)[0]


def test_areas_of_vertices(sphere, cortex, head):
    assert sphere.areas.mantissa.sum() == pytest.approx(4 * np.pi * RADIUS**2, rel=2e-3)
    # the sources that are shipped stand for the same cortex
    on = cortex.areas.mantissa[cortex.on_cortex].sum()
    assert on == pytest.approx(head.sources.areas.mantissa.sum(), rel=1e-2)


def test_distances_on_a_sphere(sphere):
    from_a_few = np.array([0, 7, 1234])
    distance = dijkstra(cortical_graph(sphere), indices=from_a_few) / RADIUS
    for centre, found in zip(from_a_few, distance, strict=True):
        true = angle(sphere, centre)
        far = true > 0.2
        ratio = found[far] / true[far]
        # chords are shorter than arcs, and paths through triangles longer
        assert 0.999 < ratio.min() < ratio.max() < 1.08


@pytest.mark.parametrize('area', [5, 20, 80])
def test_a_patch_on_a_sphere_is_a_cap(sphere, area):
    patch = cortical_patches(sphere, 17, area * u.cm**2)
    np.testing.assert_allclose(patch.areas.to_decimal(u.cm**2), area, rtol=1e-12)
    cap = np.arccos(1 - 100 * area / (2 * np.pi * RADIUS**2))
    true, inside = angle(sphere, 17), dense(patch.weights)[:, 0] > 0
    assert inside[true < 0.93 * cap].all()
    assert not inside[true > 1.1 * cap].any()


def test_gaussian_profile_falls_with_the_distance(sphere):
    flat = dense(cortical_patches(sphere, 17, 20 * u.cm**2).weights)[:, 0]
    patch = cortical_patches(sphere, 17, 20 * u.cm**2, profile='gaussian')
    # on a flat disc, r from 0 to 1: the mean of exp(-2 r^2) over its area
    expected = 20 * (1 - np.exp(-2)) / 2
    assert patch.areas.to_decimal(u.cm**2)[0] == pytest.approx(expected, rel=0.03)
    assert 'cm^2 weighted by a gaussian profile' in repr(patch)
    assert 'weighted' not in repr(cortical_patches(sphere, 17, 20 * u.cm**2))
    inside = flat > 0
    fall = dense(patch.weights)[inside, 0] / flat[inside]
    relative = angle(sphere, 17)[inside] / angle(sphere, 17)[inside].max()
    np.testing.assert_allclose(fall, np.exp(-2 * relative**2), atol=0.05)
    assert fall.max() == 1.0
    assert fall.min() == pytest.approx(np.exp(-2))


@pytest.fixture(scope='module')
def large_parts(cortex):
    """Vertices that are no islands in the medial wall."""
    part = connected_components(cortical_graph(cortex))[1]
    return np.flatnonzero(cortex.on_cortex & (np.bincount(part)[part] > 1000))


@given(st.integers(0, 18000), st.floats(1, 20), st.floats(1, 20))
def test_what_every_patch_is(cortex, large_parts, number, one, other):
    centre, (small, large) = large_parts[number], sorted((one, other))
    patches = cortical_patches(cortex, [centre, centre], np.array([small, large]) * u.cm**2)
    np.testing.assert_allclose(patches.areas.to_decimal(u.cm**2), [small, large], rtol=1e-12)
    inner, outer = dense(patches.weights).T
    share = cortex.areas.mantissa
    # whole vertices, but for the last
    assert ((inner > 0) & (inner < share)).sum() <= 1
    assert (inner <= outer + 1e-12).all()
    assert (outer <= share + 1e-12).all()
    assert centre in patches.vertices(0)
    vertices = patches.vertices(1)
    np.testing.assert_array_equal(vertices, np.flatnonzero(outer))
    assert cortex.on_cortex[vertices].all()
    assert len(set(cortex.hemisphere[vertices])) == 1
    assert pieces(cortex, vertices) == 1


def test_places_are_taken_to_the_nearest_vertex(cortex):
    places = cortex.middle[[40, 15000]] + 0.1 * u.mm
    assert cortical_patches(cortex, places.in_unit(u.meter)).centres.tolist() == [40, 15000]
    assert cortical_patches(cortex, places[0]).centres.tolist() == [40]


def test_how_far_a_place_was_moved_is_said(cortex, large_parts):
    wall, on = np.flatnonzero(~cortex.on_cortex), np.flatnonzero(cortex.on_cortex)
    middle = cortex.middle.mantissa
    off = np.linalg.norm(middle[wall][:, None] - middle[on], axis=2)
    gap, nearest = off.min(axis=1), on[off.argmin(axis=1)]
    near = np.flatnonzero((gap > 4) & (gap < 6) & np.isin(nearest, large_parts))[0]
    far = wall[gap.argmax()]
    patches = cortical_patches(cortex, middle[[wall[near], 40]] * u.mm)
    assert patches.centres.tolist() == [nearest[near], 40]
    np.testing.assert_allclose(patches.moved.mantissa, [gap[near], 0], atol=1e-12)
    assert f'centres {gap[near]:.1f} mm or less from their places' in repr(patches)
    assert 'from their places' not in repr(cortical_patches(cortex, [40, 41]))
    with pytest.raises(ValueError, match=r'within 10 mm of the cortex.*, which is \d\d mm away'):
        cortical_patches(cortex, middle[far] * u.mm)


def test_sources_get_the_area_of_the_patches(cortex, head):
    patches = cortical_patches(cortex, [40, 15000, 41], [1, 5, 20] * u.cm**2)
    weights = patches.on(head.sources)
    assert isinstance(weights, u.sparse.CSR)
    assert weights.shape == (head.n_sources, 3)
    matrix = dense(weights)
    np.testing.assert_allclose(matrix.sum(axis=0), [100, 500, 2000], rtol=1e-12)
    # where the patch is, in the same order of vertices: 2562 of the 10242 of each hemisphere
    for patch, side in ((0, 0), (1, 1), (2, 0)):
        got = np.flatnonzero(matrix[:, patch])
        assert (head.sources.hemisphere[got] == side).all()
        there = cortex.middle.mantissa[head.sources.vertices[got] + 10242 * side]
        own = cortex.middle.mantissa[patches.vertices(patch)]
        gap = np.linalg.norm(there[:, None] - own, axis=-1).min(axis=1)
        assert gap.max() < 8
    # sources on all vertices: each has what its vertex has
    n = cortex.n_vertices
    all_of_them = SourceSpace(
        np.zeros((n, 3)) * u.mm, np.eye(3)[np.zeros(n, int)], np.ones(n) * u.mm**2, cortex.hemisphere,
        np.arange(n) % 10242, cortex.region_ids,
    )  # fmt: skip
    np.testing.assert_array_equal(dense(patches.on(all_of_them)), dense(patches.weights))


def test_series_of_patches_spread_over_vertices_and_sources(cortex, head, rng):
    patches = cortical_patches(cortex, [40, 15000, 41], 2 * u.cm**2)
    series = rng.normal(size=(5, 2, 3))
    moments = patches.to_sources(series * DENSITY, head.sources)
    assert moments.shape == (5, 2, head.n_sources)
    # no moment is lost, and what overlaps adds up
    np.testing.assert_allclose(moments.to_decimal(u.nA * u.meter).sum(axis=-1), 200 * series.sum(axis=-1), rtol=1e-10)
    vertices = patches.to_vertices(series * DENSITY).to_decimal(u.nA * u.meter)
    np.testing.assert_allclose(vertices, series @ dense(patches.weights).T, rtol=1e-12, atol=1e-12)
    # through the sources or through the compressed lead field: the sensors see the same
    L = compress_vertex_leadfield(head.gain, patches.on(head.sources))
    seen = (series * DENSITY) @ L
    np.testing.assert_allclose(
        seen.to_decimal(u.uvolt), (moments @ head.gain.T).to_decimal(u.uvolt), rtol=1e-9, atol=1e-9
    )
    # whole numbers are no truncated areas
    whole = patches.to_sources(np.array([1, 0, 0]) * DENSITY, head.sources)
    assert whole.mantissa.sum() == pytest.approx(200)


def test_gradient_in_the_moments(cortex, head):
    patches = cortical_patches(cortex, [40, 15000], 2 * u.cm**2)
    slope = jax.grad(lambda q: patches.to_sources(q * DENSITY, head.sources).mantissa.sum())(jnp.ones(2))
    np.testing.assert_allclose(slope, 200, rtol=1e-5)


def test_centres_that_are_none(cortex):
    wall = int(np.flatnonzero(~cortex.on_cortex)[0])
    with pytest.raises(ValueError, match=rf'vertex {wall}, on the medial wall'):
        cortical_patches(cortex, [40, wall])
    with pytest.raises(ValueError, match='vertices 0 to 20483; got -1'):
        cortical_patches(cortex, -1)
    with pytest.raises(ValueError, match='10 mm of the cortex, in MNI305'):
        cortical_patches(cortex, [[0.0, 0.0, 300.0]] * u.mm)
    for wrong in ([1.5], [], 'V1'):
        with pytest.raises(ValueError, match='numbers of vertices, or places with a unit'):
            cortical_patches(cortex, wrong)
    with pytest.raises(ShapeError, match='patches, 3'):
        cortical_patches(cortex, [1.0, 2.0] * u.mm)


def test_areas_that_do_not_fit(cortex, large_parts):
    with pytest.raises(ValueError, match=r'65\d\d\d(\.\d)? mm\^2; got 70000 mm\^2'):
        cortical_patches(cortex, 40, 700 * u.cm**2)
    island = np.setdiff1d(np.flatnonzero(cortex.on_cortex), large_parts)[0]
    with pytest.raises(ValueError, match=rf'at vertex {island}, and that of the cortex connected with it, \d+\.\d+ mm'):
        cortical_patches(cortex, island, 5 * u.cm**2)
    with pytest.raises(ValueError, match='the centre alone'):
        cortical_patches(cortex, 40, 1 * u.mm**2)
    with pytest.raises(ValueError, match='got nan'):
        cortical_patches(cortex, 40, np.nan * u.mm**2)
    with pytest.raises(UnitError, match='bare number'):
        cortical_patches(cortex, 40, 5.0)
    with pytest.raises(ShapeError, match='patches'):
        cortical_patches(cortex, [40, 41], [1, 2, 3] * u.cm**2)
    with pytest.raises(ValueError, match="one of 'uniform', 'gaussian'"):
        cortical_patches(cortex, 40, profile='flat')
    with pytest.raises(TypeError, match='is a Cortex; got LeadField'):
        cortical_patches(datasets.load_lead_field(), 40)


def test_sources_that_do_not_fit(cortex, head):
    patches = cortical_patches(cortex, 40)
    left = head.sources.mask(head.sources.hemisphere == 0)
    right = head.sources.mask(head.sources.hemisphere == 1)
    assert patches.on(left).shape == (left.n_sources, 1)
    with pytest.raises(ValueError, match='got none within 20 mm of vertex'):
        patches.on(right)
    with pytest.raises(TypeError, match='SourceSpace; got LeadField'):
        patches.on(head)
    beyond = SourceSpace(
        right.positions, right.normals, right.areas, right.hemisphere, right.vertices + 10000, right.region_ids
    )
    with pytest.raises(ValueError, match='vertices of the mesh of the patches, 10242 on a side'):
        patches.on(beyond)
    with pytest.raises(UnitError, match='moment per area'):
        patches.to_sources([1.0], head.sources)
    with pytest.raises(ShapeError, match=r'\(\.\.\., 1\) \(\.\.\., patches\); got \(2,\)'):
        patches.to_sources([1.0, 2.0] * DENSITY, head.sources)
