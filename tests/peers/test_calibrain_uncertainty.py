"""Coverage against CaliBrain, for regular posteriors; its names for the two sides of the diagonal are not followed."""

import numpy as np
import pytest

from brainfwd import uncertainty

estimation = pytest.importorskip('calibrain.uncertainty_estimation')
evaluation = pytest.importorskip('calibrain.metric_evaluation')

pytestmark = pytest.mark.peers

LEVELS = np.array([0.05, 0.3, 0.5, 0.9, 0.99])


@pytest.fixture(scope='module')
def theirs():
    return estimation.UncertaintyEstimator(nominal_coverages=LEVELS)


@pytest.fixture(scope='module')
def problem():
    """(sources, times[, 3]) truths and means, variances and blocks of orientations, of errors twice as large."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(15, 3, 3))
    truth = rng.normal(size=(15, 3, 40))
    mean = truth + 2 * half @ rng.normal(size=truth.shape)
    return truth, mean, half @ half.swapaxes(-1, -2)


def test_intervals(theirs, problem):
    truth, mean, blocks = (each[:, 0] for each in problem)
    variance = blocks[:, 0]
    expected = theirs.calibration_curve_intervals_pointwise(truth, mean, variance)
    curve = uncertainty.coverage(truth.T, mean.T, variance, levels=LEVELS)
    np.testing.assert_array_equal(curve.covered, expected['ci_counts'])
    lower, upper = theirs.credible_intervals_normal(mean.T, variance, 0.9)
    np.testing.assert_allclose(uncertainty.credible_interval(mean.T, variance, 0.9), [lower, upper])


def test_ellipsoids(theirs, problem):
    truth, mean, blocks = problem
    expected = theirs.calibration_curve_ellipsoid_eeg_free_pointwise(truth, mean, blocks)
    vectors = (each.transpose(2, 0, 1) for each in (truth, mean))
    curve = uncertainty.coverage(*vectors, blocks=blocks, levels=LEVELS)
    np.testing.assert_allclose(curve.empirical, expected['empirical_coverages'])


def test_what_is_too_narrow_they_call_underconfident(problem):
    truth, mean, blocks = problem
    curve = uncertainty.coverage(truth[:, 0].T, mean[:, 0].T, blocks[:, 0, 0], levels=LEVELS)
    assert curve.verdict == 'overconfident'
    scores = evaluation.MetricEvaluator.calibration_metrics_4(curve.levels, curve.empirical)
    assert scores['max_underconfidence_deviation'] == pytest.approx((curve.levels - curve.empirical).max())
    assert scores['max_overconfidence_deviation'] == 0 == curve.underconfidence
    # the sign of the mean is the same
    assert scores['mean_signed_deviation'] < 0 > curve.signed_miscalibration
