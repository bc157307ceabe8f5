"""Variances of sources against MNE-Python's gamma_map, which follows the same likelihood by other steps."""

import numpy as np
import pytest

from brainfwd.inverse.bayes.evidence import learn

mne = pytest.importorskip('mne')
from mne.inverse_sparse._gamma_map import _gamma_map_opt  # noqa: E402

pytestmark = pytest.mark.peers


def _theirs(data, gain, level, mode):
    """(sources * k, times) mean of the sources."""
    n, sources, k = gain.shape
    mean = np.zeros((sources * k, data.shape[1]))
    with mne.utils.use_log_level('error'):
        active, chosen = _gamma_map_opt(
            data, gain.reshape(n, -1), level, maxit=20_000, tol=1e-9, update_mode=mode, group_size=k
        )
    mean[chosen] = active
    return mean


def _ours(data, gain, level):
    n, _, k = gain.shape
    learned = learn(gain, data @ data.T / data.shape[1], noise=level * np.eye(n), max_iter=20_000, tol=1e-8)
    assert learned.slope <= 1e-8
    columns, gamma = gain.reshape(n, -1), np.repeat(learned.gamma, k)
    return gamma[:, None] * columns.T @ np.linalg.solve((columns * gamma) @ columns.T + level * np.eye(n), data)


@pytest.mark.parametrize('mode', [1, 2])
@pytest.mark.parametrize('seed', [1, 3])
def test_same_sources(seed, mode):
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(16, 60, 1))
    data = gain[:, [5, 33], 0] @ rng.normal(size=(2, 100)) + 0.5 * rng.normal(size=(16, 100))
    expected = _theirs(data, gain, 0.25, mode)
    assert np.linalg.norm(_ours(data, gain, 0.25) - expected) < 5e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize('mode', [1, 2])
def test_three_components_with_one_variance_are_not_shrunk(mode):
    """One source, of columns at right angles: what is most likely is known, and theirs is smaller."""
    rng = np.random.default_rng(0)
    gain = np.linalg.qr(rng.normal(size=(16, 3)))[0]
    data = gain @ rng.normal(size=(3, 2000)) + rng.normal(size=(16, 2000))
    gamma = np.square(gain.T @ data).mean() - 1
    expected = gamma / (gamma + 1) * gain.T @ data
    np.testing.assert_allclose(_ours(data, gain[:, None], 1.0), expected, rtol=1e-6)
    assert np.linalg.norm(_theirs(data, gain[:, None], 1.0, mode)) < 0.8 * np.linalg.norm(expected)
