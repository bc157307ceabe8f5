"""The posterior is the conditional of a joint Gaussian of sources and data, whatever asks for it."""

import tracemalloc

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from brainfwd import records
from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.inverse import DICS, DSPM, ELORETA, LCMV, SLORETA, BayesianMinimumNorm, GammaMAP, MinimumNorm

_few = {'tol': 0.1, 'max_iter': 20}
MODELS = {
    'MinimumNorm': lambda o: MinimumNorm(orientation=o),
    'DSPM': lambda o: DSPM(orientation=o),
    'SLORETA': lambda o: SLORETA(orientation=o),
    'SLORETA block': lambda o: SLORETA(orientation=o, standardise='block'),
    'ELORETA': lambda o: ELORETA(orientation=o),
    'GammaMAP': lambda o: GammaMAP(orientation=o, **_few),
    'GammaMAP components': lambda o: GammaMAP(orientation=o, groups='component', update='em', **_few),
    'GammaMAP sFLEX': lambda o: GammaMAP(orientation=o, sigma=20 * u.mm, **_few),
    'GammaMAP level': lambda o: GammaMAP(orientation=o, noise='level', **_few),
    'BayesianMinimumNorm': lambda o: BayesianMinimumNorm(orientation=o, **_few),
    'BayesianMinimumNorm sensors': lambda o: BayesianMinimumNorm(orientation=o, noise='sensors', depth=0.8, **_few),
}
ORIENTATIONS = ('fixed', 'loose', 'free')
every_model = pytest.mark.parametrize('name', MODELS)
every_orientation = pytest.mark.parametrize('orientation', ORIENTATIONS)


@pytest.fixture
def fitted(problem, data_cov):
    def fitted(name, orientation='fixed', kinds='eeg', nave=1, **options):
        solver = MODELS[name](orientation)
        lead_field, noise_cov = problem(kinds, **options)
        return solver.fit(lead_field, noise_cov, **data_cov(solver, noise_cov), nave=nave)

    return fitted


def _dense(model):
    """Of (sources x K): prior covariance; of the data after average reference, whitened: gain and noise covariance."""
    c, k, _ = model.prior.shape
    prior = np.zeros((c, k, c, k))
    prior[np.arange(c), :, np.arange(c), :] = model.prior
    prior = prior.reshape(c * k, c * k) / model.nave
    if model.basis is not None:
        spread = np.kron(model.basis.toarray(), np.eye(k))
        prior = spread @ prior @ spread.T
    gain = 1e-9 * model.white @ model.gain.reshape(len(model.gain), -1)
    noise = np.eye(len(model.white)) if model.noise is None else model.noise
    return prior, gain, noise / model.nave


def _conditional(model, y):
    """Mean and covariance of the sources given data, from the joint covariance of both."""
    prior, gain, noise = _dense(model)
    cross = prior @ gain.T
    weights = np.linalg.solve(gain @ cross + noise, cross.T).T
    return (y @ model.white.T) @ weights.T, prior - weights @ cross.T


def _assert_close(a, b, tolerance=1e-10):
    a, b = (np.asarray(u.get_mantissa(x)) for x in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * abs(b).max())


# ---- against the formula


@every_model
@every_orientation
@pytest.mark.parametrize(('kinds', 'nave'), [('eeg', 4), ('both', 1)])
def test_it_is_the_conditional_of_the_joint_gaussian(name, orientation, kinds, nave, fitted, problem, data):
    solver, y = fitted(name, orientation, kinds, nave), data(problem(kinds)[0], (2, 3))
    channels = problem(kinds)[0].channels
    posterior = solver.posterior(records.values(y, channels))
    mean, covariance = _conditional(solver.model, y)
    k = posterior.n_orientations
    assert k == (1 if orientation == 'fixed' else 3)
    vector = () if k == 1 else (3,)
    mean, by_source = mean.reshape(2, 3, 30, *vector), covariance.reshape(30, k, 30, k)
    assert posterior.mean.unit == nAm
    assert u.get_unit(posterior.variance) == nAm**2
    _assert_close(posterior.mean, mean)
    _assert_close(posterior.covariance(), by_source[:, 0, :, 0] if k == 1 else by_source)
    blocks = by_source[np.arange(30), :, np.arange(30)]
    _assert_close(posterior.blocks, blocks)
    _assert_close(posterior.variance, np.diagonal(blocks, axis1=1, axis2=2).reshape(30, *vector))
    _assert_close(posterior.std, np.sqrt(np.diagonal(blocks, axis1=1, axis2=2)).reshape(30, *vector))
    _assert_close(solver.posterior_variance, posterior.variance)
    assert (posterior.variance.mantissa > 0).all()

    weights = np.random.default_rng(0).normal(size=(30, 4))
    regions = posterior.aggregate(weights)
    assert regions.n_sources == 4
    _assert_close(regions.mean, np.moveaxis(np.tensordot(mean, weights, (2, 0)), -1, 2))
    summed = np.einsum('sr,sktl,tq->rkql', weights, by_source, weights)
    _assert_close(regions.covariance(), summed[:, 0, :, 0] if k == 1 else summed)
    _assert_close(regions.blocks, summed[np.arange(4), :, np.arange(4)])
    # regions of regions
    _assert_close(regions.aggregate(np.ones((4, 1))).blocks[0], summed.sum(axis=(0, 2)))


