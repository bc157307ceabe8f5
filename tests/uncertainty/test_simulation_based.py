"""Ranks of the truth among posterior samples, of a linear Gaussian model whose posterior is known."""

from types import SimpleNamespace

import brainunit as u
import jax
import numpy as np
import pytest
import scipy.stats

from brainfwd import uncertainty
from brainfwd._core.checks import ShapeError, UnitError

NAM = u.nA * u.meter
L = 63


def _ranks(times=1.0, shift=0.0, n=1000, seed=0):
    """Prior, noise, data, posterior, samples: with a posterior that is too narrow or biased, if wanted."""
    rng = np.random.default_rng(seed)
    gain, noise = rng.normal(size=(4, 6)), 0.5
    prior = rng.gamma(2.0, size=6)
    truth = np.sqrt(prior) * rng.normal(size=(n, 6))
    data = truth @ gain.T + noise * rng.normal(size=(n, 4))
    kernel = np.diag(prior) @ gain.T @ np.linalg.inv(gain @ np.diag(prior) @ gain.T + noise**2 * np.eye(4))
    covariance = np.diag(prior) - kernel @ gain @ np.diag(prior)
    draws = rng.multivariate_normal(np.zeros(6), times**2 * covariance, size=(L, n))
    return uncertainty.sbc_ranks(truth * NAM, (data @ kernel.T + shift + draws) * NAM)


def test_ranks_of_the_exact_posterior_are_uniform():
    ranks = _ranks()
    assert ranks.shape == (1000, 6)
    assert ranks.min() >= 0
    assert ranks.max() <= L
    for source in ranks.T:
        assert uncertainty.uniformity(source, L).p_value > 0.01
        assert scipy.stats.chisquare(np.bincount(source // 4, minlength=16)).pvalue > 0.001


@pytest.mark.parametrize('wrong', [{'times': 1 / 3}, {'times': 3.0}, {'shift': 0.5}])
def test_ranks_of_a_wrong_posterior_are_not(wrong):
    ranks = _ranks(**wrong)[:, 0]
    test = uncertainty.uniformity(ranks, L)
    assert not test.uniform
    assert test.p_value < 0.001
    assert ((test.ecdf < test.lower) | (test.ecdf > test.upper)).any()
    ends = np.mean((ranks < 8) | (ranks >= 56))
    if 'times' in wrong:
        assert (ends > 0.3) if wrong['times'] < 1 else (ends < 0.2)


def test_ties_are_broken_evenly():
    ranks = uncertainty.sbc_ranks(np.zeros(5000), np.zeros((9, 5000)))
    assert scipy.stats.chisquare(np.bincount(ranks, minlength=10)).pvalue > 0.001
    np.testing.assert_array_equal(ranks, uncertainty.sbc_ranks(np.zeros(5000), np.zeros((9, 5000))))


@pytest.mark.parametrize(('n', 'n_samples'), [(50, None), (300, None), (200, 19), (200, 999)])
def test_the_band_holds_as_many_uniform_curves_as_it_says(n, n_samples):
    rng = np.random.default_rng(1)

    def draw(*size):
        return rng.random(size) if n_samples is None else rng.integers(0, n_samples + 1, size=size)

    test = uncertainty.uniformity(draw(n), n_samples, confidence=0.9)
    values = draw(2000, n) if n_samples is None else (draw(2000, n) + 1) / (n_samples + 1)
    curves = np.mean(values[:, :, None] <= test.points + 1e-12, axis=1)
    inside = ((curves >= test.lower - 1e-12) & (curves <= test.upper + 1e-12)).all(axis=1)
    # two simulations of 2000 each; the curves of few values are discrete, which can only widen it
    assert 0.9 - 4 * np.sqrt(2 * 0.09 / 2000) < inside.mean() < 0.9 + 0.04
    # wider than at a point alone, narrower than if the points had nothing to do with each other
    wide = test.upper - test.lower
    alone, apart = (
        np.diff(scipy.stats.binom.interval(1 - tail, n, test.points), axis=0)[0] / n
        for tail in (0.1, 0.1 / len(test.points))
    )
    assert wide.sum() > alone.sum()
    assert (wide <= apart + 1e-12).all()


def test_the_band_and_the_p_value_say_the_same():
    rng = np.random.default_rng(2)
    seen = set()
    for power in np.linspace(0.5, 1.8, 12):
        test = uncertainty.uniformity(rng.random(100) ** power)
        inside = bool(((test.lower <= test.ecdf) & (test.ecdf <= test.upper)).all())
        assert inside == test.uniform
        assert repr(test) == f'Uniformity({test})'
        assert str(test).startswith('uniform: p = 0.' if inside else 'not uniform: p = 0.0')
        seen.add(inside)
    assert seen == {True, False}


def test_bad_input():
    with pytest.raises(ShapeError, match=r'\(samples, \.\.\.\) for a truth of shape \(\.\.\.\), \(3,\); got \(3, 7\)'):
        uncertainty.sbc_ranks(np.zeros(3), np.zeros((3, 7)))
    with pytest.raises(TypeError, match=r'write posterior\.sample\(n, seed\)'):
        uncertainty.sbc_ranks(np.zeros(3), SimpleNamespace(sample=None))
    with pytest.raises(UnitError, match='what the samples are about'):
        uncertainty.sbc_ranks(np.zeros(3), np.zeros((7, 3)) * NAM)
    with pytest.raises(ValueError, match='must be finite'):
        uncertainty.sbc_ranks(np.zeros(3), np.full((7, 3), np.inf))
    with pytest.raises(TypeError, match='call it outside'):
        jax.jit(uncertainty.sbc_ranks)(np.zeros(3), np.zeros((7, 3)))
    with pytest.raises(ValueError, match=r'between 0 and 1, as pit gives them; got 0 to 5: for ranks write n_samples'):
        uncertainty.uniformity([0, 5])
    with pytest.raises(ValueError, match=r'whole numbers from 0 to 4; got 0 to 5'):
        uncertainty.uniformity([0, 5], n_samples=4)
    with pytest.raises(ValueError, match='whole numbers'):
        uncertainty.uniformity([0.5, 3], n_samples=4)
    with pytest.raises(ShapeError, match='at least one value'):
        uncertainty.uniformity([])
    with pytest.raises(ValueError, match='whole number of at least 1'):
        uncertainty.uniformity([0], n_samples=0)
