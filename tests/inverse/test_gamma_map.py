"""A variance for each source: closed forms, truths that were drawn, patches, and what is refused."""

import re
import warnings

import brainunit as u
import jax
import numpy as np
import pytest

from brainfwd import datasets, records
from brainfwd._core.units import nAm
from brainfwd.inverse import (
    LCMV,
    BayesianMinimumNorm,
    Champagne,
    GammaMAP,
    champagne_solver,
)
from brainfwd.inverse.bayes.spatial_basis import spatial_basis

every_orientation = pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])


@pytest.fixture(scope='module')
def head():
    return datasets.load_lead_field('eeg')


def _drawn(lead_field, noise_cov, variances, samples=2000, seed=0):
    """A recording of moments along the axes, of variances in (nA m)2, in noise."""
    rng = np.random.default_rng(seed)
    gain = lead_field.gain_si.reshape(len(lead_field.channels), lead_field.n_sources, -1)
    moments = rng.normal(size=(samples, *gain.shape[1:])) * np.asarray(variances)[:, None] ** 0.5 * 1e-9
    noise = rng.normal(size=(samples, len(gain))) @ np.linalg.cholesky(noise_cov.matrix_si).T
    return records.Recording(np.einsum('ngk,tgk->tn', gain, moments) + noise, lead_field.channels, 2 * u.ms)


