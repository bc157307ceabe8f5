"""MixedNorm against MNE-Python's mixed norm, on a sphere: the same gain, covariance and data through both."""

import functools

import brainunit as u
import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import MixedNorm

mne = pytest.importorskip('mne')
from mne.inverse_sparse import mixed_norm, mxne_optim  # noqa: E402

pytestmark = pytest.mark.peers

LOOSE = {'fixed': 0.0, 'loose': 0.2, 'free': 1.0}


@pytest.mark.parametrize('debias', [False, True])
@pytest.mark.parametrize('orientation', LOOSE)
@pytest.mark.parametrize('sensors', [('eeg',), ('mag', 'grad', 'eeg')], ids='-'.join)
def test_equals_mne(sphere_problem, sensors, orientation, debias, monkeypatch):
    # to the end: its 1000 steps do not always arrive
    compute_bias = functools.partial(mxne_optim.compute_bias, max_iter=20_000, tol=1e-9)
    monkeypatch.setattr(mxne_optim, 'compute_bias', compute_bias)
    _assert_equal(sphere_problem.pick(sensors), orientation, debias, alpha=30.0, depth=0.8)


@pytest.mark.parametrize(('alpha', 'depth'), [(70.0, 0.8), (15.0, 0.8), (40.0, 0.0), (40.0, 0.5)])
def test_equals_mne_with_other_settings(sphere_problem, alpha, depth):
    _assert_equal(sphere_problem.pick(('mag', 'grad', 'eeg')), 'loose', False, alpha, depth)


def _assert_equal(problem, orientation, debias, alpha, depth):
    lead_field, n = problem.lead_field(), len(problem.noise)
    rng = np.random.default_rng(4)
    moments = 20e-9 * rng.normal(size=(3, 9))
    data = rng.multivariate_normal(np.zeros(n), problem.noise, size=9)
    axes = lead_field.sources.normals[[4, 17, 30]]
    data += np.einsum('mik,ik,it->tm', lead_field.gain_si[:, [4, 17, 30]], axes, moments)
    noise_cov = records.NoiseCovariance(problem.noise, lead_field.channels)
    recording = records.Recording(data, lead_field.channels, 2 * u.ms)
    solver = MixedNorm(alpha=alpha, depth=depth, orientation=orientation, debias=debias, tol=1e-10)
    ours = problem.si(solver.fit(lead_field, noise_cov).update(recording).data)
    with mne.utils.use_log_level('error'):
        stc = mixed_norm(
            mne.EvokedArray(data.T, problem.info, tmin=0.0, nave=1), problem.forward, problem.covariance(problem.noise),
            alpha=alpha, depth=depth, loose=LOOSE[orientation], debias=debias, tol=1e-10, solver='bcd', maxit=20000,
        )  # fmt: skip
    theirs = np.zeros_like(ours)
    # vertices of a volume are numbered as its sources are
    theirs[:, np.concatenate(stc.vertices)] = stc.data.T
    assert solver.converged
    assert 0 < theirs.any(axis=0).sum() < 30
    np.testing.assert_allclose(ours, theirs, atol=(1e-3 if debias else 1e-4) * abs(theirs).max())
