"""Reliability diagrams and rank histograms show what the curves and tests say."""

import numpy as np
import pytest

from brainfwd import plot, uncertainty


@pytest.fixture(scope='module')
def curves():
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(40) < 5, rng.normal(size=(50, 40)), 0.0)
    variance = np.where(np.arange(40) < 8, 1 / 9, 0.0)
    mean = np.where(variance > 0, truth + rng.normal(size=truth.shape), 0.0)
    return uncertainty.coverage_curves(truth, mean, variance, selected=variance > 0)


def test_reliability(curves, fits, texts):
    figure = plot.reliability(curves, 'a sparse solver')
    assert fits(figure)
    assert {'a sparse solver', 'Level of the credible region (%)', 'Truths inside (%)'} <= set(texts(figure))
    assert any(text.startswith('all: mixed, 2000 entries, 1600 of variance 0') for text in texts(figure))
    assert any(text.startswith('active: overconfident, 250 entries') for text in texts(figure))
    axis = figure.axes[0]
    diagonal, *lines = axis.lines
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    for line, curve in zip(lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), curve.levels)
        np.testing.assert_array_equal(line.get_ydata(), curve.empirical)
    places = {text.get_text(): text.get_position() for text in axis.texts}
    # each on its side of the diagonal, and outside, where no curve is
    assert places['overconfident'][0] > 1 > places['overconfident'][1]
    assert places['underconfident'][0] < 1 < places['underconfident'][1]
    assert len({line.get_color() for line in lines}) == 3


def test_one_curve_without_a_name(curves, fits, texts):
    figure = plot.reliability(curves['selected'])
    assert fits(figure)
    assert 'overconfident, 400 entries' in texts(figure)


@pytest.mark.parametrize(('times', 'says'), [(1.0, 'uniform, p = '), (0.3, 'not uniform, p < 0.001')])
def test_rank_histogram(times, says, fits, texts):
    rng = np.random.default_rng(2)
    mean = rng.normal(size=400)
    ranks = uncertainty.sbc_ranks(mean + rng.normal(size=400), mean + times * rng.normal(size=(50, 400)))
    figure = plot.rank_histogram(ranks, n_samples=50, title='source 3')
    assert fits(figure)
    assert any(text.startswith(says) for text in texts(figure))
    bars = figure.axes[0].patches
    # 51 ranks in 20 bars: of two or three, each relative to its share
    counts = [round(bar.get_height() * 400 * bar.get_width() / 51) for bar in bars]
    edges = [bar.get_x() for bar in bars] + [50.5]
    np.testing.assert_array_equal(counts, np.histogram(ranks, edges)[0])
    assert sum(counts) == 400
    if times < 1:
        assert bars[0].get_height() > 2 < bars[-1].get_height()


def test_pit_histogram(fits, texts):
    figure = plot.rank_histogram(np.random.default_rng(3).random((20, 10)), n_bins=10)
    assert fits(figure)
    assert {'Posterior probability below the truth', '200 values'} <= set(texts(figure))
    assert len(figure.axes[0].patches) == 10


def test_bad_input(curves):
    with pytest.raises(ValueError, match='at least one curve'):
        plot.reliability({})
    with pytest.raises(TypeError, match='got ndarray'):
        plot.reliability({'all': curves['all'].empirical})
    with pytest.raises(ValueError, match='between 0 and 1'):
        plot.rank_histogram([3, 4])
    with pytest.raises(ValueError, match='n_bins'):
        plot.rank_histogram([0.3, 0.4], n_bins=0)