def _fitted(solver, *args, **options):
    """Without the warning that it did not settle, which has a test of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)
        return solver.fit(*args, **options)


def test_names():
    assert Champagne is GammaMAP
    assert repr(Champagne()) == 'GammaMAP(): not fitted'
    assert 'sigma' in repr(GammaMAP(sigma=1 * u.cmeter, groups='component'))
    assert GammaMAP(sigma=1 * u.cmeter).sigma.to_decimal(u.mm) == pytest.approx(10)


@pytest.mark.parametrize('max_iter', [1, 3, 10])
@pytest.mark.parametrize(
    ('orientation', 'options'),
    [
        ('fixed', {}),
        ('fixed', {'noise': 'sensors'}),
        ('loose', {'noise': 'level'}),
        ('free', {'update': 'em'}),
        ('free', {'groups': 'component'}),
        ('fixed', {'sigma': 10 * u.mm}),
        ('free', {'sigma': 10 * u.mm, 'noise': 'level'}),
    ],
)
def test_mean_and_covariance_are_the_closed_form_after_any_step(
    orientation, options, max_iter, problem, data, data_cov
):
    r""":math:`R G^T (G R G^T + N)^{-1} y` and :math:`R - R G^T (G R G^T + N)^{-1} G R`, of the R and N it shows."""
    lead_field, noise_cov = problem('meg')
    solver = GammaMAP(orientation=orientation, max_iter=max_iter, tol=0.0, **options)
    given = data_cov(solver, noise_cov)
    with pytest.warns(UserWarning, match=re.escape(f'max_iter={max_iter}')):
        solver.fit(lead_field, noise_cov, **given)
    assert (solver.converged, solver.n_iter, len(solver.nll)) == (False, max_iter, max_iter + 1)
    assert f'max_iter={max_iter}' in solver.stopped

    sources, k = lead_field.n_sources, 1 if orientation == 'fixed' else 3
    seen = (lead_field.fixed() if k == 1 else lead_field).gain_si.reshape(-1, sources * k) * 1e-9
    gamma = solver.gamma.to_decimal(nAm**2).reshape(sources, -1) * np.ones(k)
    prior = np.zeros((sources, k, sources, k))
    normals = lead_field.sources.normals
    for i in range(sources):
        along = np.outer(normals[i], normals[i])
        loose = along + 0.2 * (np.eye(3) - along)
        prior[i, :, i] = np.diag(gamma[i]) if orientation != 'loose' else gamma[i, 0] * loose
    if 'sigma' in options:
        basis = spatial_basis(lead_field.sources.positions, options['sigma']).toarray()
        prior = np.einsum('ic,ckdl,jd->ikjl', basis, prior, basis)
    prior = prior.reshape(sources * k, -1)
    total = seen @ prior @ seen.T + solver.noise_cov.matrix_si
    # alike in all channels, so that rounding is
    scale = np.sqrt(np.diagonal(total))
    back = np.linalg.solve(total / np.outer(scale, scale), (seen @ prior) / scale[:, None])
    y = data(lead_field)
    mean = (y / scale) @ back
    dense = prior - (seen @ prior / scale[:, None]).T @ back

    posterior = solver.posterior(_with_units(y, lead_field))
    np.testing.assert_allclose(posterior.mean.mantissa.reshape(len(y), -1), mean, atol=1e-8 * abs(mean).max())
    answer = solver.update(_with_units(y, lead_field)).mantissa
    expected = mean if k == 1 else np.linalg.norm(mean.reshape(len(y), -1, 3), axis=-1)
    np.testing.assert_allclose(answer, expected, atol=1e-8 * abs(mean).max())
    found = posterior.covariance().to_decimal(nAm**2).reshape(dense.shape)
    np.testing.assert_allclose(found, dense, atol=1e-8 * prior.max())
    assert np.linalg.eigvalsh(found)[0] > -1e-9 * prior.max()
    assert (posterior.variance.mantissa.ravel()[np.diagonal(prior) > 0] > 0).all()


def _with_units(y, lead_field):
    """Data of channels as the lead field has them."""
    units = records.SENSOR_UNITS
    return {k: y[:, lead_field.channels.indices(k)] * units[k] for k in lead_field.channels.kinds}


def test_a_variance_of_4_is_found_in_its_unit(problem):
    """Of three components, in 2000 samples, to 10 %; where there is nothing, next to nothing."""
    lead_field, noise_cov = problem('meg', n=4)
    truth = np.array([4.0, 0.0, 9.0, 4.0]) * 100
    recording = _drawn(lead_field, noise_cov, truth)
    for options in ({}, {'noise': 'level'}, {'update': 'em'}, {'orientation': 'loose', 'loose': 1.0}):
        solver = GammaMAP(**{'orientation': 'free', **options})
        solver.fit(lead_field, noise_cov, data_cov=recording.covariance())
        np.testing.assert_allclose(solver.gamma.to_decimal(nAm**2), truth, rtol=0.1, atol=1.0)
    assert solver.gamma.unit == nAm**2
    each = GammaMAP(orientation='free', groups='component').fit(lead_field, noise_cov, data_cov=recording.covariance())
    np.testing.assert_allclose(each.gamma.mantissa.reshape(4, 3), truth[:, None] * np.ones(3), rtol=0.2, atol=3.0)


def test_axes_do_not_matter_where_components_share_a_variance(problem):
    """Gain turned, source by source: moments turn with it. Of one variance for each component they do not."""
    lead_field, noise_cov = problem('meg')
    cov = _drawn(lead_field, noise_cov, 400.0 * (np.arange(30) % 10 == 0), 100).covariance()
    turns = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 3, 3)))[0]
    gain = np.einsum('nsk,skl->nsl', lead_field.gain_si, turns)
    turned = records.LeadField(gain, lead_field.channels, lead_field.sources)
    for groups, same in (('source', True), ('component', False)):
        here, there = (
            _fitted(GammaMAP(orientation='free', groups=groups, max_iter=100), each, noise_cov, data_cov=cov)
            for each in (lead_field, turned)
        )
        assert np.allclose(here.gamma.mantissa, there.gamma.mantissa, rtol=1e-6) == same
        for kind, kernel in here.kernel.items():
            back = np.einsum('skl,sln->skn', turns, there.kernel[kind].mantissa)
            assert np.allclose(kernel.mantissa, back, atol=1e-6 * abs(kernel.mantissa).max()) == same


def test_two_sources_with_one_time_course(head):
    """LCMV cancels the one with the other; Champagne finds both, as strong as each is alone."""
    sources, rng = head.sources, np.random.default_rng(0)
    noise_cov = records.NoiseCovariance.diagonal(abs(head.gain_si).max() * 1e-9 * u.volt, head.channels)
    places = sources.positions.to_decimal(u.mm)
    for _ in range(3):
        truth = [rng.choice(np.flatnonzero(sources.hemisphere == side)) for side in (0, 1)]
        noise = rng.normal(size=(500, 64)) @ np.linalg.cholesky(noise_cov.matrix_si).T
        alone = 20e-9 * rng.normal(size=(1, 500, 1)) * head.gain_si.T[truth][:, None]
        covs = [records.Recording(y + noise, head.channels, 2 * u.ms).covariance() for y in (alone.sum(axis=0), *alone)]
        filtered, learned = [], []
        for cov in covs:
            lcmv = LCMV(weight_norm='unit-gain').fit(head, noise_cov, data_cov=cov)
            filtered.append(lcmv.power(cov).mantissa)
            learned.append(Champagne(tol=1e-3).fit(head, noise_cov, data_cov=cov).gamma.mantissa)
        for which, source in enumerate(truth):
            assert filtered[0][source] < 0.05 * filtered[1 + which][source]
            assert learned[0][source] == pytest.approx(learned[1 + which][source], rel=0.1)
            beside = np.where(sources.hemisphere == which, learned[0], 0)
            assert np.linalg.norm(places[beside.argmax()] - places[source]) < 5


@pytest.mark.parametrize(('samples', 'sets', 'tol', 'median'), [(50, 50, 0.03, 0.08), (100, 20, 0.01, 0.05)])
def test_level_of_the_noise_of_the_shipped_head(samples, sets, tol, median, head):
    """At 10 dB it comes out low, as sources that are none take some of it: the fewer samples, the more."""
    reference = np.eye(64) - 1 / 64
    ratios = []
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        seen = reference @ head.gain_si[:, rng.choice(head.n_sources, 5, replace=False)]
        level = np.square(seen).sum() / 63 / 10
        y = rng.normal(size=(samples, 5)) @ seen.T + level**0.5 * rng.normal(size=(samples, 64))
        recording = records.Recording(1e-9 * y, head.channels, 2 * u.ms)
        solver = GammaMAP(noise='level', tol=tol)
        _fitted(solver, head, data_cov=recording.covariance())
        assert solver.converged
        ratios.append(solver.noise_cov.matrix_si.trace() / 63 / (1e-18 * level))
    assert abs(np.median(ratios) - 1) < median
    assert abs(np.array(ratios) - 1).max() < 0.2
    assert np.median(ratios) < 1


def test_a_patch_is_more_likely_as_a_patch(head):
    """Of 10 mm: the evidence says so, and so does the map."""
    sources, rng = head.sources, np.random.default_rng(0)
    basis = spatial_basis(sources.positions, 10 * u.mm)
    noise_cov = records.NoiseCovariance.diagonal(1e-6 * u.volt, head.channels)
    places = sources.positions.to_decimal(u.mm)
    for center in (700, 3100):
        patch = basis[[center]].toarray()[0]
        seen = head.gain_si @ patch
        y = 1e-6 * (3 * rng.normal(size=(200, 1)) * seen / seen.std() + rng.normal(size=(200, 64)))
        cov = records.Recording(y, head.channels, 2 * u.ms).covariance()
        smooth, sparse = (
            GammaMAP(sigma=sigma, tol=1e-3).fit(head, noise_cov, data_cov=cov) for sigma in (10 * u.mm, None)
        )
        assert smooth.nll[-1] < sparse.nll[-1]
        assert np.linalg.norm(places[smooth.gamma.mantissa.argmax()] - places[center]) < 10
        # of the variance that it gives the sources, before data
        spread = {}
        for name, solver in (('smooth', smooth), ('sparse', sparse)):
            moments = u.get_mantissa(solver.update(y[:50] * u.volt)).std(axis=0)
            spread[name] = np.corrcoef(moments, patch)[0, 1]
        assert spread['smooth'] > max(0.8, spread['sparse'] + 0.2)


def test_patches_in_compiled_code(problem, data_cov):
    lead_field, noise_cov = problem('eeg', 'fixed')
    solver = GammaMAP(sigma=20 * u.mm, max_iter=50, tol=1e-3)
    cov = data_cov(solver, noise_cov)['data_cov']
    outside = _fitted(solver, lead_field, noise_cov, data_cov=cov).kernel
    with jax.enable_x64(True):
        inside = jax.jit(lambda matrix: solver.kernel_for(lead_field, noise_cov, data_cov=matrix))(cov.matrix)
        np.testing.assert_allclose(inside.mantissa, outside.mantissa, atol=1e-9 * abs(outside.mantissa).max())


def test_a_fit_in_compiled_code_tells_where_it_stopped(problem, data_cov):
    """The likelihood of steps that were not made is NaN; and as nothing can warn there, nothing does."""
    lead_field, noise_cov = problem('eeg', 'fixed')
    options = {'noise': 'level', 'tol': 1e-2, 'max_iter': 200}
    cov = data_cov(GammaMAP(), noise_cov)['data_cov']
    outside = GammaMAP(**options).fit(lead_field, noise_cov, data_cov=cov)

    def fitted(matrix):
        solver = GammaMAP(**options).fit(lead_field, noise_cov, data_cov=matrix)
        return solver.nll, solver.gamma.mantissa, solver.kernel.mantissa

    with jax.enable_x64(True):
        nll, gamma, kernel = jax.jit(fitted)(cov.matrix)
    steps = outside.n_iter
    assert 2 < steps < 200
    assert np.isnan(nll[steps + 1 :]).all()
    np.testing.assert_allclose(nll[: steps + 1], outside.nll, rtol=1e-9, atol=1e-9)
    for inside, value in ((gamma, outside.gamma.mantissa), (kernel, outside.kernel.mantissa)):
        np.testing.assert_allclose(inside, value, atol=1e-9 * abs(value).max())


def test_as_the_function_of_the_same_name(problem):
    """`champagne_solver` of a covariance in numbers, of the same problem, once both have settled."""
    lead_field, noise_cov = problem('meg', 'fixed', n=6)
    kept = lead_field.channels.indices('grad')
    grad = records.Channels(tuple(np.array(lead_field.channels.names)[kept]), ('grad',) * len(kept))
    lead_field = records.LeadField(lead_field.gain_si[kept], grad, lead_field.sources)
    noise_cov = records.NoiseCovariance(noise_cov.matrix_si[np.ix_(kept, kept)], grad)
    cov = _drawn(lead_field, noise_cov, [400.0, 0, 0, 900, 0, 100], 500).covariance()
    solver = Champagne(tol=1e-9, max_iter=20_000).fit(lead_field, noise_cov, data_cov=cov)
    powers, weights = champagne_solver(cov.matrix, lead_field.gain, noise_cov.matrix, 5000, tol=1e-9)
    size = solver.gamma.mantissa.max()
    np.testing.assert_allclose(powers.to_decimal(nAm**2), solver.gamma.mantissa, rtol=2e-3, atol=1e-3 * size)
    per = nAm / (u.tesla / u.meter)
    kernel = solver.kernel.to_decimal(per)
    np.testing.assert_allclose(weights.to_decimal(per), kernel, atol=2e-3 * abs(kernel).max())


@pytest.mark.parametrize('make', [GammaMAP, BayesianMinimumNorm])
@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'tol': -1.0}, ValueError, 'tol is'),
        ({'max_iter': 0}, ValueError, 'max_iter'),
        ({'max_iter': 2.5}, ValueError, 'max_iter'),
        ({'noise': 'learned'}, ValueError, "'known', 'level'"),
        ({'update': 'mackay'}, ValueError, "'convex-bounding'"),
        ({'loose': 2.0}, ValueError, 'at most 1'),
        ({'regularisation': 'gcv'}, TypeError, 'leave regularisation out'),
        ({'orientation': 'vector'}, ValueError, 'orientation'),
    ],
)
def test_settings_that_are_none(make, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make(**options)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'groups': 'region'}, ValueError, "'component'"),
        ({'sigma': 10.0}, u.UnitMismatchError, '10. * u.mm'),
        ({'sigma': 10 * u.ms}, u.UnitMismatchError, 'mm'),
        ({'sigma': 0 * u.mm}, ValueError, 'above zero'),
        ({'sigma': -1 * u.mm}, ValueError, 'above zero'),
        ({'sigma': np.nan * u.mm}, ValueError, 'above zero'),
        ({'depth': 0.8}, ValueError, 'depth'),
    ],
)
def test_settings_of_sources_that_are_none(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        GammaMAP(**options)


def _few(lead_field, samples, size=1e-6):
    """The covariance of so many samples and no more, V."""
    y = np.random.default_rng(0).normal(size=(samples, len(lead_field.channels)))
    return records.NoiseCovariance(size**2 * y.T @ y / samples, lead_field.channels)


@pytest.mark.parametrize('make', [GammaMAP, BayesianMinimumNorm])
def test_data_of_which_nothing_can_be_learned(make, problem):
    lead_field, noise_cov = problem('eeg', 'fixed')
    for noise in ('known', 'level', 'sensors'):
        with pytest.raises(ValueError, match='is zero in all directions'):
            make(noise=noise).fit(lead_field, noise_cov, data_cov=_few(lead_field, 5, size=0.0))
    with pytest.raises(ValueError, match=r"varies in one direction.*noise='known'"):
        make(noise='level').fit(lead_field, data_cov=_few(lead_field, 1))
    with pytest.raises(ValueError, match=r"varies in 5 of 11 directions.*many times 11 samples.*noise='level'"):
        make(noise='sensors').fit(lead_field, data_cov=_few(lead_field, 5))
    with pytest.raises(TypeError, match='data_cov'):
        make().fit(lead_field, noise_cov)
    with pytest.raises(TypeError, match=re.escape('fit(noise_cov)')):
        make().fit(lead_field, data_cov=_few(lead_field, 50))
    both, _ = problem('both', 'fixed')
    with pytest.raises(TypeError, match=re.escape('fit(noise_cov)')):
        make(noise='level').fit(both, data_cov=_few(both, 50))
    assert make(tol=0.1).fit(lead_field, noise_cov, data_cov=_few(lead_field, 1)).converged


@pytest.mark.parametrize('make', [GammaMAP, BayesianMinimumNorm])
def test_data_that_are_less_than_the_noise_have_no_sources(make, problem):
    lead_field, noise_cov = problem('eeg')
    quiet = records.NoiseCovariance(0.1 * noise_cov.matrix_si, noise_cov.channels)
    loud = records.NoiseCovariance(9 * noise_cov.matrix_si, noise_cov.channels)
    with pytest.warns(UserWarning, match='finds no source: the data are no stronger than the noise'):
        solver = make(orientation='free').fit(lead_field, noise_cov, data_cov=quiet)
    other = make(orientation='free', tol=1e-2).fit(lead_field, noise_cov, data_cov=loud)
    assert solver.converged
    assert abs(solver.gamma).max() < 1e-3 * abs(other.gamma).max()
    assert abs(solver.kernel).max() < 1e-3 * abs(other.kernel).max()
    assert solver.posterior_variance.max() < 1e-3 * other.posterior_variance.max()


def test_a_level_from_few_samples_comes_with_a_warning(problem):
    """Of GammaMAP, whose sources then explain noise; one variance for all sources does not."""
    lead_field, _ = problem('eeg', 'fixed')
    with pytest.warns(UserWarning, match=r'varies in 5 of 11 directions.*comes out low'):
        GammaMAP(noise='level', tol=0.1).fit(lead_field, data_cov=_few(lead_field, 5))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        BayesianMinimumNorm(noise='level').fit(lead_field, data_cov=_few(lead_field, 5))


def test_patches_of_sources_without_places(problem, data_cov):
    lead_field, noise_cov = problem('eeg', 'fixed')
    given = data_cov(GammaMAP(), noise_cov)
    with pytest.raises(TypeError, match='is a LeadField, which knows where its sources are, for sigma'):
        GammaMAP(sigma=10 * u.mm).fit(lead_field.gain, noise_cov, **given)
    assert _fitted(GammaMAP(tol=0.1), lead_field.gain, noise_cov, **given).converged


def test_what_a_fit_tells_is_not_there_before_it():
    for name in ('gamma', 'nll', 'converged', 'n_iter', 'stopped', 'noise_cov'):
        with pytest.raises(RuntimeError, match='fit'):
            getattr(GammaMAP(), name)
