"""The Kuramoto order parameter, against phases whose mean is known."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import metrics

T = np.arange(4000) / 250


def test_two_oscillators_beat():
    """Two frequencies: |cos| of half the difference, with mean 2 / pi and mean square 1 / 2."""
    x = np.cos(2 * np.pi * np.array([10.0, 11.0]) * T[:, None]) * [1, 30] * u.mV
    order = metrics.kuramoto_order_parameter(x)
    assert order.shape == (4000,)
    np.testing.assert_allclose(order, abs(np.cos(np.pi * T)), atol=1e-10)
    assert metrics.synchrony(x) == pytest.approx(2 / np.pi, abs=1e-3)
    assert metrics.metastability(x) == pytest.approx(np.sqrt(1 / 2 - 4 / np.pi**2), abs=1e-3)


def test_in_a_band():
    x = np.cos(2 * np.pi * np.array([10.0, 11.0]) * T[:, None]) + 2 * np.cos(2 * np.pi * 40 * T[:, None])
    order = metrics.kuramoto_order_parameter(x, 4 * u.ms, band=(7 * u.Hz, 14 * u.Hz))
    np.testing.assert_allclose(order[250:-250], abs(np.cos(np.pi * T))[250:-250], atol=0.02)


def test_splay_state_and_full_synchrony():
    turning = np.exp(2j * np.pi * 10 * T)[:, None]
    for spread, expected in ((0.0, 1.0), (1.0, 0.0)):
        z = turning * np.exp(2j * np.pi * spread * np.arange(5) / 5)
        assert metrics.synchrony(z) == pytest.approx(expected, abs=1e-12)
        assert metrics.metastability(z) == pytest.approx(0, abs=1e-12)


def test_independent_regions():
    """The mean of N unit vectors in the plane is Rayleigh."""
    n = 100
    z = np.exp(2j * np.pi * np.random.default_rng(0).random((3, 20_000, n)))
    np.testing.assert_allclose(metrics.synchrony(z), np.sqrt(np.pi / (4 * n)), rtol=0.02)
    np.testing.assert_allclose(metrics.metastability(z), np.sqrt((1 - np.pi / 4) / n), rtol=0.02)


def test_errors_name_the_function():
    x = np.ones((100, 2))
    for measure in (metrics.kuramoto_order_parameter, metrics.synchrony, metrics.metastability):
        with pytest.raises(ValueError, match=rf'{measure.__name__}\(data\) varies in time; got a constant at region 0'):
            measure(x)
        with pytest.raises(ValueError, match=rf'{measure.__name__}\(sampling_period=\.\.\.\)'):
            measure(np.random.default_rng(0).normal(size=(100, 2)), band=(8 * u.Hz, 13 * u.Hz))
