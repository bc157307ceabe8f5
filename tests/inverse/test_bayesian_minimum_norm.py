"""One variance for all sources, and that of the noise: against maximum likelihood, minimum norm, and what was drawn."""

import re
import warnings

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from brainfwd import datasets, records
from brainfwd.inverse import BayesianMinimumNorm, MinimumNorm, SensorSimulator, SourceSimulator
from brainfwd.inverse.bayes.evidence import UPDATES, learn

every_update = pytest.mark.parametrize('update', UPDATES)


@pytest.fixture(scope='module')
def tutorial():
    """Gain (16, 32) and data (16, 90) of CaliBrain's tutorial, in uV and nA m."""
    rng = np.random.default_rng(41)
    rng.normal(scale=0.04, size=(32, 3))
    gain = rng.normal(scale=0.03, size=(16, 32))
    gain *= 0.6 / np.linalg.norm(gain, axis=0)
    config = {
        'tmin': -0.1,
        'tmax': 0.8,
        'stim_onset': 0.0,
        'sfreq': 100,
        'fmin': 2,
        'fmax': 8,
        'amplitude_distribution': {'median': 8.0, 'sigma': 0.15, 'clip': [2.0, 20.0]},
        'random_erp_timing': False,
        'erp_min_length': 20,
    }
    sources, _ = SourceSimulator(ERP_config=config).simulate(32, 4, 'fixed', seed=41)
    _, y, _, _ = SensorSimulator().simulate(x=sources, L=gain, alpha_SNR=0.7, sensor_white_noise_std=0.2, seed=41)
    return gain, y


@pytest.fixture(scope='module')
def head():
    return datasets.load_lead_field('eeg')


def _evidence(gain, cov):
    """Of log variances of sources and noise, by the eigenvalues of G G'."""
    values, vectors = np.linalg.eigh(gain @ gain.T)
    along = np.einsum('nd,nm,md->d', vectors, cov, vectors)

    def nll(logs):
        total = np.exp(logs[0]) * values + np.exp(logs[1])
        return np.log(total).sum() + (along / total).sum()

    return nll


def _is_maximum_likelihood(gamma, noise, gain, cov):
    best = minimize(_evidence(gain, cov), [0.0, 0.0], jac='3-point', options={'gtol': 1e-9})
    return np.allclose(np.log([gamma, noise]), best.x, atol=1e-5)


def test_of_the_tutorial_of_calibrain_from_any_start(tutorial):
    """The maximum of the likelihood, where CaliBrain 1.0.3 ends at noise of 3e-13."""
    gain, y = tutorial
    cov = y @ y.T / 90
    given = {'noise': np.zeros((16, 16)), 'parts': np.eye(16)[:, None, :], 'max_iter': 2000, 'tol': 1e-10}
    assert _is_maximum_likelihood(1.02666, 0.14166, gain, cov)
    starts = [(1e-4, 10.0), (100.0, 1e-6), (1e-6, 1e-6), (50.0, 50.0)]
    for start in (None, *(tuple(np.array([x]) for x in start) for start in starts)):
        learned = learn(gain[:, None], cov, **given, start=start)
        assert learned.slope <= 1e-10
        np.testing.assert_allclose([learned.gamma[0], learned.noise[0]], [1.02666, 0.14166], atol=6e-6)


@every_update
@pytest.mark.parametrize('channel', ['mag', 'grad'])
def test_of_the_tutorial_in_units(channel, update, tutorial):
    """Of MEG, which is of no reference: a gain in fT per nA m, data in fT."""
    gain, y = tutorial
    unit = records.SENSOR_UNITS[channel]
    solver = BayesianMinimumNorm(noise='level', update=update)
    solver.fit(1e-6 * gain * unit / (u.amp * u.meter), data_cov=1e-30 * (y @ y.T / 90) * unit**2)
    assert solver.converged
    assert solver.gamma.to_decimal((u.nA * u.meter) ** 2) == pytest.approx([1.02666], abs=1e-5)
    np.testing.assert_allclose(solver.noise_cov.matrix_si / 1e-30, 0.14166 * np.eye(16), atol=1e-5)


def _average_reference(n):
    return np.eye(n) - 1 / n


@pytest.mark.parametrize('active', [None, 5])
def test_noise_of_the_shipped_head(active, head):
    """50 data sets of 50 samples at 10 dB, of all sources, as in the prior, or of five: to 5 %, and each to 20 %."""
    gain = _average_reference(64) @ head.gain_si
    ratios, powers = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        chosen = slice(None) if active is None else rng.choice(head.n_sources, active, replace=False)
        seen = gain[:, chosen]
        level = np.square(seen).sum() / 63 / 10
        y = rng.normal(size=(50, seen.shape[1])) @ seen.T + level**0.5 * rng.normal(size=(50, 64))
        recording = records.Recording(1e-9 * y, head.channels, 2 * u.ms)
        solver = BayesianMinimumNorm(noise='level', tol=1e-4).fit(head, data_cov=recording.covariance())
        assert solver.converged
        noise = solver.noise_cov.matrix_si
        np.testing.assert_allclose(noise, noise[0, 0] * 64 / 63 * _average_reference(64), atol=1e-9 * noise[0, 0])
        ratios.append(noise.trace() / 63 / (1e-18 * level))
        powers.append(solver.gamma.mantissa[0])
    assert abs(np.median(ratios) - 1) < 0.05
    assert abs(np.array(ratios) - 1).max() < 0.2
    if active is None:  # moments were drawn of 1 nA m
        assert abs(np.median(powers) - 1) < 0.05