@every_model
@every_orientation
def test_its_mean_is_what_the_solver_answers_in_moments(name, orientation, fitted, problem, data):
    lead_field = problem('both')[0]
    solver, y = fitted(name, orientation, 'both', 3), records.values(data(lead_field), lead_field.channels)
    mean = solver.posterior(y).mean
    if solver.unit == nAm:
        _assert_close(mean, solver.update(y) if orientation == 'fixed' else solver.vectors(y))
    else:
        # a map without a unit stands for the moments of minimum norm
        plain = MinimumNorm(orientation=orientation).fit(*problem('both'))
        _assert_close(mean, plain.update(y) if orientation == 'fixed' else plain.vectors(y))


def test_a_recording_is_taken_too(fitted, problem, data):
    lead_field, solver = problem()[0], fitted('ELORETA')
    y = data(lead_field)
    recording = records.Recording.from_quantity(y * u.volt, lead_field.channels, sampling_period=1 * u.ms)
    _assert_close(solver.posterior(recording).mean, solver.posterior(y * u.volt).mean)


def test_data_say_nothing_where_the_prior_is_certain_and_all_where_there_is_no_noise(problem):
    lead_field, noise_cov = problem(n=5)
    certain = MinimumNorm(lambda2=1e8, depth=0).fit(lead_field, noise_cov)
    np.testing.assert_allclose(certain.posterior_variance.mantissa, certain.model.prior[:, 0, 0], rtol=1e-6)
    # fewer sources than sensors, no noise: the least squares of Gauss, in units of the noise
    sharp = MinimumNorm(snr=1e4, depth=0).fit(lead_field, noise_cov)
    _, gain, _ = _dense(sharp.model)
    np.testing.assert_allclose(sharp.posterior_variance.mantissa, np.diagonal(np.linalg.inv(gain.T @ gain)), rtol=1e-6)


# ---- draws


def _assert_covariance(drawn, expected, n):
    """The covariance of n draws without a mean is Wishart: within five standard deviations, entry by entry."""
    found = drawn.T @ drawn / n
    spread = np.sqrt((expected**2 + np.outer(np.diagonal(expected), np.diagonal(expected))) / n)
    assert (abs(found - expected) < 5 * spread + 1e-12 * spread.max()).all()
    # and the chi squared of all along the principal axes
    values, axes = np.linalg.eigh(expected)
    kept = values > 1e-9 * values[-1]
    chi2 = ((drawn @ axes[:, kept]) ** 2 / values[kept]).sum()
    assert 1e-4 < scipy.stats.chi2(n * kept.sum()).cdf(chi2) < 1 - 1e-4


@pytest.mark.parametrize(
    ('name', 'orientation', 'compiled'),
    [
        ('MinimumNorm', 'fixed', False),
        ('GammaMAP sFLEX', 'free', False),
        ('BayesianMinimumNorm sensors', 'loose', False),
        ('BayesianMinimumNorm sensors', 'loose', True),
    ],
)
def test_samples_of_the_posterior(name, orientation, compiled, fitted, problem, data):
    n, lead_field = 4000, problem(n=10)[0]
    solver, y = fitted(name, orientation, n=10, nave=2), data(lead_field, (2,))
    make = lambda y: solver.posterior(y * u.volt).sample(n, seed=5)  # noqa: E731
    drawn = jax.jit(make)(jnp.asarray(y)) if compiled else make(y)
    posterior = solver.posterior(y * u.volt)
    assert drawn.unit == nAm
    assert drawn.shape == (n, *posterior.mean.shape)
    size = 10 * posterior.n_orientations
    covariance = posterior.covariance().mantissa.reshape(size, size)
    error = np.asarray(drawn.mantissa, float) - posterior.mean.mantissa
    _assert_covariance(error.reshape(2 * n, size), covariance, 2 * n)
    mean = error.reshape(n, 2, size).mean(axis=0)
    assert (abs(mean) < 5 * np.sqrt(np.diagonal(covariance) / n)).all()
    # each sample of data has its own
    assert abs(np.corrcoef(error.reshape(n, 2, -1)[:, 0, 0], error.reshape(n, 2, -1)[:, 1, 0])[0, 1]) < 5 / n**0.5
    # and another seed others
    again, other = (solver.posterior(y * u.volt).sample(3, seed=seed).mantissa for seed in (5, 6))
    assert not (again == other).any()


