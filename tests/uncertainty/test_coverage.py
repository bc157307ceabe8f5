"""How often regions hold the truth: of posteriors that are right, too narrow, too wide, and of exact zeros."""

from types import SimpleNamespace

import brainunit as u
import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from brainfwd import records, uncertainty
from brainfwd._core.checks import ShapeError, UnitError

NAM = u.nA * u.meter


@pytest.fixture(scope='module')
def gaussian():
    """(data sets, sources) truths, means and (sources,) variances of the errors between them."""
    rng = np.random.default_rng(0)
    variance = rng.gamma(2.0, size=10)
    truth = rng.normal(size=(1000, 10))
    return truth, truth + np.sqrt(variance) * rng.normal(size=truth.shape), variance


@pytest.mark.parametrize(('times', 'verdict'), [(1.0, 'calibrated'), (1 / 3, 'overconfident'), (3.0, 'underconfident')])
def test_gaussian_errors_are_covered_as_theory_says(gaussian, times, verdict):
    truth, mean, variance = gaussian
    curve = uncertainty.coverage(truth, mean, variance * times**2)
    expected = 2 * scipy.stats.norm.cdf(times * scipy.stats.norm.ppf((1 + curve.levels) / 2)) - 1
    np.testing.assert_allclose(curve.empirical, expected, atol=4.5 * np.sqrt(0.25 / truth.size))
    assert curve.verdict == verdict
    assert str(curve).startswith(f'{verdict}: 90% regions hold')
    assert repr(curve) == f'CoverageCurve({curve})'
    area = scipy.integrate.quad(
        lambda p: 2 * scipy.stats.norm.cdf(times * scipy.stats.norm.ppf((1 + p) / 2)) - 1 - p, 0, 1
    )[0]
    assert curve.signed_miscalibration == pytest.approx(area, abs=4.5 / np.sqrt(12 * truth.size) + 2e-3)
    assert curve.signed_miscalibration == pytest.approx(curve.underconfidence - curve.overconfidence)
    assert curve.miscalibration == pytest.approx(curve.underconfidence + curve.overconfidence)


def test_three_times_too_narrow_is_below_the_diagonal_and_overconfident(gaussian):
    truth, mean, variance = gaussian
    curve = uncertainty.coverage(truth, mean, variance / 9)
    assert (curve.empirical < curve.levels).all()
    assert curve.verdict == 'overconfident'
    assert curve.signed_miscalibration == -curve.overconfidence < -0.25
    assert curve.underconfidence == 0


def test_heavy_tails_are_overconfident_here_and_underconfident_there():
    errors = scipy.stats.t(1.5).rvs(20_000, random_state=0)
    curve = uncertainty.coverage(errors, np.zeros(1), np.array([9.0]))
    assert curve.verdict == 'mixed'
    assert curve.at(0.5) > 0.5
    assert curve.at(0.99) < 0.99


def test_vectors_are_covered_as_theory_says():
    rng = np.random.default_rng(1)
    half = rng.normal(size=(10, 3, 3))
    blocks = half @ half.swapaxes(-1, -2) * NAM**2
    errors = np.einsum('sij,nsj->nsi', half, rng.normal(size=(1000, 10, 3))) * NAM
    curve = uncertainty.coverage(errors, np.zeros((10, 3)) * NAM, blocks=blocks)
    np.testing.assert_allclose(curve.empirical, curve.levels, atol=4.5 * np.sqrt(0.25 / 10_000))
    assert curve.verdict == 'calibrated'
    narrow = uncertainty.coverage(errors, np.zeros((10, 3)) * NAM, blocks=blocks / 4)
    expected = scipy.stats.chi2.cdf(scipy.stats.chi2.ppf(curve.levels, 3) / 4, 3)
    np.testing.assert_allclose(narrow.empirical, expected, atol=4.5 * np.sqrt(0.25 / 10_000))


@given(st.integers(0, 2**31), st.floats(1e-15, 1e12))
def test_the_unit_does_not_matter_and_membership_is_that_of_the_interval(seed, scale):
    rng = np.random.default_rng(seed)
    truth, mean = rng.normal(size=(2, 5, 4))
    variance = rng.gamma(1.0, size=4) * (rng.random(4) < 0.7)
    levels = [0.3, 0.8]
    curve = uncertainty.coverage(truth, mean, variance, levels=levels)
    scaled = uncertainty.coverage(scale * truth, scale * mean, scale**2 * variance, levels=levels)
    np.testing.assert_array_equal(scaled.covered, curve.covered)
    inside = [uncertainty.credible_interval(mean, variance, level).contains(truth).sum() for level in levels]
    np.testing.assert_array_equal(curve.covered, inside)


