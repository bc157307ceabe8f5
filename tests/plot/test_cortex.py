"""Values of the sources on the cortex."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, plot
from brainfwd._core.checks import ShapeError
from brainfwd._core.units import nAm
from brainfwd.plot.cortex import spread_to_vertices
from brainfwd.plot.cortex_regions import _region_of_vertex
from brainfwd.plot.cortex_views import titled
from brainfwd.plot.surface import outward_normals, view_from_side

SIDES = ['left, lateral', 'left, medial', 'right, medial', 'right, lateral']


def views(figure, row=0):
    return dict(zip(SIDES, [axis for axis in figure.axes if axis.images][4 * row : 4 * row + 4], strict=True))


def dark(axis):
    """Pixels of the brain in a strong colour: deep violet, unlike bare or grey cortex in any light."""
    rgba = np.asarray(axis.images[0].get_array())
    return (rgba[..., 3] > 0) & (rgba[..., 2] > rgba[..., 1] + 0.15)


@pytest.fixture(scope='module')
def driven(sources):
    # the right precentral gyrus
    return 2024


@pytest.fixture(scope='module')
def figure(sources, cortex, driven):
    active = sources.region_ids == driven
    moment = np.where(np.arange(sources.n_sources) % 2, 1.0, -1.0) * np.linspace(0, 1, sources.n_sources) * nAm
    return plot.on_cortex(
        {'Truth': active * 12.0 * u.mV, 'Moment': moment},
        sources,
        cortex,
        regions={'Truth': driven},
        label={'Truth': 'Output', 'Moment': 'Dipole moment'},
    )


def test_everything_is_labelled_and_inside(figure, fits, texts):
    assert fits(figure)
    assert {'Truth', 'Moment', 'Output (mV)', 'Dipole moment (nA m)', 'driven region', 'largest magnitude'} <= set(
        texts(figure)
    )
    assert set(SIDES) <= set(texts(figure))


def test_a_driven_region_colours_its_hemisphere(figure):
    seen = {name: dark(axis).sum() for name, axis in views(figure).items()}
    assert seen['left, lateral'] == seen['left, medial'] == 0
    assert seen['right, lateral'] > 1000


def test_it_lies_where_the_region_lies(figure, cortex, driven):
    # seen from the right, y grows to the right and z upwards
    axis = views(figure)['right, lateral']
    rows, columns = np.nonzero(dark(axis))
    left, right, bottom, top = axis.images[0].get_extent()
    shape = dark(axis).shape
    y = left + (columns + 0.5) / shape[1] * (right - left)
    z = bottom + (rows + 0.5) / shape[0] * (top - bottom)
    points = cortex.pial.mantissa[(cortex.region_ids == driven) & cortex.on_cortex]
    assert points[:, 1].min() - 3 < y.min()
    assert y.max() < points[:, 1].max() + 3
    assert points[:, 2].min() - 3 < z.min()
    assert z.max() < points[:, 2].max() + 3


def test_the_dot_is_on_the_side_that_faces_the_peak(sources, cortex):
    lateral = np.argmax(sources.normals[:, 0] * (sources.hemisphere == 1))
    figure = plot.on_cortex({'one': np.eye(1, sources.n_sources, lateral)[0]}, sources, cortex)
    dots = {name: axis.lines for name, axis in views(figure).items() if axis.lines}
    assert list(dots) == ['right, lateral']
    vertex = 10242 + sources.vertices[lateral]
    np.testing.assert_allclose(np.ravel(dots['right, lateral'][0].get_xydata()), cortex.pial.mantissa[vertex][1:])


def test_no_dot_where_many_sources_are_equal(sources, cortex, driven, texts):
    figure = plot.on_cortex({'Truth': (sources.region_ids == driven) * 1.0}, sources, cortex)
    assert not any(axis.lines for axis in figure.axes)
    assert 'largest magnitude' not in texts(figure)


def test_each_source_stands_on_its_own_vertex(sources, cortex):
    nearest = spread_to_vertices(sources, cortex)
    vertex = sources.vertices + np.where(sources.hemisphere == 1, 10242, 0)
    np.testing.assert_array_equal(nearest[vertex], np.arange(sources.n_sources))
    np.testing.assert_array_equal(sources.hemisphere[nearest], cortex.hemisphere)
    inner = cortex.white.mantissa
    assert np.linalg.norm(inner[vertex[nearest]] - inner, axis=1)[cortex.on_cortex].max() < 12


@pytest.mark.parametrize('side', [-1, 1])
@pytest.mark.parametrize('flip', [False, True])
def test_a_view_shows_what_is_in_front(side, flip):
    # |x| + |y| + |z| = 40 mm, so what is seen at (y, z) has x = side (40 - |y| - |z|)
    points = 40 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    triangles = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    triangles = triangles[:, ::-1] if flip else triangles
    view = view_from_side(points, triangles, side)
    x, y, z = np.moveaxis(view.of(points), -1, 0)
    left, right, bottom, top = view.extent
    rows, columns = x.shape
    across = left + (np.arange(columns) + 0.5) / columns * (right - left)
    up = bottom + (np.arange(rows) + 0.5) / rows * (top - bottom)
    inside = view.inside
    beyond = abs(across) + abs(up)[:, None] - 40
    clear = abs(beyond) > 1e-6
    np.testing.assert_array_equal(inside[clear], (beyond < 0)[clear])
    np.testing.assert_allclose(y[inside], (side * np.broadcast_to(across, x.shape))[inside], atol=1e-9)
    np.testing.assert_allclose(z[inside], np.broadcast_to(up[:, None], x.shape)[inside], atol=1e-9)
    np.testing.assert_allclose(x[inside], side * (40 - abs(y) - abs(z))[inside], atol=1e-9)
    _, normals = outward_normals(points, triangles)
    np.testing.assert_allclose(normals, points / 40, atol=1e-12)


def test_bad_input(sources, cortex):
    good = np.ones(sources.n_sources)
    with pytest.raises(ValueError, match='at least one map'):
        plot.on_cortex({}, sources, cortex)
    with pytest.raises(ShapeError, match='sources'):
        plot.on_cortex({'one': good[1:]}, sources, cortex)
    with pytest.raises(ValueError, match='finite'):
        plot.on_cortex({'one': good * np.nan}, sources, cortex)
    with pytest.raises(ValueError, match='no source belongs'):
        plot.on_cortex({'one': good}, sources, cortex, regions=999)
    with pytest.raises(ValueError, match="'two'"):
        plot.on_cortex({'one': good}, sources, cortex, regions={'two': 2024})
    with pytest.raises(ValueError, match='pial'):
        plot.on_cortex({'one': good}, sources, cortex, surface='inflated')


def test_regions_are_coloured_alone(cortex, fits, texts):
    brain = datasets.load_connectome().cortical()
    values = np.full(brain.n_regions, 0.0)
    values[brain.index('R.PrCG')] = 2e-3
    figure = plot.regions_on_cortex(
        {'rate': values * u.volt}, brain, cortex, outlined='R.PrCG', label='Potential', region_label='driven region'
    )
    assert fits(figure)
    assert {'rate', 'Potential (mV)', 'driven region', *SIDES} <= set(texts(figure))
    assert figure.axes[-1].get_ylim() == pytest.approx((0, 2))
    seen = {name: dark(axis).sum() for name, axis in views(figure).items()}
    assert seen['left, lateral'] == seen['left, medial'] == 0
    assert seen['right, lateral'] > 1000
    # the outline runs around what is coloured, within a triangle
    axis = views(figure)['right, lateral']
    left, right, bottom, top = axis.images[0].get_extent()
    rows, columns = np.nonzero(dark(axis))
    shape = dark(axis).shape
    (line,) = [c for c in axis.collections if type(c).__name__.endswith('ContourSet')]
    around = np.concatenate([path.vertices for path in line.get_paths()])
    assert np.ptp(around[:, 0]) == pytest.approx(np.ptp(columns) / shape[1] * (right - left), abs=4)
    assert np.ptp(around[:, 1]) == pytest.approx(np.ptp(rows) / shape[0] * (top - bottom), abs=4)


def test_regions_without_a_value_are_grey(cortex):
    brain = datasets.load_connectome().cortical()
    of_vertex = _region_of_vertex(brain, cortex)
    # every vertex of the cortex is in the region of its id, and the medial wall in none
    assert (of_vertex[cortex.on_cortex] >= 0).all()
    assert 0.05 < np.mean(of_vertex < 0) < 0.1
    inside = of_vertex >= 0
    np.testing.assert_array_equal(brain.region_ids[of_vertex][inside], cortex.region_ids[inside])
    seed = np.where(np.arange(68) == brain.index('R.PrCG'), np.nan, -0.5)
    axis = views(plot.regions_on_cortex({'r': seed}, brain, cortex))['right, lateral']
    rgba = np.asarray(axis.images[0].get_array())
    grey = (rgba[..., 3] > 0) & (np.ptp(rgba[..., :3], axis=-1) < 1e-6)
    # blue, but for the region, of which 2000 pixels are seen at 2.5 pixels per mm: more than 3 cm2
    assert 2000 < grey.sum() < 0.2 * (rgba[..., 3] > 0).sum()


def test_regions_that_do_not_fit(cortex):
    brain = datasets.load_connectome()
    with pytest.raises(ValueError, match=r'L\.TH|L\.CER'):
        plot.regions_on_cortex({'one': np.ones(84)}, brain, cortex)
    cortical = brain.cortical()
    with pytest.raises(ShapeError, match=r'\(regions,\)'):
        plot.regions_on_cortex({'one': np.ones(84)}, cortical, cortex)
    with pytest.raises(ValueError, match="'nowhere'"):
        plot.regions_on_cortex({'one': np.ones(68)}, cortical, cortex, outlined='nowhere')
    with pytest.raises(ValueError, match='finite'):
        plot.regions_on_cortex({'one': np.full(68, np.inf)}, cortical, cortex)


def test_one_map_needs_no_title():
    values = np.arange(3.0)
    one = titled(values, 'on_cortex')
    assert list(one) == ['']
    assert one[''] is values
