"""Powers learned from a covariance, against what maximum likelihood is where it is known."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd.inverse import champagne_solver

pytestmark = pytest.mark.filterwarnings('ignore:champagne_solver has not settled:UserWarning')


@pytest.fixture(scope='module')
def problem():
    rng = np.random.default_rng(0)
    gain, mixing = rng.normal(size=(10, 30)), rng.normal(size=(10, 10))
    noise_cov = mixing @ mixing.T / 10 + 0.1 * np.eye(10)
    data = np.linalg.cholesky(noise_cov) @ rng.normal(size=(10, 50))
    data += gain[:, [4, 20]] @ rng.normal(size=(2, 50)) * 2
    return data @ data.T / 50, gain, noise_cov


def _nll(gamma, cov, gain, noise_cov):
    model = (gain * gamma) @ gain.T + noise_cov
    return np.linalg.slogdet(model)[1] + np.trace(np.linalg.solve(model, cov))


def test_likelihood_never_falls(problem):
    cov, gain, noise_cov = problem
    nll = [_nll(champagne_solver(cov, gain, noise_cov, n, tol=0.0)[0], cov, gain, noise_cov) for n in (1, 2, 20)]
    assert (np.diff(nll) < 0).all()


def test_one_source_is_known_in_closed_form(problem):
    """The variance along its field, in white noise, less that of the noise."""
    cov, gain, noise_cov = problem
    for i in (4, 0):
        whitener = np.linalg.inv(np.linalg.cholesky(noise_cov))
        field = whitener @ gain[:, i]
        length = np.linalg.norm(field)
        along = field @ whitener @ cov @ whitener.T @ field / length**2
        gamma, weights = champagne_solver(cov, gain[:, [i]], noise_cov, 3000, tol=1e-14)
        assert gamma[0] == pytest.approx(max(along - 1, 0) / length**2, rel=1e-5, abs=1e-3)
        model = gamma * np.outer(gain[:, i], gain[:, i]) + noise_cov
        np.testing.assert_allclose(weights[0], gamma[0] * np.linalg.solve(model, gain[:, i]), rtol=1e-6)


def test_what_the_model_can_be_is_found():
    """Of a covariance that is exactly one of the model, the powers; and the variance of white noise besides."""
    rng = np.random.default_rng(1)
    gain, power = rng.normal(size=(12, 4)), np.array([2.0, 0.0, 0.5, 1.0])
    cov = (gain * power) @ gain.T + 0.3 * np.eye(12)
    for noise_cov in (0.3 * np.eye(12), None):
        gamma, weights = champagne_solver(cov, gain, noise_cov, 3000, tol=1e-10)
        np.testing.assert_allclose(gamma, power, atol=2e-3)
        expected = power[:, None] * np.linalg.solve(cov, gain).T
        np.testing.assert_allclose(weights, expected, atol=1e-3)


def test_correlated_sources_do_not_cancel(problem):
    """Two sources with one time course: a beamformer blocks the one with the other."""
    _, gain, noise_cov = problem
    both = gain[:, 4] + gain[:, 20]
    gamma, _ = champagne_solver(4 * np.outer(both, both) + noise_cov, gain, noise_cov, 200)
    assert set(np.argsort(gamma)[-2:]) == {4, 20}
    assert np.sort(gamma)[-3] < 0.1 * np.sort(gamma)[-2]


def test_directions_without_noise_are_left_out(problem):
    """In an average reference: the same as without the direction that it takes."""
    cov, gain, noise_cov = problem
    reference = np.eye(10) - 0.1
    basis = np.linalg.svd(reference)[0][:, :9].T
    project = {'full': reference, 'less': basis}
    (full, filters), (less, fewer) = (
        champagne_solver(p @ cov @ p.T, p @ gain, p @ noise_cov @ p.T) for p in project.values()
    )
    np.testing.assert_allclose(full, less, rtol=1e-9)
    np.testing.assert_allclose(filters, fewer @ basis, atol=1e-9)


def test_what_the_data_do_not_vary_in_is_left_out_where_noise_is_learned(problem):
    """In an average reference: the same as without the direction that it takes, after any number of steps."""
    cov, gain, _ = problem
    reference = np.eye(10) - 0.1
    basis = np.linalg.svd(reference)[0][:, :9].T
    for max_iter in (20, 500):
        full, filters = champagne_solver(reference @ cov @ reference, gain, max_iter=max_iter, tol=0.0)
        less, fewer = champagne_solver(basis @ cov @ basis.T, basis @ gain, max_iter=max_iter, tol=0.0)
        np.testing.assert_allclose(full, less, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(filters, fewer @ basis, atol=1e-7)


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_few_samples_that_sources_explain_without_noise(seed):
    rng = np.random.default_rng(seed)
    gain, sources = rng.normal(size=(12, 40)), np.zeros((40, 6))
    sources[:3] = rng.normal(size=(3, 6))
    data = gain @ sources + 0.3 * rng.normal(size=(12, 6))
    gamma, weights = champagne_solver(data @ data.T / 6, gain, max_iter=2000, tol=0.0)
    assert (gamma >= 0).all()
    # what is left of the data
    assert np.linalg.norm(gain @ (weights @ data) - data) < np.linalg.norm(data)


def test_a_source_that_no_sensor_sees(problem):
    cov, gain, noise_cov = problem
    with_one = np.insert(gain, 7, 0.0, axis=1)
    with pytest.raises(
        ValueError, match=r'champagne_solver\(gain\) has sources that no sensor sees, 7: leave them out'
    ):
        champagne_solver(cov, with_one, noise_cov)
    # an average reference takes all of a field that is alike on all electrodes
    reference = np.eye(10) - 0.1
    alike = np.insert(gain, 7, 3.0, axis=1)
    expected = champagne_solver(reference @ cov @ reference, gain)[0]
    gamma, weights = champagne_solver(reference @ cov @ reference, alike)
    np.testing.assert_allclose(gamma, np.insert(expected, 7, 0.0), rtol=1e-9)
    assert not weights[7].any()

    def total(gain):
        gamma, _ = champagne_solver(cov, gain, noise_cov)
        return jnp.log(gamma.sum()), gamma

    # in compiled code, where it cannot be refused
    with jax.enable_x64(True):
        (_, gamma), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(jnp.asarray(with_one))
    np.testing.assert_allclose(gamma, np.insert(champagne_solver(cov, gain, noise_cov)[0], 7, 0.0), rtol=1e-9)
    assert np.isfinite(gradient).all()


def test_stops_where_nothing_changes(problem):
    cov, gain, noise_cov = problem
    long, longer = (champagne_solver(cov, gain, noise_cov, n, tol=0.1)[0] for n in (20, 200))
    np.testing.assert_array_equal(long, longer)
    before, after = (champagne_solver(cov, gain, noise_cov, n, tol=0.0)[0] for n in (1, 2))
    assert abs(after - before).max() > 0.1 * after.max()


def test_says_when_it_has_not_settled(problem):
    cov, gain, noise_cov = problem
    with pytest.warns(UserWarning, match=r'after max_iter=2 steps.*more than tol=0\.001\. Write a larger max_iter'):
        champagne_solver(cov, gain, noise_cov, 2, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        champagne_solver(cov, gain, noise_cov, 2000, tol=1e-3)
        # where nothing can be told, and where all powers are zero
        jax.jit(lambda cov: champagne_solver(cov, gain, noise_cov, 2, tol=1e-3))(jnp.asarray(cov))
        across = np.eye(3)[:, :1]
        assert champagne_solver(np.outer(np.eye(3)[1], np.eye(3)[1]), across, np.eye(3))[0] == 0


def test_noise_of_an_identity_is_not_assumed(problem):
    """The sources do not depend on the unit of the data; those in noise of one squared volt would."""
    cov, gain, _ = problem
    gamma, _ = champagne_solver(cov, gain)
    small, _ = champagne_solver(1e-26 * cov, 1e-13 * gain)
    np.testing.assert_allclose(small, gamma, rtol=1e-8)
    assert set(np.argsort(gamma)[-2:]) == {4, 20}


def test_bad_input(problem):
    cov, gain, noise_cov = problem
    with pytest.raises(ValueError, match=r'champagne_solver\(max_iter=\.\.\.\) is a whole number'):
        champagne_solver(cov, gain, max_iter=0)
    with pytest.raises(ValueError, match=r'champagne_solver\(noise_cov\) is a covariance, .* negative eigenvalues'):
        champagne_solver(cov, gain, -noise_cov)
    with pytest.raises(ValueError, match=r'varies in at least 2 directions, .* got one of rank 1: take more samples'):
        champagne_solver(np.outer(gain[:, 0], gain[:, 0]), gain)
    with pytest.raises(ValueError, match=r'tol=\.\.\.\) must not be negative'):
        champagne_solver(cov, gain, tol=-1.0)
