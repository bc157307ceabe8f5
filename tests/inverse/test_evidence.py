"""The marginal likelihood and its minimum, against densities and minimisers of SciPy, and variances that were drawn."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from brainfwd.inverse.bayes.evidence import UPDATES, learn
from brainfwd.inverse.bayes.many import learn_each

N = 8
NOISES = ['known', 'level', 'sensors', 'some']
every_update = pytest.mark.parametrize('update', UPDATES)
every_noise = pytest.mark.parametrize('noise', NOISES)


def _model(gain, gamma, noise, parts, level):
    """The covariance of the data, term by term."""
    total = sum((each * gain[:, g] @ gain[:, g].T for g, each in enumerate(gamma)), start=np.array(noise))
    learned = [] if parts is None else range(parts.shape[1])
    return sum((level[p] * parts[:, p] @ parts[:, p].T for p in learned), start=total)


def _problem(noise='known', seed=0, groups=4, k=1, samples=100, spread=1.0):
    """What `learn` takes of data drawn from the model, whose sources and noise are of different sizes; and the data."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(N, groups, k)) * np.exp(spread * rng.normal(size=(groups, 1)))
    gamma = np.exp(spread * rng.normal(size=groups)) * (rng.random(groups) < 0.7)
    root = np.exp(spread * rng.normal()) * (np.eye(N) + 0.3 * rng.normal(size=(N, N)))
    sensors = np.exp(0.5 * rng.normal(size=N)) * np.eye(N)
    known, parts = {
        'known': (root @ root.T, None),
        'level': (np.zeros((N, N)), root[:, None, :]),
        'sensors': (np.zeros((N, N)), sensors[:, :, None]),
        'some': (sensors * (np.arange(N) > 3), sensors[:, :4, None]),
    }[noise]
    total = _model(gain, gamma, known, parts, np.ones(N))
    y = rng.multivariate_normal(np.zeros(N), total, size=samples)
    return {'gain': gain, 'data_cov': y.T @ y / samples, 'noise': known, 'parts': parts}, y


def _nll(given, variances):
    """By the determinant and a solution, of all variances in a row."""
    groups = given['gain'].shape[1]
    total = _model(given['gain'], variances[:groups], given['noise'], given['parts'], variances[groups:])
    return np.linalg.slogdet(total)[1] + np.trace(np.linalg.solve(total, given['data_cov']))


def _variances(learned):
    return np.concatenate([learned.gamma, learned.noise])


@every_noise
def test_it_is_the_density_of_the_data(noise):
    given, y = _problem(noise, k=3)
    parts = 0 if given['parts'] is None else given['parts'].shape[1]
    rng = np.random.default_rng(1)
    start = rng.uniform(0.1, 2, 4), rng.uniform(0.1, 2, parts)
    learned = learn(**given, start=start, max_iter=4, tol=0.0)
    for variances, nll in ((start, learned.nll[0]), ((learned.gamma, learned.noise), learned.nll[-1])):
        total = _model(given['gain'], variances[0], given['noise'], given['parts'], variances[1])
        density = multivariate_normal(np.zeros(N), total).logpdf(y).mean()
        assert -nll / 2 - N / 2 * np.log(2 * np.pi) == pytest.approx(density, rel=1e-10)


@hypothesis.given(
    noise=st.sampled_from(NOISES),
    update=st.sampled_from(UPDATES),
    seed=st.integers(0, 2**20),
    groups=st.integers(1, 30),
    k=st.sampled_from([1, 3]),
    samples=st.sampled_from([N + 1, 20, 1000]),
    spread=st.sampled_from([0.3, 1.0, 4.0]),
)
@hypothesis.settings(max_examples=40)
def test_it_never_rises(noise, update, seed, groups, k, samples, spread):
    given, _ = _problem(noise, seed, groups, k, samples, spread)
    learned = learn(**given, update=update, max_iter=60, tol=0.0)
    nll = learned.nll[: int(learned.n_iter) + 1]
    assert nll[0] >= nll[-1]
    # the digits that the inverse of S has
    rounding = np.linalg.cond(_model(given['gain'], learned.gamma, given['noise'], given['parts'], learned.noise))
    assert np.diff(nll).max() <= 1e-10 * abs(nll).max() + np.finfo(float).eps * rounding
    assert min(_variances(learned)) >= 0


