"""Recalibrated on some data, posteriors hold the truth of other data as often as they say."""

import brainunit as u
import numpy as np
import pytest
import scipy.stats

from brainfwd import uncertainty
from brainfwd.uncertainty import IsotonicRecalibration, ScaleRecalibration

NAM = u.nA * u.meter
BOTH = [ScaleRecalibration, IsotonicRecalibration]
ERRORS = {
    'too narrow': scipy.stats.norm(0, 3),
    'too wide': scipy.stats.norm(0, 0.2),
    'heavy tailed': scipy.stats.t(1.5),
    'Cauchy': scipy.stats.cauchy(0, 5),
    'biased': scipy.stats.norm(2, 1),
    'uniform': scipy.stats.uniform(-4, 8),
}


def _held_out(name, n, seed):
    """Truth, mean and variance of (data sets, sources), in nA m, with standardised errors of a distribution."""
    rng = np.random.default_rng(seed)
    variance = rng.gamma(2.0, size=20)
    truth = rng.normal(size=(n // 20, 20))
    mean = truth + np.sqrt(variance) * ERRORS[name].rvs(size=truth.shape, random_state=rng)
    return truth * NAM, mean * NAM, variance * NAM**2


@pytest.mark.parametrize('kind', BOTH)
@pytest.mark.parametrize('name', ERRORS)
def test_ninety_percent_hold_ninety_percent_of_other_data(kind, name):
    recalibration = kind().fit(*_held_out(name, 4000, 0))
    curve = recalibration.coverage(*_held_out(name, 40_000, 1))
    assert 0.88 < curve.at(0.9) < 0.92
    if kind is IsotonicRecalibration:
        np.testing.assert_allclose(curve.empirical, curve.levels, atol=0.03)


def test_vectors_too():
    rng = np.random.default_rng(2)
    half = rng.normal(size=(10, 3, 3))
    blocks = half @ half.swapaxes(-1, -2)

    def errors(n):
        scale = np.sqrt(3 / rng.chisquare(3, size=(n, 10, 1)))
        return scale * np.einsum('sij,nsj->nsi', half, rng.normal(size=(n, 10, 3)))

    for kind in BOTH:
        curve = kind().fit(errors(300), np.zeros((10, 3)), blocks=blocks)
        assert 0.88 < curve.coverage(errors(3000), np.zeros((10, 3)), blocks=blocks).at(0.9) < 0.92


def test_intervals_and_ellipsoids_are_those_whose_coverage_is_counted():
    truth, mean, variance = _held_out('too narrow', 2000, 3)
    for kind in BOTH:
        recalibration = kind().fit(truth, mean, variance)
        inside = recalibration.interval(mean, variance, 0.8).contains(truth)
        assert inside.mean() == pytest.approx(recalibration.coverage(truth, mean, variance).at(0.8), abs=1e-3)
        nominal = recalibration.level(0.8)
        np.testing.assert_allclose(
            uncertainty.credible_interval(mean, variance, nominal).upper.mantissa,
            recalibration.interval(mean, variance, 0.8).upper.mantissa,
        )
        vectors = mean.mantissa.reshape(-1, 4, 1)[:, :, [0, 0, 0]]
        blocks = np.stack([np.eye(3)] * 4)
        recalibration.fit(vectors, np.zeros((4, 3)), blocks=blocks)
        inside = recalibration.ellipsoid(np.zeros((4, 3)), blocks, 0.8).contains(vectors)
        curve = recalibration.coverage(vectors, np.zeros((4, 3)), blocks=blocks)
        assert inside.mean() == pytest.approx(curve.at(0.8), abs=1e-2)


def test_the_factor_is_the_one_that_was_missing():
    truth, mean, variance = _held_out('too narrow', 20_000, 4)
    recalibration = ScaleRecalibration().fit(truth, mean, variance)
    assert recalibration.factor == pytest.approx(3, rel=0.03)
    np.testing.assert_allclose(recalibration.variance(variance) / variance, recalibration.factor**2)
    wide = recalibration.variance(variance)
    ours, same = recalibration.interval(mean, variance, 0.6), uncertainty.credible_interval(mean, wide, 0.6)
    np.testing.assert_allclose(ours.lower.mantissa, same.lower.mantissa)
    # of a few it is set by the errors that are far; matching coverage is not
    heavy = _held_out('heavy tailed', 4000, 5)
    z = (heavy[0] - heavy[1]).mantissa / np.sqrt(heavy[2].mantissa)
    assert np.sqrt((z**2).mean()) > 1.5 * ScaleRecalibration().fit(*heavy).factor


def test_coverage_of_the_next_holds_for_any_number_of_entries():
    """Of nine and the next, exchangeable, the next is not the farthest nine times in ten."""
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(2000):
        errors = rng.standard_cauchy(size=10)
        fitted = ScaleRecalibration(level=0.9).fit(errors[:9], np.zeros(9), np.ones(9))
        covered.append(abs(errors[9]) <= fitted.radius(0.9))
    assert np.mean(covered) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 2000))
    with pytest.raises(ValueError, match='needs 9 entries at least; got 8'):
        ScaleRecalibration().fit(errors[:8], np.zeros(8), np.ones(8))