@pytest.mark.parametrize(
    ('name', 'orientation'),
    [('ELORETA', 'fixed'), ('GammaMAP sFLEX', 'free'), ('BayesianMinimumNorm sensors', 'fixed')],
)
@pytest.mark.parametrize('kinds', ['eeg', 'both'])
def test_samples_of_the_model(name, orientation, kinds, fitted):
    n, model = 4000, fitted(name, orientation, kinds, 2, n=10).model
    sources, made = model.sample(n, seed=1)
    prior, gain, noise = _dense(model)
    k = model.prior.shape[-1]
    assert sources.unit == nAm
    assert sources.shape == (n, 10) if k == 1 else (n, 10, 3)
    numbers = records.si(made, model.channels, 'data')
    assert numbers.shape == (n, len(model.channels))
    sources = sources.mantissa.reshape(n, -1)
    _assert_covariance(sources, prior, n)
    white = numbers @ model.white.T
    _assert_covariance(white, gain @ prior @ gain.T + noise, n)
    # the noise is the rest, and is independent of the sources
    rest = white - sources @ gain.T
    _assert_covariance(rest, noise, n)
    scale = np.sqrt(np.outer(np.diagonal(prior), np.diagonal(noise)) / n)
    assert (abs(sources.T @ rest / n) < 5 * scale).all()
    # in SI units, of average reference: G R G' + C
    projector = np.linalg.pinv(model.white) @ model.white
    covariance = projector @ (gain_si := 1e-9 * model.gain.reshape(len(model.gain), -1)) @ prior @ gain_si.T @ projector
    covariance += np.linalg.pinv(model.white) @ noise @ np.linalg.pinv(model.white).T
    std = np.sqrt(np.diagonal(covariance))
    _assert_covariance(numbers / std, covariance / np.outer(std, std), n)
    np.testing.assert_array_equal(numbers, records.si(model.sample(n, seed=1)[1], model.channels, 'data'))


# ---- compiled code


@pytest.mark.parametrize('kinds', ['eeg', 'meg'])
@pytest.mark.parametrize('snr', [3.0, 1e4])
def test_in_compiled_code_it_is_the_same_and_positive(kinds, snr, problem, data):
    """Also where data leave 1e-8 of the prior open, which float32 cannot hold beside 1."""
    lead_field, noise_cov = problem(kinds, n=4)
    solver = MinimumNorm(snr=snr).fit(lead_field, noise_cov)
    y = records.values(data(lead_field), lead_field.channels)
    expected = solver.posterior(y)

    @brainstate.transform.jit
    def compiled(y):
        posterior = solver.posterior(y)
        return posterior.mean, posterior.variance, posterior.aggregate(np.ones((4, 1))).variance

    mean, variance, summed = compiled(jax.tree.map(jnp.asarray, y))
    assert variance.mantissa.dtype == jnp.float32
    assert (np.asarray(variance.mantissa) > 0).all()
    np.testing.assert_allclose(variance.mantissa, expected.variance.mantissa, rtol=1e-5)
    np.testing.assert_allclose(summed.mantissa, expected.aggregate(np.ones((4, 1))).variance.mantissa, rtol=1e-5)
    _assert_close(mean, expected.mean, 1e-5 * max(1, snr / 100))


@pytest.mark.parametrize('name', ['MinimumNorm', 'GammaMAP'])
def test_a_fit_in_compiled_code_has_a_posterior_and_it_has_a_gradient(name, problem, data_cov):
    lead_field, noise_cov = problem(orientation='fixed', n=6)
    gain = lead_field.gain
    extra = data_cov(MODELS[name]('fixed'), noise_cov)

    def mean_variance(level):
        cov = noise_cov.matrix.to_decimal(u.volt**2) * 1e12
        solver = MODELS[name]('fixed').fit(gain, level * jnp.asarray(cov) * 1e-12 * u.volt**2, **extra)
        return u.get_mantissa(solver.posterior_variance).mean()

    slope = float(jax.jit(jax.grad(mean_variance))(jnp.asarray(1.0)))
    up, down = (
        float(MODELS[name]('fixed').fit(gain, level * noise_cov.matrix, **extra).posterior_variance.mantissa.mean())
        for level in (1.001, 0.999)
    )
    assert slope == pytest.approx((up - down) / 0.002, rel=2e-3, abs=1e-5 * up)


