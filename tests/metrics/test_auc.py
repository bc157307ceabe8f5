"""The area under the curve, against its definition and against the curve itself."""

import brainunit as u
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from brainfwd import metrics
from brainfwd._core.checks import ShapeError


def _by_pairs(scores, active):
    high, low = scores[active][:, None], scores[~active]
    return ((high > low) + 0.5 * (high == low)).mean()


def _by_curve(scores, active):
    """Trapezoids under true against false positives, threshold by threshold."""
    thresholds = np.r_[np.inf, np.unique(scores)[::-1]]
    hits = [(scores[active] >= t).mean() for t in thresholds]
    false_alarms = [(scores[~active] >= t).mean() for t in thresholds]
    return np.trapezoid(hits, false_alarms)


@hypothesis.given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: 0 < sum(active for _, active in pairs) < len(pairs)
    )
)
def test_equals_its_definition(pairs):
    scores, active = np.array([float(s) for s, _ in pairs]), np.array([a for _, a in pairs])
    assert metrics.auc(scores, active) == pytest.approx(_by_pairs(scores, active), abs=1e-12)
    assert metrics.auc(scores, active) == pytest.approx(_by_curve(scores, active), abs=1e-12)


def test_ends_and_middle():
    active = np.arange(10) >= 7
    assert metrics.auc(np.arange(10.0), active) == 1
    assert metrics.auc(-np.arange(1, 11.0)[::-1], active) == 0  # by magnitude
    assert metrics.auc(np.ones(10), active) == 0.5
    assert metrics.auc(np.arange(10.0), 7) == pytest.approx(7 / 9)
    noise = np.random.default_rng(0).normal(size=20000)
    assert metrics.auc(noise, np.arange(20000) % 7 == 0) == pytest.approx(0.5, abs=0.02)


def test_normal_scores():
    """Two normal distributions d apart have an area of Phi(d / sqrt 2)."""
    from scipy.stats import norm

    active = np.arange(20000) % 2 == 0
    scores = 100 + np.random.default_rng(0).normal(size=20000) + 1.5 * active
    assert metrics.auc(scores, active) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)


def test_many_maps_and_units():
    scores, active = np.random.default_rng(0).normal(size=(2, 3, 40)), np.arange(40) < 4
    areas = metrics.auc(scores * 1e-30 * u.tesla**2, active)
    assert np.allclose(areas, [[_by_pairs(abs(m), active) for m in run] for run in scores])


def test_errors():
    with pytest.raises(ValueError, match='at least one silent source'):
        metrics.auc(np.ones(4), np.ones(4, bool))
    with pytest.raises(ValueError, match='at least one active source'):
        metrics.auc(np.ones(4), np.zeros(4, bool))
    with pytest.raises(ShapeError, match=r'truth.*\(4,\)'):
        metrics.auc(np.ones(4), np.ones(5, bool))
    with pytest.raises(ValueError, match='finite'):
        metrics.auc(np.array([1, np.nan]), 0)
    with pytest.raises(ShapeError, match='one number'):
        metrics.auc(1.0, 0)
