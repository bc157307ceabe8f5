"""The solvers against CaliBrain's: the same steps where those are right, a larger likelihood where they are not."""

import inspect

import numpy as np
import pytest

from brainfwd.inverse import BMN, BMN_joint, gamma_lambda_map_sflex, gamma_map_sflex

calibrain = pytest.importorskip('calibrain')

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings('ignore:.*has not settled:UserWarning')]

SIGMA = 0.01


def _problem(seed, k=1):
    rng = np.random.default_rng(seed)
    places = rng.normal(scale=0.04, size=(32, 3))
    gain = rng.normal(size=(16, 32 * k))
    x = np.zeros((32 * k, 90))
    x[[4 * k, 20 * k]] = rng.normal(size=(2, 90)) * 4
    data = gain @ x + rng.normal(size=(16, 90))
    return gain, data, {'sigma': SIGMA, 'src_coords': places}


def _unit_of_gamma(gain, data, noise_var=1.0):
    """CaliBrain's gamma is in units of its own: 1 there, in (nA m)2."""
    white = data / noise_var**0.5
    return np.linalg.norm(white @ white.T) / np.linalg.norm(gain / noise_var**0.5, ord=np.inf) ** 2


def _nll(gain, data, gamma, noise):
    model = (gain * gamma) @ gain.T + np.diag(np.broadcast_to(noise, (len(gain),)))
    return np.linalg.slogdet(model)[1] + np.trace(np.linalg.solve(model, data @ data.T)) / data.shape[1]


@pytest.mark.parametrize('ours', [gamma_map_sflex, gamma_lambda_map_sflex, BMN, BMN_joint])
def test_same_arguments_in_the_same_order(ours):
    """But for src_coords, which is among their others, and the update of the noise, which is that of the sources."""

    def told(solver):
        named = inspect.signature(solver).parameters.values()
        return [(each.name, each.default) for each in named if each.name not in ('kwargs', 'src_coords')]

    alike = [
        (name, None if name == 'update_mode_noise' else value)
        for name, value in told(getattr(calibrain, ours.__name__))
    ]
    assert told(ours) == alike


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize('steps', [1, 10, 60])
@pytest.mark.parametrize('update_mode', [2, 3])
def test_same_steps_of_fixed_orientation(update_mode, steps, seed):
    gain, data, options = _problem(seed)
    options |= {'noise_var': 0.7, 'max_iter': steps, 'tol': 0.0, 'update_mode': update_mode}
    theirs = calibrain.gamma_map_sflex(gain, data, **options)
    unit = _unit_of_gamma(gain @ theirs['B_spatial'].toarray(), data, 0.7)
    ours = gamma_map_sflex(gain, data, init_gamma=unit, **options)
    expected = theirs['gammas_full'] * unit
    np.testing.assert_allclose(ours['gammas_full'], expected, rtol=1e-7, atol=1e-9 * expected.max())


@pytest.mark.parametrize('seed', [0, 1])
def test_same_answer_of_fixed_orientation(seed):
    gain, data, options = _problem(seed)
    options |= {'noise_var': 0.7, 'max_iter': 3000, 'tol': 1e-12}
    ours, theirs = (solve(gain, data, **options) for solve in (gamma_map_sflex, calibrain.gamma_map_sflex))
    for key in ('posterior_mean', 'posterior_cov'):
        np.testing.assert_allclose(ours[key], theirs[key], atol=1e-3 * abs(theirs[key]).max())


@pytest.mark.parametrize('seed', [0, 1])
def test_joint_sparse_is_as_likely(seed):
    gain, data, options = _problem(seed)
    options |= {'max_iter': 600, 'tol': 1e-9}
    ours, theirs = (
        solve(gain, data, **options) for solve in (gamma_lambda_map_sflex, calibrain.gamma_lambda_map_sflex)
    )
    seen = gain @ theirs['B_operator'].toarray()
    gamma = theirs['gammas_full'] * _unit_of_gamma(seen, data)
    assert ours.nll[-1] <= _nll(seen, data, gamma, theirs['lambdas']) + 1e-3


@pytest.mark.parametrize('k', [1, 3])
@pytest.mark.parametrize('seed', [0, 1])
def test_minimum_norm_is_more_likely(seed, k):
    gain, data, _ = _problem(seed, k)
    unit = np.linalg.norm(data) ** 2 / np.linalg.norm(gain, 2) ** 2
    known, theirs = BMN(gain, data, 1.0, n_orient=k), calibrain.BMN(gain, data, 1.0, n_orient=k)
    assert known.nll[-1] < _nll(gain, data, theirs['gamma'] * unit, 1.0) - 0.1
    learned, theirs = BMN_joint(gain, data, n_orient=k), calibrain.BMN_joint(gain, data, n_orient=k)
    assert theirs['noise_var'] < 1e-9
    assert learned.nll[-1] < _nll(gain, data, theirs['gamma'] * unit, theirs['noise_var']) - 0.1


def test_a_group_that_they_shrink():
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(12, 3))
    data = gain @ (2 * rng.normal(size=(3, 2000))) + 0.1 * rng.normal(size=(12, 2000))
    options = {'noise_var': 0.01, 'n_orient': 3, 'sigma': SIGMA, 'src_coords': np.zeros((1, 3)), 'max_iter': 500}
    theirs = calibrain.gamma_map_sflex(gain, data, **options)['gammas_full'] * _unit_of_gamma(gain, data, 0.01)
    assert abs(gamma_map_sflex(gain, data, **options)['gammas_full'] / 4 - 1).max() < 0.1
    assert theirs.max() < 2