@given(st.integers(0, 2**31))
def test_rotations_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    truth, mean = rng.normal(size=(2, 30, 3))
    half = rng.normal(size=(30, 3, rng.integers(1, 4)))
    blocks = half @ half.swapaxes(-1, -2)
    truth[::2] = mean[::2] + (half @ rng.normal(size=(30, half.shape[-1], 1)))[::2, :, 0]
    turn = scipy.stats.special_ortho_group.rvs(3, size=30, random_state=rng)
    turned = [np.einsum('nij,nj->ni', turn, each) for each in (truth, mean)]
    curve = uncertainty.coverage(truth, mean, blocks=blocks)
    other = uncertainty.coverage(*turned, blocks=turn @ blocks @ turn.swapaxes(-1, -2))
    np.testing.assert_array_equal(curve.covered, other.covered)
    assert curve.covered[-1] > 0


def test_exact_zeros_are_counted_and_left_out_of_the_active(gaussian):
    truth, mean, variance = (np.copy(each) for each in gaussian)
    truth[:, :6], mean[:, :6], variance[:6] = 0, 0, 0
    # one source that is active and was pruned
    truth[:, 5] = 1.0
    curves = uncertainty.coverage_curves(
        truth * NAM, mean * NAM, variance / 9 * NAM**2, selected=variance > 0, independent=1000
    )
    everything, active, selected = curves['all'], curves['active'], curves['selected']
    assert (everything.n, everything.n_certain, everything.n_certain_right) == (10_000, 6000, 5000)
    assert (active.n, active.n_certain, active.n_certain_right) == (5000, 1000, 0)
    assert (selected.n, selected.n_certain) == (4000, 0)
    # the same errors: flattered by zeros, none of the pruned covered
    assert everything.at(0.5) == (5000 + selected.covered[9]) / 10_000 > 0.5
    assert active.at(0.5) == selected.covered[9] / 5000 < 0.3
    assert {name: curve.verdict for name, curve in curves.items()} == {
        'all': 'mixed', 'active': 'overconfident', 'selected': 'overconfident',
    }  # fmt: skip
    assert 'of variance' not in str(selected)
    assert '6000 have variance 0, 5000 of these count as covered' in str(everything)


def test_blocks_without_variance():
    truth = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    blocks = np.zeros((4, 3, 3))
    blocks[2:, :2, :2] = np.eye(2)
    curve = uncertainty.coverage(truth, np.zeros((4, 3)), blocks=blocks, levels=[0.01, 0.99])
    # the first without need, the third in the plane that has variance
    np.testing.assert_array_equal(curve.covered, [1, 2])
    assert (curve.n_certain, curve.n_certain_right) == (2, 1)


def test_bands_are_wilsons(gaussian):
    truth, mean, variance = gaussian
    curve = uncertainty.coverage(truth[:30], mean[:30], variance)
    lower, upper = curve.band(0.9)
    for i, count in enumerate(curve.covered):
        wilson = scipy.stats.binomtest(int(count), curve.n).proportion_ci(0.9, method='wilson')
        np.testing.assert_allclose([lower[i], upper[i]], wilson)
    fewer = uncertainty.coverage(truth[:30], mean[:30], variance, independent=30)
    assert (np.subtract(*fewer.band()[::-1]) > 2 * np.subtract(*curve.band()[::-1])).all()


def test_a_calibrated_posterior_is_seldom_called_anything_else():
    rng = np.random.default_rng(3)
    verdicts = [uncertainty.coverage(rng.normal(size=200), np.zeros(1), np.ones(1)).verdict for _ in range(200)]
    assert np.mean([verdict != 'calibrated' for verdict in verdicts]) <= 0.05