@pytest.mark.parametrize('noise', ['known', 'level'])
@every_update
def test_it_never_rises_with_fewer_samples_than_sensors(update, noise):
    for seed, samples in enumerate([1, 2, 5] * 3):
        given, _ = _problem(noise, seed, 30, samples=samples + (noise == 'level'))
        nll = learn(**given, update=update, max_iter=200, tol=0.0).nll
        assert np.diff(nll).max() <= 1e-10 * abs(nll).max()


@every_noise
def test_where_it_settles_no_variance_should_change(noise):
    """The slope by the logarithm of each is 0, what is 0 would only raise it; and the other update stays there."""
    for seed, k in enumerate((1, 3)):
        given, _ = _problem(noise, seed, k=k)
        learned = learn(**given, max_iter=5000, tol=1e-9)
        assert learned.slope <= 1e-9
        found = _variances(learned)
        strength = np.concatenate([np.square(given['gain']).sum(axis=(0, 2)), np.ones(len(learned.noise))])
        for one, each in zip(np.eye(len(found)), found, strict=True):
            ahead, behind = (_nll(given, found * factor**one) for factor in (1.001, 0.999))
            assert abs(ahead - behind) / 0.002 < 1e-4
            assert each > 0 or _nll(given, found + 1e-5 / strength * one) > _nll(given, found)
        after = learn(**given, start=(learned.gamma, learned.noise), update='em', max_iter=200, tol=0.0)
        assert after.nll[0] - after.nll[-1] < 1e-6


@every_noise
def test_the_minimum_is_that_of_a_general_minimiser(noise):
    """L-BFGS-B over the logarithms of the variances."""
    for seed in range(2):
        given, _ = _problem(noise, seed, k=3)
        learned = learn(**given, max_iter=3000, tol=1e-9)
        size = len(_variances(learned))
        best = minimize(
            lambda logs, given=given: _nll(given, np.exp(logs)),
            np.zeros(size),
            jac='3-point',
            bounds=[(-25, 25)] * size,
            options={'ftol': 1e-14, 'gtol': 1e-7},
        )
        assert learned.nll[int(learned.n_iter)] == pytest.approx(best.fun, abs=1e-6)


def test_both_updates_find_the_same():
    for noise in ('known', 'level'):
        given, _ = _problem(noise, 5, k=3, spread=0.2)
        ends = [learn(**given, update=update, max_iter=5000, tol=1e-9) for update in UPDATES]
        np.testing.assert_allclose(_variances(ends[0]), _variances(ends[1]), rtol=1e-3, atol=1e-4)


def test_the_variance_of_a_group_is_found():
    """Moments of three components, of variance 4 and others, in 2000 samples: each to 10 %."""
    rng = np.random.default_rng(0)
    gain, gamma = rng.normal(size=(20, 5, 3)), np.array([4.0, 1.0, 0.0, 4.0, 0.5])
    moments = rng.normal(size=(2000, 5, 3)) * gamma[:, None] ** 0.5
    y = np.einsum('ngk,tgk->tn', gain, moments) + 0.7 * rng.normal(size=(2000, 20))
    parts = np.eye(20)[:, None, :]
    for given in ({'noise': 0.49 * np.eye(20)}, {'noise': np.zeros((20, 20)), 'parts': parts}):
        for update in UPDATES:
            learned = learn(gain, y.T @ y / 2000, **given, update=update, max_iter=500, tol=1e-6)
            np.testing.assert_allclose(learned.gamma, gamma, rtol=0.1, atol=2e-2)
            np.testing.assert_allclose(learned.noise, 0.49, rtol=0.02)


def test_data_with_less_power_than_noise_have_no_sources():
    """In every direction: no variance is more likely than 0, it settles there, and what is left is the noise."""
    rng = np.random.default_rng(0)
    gain, mixing = rng.normal(size=(N, 20, 1)), rng.normal(size=(N, 3 * N))
    noise = mixing @ mixing.T
    for share in (0.5, 0.01):
        given = {'noise': noise, 'update': 'convex-bounding', 'max_iter': 1000, 'tol': 1e-4}
        learned = learn(gain, share * noise, **given)
        assert learned.slope <= 1e-4
        assert learned.gamma @ np.square(gain).sum(axis=(0, 2)) < 1e-3 * np.trace(noise)
        expected = np.linalg.slogdet(noise)[1] + share * N
        assert learned.nll[int(learned.n_iter)] == pytest.approx(expected, rel=1e-3)
        for each in learn_each(gain, np.array([share * noise, 9 * noise]), **given)[:1]:
            np.testing.assert_allclose(each.gamma, learned.gamma, rtol=1e-6)
            assert each.n_iter == learned.n_iter
    with jax.enable_x64(True):
        inside = jax.jit(lambda cov: learn(gain, cov, **given))(jnp.asarray(share * noise))
    np.testing.assert_allclose(inside.gamma, learned.gamma, rtol=1e-6)
    assert int(inside.n_iter) == learned.n_iter


