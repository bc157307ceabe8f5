"""The connectome as a graph."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, plot
from brainfwd.records import Connectome

# right back and low, left front and low, left back and high, and one that has no place; mm
CENTRES = np.array([[40.0, -60, 0], [-30, 50, 10], [-20, -40, 60], [np.nan] * 3])
# the strongest link of all is that of the region without a place; the next runs in one direction alone
WEIGHTS = np.array([[0.0, 3, 0, 99], [3, 0, 8, 0], [1, 0, 0, 0], [99, 0, 0, 0]])


def made(weights=WEIGHTS, centres=CENTRES):
    return Connectome(
        weights, np.ones((4, 4)) * u.mm, ('R.A', 'L.B', 'L.C', 'L.D'), np.arange(4), centres * u.mm, np.ones(4, bool)
    )


def edges(axis):
    (lines,) = [c for c in axis.collections if type(c).__name__ == 'LineCollection']
    return lines


def dots(axis):
    (found,) = [c for c in axis.collections if type(c).__name__ == 'PathCollection']
    return found


@pytest.mark.parametrize(
    ('view', 'seen'),
    [
        ('from the left', lambda p: np.stack([-p[:, 1], p[:, 2]], axis=1)),
        ('from above', lambda p: p[:, :2]),
        ('from behind', lambda p: p[:, [0, 2]]),
    ],
)
def test_edges_join_the_centres_of_the_strongest(view, seen):
    (axis,) = [axis for axis in plot.connectome_graph(made(), n_edges=2).axes if axis.get_title() == view]
    at = seen(CENTRES)
    # B-C is 4 on average, A-B is 3, C-A is 0.5: the weakest is left out
    np.testing.assert_allclose(edges(axis).get_segments(), [at[[0, 1]], at[[1, 2]]])
    np.testing.assert_allclose(edges(axis).get_array(), [3, 4])
    thin, thick = edges(axis).get_linewidths()
    assert thin < thick
    np.testing.assert_allclose(sorted(map(tuple, dots(axis).get_offsets())), sorted(map(tuple, at[:3])))


def test_dots_are_as_large_as_regions_are_connected():
    axis = plot.connectome_graph(made()).axes[1]
    # from above the lowest is drawn first: A, B, C; what the region without a place adds counts
    strength = np.array([3 + 0.5 + 99, 3 + 4, 4 + 0.5])
    sizes = dots(axis).get_sizes()
    np.testing.assert_allclose((sizes - sizes[2]) / (sizes[0] - sizes[2]), (strength - 4.5) / (102.5 - 4.5))
    colours = dots(axis).get_facecolors()
    assert (colours[1] == colours[2]).all()
    assert (colours[0] != colours[1]).any()


def test_names_are_those_of_the_largest_on_their_side(texts):
    figure = plot.connectome_graph(made(), n_labels=2)
    assert {'R.A', 'L.B'} <= set(texts(figure))
    assert not {'L.C', 'L.D'} & set(texts(figure))
    # nose to the left: the region at the front is named at the left
    at = {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}
    assert at['L.B'] < -50 < 60 < at['R.A']
    at = {text.get_text(): text.get_position()[0] for text in figure.axes[1].texts}
    assert at['L.B'] < at['L'] < at['R'] < at['R.A']


def test_what_is_left_out_is_said(fits, texts):
    figure = plot.connectome_graph(datasets.load_connectome(), cortex=datasets.load_cortex(), title='all')
    assert fits(figure)
    assert {
        '16 regions without a centre are not shown',
        'the 150 strongest connections',
        'Weight (dimensionless)',
        'left hemisphere',
        'right hemisphere',
        '50 mm',
        'all',
    } <= set(texts(figure))
    assert len(edges(figure.axes[0]).get_segments()) == 150
    assert len(dots(figure.axes[0]).get_offsets()) == 68


def test_views_share_a_scale_and_names_do_not_overlap(fits):
    figure = plot.connectome_graph(datasets.load_connectome(), n_labels=16)
    assert fits(figure)
    renderer = figure.canvas.get_renderer()
    views = figure.axes[:3]
    scale = [axis.transData.transform([[0, 0], [0, 50]])[:, 1] @ [-1, 1] for axis in views]
    np.testing.assert_allclose(scale, scale[0], rtol=0.01)
    for axis in views:
        # of the text alone, without the line to its dot
        boxes = [super(type(text), text).get_window_extent(renderer) for text in axis.texts if '.' in text.get_text()]
        assert len(boxes) == 16
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_nothing_to_show():
    with pytest.raises(ValueError, match='needs the centres'):
        plot.connectome_graph(made(centres=np.full((4, 3), np.nan)))
    with pytest.raises(ValueError, match='no region with a centre is connected'):
        plot.connectome_graph(made(weights=WEIGHTS * (WEIGHTS == 99)))
    with pytest.raises(ValueError, match='n_edges'):
        plot.connectome_graph(made(), n_edges=0)
