"""The joint beamformer, imaginary coherence and the resolution matrix, against closed forms."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import inverse as functions
from brainfwd import metrics


@pytest.fixture(scope='module')
def problem():
    """Noise and data covariances, and the gain, of ten sensors and four sources."""
    rng = np.random.default_rng(0)
    gain, mixing = rng.normal(size=(10, 4)), rng.normal(size=(10, 10))
    noise_cov = mixing @ mixing.T + np.eye(10)
    return noise_cov, noise_cov + gain @ np.diag([4.0, 0, 1, 0]) @ gain.T, gain


def test_passes_each_and_blocks_the_others(problem):
    _, cov, gain = problem
    weights = functions.make_lcmv_filter(cov, gain)
    np.testing.assert_allclose(weights @ gain, np.eye(4), atol=1e-12)
    # of all filters that do, it passes the least variance of the loaded covariance
    loaded = cov + 0.05 * np.trace(cov) / 10 * np.eye(10)
    least = np.diag(weights @ loaded @ weights.T)
    null = np.eye(10) - gain @ np.linalg.pinv(gain)
    for seed in range(5):
        other = weights + 0.1 * np.random.default_rng(seed).normal(size=(4, 10)) @ null
        assert (np.diag(other @ loaded @ other.T) > least).all()


def test_does_not_depend_on_the_sources_that_were_active(problem):
    """The noise alone decides between filters that all let the sources through."""
    noise_cov, cov, gain = problem
    of_data, of_noise = (functions.make_lcmv_filter(c, gain, reg=0.0) for c in (cov, noise_cov))
    np.testing.assert_allclose(of_data, of_noise, atol=1e-10)
    white = functions.make_lcmv_filter(np.eye(10) + gain @ gain.T, gain, reg=0.0)
    np.testing.assert_allclose(white, np.linalg.pinv(gain), atol=1e-12)


def test_power_is_that_of_the_sources(problem):
    _, cov, gain = problem
    data = np.linalg.cholesky(cov) @ np.linalg.qr(np.random.default_rng(1).normal(size=(50, 10)))[0].T
    np.testing.assert_allclose(data @ data.T, cov, rtol=1e-9, atol=1e-9)
    sources = functions.apply_lcmv(data, functions.make_lcmv_filter(cov, gain))
    np.testing.assert_allclose(functions.lcmv_power_map(cov, gain), np.square(sources).sum(axis=1))


def test_index_is_one_where_there_is_noise_alone(problem):
    noise_cov, cov, gain = problem
    weights = functions.make_lcmv_filter(cov, gain)
    amplitude = functions.neural_activity_index(weights, noise_cov)
    np.testing.assert_allclose(np.diag(weights @ cov @ weights.T) / amplitude**2 > 1 + 1e-9, [True, False, True, False])
    np.testing.assert_allclose(np.diag(weights @ noise_cov @ weights.T) / amplitude**2, 1.0)
    scaled = functions.unit_noise_gain(weights, noise_cov)
    np.testing.assert_allclose(np.diag(scaled @ noise_cov @ scaled.T), 1.0)
    # of the same direction
    np.testing.assert_allclose(scaled * amplitude[:, None], weights)


def test_sources_in_units_of_their_noise_have_no_unit(problem):
    noise_cov, cov, gain = problem
    weights = functions.make_lcmv_filter(cov * u.volt**2, gain * u.volt / (u.amp * u.meter))
    scaled = functions.unit_noise_gain(weights, noise_cov * u.volt**2)
    sources = functions.apply_lcmv(np.ones((10, 3)) * u.volt, scaled)
    assert not isinstance(sources, u.Quantity)
    np.testing.assert_allclose(sources, scaled.to_decimal(u.volt**-1).sum(axis=1)[:, None] * np.ones(3))


def test_more_sources_than_the_filter_can_block(problem):
    _, cov, gain = problem
    rng = np.random.default_rng(2)
    for function in (functions.make_lcmv_filter, functions.lcmv_power_map):
        with pytest.raises(ValueError, match=r'got 11 sources and 10 sensors: .* bf\.inverse\.LCMV'):
            function(cov, rng.normal(size=(10, 11)))
        with pytest.raises(ValueError, match=r'got 5 columns of rank 4: .* bf\.inverse\.LCMV'):
            function(cov, np.column_stack([gain, gain.sum(axis=1)]))
        with pytest.raises(ValueError, match=r'has rank 3 of 10, .* with reg=0: write reg=0\.05'):
            function(gain[:, :3] @ gain[:, :3].T, gain[:, :3], reg=0.0)
        with pytest.raises(ValueError, match=r'\(reg\) must not be negative'):
            function(cov, gain, reg=-0.1)
        with pytest.raises(ValueError, match=r'got \(10, 4, 3\): .*LeadField\.fixed'):
            function(cov, np.ones((10, 4, 3)))


def test_filter_that_no_noise_passes():
    weights = np.eye(10)[:3]
    for function in (functions.neural_activity_index, functions.unit_noise_gain):
        with pytest.raises(ValueError, match='no noise passes the filters of sources 1'):
            function(weights, np.diag([1.0, 0, 1, 1, 1, 1, 1, 1, 1, 1]))


def test_imaginary_coherence_is_the_sine_of_the_lag():
    rng = np.random.default_rng(0)
    reference = np.exp(1j * rng.uniform(0, 6.28, 400))
    lags = np.array([0.0, 0.4, -0.4, np.pi / 2, np.pi])
    z = np.exp(1j * lags)[:, None] * reference * np.array([1, 1e-200, 1e200, 2, 3])[:, None]
    np.testing.assert_allclose(functions.imaginary_coherence(z, 0), np.sin(lags), atol=1e-12)
    np.testing.assert_allclose(functions.imaginary_coherence(z, 3), np.sin(lags - np.pi / 2), atol=1e-12)
    # a source ahead in time is ahead in phase: positive
    t = np.arange(1000) * 1e-3
    x = np.sin(2 * np.pi * 10 * (t + np.array([[0.0], [0.01]])))
    ahead = functions.imaginary_coherence(metrics.analytic_signal(x.T, 1 * u.ms).T, 0)
    np.testing.assert_allclose(ahead, [0, np.sin(2 * np.pi * 0.1)], atol=1e-6)


def test_imaginary_coherence_of_mixtures_without_a_lag():
    """Sensors that all see the same sources, whatever the mixture, have none."""
    rng = np.random.default_rng(1)
    # orthogonal over this time, so that no chance remains
    sources = np.fft.ifft(np.fft.fft(np.eye(64))[[3, 7, 12]] * 64, axis=1)
    mixed = rng.normal(size=(5, 3)) @ sources
    np.testing.assert_allclose(functions.imaginary_coherence(mixed * u.volt, 2), 0.0, atol=1e-12)


def test_imaginary_coherence_of_what_it_is_not_for():
    z = np.exp(1j * np.arange(30.0)).reshape(3, 10)
    with pytest.raises(TypeError, match=r'is complex, .* write bf\.metrics\.analytic_signal'):
        functions.imaginary_coherence(z.real, 0)
    for index in (3, -1, 0.5):
        with pytest.raises(ValueError, match=r'\(ref_idx\) is a source, from 0 to 2; got'):
            functions.imaginary_coherence(z, index)
    with pytest.raises(ValueError, match='got zeros at 1'):
        functions.imaginary_coherence(z * np.array([[1], [0], [1]]), 0)
    z[2, 4] = np.inf
    with pytest.raises(ValueError, match=r'must be finite; got 1 value\(s\)'):
        functions.imaginary_coherence(z, 0)


def test_resolution(problem):
    _, cov, gain = problem
    volts = u.volt / (u.amp * u.meter)
    kernel = np.linalg.pinv(gain)
    np.testing.assert_allclose(functions.compute_resolution_matrix(gain, kernel), np.eye(4), atol=1e-12)
    wide = np.random.default_rng(3).normal(size=(5, 12))
    resolution = functions.compute_resolution_matrix(wide, np.linalg.pinv(wide))
    # what a projection onto as many directions as there are sensors leaves
    assert np.trace(resolution) == pytest.approx(5)
    np.testing.assert_allclose(resolution @ resolution, resolution, atol=1e-12)
    of_index = functions.unit_noise_gain(kernel / volts, cov * u.volt**2)
    answer = functions.compute_resolution_matrix(gain * volts, of_index)
    expected = np.eye(4) / np.sqrt(np.diag(kernel @ cov @ kernel.T))[:, None]
    np.testing.assert_allclose(answer.to_decimal((u.amp * u.meter) ** -1), expected, atol=1e-9)
