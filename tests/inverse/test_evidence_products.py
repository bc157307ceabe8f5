"""What costs as much as there are sources: products with the gain, and many data sets at once, against the formulas."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import GammaMAP
from brainfwd.inverse.bayes import many
from brainfwd.inverse.bayes.evidence import UPDATES, learn
from brainfwd.inverse.bayes.many import learn_each
from brainfwd.inverse.bayes.products import explained, folded, model_cov, pair_products, unfolded


@pytest.fixture
def gain():
    return np.random.default_rng(0).normal(size=(9, 40, 3))


@pytest.fixture
def covs(gain):
    """Of three data sets of few sources, white noise and different strength."""
    rng = np.random.default_rng(1)
    data = rng.normal(size=(3, 30, 9))
    data += rng.normal(size=(3, 30, 4)) @ gain[:, ::11, 0].T * np.array([0.3, 1.0, 3.0])[:, None, None]
    return data.swapaxes(1, 2) @ data / 30


def test_products_are_those_of_the_formulas(gain):
    rng = np.random.default_rng(2)
    power = rng.uniform(size=40)
    total = model_cov(gain, power) + np.eye(9)
    np.testing.assert_allclose(total, np.einsum('g,mgk,ngk->mn', power, gain, gain) + np.eye(9), rtol=1e-12)
    root = rng.normal(size=(9, 5))
    half = np.linalg.inv(np.linalg.cholesky(total))
    seen, data = explained(gain, half, half @ root @ root.T @ half.T)
    inverse = np.linalg.inv(total)
    np.testing.assert_allclose(seen, np.einsum('mgk,mn,ngk->g', gain, inverse, gain), rtol=1e-10)
    np.testing.assert_allclose(
        data, np.einsum('mgk,mn,ngk->g', gain, inverse @ root @ root.T @ inverse, gain), rtol=1e-10
    )


def test_pairs_of_rows_are_the_upper_triangle(gain):
    full = np.einsum('mgk,ngk->gmn', gain, gain)
    pairs = pair_products(gain)
    np.testing.assert_allclose(unfolded(pairs.T, 9), full, rtol=1e-12)
    np.testing.assert_array_equal(folded(unfolded(pairs.T, 9)[5]), pairs[:, 5])


@pytest.mark.parametrize('update', UPDATES)
@pytest.mark.parametrize('learned', ['known', 'level', 'sensors'])
def test_many_at_once_are_one_after_the_other(gain, covs, update, learned, monkeypatch):
    """In blocks of a few sources, whose products are kept or not; some data sets settle before the others."""
    monkeypatch.setattr(many, '_BLOCK', 9 * 45)
    monkeypatch.setattr(many, '_KEPT', 0 if learned == 'level' else 10**6)
    parts = {'known': None, 'level': np.eye(9)[:, None, :], 'sensors': np.eye(9)[:, :, None]}[learned]
    given = {
        'noise': np.eye(9) if parts is None else np.zeros((9, 9)),
        'parts': parts,
        'update': update,
        'max_iter': 400,
        'tol': {'em': 0.05, 'convex-bounding': 0.01}[update],
    }
    together = learn_each(gain, covs, **given)
    alone = [learn(gain, cov, **given) for cov in covs]
    assert len({one.n_iter for one in alone}) > 1
    for ours, one in zip(together, alone, strict=True):
        assert ours.n_iter == one.n_iter
        for a, b in zip(ours[:3], one[:3], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9 * np.nanmax(abs(b)) if np.size(b) else 0)
        assert ours.slope == pytest.approx(one.slope, rel=1e-6)


def test_sources_that_no_data_set_needs_are_left_out(covs):
    """Of many steps, most variances are 0, the same ones as alone."""
    gain = np.random.default_rng(4).normal(size=(9, 40, 1))
    given = {'noise': np.eye(9), 'update': UPDATES[0], 'max_iter': 300, 'tol': 0.0}
    for ours, cov in zip(learn_each(gain, covs, **given), covs, strict=True):
        alone = learn(gain, cov, **given)
        assert (ours.gamma == 0).mean() > 0.5
        np.testing.assert_allclose(ours.gamma, alone.gamma, atol=1e-9 * alone.gamma.max())


@pytest.mark.parametrize('options', [{'orientation': 'free'}, {'noise': 'level', 'update': 'em'}, {'sigma': 10 * u.mm}])
def test_a_fit_to_each_is_a_fit(problem, data_cov, options):
    lead_field, noise_cov = problem()
    solver = GammaMAP(max_iter=5, tol=0.5, **options)
    covs = [data_cov(solver, noise_cov, seed)['data_cov'] for seed in (3, 4)]
    each = solver.fit_each(lead_field, noise_cov, data_covs=covs)
    with pytest.raises(RuntimeError, match='has no kernel'):
        solver.kernel  # noqa: B018
    for ours, cov in zip(each, covs, strict=True):
        one = GammaMAP(max_iter=5, tol=0.5, **options).fit(lead_field, noise_cov, data_cov=cov)
        assert ours.n_iter == one.n_iter
        np.testing.assert_allclose(ours.nll, one.nll, rtol=1e-9)
        np.testing.assert_allclose(ours.kernel.mantissa, one.kernel.mantissa, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ours.posterior_variance.mantissa, one.posterior_variance.mantissa, rtol=1e-7)
        np.testing.assert_allclose(ours.noise_cov.matrix_si, one.noise_cov.matrix_si, rtol=1e-7)
    each[0].fit(lead_field, noise_cov, data_cov=covs[1])
    np.testing.assert_allclose(each[0].kernel.mantissa, each[1].kernel.mantissa, rtol=1e-7, atol=1e-9)


def test_a_fit_to_each_tells_what_it_takes(problem, data_cov):
    lead_field, noise_cov = problem()
    solver = GammaMAP()
    good = data_cov(solver, noise_cov)['data_cov']
    nothing = records.NoiseCovariance(0 * good.matrix_si, good.channels)
    assert solver.fit_each(lead_field, noise_cov, data_covs=[]) == []
    with pytest.raises(ValueError, match=r'fit_each\(data_covs=...\)\[1\] is zero'):
        solver.fit_each(lead_field, noise_cov, data_covs=[good, nothing])
    with pytest.raises(TypeError, match=r'arrays of JAX: write jax.vmap of kernel_for'):
        solver.fit_each(lead_field, noise_cov, data_covs=jnp.ones((2, 12, 12)) * u.volt**2)


def test_data_weaker_than_the_noise_leave_no_source_in_either(gain):
    covs = [0.1 * np.eye(9), 20 * np.eye(9)]
    given = {'noise': np.eye(9), 'update': UPDATES[0], 'max_iter': 400, 'tol': 1e-6}
    for ours, cov in zip(learn_each(gain, covs, **given), covs, strict=True):
        alone = learn(gain, cov, **given)
        np.testing.assert_allclose(ours.gamma, alone.gamma, atol=1e-9)
        assert ours.n_iter == alone.n_iter
    weak = learn_each(gain, covs[:1], **given)[0].gamma
    assert weak @ np.square(gain).sum(axis=(0, 2)) < 1e-5 * 9