def test_areas_of_lines_that_cross():
    # 0.5 at every level: above the diagonal up to the middle, below from there on
    truth = np.array([0.0, 1e9])
    curve = uncertainty.coverage(truth, np.zeros(2), np.array([1.0, 1.0]), levels=np.linspace(1e-6, 1 - 1e-6, 4))
    assert curve.underconfidence == pytest.approx(1 / 8, abs=1e-5)
    assert curve.overconfidence == pytest.approx(1 / 8, abs=1e-5)
    assert curve.signed_miscalibration == pytest.approx(0, abs=1e-12)


def test_records_are_frozen(gaussian):
    curve = uncertainty.coverage(*gaussian)
    with pytest.raises(ValueError, match='read-only'):
        curve.covered[0] = 0
    with pytest.raises(AttributeError):
        curve.n = 3


def _estimate(data):
    n = data.shape[-1]
    normals = np.tile([0, 0, 1.0], (n, 1))
    sources = records.SourceSpace(normals * u.mm, normals, np.ones(n) * u.mm**2, np.zeros(n), np.arange(n), np.zeros(n))
    return records.SourceEstimate(data * NAM, sources, 1 * u.ms)


def test_bad_input(gaussian):
    truth, mean, variance = gaussian
    coverage = uncertainty.coverage
    with pytest.raises(ValueError, match=r'takes variance, of fixed orientation, or blocks'):
        coverage(truth, mean)
    posterior, estimate = SimpleNamespace(mean=mean, variance=variance), _estimate(truth[:2])
    for call in (
        lambda: coverage(truth, posterior),
        lambda: uncertainty.coverage_curves(truth, mean, posterior),
        lambda: uncertainty.pit(posterior, mean, variance),
        lambda: uncertainty.credible_interval(posterior, variance),
        lambda: uncertainty.sharpness(posterior),
        lambda: uncertainty.ScaleRecalibration().variance(posterior),
    ):
        with pytest.raises(TypeError, match=r'got SimpleNamespace: write posterior\.mean, posterior\.variance'):
            call()
    for call in (lambda: coverage(estimate, mean, variance), lambda: uncertainty.crps(truth, estimate, variance)):
        with pytest.raises(TypeError, match=r'got SourceEstimate: write estimate\.data'):
            call()
    with pytest.raises(ValueError, match='one of them'):
        coverage(truth, mean, variance, blocks=np.eye(3))
    with pytest.raises(ValueError, match='what the posterior is about; got None'):
        coverage(None, mean, variance)
    with pytest.raises(UnitError, match=r'coverage\(truth\) is what the posterior is about, in m \* nA; got mV'):
        coverage(truth * u.mV, mean * NAM, variance * NAM**2)
    with pytest.raises(ShapeError, match='that none of them has'):
        coverage(truth[:, 0], mean[:, :1], variance[:1])
    with pytest.raises(ShapeError, match='at least one entry'):
        coverage(truth[:0], mean[:0], variance)
    with pytest.raises(ValueError, match=r'where=\.\.\.\) selects at least one entry; got none of 10000'):
        coverage(truth, mean, variance, where=np.zeros(10, bool))
    with pytest.raises(ValueError, match='selects at least one entry'):
        coverage(0 * truth, mean, variance, where='active')
    with pytest.raises(ValueError, match="is one of 'active'"):
        coverage(truth, mean, variance, where='acitve')
    with pytest.raises(TypeError, match="'active' or an array of bool; got list"):
        coverage(truth, mean, variance, where=[0, 1])
    with pytest.raises(ShapeError, match=r'against the entries, \(1000, 10\); got \(3,\)'):
        coverage(truth, mean, variance, where=np.ones(3, bool))
    with pytest.raises(ValueError, match='is a fraction'):
        coverage(truth, mean, variance, levels=[0.5, 1.0])
    with pytest.raises(ValueError, match='ascending'):
        coverage(truth, mean, variance, levels=[0.5, 0.4])
    with pytest.raises(ValueError, match='10000 at most'):
        coverage(truth, mean, variance, independent=10_001)
    with pytest.raises(ValueError, match=r'at\(level\) is one of'):
        coverage(truth, mean, variance).at(0.42)
    with pytest.raises(ShapeError, match=r'truth\) has shape \(\.\.\., sources, 3\)'):
        coverage(np.zeros((4, 2)), np.zeros((4, 3)), blocks=np.stack([np.eye(3)] * 4))
    with pytest.raises(TypeError, match='counts entries, which jit'):
        jax.jit(lambda x: coverage(x, mean, variance).n)(truth)
