"""Functional connectivity and its dynamics, against series made to have a given correlation."""

import brainunit as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfwd import metrics
from brainfwd._core.checks import ShapeError, UnitError

fc, fcd = metrics.functional_connectivity, metrics.functional_connectivity_dynamics

ONE = np.array([[1.0, 0.6, -0.3, 0.1], [0.6, 1.0, 0.2, 0.0], [-0.3, 0.2, 1.0, 0.4], [0.1, 0.0, 0.4, 1.0]])
OTHER = np.array([[1.0, -0.5, 0.2, 0.3], [-0.5, 1.0, 0.1, 0.4], [0.2, 0.1, 1.0, -0.2], [0.3, 0.4, -0.2, 1.0]])
UPPER = np.triu_indices(4, k=1)


def series(correlation, n_times, seed=0):
    """Series of which the samples, and not only what they are drawn from, have this correlation."""
    x = np.random.default_rng(seed).normal(size=(n_times, len(correlation)))
    orthonormal = np.linalg.qr(x - x.mean(axis=0))[0]
    return orthonormal @ np.linalg.cholesky(correlation).T


def test_series_with_a_given_correlation():
    np.testing.assert_allclose(fc(series(ONE, 50)), ONE, atol=1e-14)


def test_a_mixture_of_independent_sources():
    mixing = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
    x = np.random.default_rng(0).normal(size=(100_000, 3)) @ mixing.T
    covariance = mixing @ mixing.T
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(fc(x), covariance / np.outer(spread, spread), atol=0.01)


def test_sines_correlate_as_the_cosine_of_the_phase_between_them():
    phases = np.array([0.0, 0.4, 2.0])
    x = np.sin(2 * np.pi * np.arange(1000)[:, None] / 100 + phases)
    np.testing.assert_allclose(fc(x), np.cos(phases[:, None] - phases), atol=1e-12)


@given(
    st.integers(0, 2**31),
    st.permutations(range(4)),
    st.lists(st.floats(-30, 30), min_size=4, max_size=4),
    st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4),
)
def test_scale_offset_unit_and_order_do_not_matter(seed, order, powers, offsets):
    x = np.random.default_rng(seed).normal(size=(30, 4))
    # offsets in the size of each series, or its digits are lost before anything is computed
    scaled = (x + offsets)[:, order] * 10.0 ** np.array(powers)
    np.testing.assert_allclose(fc(scaled * u.mV), fc(x)[np.ix_(order, order)], atol=1e-10)
    np.testing.assert_allclose(fc(x), np.corrcoef(x, rowvar=False), atol=1e-12)


def test_batches():
    x = np.random.default_rng(0).normal(size=(2, 3, 50, 4))
    assert fc(x).shape == (2, 3, 4, 4)
    np.testing.assert_allclose(fc(x)[1, 2], fc(x[1, 2]))
    dynamics = fcd(x, 2 * u.second, window=20 * u.second, step=6 * u.second)
    assert dynamics.shape == (2, 3, 14, 14)
    np.testing.assert_allclose(dynamics[1, 2], fcd(x[1, 2], 2 * u.second, window=20 * u.second, step=6 * u.second))


def test_dynamics_of_a_brain_with_two_states():
    states = np.array([0, 1, 1, 0, 0, 1])
    x = np.concatenate([series((ONE, OTHER)[state], 30, seed) for seed, state in enumerate(states)])
    dynamics = fcd(x, 2 * u.second, window=60 * u.second, step=60 * u.second)
    across = np.corrcoef(ONE[UPPER], OTHER[UPPER])[0, 1]
    np.testing.assert_allclose(dynamics, np.where(states[:, None] == states, 1.0, across), atol=1e-12)


def test_windows_are_counted_in_samples_to_the_last_that_fits():
    x = np.random.default_rng(0).normal(size=(70, 4))
    # 60 s are 83.3 samples of 0.72 s, 10 s are 13.9
    assert fcd(np.concatenate([x, x]), 0.72 * u.second).shape == (5, 5)
    dynamics = fcd(x, 1 * u.second, window=20 * u.second, step=10 * u.second)
    assert dynamics.shape == (6, 6)
    first, last = fc(x[:20])[UPPER], fc(x[50:])[UPPER]
    assert dynamics[0, 5] == pytest.approx(np.corrcoef(first, last)[0, 1], abs=1e-12)
    np.testing.assert_allclose(dynamics, dynamics.T, atol=1e-15)
    np.testing.assert_allclose(np.diag(dynamics), 1.0)


@pytest.mark.peers
def test_as_braintools():
    peer = pytest.importorskip('braintools').metric
    x = np.random.default_rng(0).normal(size=(200, 6)).cumsum(axis=0)
    # float32 there
    np.testing.assert_allclose(fc(x), peer.functional_connectivity(x), atol=1e-5)
    np.testing.assert_allclose(fcd(x, 2 * u.second), peer.functional_connectivity_dynamics(x, 30, 5), atol=1e-5)


def test_errors_name_what_is_constant():
    x = np.random.default_rng(0).normal(size=(70, 4))
    flat = x * [1, 1, 0, 1] + [0, 0, 0.1 + 1e5, 0]
    with pytest.raises(ValueError, match=r'functional_connectivity\(data\) varies in time; got a constant at region 2'):
        fc(flat)
    partly = x.copy()
    partly[30:, 1] = 3.0
    with pytest.raises(ValueError, match=r'dynamics\(data\), 30 s after its first .* varies in time; .* at region 1'):
        fcd(partly, 1 * u.second, window=20 * u.second, step=10 * u.second)
    alike = np.random.default_rng(0).normal(size=(70, 1)) * np.ones(3)
    with pytest.raises(ValueError, match='functional connectivity varies over pairs; got a constant at window 0'):
        fcd(alike, 1 * u.second, window=20 * u.second, step=10 * u.second)


def test_errors_of_times():
    x = np.random.default_rng(0).normal(size=(70, 4))
    with pytest.raises(ValueError, match=r'sampling_period=\.\.\.\) is the time between samples: write 2\. \* u\.ms'):
        fcd(x)
    with pytest.raises(UnitError, match=r'window=\.\.\.\) is a time, in s; got a bare number: write 30\. \* u\.second'):
        fcd(x, 1 * u.second, window=30)
    with pytest.raises(UnitError, match=r'step=\.\.\.\) is a time, in s; got Hz'):
        fcd(x, 1 * u.second, step=1 * u.Hz)
    with pytest.raises(ValueError, match=r'as long as two windows, 140 s, at least; got 70 s: take a shorter window'):
        fcd(x, 1 * u.second, window=70 * u.second, step=70 * u.second)
    with pytest.raises(ValueError, match='got a window of 2 s and a step of 10 s'):
        fcd(x, 1 * u.second, window=2 * u.second)
    with pytest.raises(ValueError, match='a step of 0 s'):
        fcd(x, 1 * u.second, window=20 * u.second, step=0 * u.second)
    with pytest.raises(ShapeError, match='at least 3 regions, for 3 pairs to correlate; got 2'):
        fcd(x[:, :2], 1 * u.second)