def test_one_source_in_known_noise_has_a_closed_form():
    r"""Its variance is that along its field, less that of the noise: :math:`(f^T C f / |f|^2 - 1) / |f|^2`."""
    rng = np.random.default_rng(0)
    for factor in (3.0, 0.1):
        field = rng.normal(size=N)
        y = rng.normal(size=(50, N)) + factor * rng.normal(size=(50, 1)) * field
        cov = y.T @ y / 50
        along = field @ cov @ field / (field @ field)
        for update in UPDATES:
            learned = learn(field[:, None, None], cov, noise=np.eye(N), update=update, max_iter=20_000, tol=1e-12)
            expected = max(along - 1, 0) / (field @ field)
            assert learned.gamma[0] == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_a_covariance_that_is_one_of_the_model_is_explained_wholly():
    """Then no model is more likely than the one that made it: the least there is, log det C + n."""
    rng = np.random.default_rng(1)
    gain, gamma, level = rng.normal(size=(N, 3, 1)), np.array([2.0, 0.5, 1.0]), np.array([0.3])
    parts = np.eye(N)[:, None, :]
    cov = _model(gain, gamma, np.zeros((N, N)), parts, level)
    for update in UPDATES:
        learned = learn(gain, cov, noise=np.zeros((N, N)), parts=parts, update=update, max_iter=5000, tol=1e-12)
        np.testing.assert_allclose(learned.gamma, gamma, rtol=1e-5)
        np.testing.assert_allclose(learned.noise, level, rtol=1e-5)
        least = np.linalg.slogdet(cov)[1] + N
        assert learned.nll[int(learned.n_iter)] == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize('a', [1e-13, 1e-4, 1e6])
@every_update
def test_units_make_no_difference(update, a):
    """Gain and data times a, covariances times its square: the same variances, and the likelihood of other units."""
    given, _ = _problem('some', k=3)
    scaled = {'gain': a * given['gain'], 'parts': a * given['parts']}
    scaled |= {'data_cov': a**2 * given['data_cov'], 'noise': a**2 * given['noise']}
    here, there = (learn(**each, update=update, max_iter=50, tol=0.0) for each in (given, scaled))
    np.testing.assert_allclose(_variances(there), _variances(here), rtol=1e-9)
    np.testing.assert_allclose(there.nll - 2 * N * np.log(a), here.nll, rtol=1e-10, atol=1e-10)


@every_update
def test_compiled_it_takes_the_same_steps_and_stops_there(update):
    """After the last step there is no likelihood: NaN."""
    given, _ = _problem('level', k=3, spread=0.3)
    tol = {'em': 0.05, 'convex-bounding': 1e-3}[update]
    outside = learn(**given, update=update, max_iter=300, tol=tol)
    steps = int(outside.n_iter)
    assert 2 < steps < 300
    with jax.enable_x64(True):
        compiled = jax.jit(lambda given: learn(**given, update=update, max_iter=300, tol=tol))
        inside = compiled({name: jnp.asarray(value) for name, value in given.items()})
    assert int(inside.n_iter) == steps
    assert np.isfinite(inside.nll[: steps + 1]).all()
    assert np.isnan(inside.nll[steps + 1 :]).all()
    for mine, other in zip(inside, outside, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9)


@every_update
def test_derivatives_are_those_of_the_steps(update):
    given, _ = _problem('level', seed=2, k=1, spread=0.3)
    rng = np.random.default_rng(0)
    towards = {name: rng.normal(size=np.shape(value)) for name, value in given.items()}
    towards['data_cov'] = towards['data_cov'] @ towards['data_cov'].T

    def score(t, xp=jnp):
        moved = {name: xp.asarray(value) + t * towards[name] for name, value in given.items()}
        moved['noise'] = xp.asarray(given['noise'])
        learned = learn(**moved, update=update, max_iter=3, tol=0.0)
        return xp.log(learned.gamma).sum() + xp.log(learned.noise).sum() + learned.nll[-1]

    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(score))(0.0)
    assert slope == pytest.approx((score(1e-6, np) - score(-1e-6, np)) / 2e-6, rel=1e-6)
