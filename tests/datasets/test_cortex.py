import brainunit as u
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from brainfwd.datasets import load_connectome, load_cortex, load_lead_field


@pytest.fixture(scope='module')
def cortex():
    return load_cortex()


def test_hemispheres_are_two_closed_surfaces(cortex):
    assert cortex.n_vertices == 2 * 10242
    hemisphere = cortex.hemisphere[cortex.triangles]
    assert (hemisphere == hemisphere[:, :1]).all()
    edges = np.sort(
        np.concatenate([cortex.triangles[:, [0, 1]], cortex.triangles[:, [1, 2]], cortex.triangles[:, [2, 0]]])
    )
    # Euler: vertices - edges + faces is 2 for each sphere
    n_edges = len(np.unique(edges, axis=0))
    assert cortex.n_vertices - n_edges + len(cortex.triangles) == 4


def test_white_lies_inside_pial(cortex):
    thickness = np.linalg.norm((cortex.pial - cortex.white).to_decimal(u.mm), axis=1)
    assert 1.5 < np.median(thickness[cortex.on_cortex]) < 3.5


def test_regions_lie_around_their_centres(cortex):
    brain = load_connectome().cortical()
    pial = cortex.pial.to_decimal(u.mm)
    for region, centre in zip(brain.region_ids, brain.centres.to_decimal(u.mm), strict=True):
        vertices = pial[(cortex.region_ids == region) & cortex.on_cortex]
        assert np.linalg.norm(vertices.mean(axis=0) - centre) < 12


def test_medial_wall_is_one_piece_per_hemisphere(cortex):
    wall = ~cortex.on_cortex
    sides = np.concatenate([cortex.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    a, b = sides[wall[sides].all(axis=1)].T
    graph = coo_matrix((np.ones(len(a)), (a, b)), (cortex.n_vertices,) * 2)
    _, piece = connected_components(graph, directed=False)
    pieces, sizes = np.unique(piece[wall], return_counts=True)
    largest = pieces[np.argsort(sizes)[-2:]]
    # the rest are scattered vertices whose region is uncertain
    assert np.sort(sizes)[-2:].sum() > 0.8 * wall.sum()
    assert {int(cortex.hemisphere[piece == number][0]) for number in largest} == {0, 1}


def test_sources_are_vertices_of_the_mesh(cortex):
    sources = load_lead_field('eeg').sources
    vertex = sources.vertices + 10242 * sources.hemisphere.astype(int)
    np.testing.assert_array_equal(cortex.region_ids[vertex], sources.region_ids)
    assert cortex.on_cortex[vertex].all()
