"""Row-sparse sources against the solver of MNE-Python's mixed norm."""

import numpy as np
import pytest

from brainfwd.inverse import lambda_max, solve_inverse_admm

mne = pytest.importorskip('mne')
from mne.inverse_sparse.mxne_optim import mixed_norm_solver  # noqa: E402

pytestmark = pytest.mark.peers


@pytest.mark.parametrize('n_orient', [1, 3])
@pytest.mark.parametrize('share', [0.1, 0.5])
@pytest.mark.parametrize('seed', [0, 1])
def test_same_sources(seed, share, n_orient):
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(16, 60, n_orient)) * rng.uniform(0.3, 1.0, (1, 60, 1))
    sources = np.zeros((60, n_orient, 8))
    sources[[5, 33]] = rng.normal(size=(2, n_orient, 8))
    data = np.einsum('mnk,nkt->mt', gain, sources) + 0.3 * rng.normal(size=(16, 8))
    lambda_reg = share * lambda_max(data, gain if n_orient == 3 else gain[..., 0], penalty='l21')
    with mne.utils.use_log_level('error'):
        active, support, _ = mixed_norm_solver(
            data, gain.reshape(16, -1), lambda_reg, maxit=20000, tol=1e-9, n_orient=n_orient, debias=False,
            solver='bcd',
        )  # fmt: skip
    theirs = np.zeros((60 * n_orient, 8))
    theirs[support] = active
    ours = solve_inverse_admm(data, gain if n_orient == 3 else gain[..., 0], lambda_reg, 5000, penalty='l21', tol=1e-12)
    assert ours.converged
    np.testing.assert_allclose(ours.sources.reshape(theirs.shape), theirs, atol=1e-5 * abs(theirs).max())
    assert 0 < (abs(theirs).reshape(60, -1).max(axis=1) > 0).sum() < 30
