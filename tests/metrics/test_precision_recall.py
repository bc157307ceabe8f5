"""Shares of selected and active sources, counted by hand."""

import brainunit as u
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from brainfwd import metrics
from brainfwd._core.checks import ShapeError, UnitError

SCORE = metrics.precision_recall


def test_counts():
    estimate, active = np.array([1.0, -0.6, 0.5, 0.4, 0]), np.array([True, True, False, True, True])
    scores = SCORE(estimate, active, threshold=0.5)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 4)
    assert scores.f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert SCORE(estimate, active, threshold=1) == (1, 1 / 4, pytest.approx(2 / 5))
    assert SCORE(estimate, 2, threshold=0.1) == (1 / 4, 1, pytest.approx(2 / 5))
    assert SCORE(estimate, 4, threshold=0.1) == (0, 0, 0)


@hypothesis.given(
    rows=st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=20).filter(
        lambda rows: any(s for s, _ in rows) and any(a for _, a in rows)
    ),
    threshold=st.floats(0.05, 1),
    seed=st.integers(0, 5),
)
def test_does_not_depend_on_scale_or_order(rows, threshold, seed):
    estimate, active = np.array([float(s) for s, _ in rows]), np.array([a for _, a in rows])
    expected = SCORE(estimate, active, threshold=threshold)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert SCORE(estimate[order] * (-(2.0**-90) * u.tesla), active[order], threshold=threshold) == expected
    as_mask = abs(estimate) >= threshold * abs(estimate).max()
    assert SCORE(as_mask, active) == expected
    # the harmonic mean lies between
    assert min(expected[:2]) - 1e-12 <= expected.f1 <= max(expected[:2]) + 1e-12


def test_nothing_selected():
    active = np.array([True, False, False])
    for scores in (SCORE(np.zeros(3), active, threshold=0.5), SCORE(np.zeros(3, bool), active)):
        assert np.isnan(scores.precision)
        assert (scores.recall, scores.f1) == (0, 0)


def test_many_maps(space):
    maps = np.random.default_rng(0).normal(size=(2, 3, 40))
    active, sources = np.arange(40) < 4, space(np.random.default_rng(1).normal(size=(40, 3)))
    for options in ({}, {'tolerance': 0.5 * u.mm, 'sources': sources}):
        scores = SCORE(maps, active, threshold=0.6, **options)
        for i, j in np.ndindex(2, 3):
            alone = SCORE(maps[i, j], active, threshold=0.6, **options)
            assert [each[i, j] for each in scores] == pytest.approx(list(alone))


def test_tolerance(space):
    sources = space(np.outer([0.0, 10, 20, 30, 100], [1, 0, 0]))
    selected = np.array([False, True, False, True, True])
    at_0_and_30 = np.array([True, False, False, True, False])
    exact, none = SCORE(selected, at_0_and_30), SCORE(selected, at_0_and_30, tolerance=0 * u.mm, sources=sources)
    assert exact == none == (1 / 3, 1 / 2, pytest.approx(2 / 5))
    near = SCORE(selected, at_0_and_30, tolerance=1 * u.cmeter, sources=sources)
    assert near == (2 / 3, 1, pytest.approx(4 / 5))
    assert SCORE(selected, 0, tolerance=30 * u.mm, sources=sources) == (2 / 3, 1, pytest.approx(4 / 5))
    silent = SCORE(np.zeros(5, bool), 0, tolerance=30 * u.mm, sources=sources)
    assert (silent.recall, silent.f1) == (0, 0)


def test_errors(space):
    sources = space(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r'threshold=\.\.\.\) is a share .* write threshold=0\.5'):
        SCORE(np.ones(4), 0)
    for bad in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match='above 0 up to 1; got'):
            SCORE(np.ones(4), 0, threshold=bad)
    with pytest.raises(ValueError, match='got a mask, which says itself what is selected'):
        SCORE(np.ones(4, bool), 0, threshold=0.5)
    with pytest.raises(ValueError, match=r'sources=\.\.\.\) says where the sources are'):
        SCORE(np.ones(4, bool), 0, tolerance=1 * u.mm)
    with pytest.raises(UnitError, match=r'how far off a source may be, in mm; got a bare number: write 5\. \* u\.mm'):
        SCORE(np.ones(4, bool), 0, tolerance=5, sources=sources)
    with pytest.raises(ValueError, match='must not be negative'):
        SCORE(np.ones(4, bool), 0, tolerance=-1 * u.mm, sources=sources)
    with pytest.raises(ShapeError, match=r'has shape \(4,\) \(\.\.\., sources\); got \(3,\)'):
        SCORE(np.ones(3, bool), 0, tolerance=1 * u.mm, sources=sources)
    with pytest.raises(ValueError, match='at least one active source'):
        SCORE(np.ones(4, bool), np.zeros(4, bool))