@pytest.mark.parametrize('name', ERRORS)
def test_the_tail_goes_on_beyond_the_data(name):
    recalibration = IsotonicRecalibration().fit(*_held_out(name, 2000, 7))
    level = 1 - np.logspace(0, -12, 200)[1:]
    radius = recalibration.radius(level)
    assert (np.diff(radius) > 0).all()
    assert np.isfinite(radius).all()
    truth, mean, variance = _held_out(name, 2000, 7)
    assert radius[-1] > abs((truth - mean).mantissa / np.sqrt(variance.mantissa)).max()


@pytest.mark.parametrize(('freedom', 'index'), [(2, 1 / 2), (1, 1.0)])
def test_the_tail_is_that_of_the_errors(freedom, index):
    errors = scipy.stats.t(freedom).rvs(50_000, random_state=8)
    recalibration = IsotonicRecalibration().fit(errors, np.zeros(1), np.ones(1))
    assert recalibration.tail_index == pytest.approx(index, abs=0.1)
    # at one in a thousand: fifty of the data are beyond
    true = scipy.stats.t(freedom).ppf(1 - 0.5e-3)
    assert recalibration.radius(1 - 1e-3) == pytest.approx(true, rel=0.3)
    # from one in a hundred thousand, where the data end, on: ten times rarer is so much farther
    farther = recalibration.radius(1 - 1e-8) / recalibration.radius(1 - 1e-7)
    assert farther == pytest.approx(10**recalibration.tail_index, rel=0.02)


@pytest.mark.parametrize('name', ['uniform', 'heavy tailed'])
def test_every_level_up_to_the_data_holds_what_it_says(name):
    """Of 100 and the next, exchangeable, the next is among the k nearest k times in 101."""
    rng, dist, levels = np.random.default_rng(11), ERRORS[name], np.array([0.5, 0.8, 0.9, 0.93, 0.96, 0.99])
    held = []
    for errors in dist.rvs(size=(50, 100), random_state=rng):
        radius = IsotonicRecalibration().fit(errors, np.zeros(1), np.ones(1)).radius(levels)
        held.append(dist.cdf(radius) - dist.cdf(-radius))
    # that of order statistic k of n is of a beta distribution, which has this standard deviation
    margin = 4 * np.sqrt(levels * (1 - levels) / 102 / 50)
    np.testing.assert_array_less(abs(np.mean(held, axis=0) - levels), margin)


def test_the_tail_goes_on_from_the_largest_error_without_a_break():
    errors = scipy.stats.t(2).rvs(500, random_state=12)
    recalibration = IsotonicRecalibration().fit(errors, np.zeros(1), np.ones(1))
    end = 500 / 501
    assert recalibration.radius(end) == pytest.approx(abs(errors).max(), rel=1e-12)
    assert recalibration.radius(end + 1e-9) == pytest.approx(abs(errors).max(), rel=1e-5)


