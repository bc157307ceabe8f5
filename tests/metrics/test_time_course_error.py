"""Errors of time courses, against closed forms."""

import brainunit as u
import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError, UnitError

SCORE = metrics.time_course_error
T = 2 * np.pi * np.arange(1000) / 1000


@pytest.mark.parametrize('gain', [0.2, 1.0, 3.0])
@pytest.mark.parametrize('phase', [0.0, 0.3, np.pi / 2, np.pi])
def test_sines(gain, phase):
    """Over whole periods two sines are vectors with the angle of their phase between them."""
    errors = SCORE(gain * np.sin(5 * T + phase), np.sin(5 * T))
    assert errors.amplitude == pytest.approx(gain - 1)
    assert errors.shape == pytest.approx(2 * np.sin(phase / 2), abs=1e-9)
    assert errors.relative == pytest.approx(abs(gain * np.exp(1j * phase) - 1), abs=1e-9)


@hypothesis.given(
    pair=hnp.arrays(float, (2, 6, 3), elements=st.floats(-9, 9).filter(lambda x: x == 0 or abs(x) > 1e-6)),
    scale=st.floats(0.01, 100),
)
def test_properties(pair, scale):
    estimate, truth = pair
    hypothesis.assume(abs(estimate).max(axis=0).all() and abs(truth).max(axis=0).all())
    errors = SCORE(estimate, truth)
    np.testing.assert_allclose(errors.relative**2, errors.amplitude**2 + (1 + errors.amplitude) * errors.shape**2)
    scaled = SCORE(scale * estimate, truth)
    np.testing.assert_allclose(scaled.shape, errors.shape, atol=1e-12)
    np.testing.assert_allclose(scaled.amplitude + 1, scale * (errors.amplitude + 1))
    both = SCORE(estimate[::-1] * scale, truth[::-1] * scale)
    for each, expected in zip(both, errors, strict=True):
        np.testing.assert_allclose(each, expected, rtol=1e-9, atol=1e-9)
    # of courses less their means the shape is the correlation
    estimate, truth = (x - x.mean(axis=0) for x in pair)
    hypothesis.assume((abs(estimate).max(axis=0) > 1e-9).all() and (abs(truth).max(axis=0) > 1e-9).all())
    expected = 2 - 2 * metrics.correlation(estimate, truth)
    np.testing.assert_allclose(SCORE(estimate, truth).shape ** 2, expected, atol=1e-9)


def test_zeros_and_a_perfect_answer():
    truth = np.random.default_rng(0).normal(size=(50, 2))
    nothing = SCORE(np.zeros((50, 2)), truth)
    np.testing.assert_array_equal(nothing.relative, [1, 1])
    np.testing.assert_array_equal(nothing.amplitude, [-1, -1])
    assert np.isnan(nothing.shape).all()
    assert [each.tolist() for each in SCORE(truth, truth)] == [[0, 0]] * 3


def test_units_and_records(space):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(50, 2))
    estimate = truth + 0.3 * rng.normal(size=(50, 2))
    expected = np.stack(SCORE(estimate, truth))
    sources = space(np.zeros((2, 3)))
    record = records.SourceEstimate(estimate * u.nA * u.meter, sources, 4 * u.ms)
    np.testing.assert_allclose(SCORE(record, truth * 1e-9 * u.amp * u.meter), expected)
    np.testing.assert_allclose(SCORE(estimate * 1e-200, truth * 1e-200), expected)
    np.testing.assert_allclose(np.moveaxis(SCORE(estimate[None], truth[None]), 1, 0)[0], expected)
    compiled = jax.jit(lambda x: SCORE(x * u.nA * u.meter, truth * u.nA * u.meter))(estimate)
    np.testing.assert_allclose(compiled, expected, rtol=1e-4)


def test_components_are_more_times():
    """What the docs say to write for dipoles of free orientation."""
    estimate, truth = np.random.default_rng(0).normal(size=(2, 20, 4, 3))
    errors = SCORE(*(x.swapaxes(-1, -2).reshape(60, 4) for x in (estimate, truth)))
    size = np.sqrt(np.square(truth).sum(axis=(0, 2)))
    np.testing.assert_allclose(errors.relative, np.sqrt(np.square(estimate - truth).sum(axis=(0, 2))) / size)


def test_errors():
    x = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(UnitError, match=r'as the truth, in mV; got one without a unit: .* take correlation'):
        SCORE(x, x * u.mV)
    with pytest.raises(UnitError, match=r'estimate\) is as the truth, in mV; got nA'):
        SCORE(x * u.nA, x * u.mV)
    with pytest.raises(UnitError, match=r'estimate\) is as the truth, dimensionless; got nA'):
        SCORE(x * u.nA, x)
    with pytest.raises(ShapeError, match=r'shape of the estimate, \(50, 2\); got \(50,\)'):
        SCORE(x, x[:, 0])
    with pytest.raises(ShapeError, match='at least 1 time; got'):
        SCORE(x[:0], x[:0])
    with pytest.raises(ValueError, match='got a silent source at source 1'):
        SCORE(x, x * [1, 0])
    with pytest.raises(ValueError, match=r'time_course_error\(truth\) must be finite'):
        SCORE(x, x * [1, np.nan])
