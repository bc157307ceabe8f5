"""Correlation, against closed forms and NumPy."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import metrics, records
from brainfwd._core.checks import ShapeError


def test_sines():
    """Over whole periods, the correlation of two sines is the cosine of the phase between them."""
    t = np.arange(1000) / 1000
    for phase in (0.0, 0.3, np.pi / 2, np.pi):
        a, b = np.sin(2 * np.pi * 5 * t), np.sin(2 * np.pi * 5 * t + phase)
        assert metrics.correlation(a, b) == pytest.approx(np.cos(phase), abs=1e-12)


def test_each_source_with_its_counterpart():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 50, 4))
    expected = [[np.corrcoef(a[i, :, j], b[i, :, j])[0, 1] for j in range(4)] for i in range(3)]
    assert np.allclose(metrics.correlation(a, b), expected)


@pytest.mark.parametrize('scale', [1e-300, 1e-30, 1.0, 1e6])
def test_scale_offset_and_unit_do_not_matter(scale):
    a, b = np.random.default_rng(0).normal(size=(2, 50))
    expected = np.corrcoef(a, b)[0, 1]
    assert metrics.correlation(scale * (a + 3) * u.nA * u.meter, b * u.mV) == pytest.approx(expected)
    assert metrics.correlation(-scale * a, jnp.asarray(b)) == pytest.approx(-expected, abs=1e-6)


def test_takes_estimates():
    sources = records.SourceSpace(
        np.zeros((2, 3)) * u.mm, np.tile([0, 0, 1.0], (2, 1)), np.ones(2) * u.mm**2, [0, 1], [0, 0], [1, 2]
    )
    data = np.random.default_rng(0).normal(size=(50, 2))
    estimate = records.SourceEstimate(data * u.nA * u.meter, sources, 2 * u.ms)
    assert np.allclose(metrics.correlation(estimate, data * [1, -2] * u.mV), [1, -1])


def test_errors():
    x = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(ShapeError, match=r'shape of the estimate, \(50, 2\); got \(50,\)'):
        metrics.correlation(x, x[:, 0])
    with pytest.raises(ShapeError, match='at least 2 times'):
        metrics.correlation(x[:1], x[:1])
    with pytest.raises(ValueError, match=r'correlation\(truth\) must be finite'):
        metrics.correlation(x, x * [1, np.nan])
    for constant in (0.0, 1.0, 1e-30, 0.1 + 1e5):
        with pytest.raises(ValueError, match=r'correlation\(truth\) varies in time; got a constant at source 1'):
            metrics.correlation(x, x * [1, 0] + [0, constant])