def test_a_posterior_that_is_right_stays_as_it_is():
    errors = np.random.default_rng(9).normal(size=50_000)
    levels = np.linspace(0.05, 0.95, 19)
    for kind in BOTH:
        recalibration = kind().fit(errors, np.zeros(1), np.ones(1))
        np.testing.assert_allclose(recalibration.level(levels), levels, atol=0.012)


def test_entries_without_variance():
    rng = np.random.default_rng(10)
    truth = np.where(np.arange(1000) < 500, 0.0, 2 * rng.normal(size=1000))
    variance = np.where(np.arange(1000) < 500, 0.0, 1.0)
    # zeros that are right have no part in it
    both = [kind().fit(truth, np.zeros(1000), variance) for kind in BOTH]
    assert both[0].factor == pytest.approx(ScaleRecalibration().fit(truth[500:], np.zeros(500), np.ones(500)).factor)
    assert both[1].radius(0.9) == IsotonicRecalibration().fit(truth[500:], np.zeros(500), np.ones(500)).radius(0.9)
    # sources that were pruned are made up for by the others, as far as that goes
    variance[500:525] = 0
    recalibration = ScaleRecalibration().fit(truth, np.zeros(1000), variance, where='active')
    curve = recalibration.coverage(truth, np.zeros(1000), variance, where='active')
    assert curve.at(0.9) == pytest.approx(0.9, abs=0.003)
    with pytest.raises(ValueError, match='25 of 500 truths are not the mean where there is no variance'):
        IsotonicRecalibration().fit(truth, np.zeros(1000), variance)
    variance[500:560] = 0
    with pytest.raises(ValueError, match=r'12\.0% of the truths are not the mean.*no factor covers 90%'):
        ScaleRecalibration().fit(truth, np.zeros(1000), variance)


def test_bad_input():
    ones = np.ones(200)
    for kind in BOTH:
        with pytest.raises(RuntimeError, match=r'has learned nothing: write \.fit\(truth, mean, variance\) first'):
            kind().interval(0.0, 1.0)
        with pytest.raises(ValueError, match='needs entries with a variance above 0; got 200 without'):
            kind().fit(0 * ones, 0 * ones, 0 * ones)
        with pytest.raises(ValueError, match=r'fit\(variance\) must not be negative'):
            kind().fit(ones, ones, -ones)
        fitted = kind().fit(np.random.default_rng(0).normal(size=200), 0 * ones, ones)
        with pytest.raises(ValueError, match=r'interval\(level=\.\.\.\) is a fraction'):
            fitted.interval(0.0, 1.0, 90)
    with pytest.raises(RuntimeError, match='has learned nothing'):
        ScaleRecalibration().variance(ones)
    with pytest.raises(ValueError, match=r'ScaleRecalibration\(level=\.\.\.\) is a fraction'):
        ScaleRecalibration(level=90)
    with pytest.raises(ValueError, match='90% of the truths are exactly the mean'):
        ScaleRecalibration().fit(ones, ones, ones)
    with pytest.raises(ValueError, match='needs 100 entries with a variance at least; got 99'):
        IsotonicRecalibration().fit(ones[:99], 0 * ones[:99], ones[:99])
    with pytest.raises(ValueError, match='largest 20% of the standardised errors are all the same, 1'):
        IsotonicRecalibration().fit(ones, 0 * ones, ones)
    flat = np.stack([np.diag([1.0, 1, 0]), np.eye(3)] * 100)
    with pytest.raises(ValueError, match=r'one number of directions; got \[2, 3\]'):
        IsotonicRecalibration().fit(np.tile([1.0, 1, 0], (200, 1)), np.zeros((200, 3)), blocks=flat)
    with pytest.raises(ValueError, match=r'fitted in 1 dimension\(s\), and answers in these; got 3'):
        fitted.ellipsoid(np.zeros((1, 3)), np.eye(3)[None])
