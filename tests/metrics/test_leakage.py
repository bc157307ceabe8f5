"""What leaks between sources that vary together, and what cancels, against the algebra of the solvers."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, inverse, metrics, records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm

ACTIVE = [100, 1500, 3000]


@pytest.fixture(scope='module')
def head():
    return datasets.load_lead_field('eeg')


@pytest.fixture(scope='module')
def noise_cov(head):
    return records.NoiseCovariance.diagonal(0.5 * u.uvolt, head.channels)


def _courses(correlation, n_sources=2, n_times=400):
    """Time courses of mean 0 and variance 1, with one correlation between any two, exactly."""
    x = np.random.default_rng(0).normal(size=(n_times, n_sources))
    x = np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(n_times)
    wanted = np.full((n_sources,) * 2, correlation) + (1 - correlation) * np.eye(n_sources)
    return x @ np.linalg.cholesky(wanted).T


@pytest.mark.parametrize('solver', [inverse.MinimumNorm, inverse.DSPM])
def test_of_a_linear_solver_it_is_the_cross_talk(head, noise_cov, solver):
    solver = solver().fit(head, noise_cov)
    courses = 20 * nAm * (_courses(0.9, 3) + 5)
    estimate = solver.update(courses @ head.gain[:, np.array(ACTIVE)].T)
    expected = metrics.cross_talk(solver, head, [*ACTIVE, 7])[:, ACTIVE]
    found = metrics.leakage(estimate[:, np.array([*ACTIVE, 7])], courses)
    if isinstance(expected, u.Quantity):
        found, expected = found.to_decimal(nAm**-1), expected.to_decimal(nAm**-1)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * abs(expected).max())


@pytest.mark.parametrize('correlation', [0.0, 0.5, 0.95])
def test_of_lcmv(head, noise_cov, correlation):
    """The filter keeps its source and subtracts the others, as far as they vary with it: 1 - c^2 of it is left."""
    gain = head.gain[:, np.array(ACTIVE[:2])]

    def estimated(courses):
        signal = (20 * nAm * courses @ gain.T).to_decimal(u.volt)
        cov = signal.T @ signal / len(signal) + (1e-9) ** 2 * np.eye(head.n_sensors)
        data_cov = records.NoiseCovariance(cov, head.channels)
        solver = inverse.LCMV(weight_norm='unit-gain', reg=0).fit(head, noise_cov, data_cov=data_cov)
        return solver.update(signal * u.volt)[:, np.array(ACTIVE[:2])]

    courses = _courses(correlation)
    together = estimated(courses)
    alone = u.math.stack([estimated(courses * keep)[:, i] for i, keep in enumerate(np.eye(2))], axis=1)
    c = correlation
    np.testing.assert_allclose(metrics.leakage(together, 20 * nAm * courses), [[1, -c], [-c, 1]], atol=1e-3)
    np.testing.assert_allclose(metrics.cancellation(together, alone, courses), [c**2, c**2], atol=1e-3)


def test_leakage_is_the_regression(space):
    """Noise that has nothing to do with any source changes nothing; the rest is found whatever its scale."""
    rng = np.random.default_rng(0)
    truth = _courses(0.7, 4)
    noise = rng.normal(size=(400, 5))
    with_ones = np.c_[truth, np.ones(400)]
    noise -= with_ones @ np.linalg.lstsq(with_ones, noise, rcond=None)[0]
    transfer = rng.normal(size=(5, 4))
    estimate = truth @ transfer.T + noise + 3
    np.testing.assert_allclose(metrics.leakage(estimate, truth + 7), transfer)
    np.testing.assert_allclose(metrics.leakage(1e-200 * estimate, 1e-200 * truth), transfer)
    per_unit = metrics.leakage(estimate, truth * nAm)
    assert per_unit.unit == nAm**-1
    np.testing.assert_allclose(per_unit.mantissa, transfer)
    np.testing.assert_allclose(metrics.leakage(estimate * u.uvolt, truth * nAm).to_decimal(u.uvolt / nAm), transfer)
    assert isinstance(metrics.leakage(estimate * u.uA * u.meter, truth * nAm), np.ndarray)
    np.testing.assert_allclose(metrics.leakage(estimate * u.uA * u.meter, truth * nAm), 1000 * transfer)
    batch = metrics.leakage(np.stack([estimate, 2 * estimate]), truth)
    np.testing.assert_allclose(batch, [transfer, 2 * transfer])
    np.testing.assert_allclose(metrics.leakage(np.stack([estimate] * 2), np.stack([truth, 2 * truth]))[1], transfer / 2)
    record = records.SourceEstimate(estimate * nAm, space(np.zeros((5, 3))), 4 * u.ms)
    np.testing.assert_allclose(metrics.leakage(record, truth * nAm), transfer)


def test_cancellation_counts_what_follows_the_truth():
    truth = _courses(0.0, 2)
    noise = np.random.default_rng(0).normal(size=(400, 2))
    both = np.c_[truth, np.ones(400)]
    noise -= both @ np.linalg.lstsq(both, noise, rcond=None)[0]
    together, alone = (truth * [0.3, 1.2] + noise) * nAm, (truth * 2 + 5 * noise) * 1e-3 * u.uA * u.meter
    lost = metrics.cancellation(together, alone, truth)
    np.testing.assert_allclose(lost, [1 - 0.3 / 2, 1 - 1.2 / 2])
    # a source may vanish, turn over, or be helped by others
    np.testing.assert_allclose(metrics.cancellation(truth * [0, -1], truth, truth * u.mV), [1, 2], atol=1e-12)
    np.testing.assert_allclose(metrics.cancellation(1e-200 * truth, 5e-201 * truth, truth), [-1, -1])


def test_errors_of_leakage():
    truth = _courses(0.0, 2)
    with pytest.raises(ValueError, match='none of which is a sum of others'):
        metrics.leakage(truth, np.c_[truth, truth.sum(axis=1)])
    with pytest.raises(ValueError, match=r'leakage\(truth\) varies in time; got a constant at source 1'):
        metrics.leakage(truth, truth * [1, 0])
    with pytest.raises(ShapeError, match=r'more times than sources; got \(2, 2\)'):
        metrics.leakage(truth[:2], truth[:2])
    with pytest.raises(ShapeError, match=r'the times of the truth, shape \(\.\.\., 400, estimates\); got \(399, 2\)'):
        metrics.leakage(truth[1:], truth)
    with pytest.raises(ShapeError, match='has the times of the truth'):
        metrics.leakage(truth, truth[None])
    with pytest.raises(ValueError, match=r'leakage\(estimate\) must be finite'):
        metrics.leakage(truth * np.nan, truth)


def test_errors_of_cancellation():
    truth = _courses(0.0, 2)
    with pytest.raises(UnitError, match=r'cancellation\(alone\) is as together, in .*; got a bare array'):
        metrics.cancellation(truth * nAm, truth, truth)
    with pytest.raises(ShapeError, match=r'cancellation\(alone\) has shape \(400, 2\) of the truth; got \(399, 2\)'):
        metrics.cancellation(truth, truth[1:], truth)
    with pytest.raises(ValueError, match=r'got source 1, which does not'):
        metrics.cancellation(truth, truth * [1, 0], truth)
    with pytest.raises(ValueError, match='got a constant at source 0'):
        metrics.cancellation(truth, truth, truth * [0, 1])
    with pytest.raises(ShapeError, match='at least 2 times'):
        metrics.cancellation(truth[:1], truth[:1], truth[:1])
