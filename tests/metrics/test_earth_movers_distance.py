"""Transport of maps, against distributions on a line, closed forms, and a linear program."""

import sys
import time

import brainunit as u
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from brainfwd import metrics
from brainfwd._core.checks import ShapeError

pytest.importorskip('ot')
SCORE = metrics.earth_movers_distance


def test_between_single_sources_it_is_their_distance(space):
    sources = space([[0, 0, 0], [3, 4, 0], [0, 0, 10]])
    distances = SCORE(np.eye(3), sources, 0)
    assert distances.unit == u.mm
    np.testing.assert_allclose(distances.mantissa, [0, 5, 10])


def test_to_a_single_source_it_is_the_mean_distance(space):
    rng = np.random.default_rng(0)
    places, estimate = rng.normal(size=(50, 3)), rng.normal(size=50)
    expected = np.average(np.linalg.norm(places - places[4], axis=1), weights=abs(estimate))
    assert SCORE(estimate, space(places), 4).mantissa == pytest.approx(expected)


@hypothesis.given(
    st.lists(st.tuples(st.floats(-80, 80), st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12).filter(
        lambda rows: any(a for _, a, _ in rows) and any(b for _, _, b in rows)
    )
)
@hypothesis.settings(deadline=None)
def test_on_a_line_as_scipy(space, rows):
    from scipy.stats import wasserstein_distance

    at, a, b = np.array(rows, float).T
    expected = wasserstein_distance(at, at, a, b)
    found = SCORE(a, space(np.outer(at, [0.6, 0, 0.8])), b)
    assert found.mantissa == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_in_space_as_a_linear_program(space):
    from scipy.optimize import linprog
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    n = 8
    places, a, b = rng.normal(size=(n, 3)), rng.uniform(size=n), rng.uniform(size=n)
    rows, columns = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
    solved = linprog(cdist(places, places).ravel(), A_eq=np.r_[rows, columns], b_eq=np.r_[a / a.sum(), b / b.sum()])
    assert SCORE(a, space(places), b).mantissa == pytest.approx(solved.fun, rel=1e-9)


def test_moving_a_map_costs_the_way(space):
    """No plan is cheaper than to shift everything by the same vector."""
    rng = np.random.default_rng(0)
    places, a = rng.normal(size=(20, 3)), rng.uniform(size=20)
    both = space(np.r_[places, places + [30, 40, 0]])
    assert SCORE(np.r_[a, 0 * a], both, np.r_[0 * a, a]).mantissa == pytest.approx(50)


@pytest.mark.parametrize('scale', [-1.0, 1e-200, 1e200, 1e-30 * u.tesla**2])
def test_scale_rotation_order_and_direction_do_not_matter(space, scale):
    rng = np.random.default_rng(0)
    places, a, b = rng.normal(size=(40, 3)) * 50, rng.normal(size=(2, 40)), rng.normal(size=40)
    expected = SCORE(a, space(places), b).mantissa
    assert (expected > 1).all()
    turn, order = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.permutation(40)
    moved = space((places @ turn + 7)[order])
    np.testing.assert_allclose(SCORE(a[:, order] * scale, moved, b[order] * u.mV).mantissa, expected, rtol=1e-9)
    assert SCORE(b, space(places), a[0]).mantissa == pytest.approx(expected[0], rel=1e-9)
    np.testing.assert_allclose(SCORE(a * scale, space(places), 3 * a).mantissa, 0, atol=1e-12)


def test_active_sources_are_a_map(space):
    rng = np.random.default_rng(0)
    sources, a = space(rng.normal(size=(30, 3))), rng.normal(size=30)
    active = np.arange(30) < 4
    assert SCORE(a, sources, active).mantissa == SCORE(a, sources, active.astype(float)).mantissa


def test_thousands_of_sources_against_a_few(space):
    rng = np.random.default_rng(0)
    places, a = rng.normal(size=(20_000, 3)) * 50, rng.uniform(size=20_000)
    start = time.process_time()
    found = SCORE(a, space(places), np.isin(np.arange(20_000), [5, 50, 500])).mantissa
    assert time.process_time() - start < 5
    # each source to the nearest, whatever may arrive there, is a lower bound; all to the first an upper one
    distances = np.linalg.norm(places[:, None] - places[[5, 50, 500]], axis=-1)
    assert np.average(distances.min(axis=1), weights=a) < found < np.average(distances.max(axis=1), weights=a)


def test_errors(space, monkeypatch):
    sources = space(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r'earth_movers_distance\(truth\) .* zero everywhere'):
        SCORE(np.ones(4), sources, np.zeros(4))
    with pytest.raises(ValueError, match='at least one active source'):
        SCORE(np.ones(4), sources, np.zeros(4, bool))
    with pytest.raises(ShapeError, match=r'truth\) has shape \(4,\) \(\.\.\., sources\); got \(3,\)'):
        SCORE(np.ones(4), sources, np.ones(3))
    with pytest.raises(ShapeError, match=r'or that of the estimate, \(4,\); got \(2, 4\)'):
        SCORE(np.ones(4), sources, np.ones((2, 4)))
    many = space(np.zeros((10_000, 3)))
    half = np.arange(10_000) < 5000
    with pytest.raises(ValueError, match=r'16777216 pairs .* there are 5000 times 5000: set what is weak to zero'):
        SCORE(half, many, ~half)
    monkeypatch.setitem(sys.modules, 'ot', None)
    with pytest.raises(ImportError, match=r"pip install 'brainfwd\[transport\]'"):
        SCORE(np.eye(4)[0], sources, 1)
