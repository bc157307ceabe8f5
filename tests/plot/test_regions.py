"""BOLD, its correlations, and the connectome."""

import subprocess
import sys

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, plot
from brainfwd._core.checks import ShapeError, UnitError


@pytest.fixture(scope='module')
def brain():
    return datasets.load_connectome().cortical()


@pytest.fixture(scope='module')
def signal(brain):
    return 0.01 * np.random.default_rng(0).standard_normal((50, brain.n_regions))


def test_bold_in_percent(signal, brain, fits, texts):
    figure = plot.bold(np.arange(50) * 2 * u.second, signal, brain.labels, show=['L.SPG', 'R.CU'])
    assert fits(figure)
    top, bottom = figure.axes[:2]
    np.testing.assert_allclose(top.images[0].get_array(), 100 * signal.T)
    np.testing.assert_allclose(bottom.lines[1].get_ydata(), 100 * signal[:, brain.index('R.CU')])
    assert {'Time (s)', 'BOLD signal change (%)', 'BOLD signal\nchange (%)', 'R.CU'} <= set(texts(figure))


def test_bold_shows_the_regions_that_vary_most(signal, brain, texts):
    louder = signal * np.where(np.arange(68) == 40, 5, 1)
    figure = plot.bold(np.arange(50) * 2 * u.second, louder, brain.labels)
    assert brain.labels[40] in [text.get_text() for text in figure.legends[0].get_texts()]


def test_bold_is_a_fraction(signal, brain):
    with pytest.raises(UnitError, match=r'bold\(values\) is a relative change, dimensionless; got mV'):
        plot.bold(np.arange(50) * 2 * u.second, signal * u.mV, brain.labels)


def test_correlations_share_a_scale(signal, brain, fits, texts):
    simulated = np.corrcoef(signal.T)
    figure = plot.functional_connectivity(
        {'simulated': simulated, 'empirical': brain.functional_connectivity}, brain.labels, label='Correlation of BOLD'
    )
    assert fits(figure)
    left, right = figure.axes[:2]
    low, high = left.images[0].get_clim()
    assert (low, high) == right.images[0].get_clim()
    assert low == -high
    shown = left.images[0].get_array()
    assert shown.mask.diagonal().all()
    assert not shown.mask[~np.eye(68, dtype=bool)].any()
    np.testing.assert_allclose(shown[1, :1], simulated[1, :1])
    # the hemispheres meet between the 34th region and the next
    assert [line.get_xdata()[0] for line in left.lines if line.get_xdata()[0] == line.get_xdata()[1]] == [33.5]
    assert {'simulated', 'empirical', 'Correlation of BOLD', 'Region', 'L.BSTS'} <= set(texts(figure))


def test_connectivity_is_of_anything(signal, brain, texts):
    figure = plot.functional_connectivity({'one': abs(np.corrcoef(signal.T))}, brain.labels)
    assert 'Correlation' in texts(figure)
    assert figure.axes[0].images[0].get_clim()[0] == 0


def test_correlations_that_do_not_fit(brain):
    with pytest.raises(ShapeError, match='\\(regions, regions\\)'):
        plot.functional_connectivity({'one': np.eye(3)}, brain.labels)
    with pytest.raises(ValueError, match='at least one'):
        plot.functional_connectivity({}, brain.labels)


def test_connectome(brain, fits, texts):
    figure = plot.connectome(brain)
    assert fits(figure)
    weights, lengths = (axis.images[0].get_array() for axis in figure.axes[:2])
    np.testing.assert_array_equal(weights.mask, brain.weights == 0)
    np.testing.assert_allclose(lengths.compressed(), brain.tract_lengths.mantissa[brain.weights > 0])
    assert {'Tract length (mm)', 'Weight (dimensionless)', 'Source region', 'Target region'} <= set(texts(figure))


def test_figures_leave_pyplot_alone():
    run = (
        'import sys, brainunit as u, numpy as np; import brainstate; before = set(sys.modules);'
        'from brainfwd import plot;'
        "assert not {n for n in set(sys.modules) - before if n.startswith(('scipy.interp', 'matplotlib'))};"
        "figure = plot.region_time_series(np.arange(9) * u.second, np.zeros((9, 1)) * u.mV, ['one']);"
        "assert figure._repr_png_()[:4] == b'\\x89PNG'; "
        "assert 'matplotlib.pyplot' in before or 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, '-c', run], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
