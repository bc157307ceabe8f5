"""Angles between dipoles, against angles that were put in."""

import brainunit as u
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from brainfwd import metrics
from brainfwd._core.checks import ShapeError

SCORE = metrics.orientation_error


def _turned(degrees, seed):
    """Two vectors with an angle between them, anywhere in space."""
    a, b = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0][:2]
    return a, np.cos(np.radians(degrees)) * a + np.sin(np.radians(degrees)) * b


@hypothesis.given(
    degrees=st.one_of(st.floats(0, 180), st.sampled_from([1e-9, 180 - 1e-9])),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-200, 1e-9, 1.0, 1e6]),
)
def test_angle(degrees, seed, scale):
    a, b = _turned(degrees, seed)
    for one, other in ((a, b), (b, a), (scale * a, -1 * -b), (-a, -b * scale)):
        error = SCORE(one[None] * u.nA * u.meter, other[None])
        assert error.unit == u.degree
        assert error.mantissa[0] == pytest.approx(degrees, rel=1e-6, abs=1e-13)
    assert SCORE(-a, b).mantissa == pytest.approx(180 - degrees, rel=1e-6, abs=1e-6)
    unsigned = SCORE(-a, b, signed=False)
    assert unsigned.mantissa == pytest.approx(min(degrees, 180 - degrees), rel=1e-6, abs=1e-13)


def test_many_times_against_one_direction():
    estimate, normals = np.random.default_rng(0).normal(size=(7, 4, 3)), np.eye(3)[[0, 1, 2, 0]]
    errors = SCORE(estimate, normals)
    cosine = (estimate * normals).sum(axis=-1) / np.linalg.norm(estimate, axis=-1)
    np.testing.assert_allclose(errors.to_decimal(u.radian), np.arccos(cosine))
    np.testing.assert_allclose(SCORE(estimate, np.tile(normals, (7, 1, 1))).mantissa, errors.mantissa)


def test_no_direction_and_errors():
    vectors = np.ones((4, 3))
    assert np.isnan(SCORE(vectors * np.array([[0], [1], [1], [1]]), vectors).mantissa).tolist() == [True] + [False] * 3
    with pytest.raises(ValueError, match=r'got a moment of 0 at index \(2,\)'):
        SCORE(vectors, vectors * np.array([[1], [1], [0], [1]]))
    with pytest.raises(ShapeError, match=r'estimate\) has shape \(\.\.\., sources, 3\); got \(4, 2\)'):
        SCORE(vectors[:, :2], vectors)
    with pytest.raises(ShapeError, match=r'truth\) has shape \(4, 3\) of the estimate; got \(3, 3\)'):
        SCORE(vectors, vectors[:3])
    with pytest.raises(ValueError, match=r'orientation_error\(truth\) must be finite'):
        SCORE(vectors, vectors * np.nan)