@pytest.mark.parametrize('kinds', ['eeg', 'meg'])
@pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
@pytest.mark.parametrize('depth', [0.0, 0.8])
def test_it_is_minimum_norm_of_the_most_likely_lambda2(depth, orientation, kinds, problem, data_cov):
    lead_field, noise_cov = problem(kinds)
    solver = BayesianMinimumNorm(orientation=orientation, depth=depth, tol=1e-11, max_iter=10_000)
    given = data_cov(solver, noise_cov)
    solver.fit(lead_field, noise_cov, **given)
    chosen = MinimumNorm(orientation=orientation, depth=depth, regularisation='evidence')
    chosen.fit(lead_field, noise_cov, **given)
    size = abs(u.get_mantissa(_parts(chosen)[0])).max()
    for mine, other in zip(_parts(solver), _parts(chosen), strict=True):
        np.testing.assert_allclose(u.get_mantissa(mine), u.get_mantissa(other), atol=1e-5 * size, rtol=1e-5)


def _parts(solver):
    kernel = solver.kernel
    return [kernel[kind] for kind in sorted(kernel)] if isinstance(kernel, dict) else [kernel]


def test_the_size_of_the_noise_given_makes_no_difference_to_a_level(problem, data_cov):
    lead_field, noise_cov = problem('meg')
    one, other = (BayesianMinimumNorm(noise='level', tol=1e-10) for _ in range(2))
    given = data_cov(one, noise_cov)
    one.fit(lead_field, noise_cov, **given)
    other.fit(lead_field, records.NoiseCovariance(100 * noise_cov.matrix_si, noise_cov.channels), **given)
    assert u.math.allclose(one.gamma, other.gamma, rtol=1e-7)
    np.testing.assert_allclose(one.noise_cov.matrix_si, other.noise_cov.matrix_si, rtol=1e-6, atol=0)


def test_noise_of_each_sensor_is_found(problem):
    """In 5000 samples, where sensors differ threefold: to 10 %; and one level for all would not do."""
    lead_field, _ = problem('meg', 'fixed', n=6)
    rng, n = np.random.default_rng(0), len(lead_field.channels)
    std = rng.uniform(0.5, 1.5, n) * np.array(
        [20e-15 if kind == 'mag' else 5e-13 for kind in lead_field.channels.types]
    )
    y = 4e-9 * rng.normal(size=(5000, 6)) @ lead_field.gain_si.T + std * rng.normal(size=(5000, n))
    cov = records.Recording(y, lead_field.channels, 2 * u.ms).covariance()
    alike = records.NoiseCovariance.diagonal({'mag': 20e-15 * u.tesla, 'grad': 5e-13 * u.tesla / u.meter}, cov.channels)
    sensors, level = (
        BayesianMinimumNorm(noise=noise).fit(lead_field, alike, data_cov=cov) for noise in ('sensors', 'level')
    )
    found = sensors.noise_cov.matrix_si
    np.testing.assert_allclose(np.diagonal(found) / std**2, 1.0, atol=0.1)
    assert abs(found - np.diag(np.diagonal(found))).max() <= 1e-9 * found.max()
    assert sensors.gamma.mantissa[0] == pytest.approx(16, rel=0.1)
    assert sensors.nll[-1] < level.nll[-1] - 0.1


def test_moments_of_an_average_are_not_those_of_a_repetition(problem):
    """Of 25 repetitions with the same moments, of 10 nA m, in noise."""
    lead_field, noise_cov = problem('meg', 'fixed', n=6)
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(noise_cov.matrix_si)
    y = 10e-9 * rng.normal(size=(2000, 6)) @ lead_field.gain_si.T + rng.normal(size=(2000, len(root))) @ root.T / 5
    recording = records.Recording(y, lead_field.channels, 2 * u.ms, nave=25)
    solver = BayesianMinimumNorm(noise='level').fit(lead_field, noise_cov, data_cov=recording.covariance(), nave=25)
    assert solver.gamma.mantissa[0] == pytest.approx(100, rel=0.1)
    np.testing.assert_allclose(solver.noise_cov.matrix_si, noise_cov.matrix_si, rtol=0.03)


@pytest.mark.parametrize('a', [1e-13, 1.0, 1e6])
def test_in_float64_without_a_flag(a, problem, data_cov):
    """Compiled, where JAX is in float32: rounded is what goes in and comes out, not what is between."""
    lead_field, noise_cov = problem('eeg', 'fixed', scale=a)
    solver = BayesianMinimumNorm(noise='level')
    cov = data_cov(solver, noise_cov)['data_cov']
    outside = solver.fit(lead_field, noise_cov, data_cov=cov).kernel
    inside = jax.jit(lambda gain: solver.kernel_for(gain, noise_cov, data_cov=cov))(lead_field.gain)
    assert inside.mantissa.dtype == jnp.float32
    np.testing.assert_allclose(inside.mantissa, outside.mantissa, rtol=2e-5, atol=1e-6 * abs(outside.mantissa).max())


def test_where_it_did_not_settle_it_says_so(problem, data_cov):
    lead_field, noise_cov = problem('eeg')
    solver = BayesianMinimumNorm(max_iter=3)
    given = data_cov(solver, noise_cov)
    with pytest.warns(UserWarning, match=re.escape('max_iter=3')):
        solver.fit(lead_field, noise_cov, **given)
    assert (solver.converged, solver.n_iter, len(solver.nll)) == (False, 3, 4)
    assert 'max_iter=3' in solver.stopped
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        settled = BayesianMinimumNorm().fit(lead_field, noise_cov, **given)
    assert settled.converged
    assert settled.stopped.startswith(f'settled after {settled.n_iter} steps')
    assert len(settled.nll) == settled.n_iter + 1
    assert (np.diff(settled.nll) <= 1e-10 * abs(settled.nll).max()).all()
