"""The directions in which channels vary."""

import numpy as np
import pytest

from brainfwd._core.covariance import directions


@pytest.mark.parametrize('units', [np.ones(4), np.array([1e-15, 1e-6, 1e6, 1e-13])], ids=['alike', 'T and V'])
def test_correlations_whatever_the_units(units):
    factor = np.random.default_rng(0).normal(size=(4, 4))
    covariance = factor @ factor.T
    std, values, vectors = directions(covariance * np.outer(units, units))
    np.testing.assert_allclose(std, np.sqrt(np.diag(covariance)) * units)
    np.testing.assert_allclose((vectors * values) @ vectors.T, covariance / np.outer(std / units, std / units))


def test_lost_ranks_and_dead_channels_are_zeros():
    factor = np.array([[1.0, 2.0], [3.0, 1.0], [4.0, 3.0], [0.0, 0.0]])  # the third is the sum of the first two
    std, values, _ = directions(1e-26 * factor @ factor.T)
    assert std[3] == 0
    assert (values > 0).sum() == 2
    assert (values[values <= 1e-12] == 0).all()