# ---- what there is no posterior of, or not yet


@pytest.mark.parametrize('make', [LCMV, DICS])
def test_a_beamformer_has_none(make, problem, data, data_cov):
    lead_field, noise_cov = problem()
    solver = make()
    solver.fit(lead_field, noise_cov, **data_cov(solver, noise_cov))
    for ask in (
        lambda: solver.posterior(data(lead_field) * u.volt),
        lambda: solver.model,
        lambda: solver.posterior_variance,
    ):
        with pytest.raises(TypeError, match=f'{make.__name__} filters the data .* no posterior: take MinimumNorm'):
            ask()


def test_before_a_fit_and_after_a_setting_changed_there_is_none(problem):
    solver = MinimumNorm()
    for ask in (
        lambda: solver.posterior(np.zeros(12) * u.volt),
        lambda: solver.model,
        lambda: solver.posterior_variance,
    ):
        with pytest.raises(RuntimeError, match=r'no kernel: write \.fit'):
            ask()
    before = solver.fit(*problem()).posterior_variance
    solver.snr = 5.0
    with pytest.raises(RuntimeError, match='again after a parameter was changed'):
        _ = solver.posterior_variance
    assert (solver.fit(*problem()).posterior_variance > before).all()


def test_what_does_not_fit_is_refused(fitted, problem, data):
    solver, y = fitted('MinimumNorm'), data(problem()[0])
    posterior = solver.posterior(y * u.volt)
    with pytest.raises(checks.ShapeError, match=r'aggregate\(weights\) has shape \(30, regions\); got \(4, 2\)'):
        posterior.aggregate(np.ones((4, 2)))
    with pytest.raises(checks.UnitError, match='weights'):
        posterior.aggregate(np.ones((30, 2)) * u.mm)
    for sample in (posterior.sample, solver.model.sample):
        with pytest.raises(ValueError, match=r'sample\(n\)'):
            sample(0)
    with pytest.raises(checks.UnitError, match=r'MinimumNorm.posterior\(y\)'):
        solver.posterior(y)
    with pytest.raises(checks.ShapeError):
        solver.posterior(y[:, :5] * u.volt)


# ---- size, scale


@pytest.mark.parametrize('sigma', [None, 4 * u.mm])
def test_all_sources_by_all_sources_is_never_there(sigma, problem):
    """3000 sources x 3: the dense matrix would take 648 MB."""
    lead_field, noise_cov = problem(n=3000)
    solver = GammaMAP(orientation='free', sigma=sigma, max_iter=1, tol=10.0)
    model = solver.fit(lead_field, noise_cov, data_cov=noise_cov).model
    regions = np.repeat(np.eye(30), 100, axis=0) / 100
    tracemalloc.start()
    posterior = model.posterior(np.zeros((5, 12)))
    assert posterior.blocks.shape == (3000, 3, 3)
    aggregated = posterior.aggregate(regions)
    assert aggregated.covariance().shape == (30, 3, 30, 3)
    assert posterior.sample(4).shape == (4, 5, 3000, 3)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60e6


@pytest.mark.parametrize('name', ['MinimumNorm', 'GammaMAP', 'BayesianMinimumNorm sensors'])
@pytest.mark.parametrize('a', [1e-13, 1e6])
def test_invariant_to_the_scale_of_the_data(name, a, fitted, problem, data):
    found = []
    for scale in (1.0, a):
        solver, lead_field = fitted(name, 'loose', 'both', scale=scale), problem('both', scale=scale)[0]
        posterior = solver.posterior(records.values(data(lead_field, scale=scale), lead_field.channels))
        found.append((posterior.mean, posterior.blocks, posterior.aggregate(np.ones((30, 2))).covariance()))
    for one, other in zip(*found, strict=True):
        _assert_close(one, other, 1e-8)


def test_a_unit_is_only_a_unit(fitted, problem, data):
    y, solver = data(problem()[0]), fitted('ELORETA')
    posterior = solver.posterior(y * u.volt)
    _assert_close(solver.posterior(1e3 * y * u.mvolt).mean, posterior.mean)
    lead_field, noise_cov = problem()
    gain = u.Quantity(1e-3 * lead_field.fixed().gain.mantissa, unit=u.mvolt / (u.uA * u.meter))
    other = ELORETA().fit(gain, 1e6 * noise_cov.matrix.to_decimal(u.volt**2) * u.mvolt**2)
    _assert_close(other.posterior_variance, ELORETA().fit(lead_field.fixed(), noise_cov).posterior_variance)
