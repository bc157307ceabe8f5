"""The solvers under CaliBrain's names, against closed forms and against likelihoods minimised by scipy."""

import copy
import logging
import pickle
from types import SimpleNamespace

import brainunit as u
import numpy as np
import pytest
from scipy.optimize import minimize

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm, uV
from brainfwd.inverse import BMN, BMN_joint, GammaMAP, SourceEstimator, gamma_lambda_map_sflex, gamma_map_sflex

M, N, T, NOISE = 8, 20, 60, 0.3


def _problem(k):
    rng = np.random.default_rng(k)
    gain = rng.normal(size=(M, N, k))
    x = np.zeros((N, k, T))
    x[[3, 11]] = 2 * rng.normal(size=(2, k, T))
    data = np.einsum('mnk,nkt->mt', gain, x) + NOISE**0.5 * rng.normal(size=(M, T))
    places = rng.normal(scale=0.03, size=(N, 3))
    return SimpleNamespace(gain=gain, flat=gain.reshape(M, -1), data=data, cov=data @ data.T / T, places=places, k=k)


PROBLEMS = {k: _problem(k) for k in (1, 2, 3)}
SPARSE = {'sigma': 0.015, 'src_coords': PROBLEMS[1].places, 'max_iter': 30, 'tol': 0.0}
SOLVERS = {
    'gamma_map_sflex': (gamma_map_sflex, SPARSE | {'noise_var': NOISE}),
    'em': (gamma_map_sflex, SPARSE | {'noise_var': NOISE, 'update_mode': 3}),
    'gamma_lambda_map_sflex': (gamma_lambda_map_sflex, SPARSE),
    'BMN': (BMN, {'noise_var': NOISE}),
    'BMN normalised': (BMN, {'noise_var': NOISE, 'normalization': True}),
    'BMN_joint': (BMN_joint, {}),
    'BMN_joint known': (BMN_joint, {'learn_noise': False, 'noise_var': NOISE}),
}
pytestmark = pytest.mark.filterwarnings('ignore:.*has not settled:UserWarning')


@pytest.fixture(params=[1, 2, 3], ids='{} components'.format)
def problem(request):
    return PROBLEMS[request.param]


@pytest.fixture(params=SOLVERS)
def solver(request):
    solve, options = SOLVERS[request.param]

    def run(problem, scale=1.0, **change):
        given = options | change
        given |= {'src_coords': problem.places} if 'src_coords' in given else {}
        return solve(problem.flat, problem.data, n_orient=problem.k, **given)

    run.name, run.options = request.param, options
    return run


def _nll(model, cov):
    return np.linalg.slogdet(model)[1] + np.trace(np.linalg.solve(model, cov))


def _standardised(problem):
    """W of sLORETA, written out."""
    inverse, blocks = np.linalg.inv(problem.flat @ problem.flat.T), np.zeros((N * problem.k,) * 2)
    for i in range(N):
        values, vectors = np.linalg.eigh(problem.gain[:, i].T @ inverse @ problem.gain[:, i])
        at = slice(i * problem.k, (i + 1) * problem.k)
        blocks[at, at] = vectors @ np.diag(values**-0.5) @ vectors.T
    return blocks


def test_mean_and_covariance_are_of_the_same_variances(solver, problem):
    """Also where it has not settled: the closed form."""
    result = solver(problem)
    if 'gammas_full' in result:
        basis = (
            result['B_operator']
            if 'B_operator' in result
            else np.kron(result['B_spatial'].toarray(), np.eye(problem.k))
        )
        basis, gamma = np.asarray(getattr(basis, 'toarray', lambda: basis)()), np.diag(result['gammas_full'])
    else:
        basis, gamma = np.eye(N * problem.k), result['gamma'] * np.eye(N * problem.k)
    if solver.options.get('normalization'):
        basis = _standardised(problem)
    noise = np.diag(np.broadcast_to(result.get('lambdas', result['noise_var']), (M,)))
    prior = basis @ gamma @ basis.T
    model = problem.flat @ prior @ problem.flat.T + noise
    kernel = np.linalg.solve(model, problem.flat @ prior).T
    close = {'rtol': 1e-8, 'atol': 1e-10}
    np.testing.assert_allclose(result['posterior_mean'], kernel @ problem.data, **close)
    expected = prior - kernel @ problem.flat @ prior
    np.testing.assert_allclose(result['posterior_cov'], expected, **close)
    variance = result.posterior.variance.to_decimal(nAm**2)
    np.testing.assert_allclose(variance.ravel(), np.diag(expected), **close)
    np.testing.assert_allclose(result.nll[-1], _nll(model, problem.cov), rtol=1e-9)
    assert (np.diff(result.nll) < 1e-9).all()
    assert np.linalg.eigvalsh(result['posterior_cov'])[0] > -1e-9
    if 'posterior_cov_coeff' in result:
        seen = problem.flat @ basis
        left = np.linalg.solve(model, seen @ gamma).T
        np.testing.assert_allclose(result['posterior_mean_coeff'], left @ problem.data, **close)
        np.testing.assert_allclose(result['posterior_cov_coeff'], gamma - left @ seen @ gamma, **close)
    if problem.k > 1:
        shape = (N, problem.k, T)
        np.testing.assert_array_equal(result['posterior_mean_reshaped'], result['posterior_mean'].reshape(shape))


OF_ALL = [
    'active_indices',
    'coefficient_indices',
    'gamma',
    'noise_var',
    'posterior_cov',
    'posterior_mean',
    'source_indices',
]
OF_PATCHES = ['gammas_full', 'posterior_cov_coeff', 'posterior_mean_coeff']
PRINTED = {
    'gamma_map_sflex': ['B_spatial', 'active_source_indices', 'n_iter', 'n_orient', *OF_PATCHES],
    'gamma_lambda_map_sflex': [
        'B_operator', 'err_gamma_hist', 'lambda_mean', 'lambda_mean_hist', 'lambdas', 'n_active_hist',
        'posterior_cov_active', 'posterior_cov_active_coeff', *OF_PATCHES,
    ],
    'BMN': [],
    'BMN_joint': ['err_gamma_hist', 'gamma_hist', 'lambda', 'lambda_hist', 'noise_var_hist'],
}  # fmt: skip


@pytest.mark.parametrize('name', PRINTED)
def test_keys_are_those_that_the_tutorial_prints(name):
    solve, options = SOLVERS[name]
    result = solve(PROBLEMS[1].flat, PROBLEMS[1].data, **options)
    assert sorted(result.keys()) == sorted(OF_ALL + PRINTED[name])


def test_units_in_units_out(solver, problem):
    """Magnetometers, whose numbers in SI are 1e-15 of those here."""
    if problem.k == 2:
        return
    T_per = 1e-15 * u.tesla
    change = {name: solver.options[name] * T_per**2 for name in ('noise_var',) if name in solver.options}
    bare = solver(problem)
    with_units = SimpleNamespace(**vars(problem))
    with_units.flat, with_units.data = problem.flat * T_per / nAm, problem.data * T_per
    result = solver(with_units, **change, **({'sigma': 15.0 * u.mm} if 'sigma' in solver.options else {}))
    for key, value in bare.items():
        mine, unit = result[key], u.get_unit(result[key])
        plain = {
            'posterior_mean': nAm, 'posterior_cov': nAm**2, 'gamma': nAm**2, 'gammas_full': nAm**2,
            'posterior_mean_coeff': nAm, 'noise_var': T_per.unit**2, 'lambdas': T_per.unit**2, 'gamma_hist': nAm**2,
            'lambda_hist': T_per.unit**2,
        }.get(key)  # fmt: skip
        if plain is not None:
            assert u.have_same_dim(unit, plain)
            number = mine.to_decimal(plain) * (1e30 if plain == T_per.unit**2 else 1.0)
            np.testing.assert_allclose(number, value, rtol=1e-6, atol=1e-9 * np.abs(value).max())


@pytest.mark.parametrize('seed', [0, 1])
def test_joint_noise_is_the_most_likely(seed):
    """By scipy, from another start, of the logarithms of both variances."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(10, 6))
    data = gain @ rng.normal(size=(6, 40)) * 2 + 0.5 * rng.normal(size=(10, 40))
    cov = data @ data.T / 40

    def objective(logs):
        return _nll(np.exp(logs[0]) * gain @ gain.T + np.exp(logs[1]) * np.eye(10), cov)

    best = minimize(objective, [0.0, 0.0], method='Nelder-Mead', options={'xatol': 1e-9, 'fatol': 1e-12})
    for start in ({}, {'init_gamma': 100.0, 'init_lambda': 1e-3}, {'init_gamma': 1e-2, 'init_lambda': 50.0}):
        result = BMN_joint(gain, data, tol=1e-10, **start)
        np.testing.assert_allclose([result['gamma'], result['noise_var']], np.exp(best.x), rtol=1e-6)
    assert abs(result['noise_var'] / 0.25 - 1) < 0.2


def test_known_noise_has_the_most_likely_variance():
    problem = PROBLEMS[1]

    def objective(log):
        return _nll(np.exp(log[0]) * problem.flat @ problem.flat.T + NOISE * np.eye(M), problem.cov)

    best = minimize(objective, [0.0], method='Nelder-Mead', options={'xatol': 1e-9, 'fatol': 1e-12})
    assert BMN(problem.flat, problem.data, NOISE, tol=1e-11)['gamma'] == pytest.approx(np.exp(best.x[0]), rel=1e-6)


def test_a_group_keeps_its_variance():
    """Three components of variance 4."""
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(12, 1, 3))
    data = gain[:, 0] @ (2 * rng.normal(size=(3, 2000))) + 0.1 * rng.normal(size=(12, 2000))
    result = gamma_map_sflex(gain, data, 0.01, n_orient=3, src_coords=np.zeros((1, 3)))
    np.testing.assert_allclose(result['gammas_full'], 4.0, rtol=0.1)
    assert result.converged


@pytest.mark.filterwarnings('ignore:.*every patch is one source:UserWarning')
def test_both_updates_have_one_minimum():
    problem, options = PROBLEMS[1], {'src_coords': PROBLEMS[1].places, 'sigma': 0.001, 'max_iter': 4000, 'tol': 1e-9}
    found = [gamma_map_sflex(problem.flat, problem.data, NOISE, update_mode=mode, **options) for mode in (2, 3)]
    assert found[0].nll[-1] == pytest.approx(found[1].nll[-1], abs=5e-3)
    for result in found:
        assert set(np.argsort(result['gammas_full'])[-2:]) == {3, 11}


def test_history_leads_to_the_result():
    problem, options = PROBLEMS[2], SPARSE | {'src_coords': PROBLEMS[2].places}
    for solve, given, key in (
        (gamma_lambda_map_sflex, options, 'lambda_mean'),
        (BMN_joint, {'tol': 1e-9}, 'noise_var'),
    ):
        told = solve(problem.flat, problem.data, n_orient=2, **given)
        untold = solve(problem.flat, problem.data, n_orient=2, track_history=False, **given)
        assert told[f'{key}_hist'][-1] == pytest.approx(told[key])
        assert len(told['err_gamma_hist']) == len(told.nll) - 1
        assert f'{key}_hist' not in untold
        np.testing.assert_allclose(untold['posterior_mean'], told['posterior_mean'], rtol=1e-9)
        np.testing.assert_allclose(untold.nll, told.nll, rtol=1e-12)


def test_says_when_it_has_not_settled():
    problem = PROBLEMS[1]
    with pytest.warns(UserWarning, match=r'BMN has not settled after 2 steps.*write a larger max_iter'):
        result = BMN(problem.flat, problem.data, NOISE, max_iter=2)
    assert not result.converged
    assert result.stopped.startswith('out of steps after 2')
    assert BMN(problem.flat, problem.data, NOISE).converged


@pytest.mark.parametrize('name', ['gamma_map_sflex', 'BMN_joint'])
def test_estimator_is_the_solver(name):
    problem, (solve, options) = PROBLEMS[3], SOLVERS[name]
    params = {key: value for key, value in options.items() if key != 'noise_var'}
    params |= {'src_coords': problem.places} if 'src_coords' in params else {}
    noise_var = options.get('noise_var')
    expected = solve(
        problem.flat, problem.data, n_orient=3, **params, **({'noise_var': noise_var} if noise_var else {})
    )
    for gain in (problem.gain, problem.flat):
        estimator = SourceEstimator(solve, params, noise_var, n_orient=3).fit(gain, problem.data)
        result = pickle.loads(pickle.dumps(estimator.predict()))
        np.testing.assert_array_equal(result['posterior_mean'], expected['posterior_mean'])
        np.testing.assert_array_equal(result['posterior_cov'], expected['posterior_cov'])
    other = estimator.predict(problem.data[:, :2])
    assert other['posterior_mean'].shape == (3 * N, 2)


def test_estimator_refuses():
    problem = PROBLEMS[3]
    with pytest.raises(ShapeError, match=r'n_orient=1 says; got \(8, 20, 3\)'):
        SourceEstimator(BMN, n_orient=1).fit(problem.gain, problem.data)
    with pytest.raises(ValueError, match=r'gamma_lambda_map_sflex learns the noise; got noise_var=0\.1'):
        SourceEstimator(gamma_lambda_map_sflex, noise_var=0.1, n_orient=3).fit(problem.gain, problem.data)
    with pytest.raises(ValueError, match='got none: give it'):
        SourceEstimator(BMN, n_orient=3).fit(problem.gain, problem.data)
    with pytest.raises(RuntimeError, match=r'write \.fit'):
        SourceEstimator(BMN).predict()
    with pytest.raises(TypeError, match=r"got 'BMN': write the function, without quotes"):
        SourceEstimator('BMN')
    for module in (GammaMAP, GammaMAP()):
        with pytest.raises(TypeError, match='GammaMAP has a fit of its own, for records'):
            SourceEstimator(module, {}, 1.0)
    with pytest.raises(TypeError, match=r'solver_params=\.\.\.\) is a dict of settings; got 0\.1'):
        SourceEstimator(BMN, 0.1)


@pytest.mark.parametrize(
    ('noise_var', 'error', 'match'),
    [
        (-1.0, ValueError, r'noise_var=\.\.\.\) must be above zero'),
        (np.eye(M), ShapeError, r'noise_var=\.\.\.\) has shape \(\) one number; got \(8, 8\)'),
        ('oracle', TypeError, r"the name of a mode; got 'oracle': write np\.var\(noise\)"),
        (NOISE * uV**2, UnitError, 'bare'),
    ],
)
def test_estimator_checks_before_it_computes(noise_var, error, match):
    problem = PROBLEMS[1]
    with pytest.raises(error, match=r'SourceEstimator\.fit.*' + match):
        SourceEstimator(BMN, noise_var=noise_var).fit(problem.flat, problem.data)
    with pytest.raises(ShapeError, match=r'SourceEstimator\.fit\(y\).*8 rows'):
        SourceEstimator(BMN, noise_var=NOISE).fit(problem.flat, problem.data.T)


def test_estimator_shows_its_settings():
    estimator = SourceEstimator(gamma_map_sflex, SPARSE, 0.3)
    expected = 'gamma_map_sflex, noise_var=0.3, n_orient=1; sigma, src_coords, max_iter, tol'
    assert repr(estimator) == f'SourceEstimator({expected})'
    assert repr(SourceEstimator(BMN_joint)) == 'SourceEstimator(BMN_joint, noise_var=None, n_orient=1)'


@pytest.mark.parametrize('name', ['gamma_map_sflex', 'gamma_lambda_map_sflex', 'BMN', 'BMN_joint'])
def test_a_logger_is_told_how_it_ended(name, caplog):
    solve, options = SOLVERS[name]
    mine = logging.getLogger('of.a.script')
    for verbose, lines in ((False, []), (True, [('of.a.script', logging.INFO)])):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            result = solve(PROBLEMS[1].flat, PROBLEMS[1].data, verbose=verbose, logger=mine, **options)
        assert [record[:2] for record in caplog.record_tuples] == lines
    assert caplog.messages == [f'{name} {result.stopped}']


def test_result_is_a_dict():
    solve, options = SOLVERS['gamma_lambda_map_sflex']
    result = solve(PROBLEMS[1].flat, PROBLEMS[1].data, **options)
    late = [name for name in result if 'posterior_cov' in name]
    assert isinstance(result, dict)
    assert len(late) == 4

    def _fresh():
        return copy.deepcopy(result)

    for read in (
        dict, lambda r: {**r}, lambda r: r | {}, lambda r: {} | r, lambda r: dict(r.items()),
        lambda r: dict(zip(r, r.values(), strict=True)), lambda r: {name: r.get(name) for name in r},
        lambda r: {name: r.pop(name) for name in list(r)}, lambda r: dict(r.copy()), lambda r: dict(copy.copy(r)),
    ):  # fmt: skip
        plain = read(_fresh())
        assert type(plain) is dict
        for name in late:
            np.testing.assert_array_equal(plain[name], result[name])
    other = result.copy()
    other['mine'] = 1
    assert 'mine' not in result
    assert 'mine' in other
    assert other.stopped == result.stopped
    assert other.get('not there', 3) == 3
    assert all(isinstance(result[name], list) for name in result if name.endswith('_hist'))


@pytest.mark.parametrize('k', [1, 3])
def test_covariance_of_the_active_is_that_part_of_the_whole(k):
    """Strong, few sources, so that some coefficients go to zero."""
    rng = np.random.default_rng(0)
    gain, x = rng.normal(size=(M, N * k)), np.zeros((N * k, T))
    x[4 * k : 5 * k] = 10 * rng.normal(size=(k, T))
    data = gain @ x + 0.1 * rng.normal(size=(M, T))
    options = {'sigma': 0.015, 'src_coords': PROBLEMS[1].places, 'max_iter': 2000}
    result = gamma_lambda_map_sflex(gain, data, n_orient=k, track_history=False, **options)
    active = result['active_indices']
    assert 0 < len(active) < N * k
    for suffix in ('', '_coeff'):
        whole = result[f'posterior_cov{suffix}'][np.ix_(active, active)]
        part = result[f'posterior_cov_active{suffix}']
        np.testing.assert_allclose(part, whole, rtol=1e-9, atol=1e-12 * abs(whole).max())


@pytest.mark.parametrize(
    ('solve', 'change', 'error', 'match'),
    [
        (BMN, {'noise_var': 0.0}, ValueError, 'above zero'),
        (BMN, {'noise_var': -1.0}, ValueError, 'above zero'),
        (BMN, {'noise_var': NOISE * uV**2}, UnitError, 'bare'),
        (BMN, {'n_orient': 3}, ShapeError, r'3 \* n_sources\).*got \(8, 20\)'),
        (BMN, {'n_orient': 4}, ValueError, '1, 2 or 3; got 4'),
        (BMN, {'y': np.zeros((M, T))}, ValueError, 'zero throughout'),
        (BMN, {'y': np.ones((M + 1, T))}, ShapeError, '8 rows'),
        (BMN, {'init_gamma': -1.0}, ValueError, 'above zero'),
        (BMN, {'max_iter': 0}, ValueError, 'at least 1'),
        (BMN, {'tol': -1.0}, ValueError, 'not be negative'),
        (BMN_joint, {'L': np.eye(M)[:, :3], 'y': np.eye(M)[:, :3] @ np.eye(3)}, ValueError, 'without noise'),
        (gamma_map_sflex, {'noise_var': 1.0}, TypeError, r'\(20, 3\) in m; got none'),
        (
            gamma_map_sflex,
            {'noise_var': 1.0, 'src_coords': np.zeros((3, 3))},
            ShapeError,
            r'8 sensors and 20 sources; got \(3, 3\)',
        ),
        (gamma_map_sflex, {'noise_var': 1.0, 'update_mode': 1} | SPARSE, ValueError, 'convex bounding'),
        (gamma_lambda_map_sflex, SPARSE | {'y': PROBLEMS[1].data[:, :4]}, ValueError, 'varies in 4 directions'),
        (BMN_joint, {'y': PROBLEMS[1].flat[:, :1] @ np.ones((1, T))}, ValueError, 'source and noise are alike'),
        (BMN_joint, {'y': PROBLEMS[1].data[:, 0]}, ValueError, 'source and noise are alike'),
        (gamma_map_sflex, SPARSE | {'noise_var': 1.0, 'normalize': 'row'}, ValueError, "'sym'.*got 'row'"),
        (gamma_map_sflex, SPARSE | {'noise_var': 1.0, 'sigma': 10}, ValueError, 'a sigma of 10 m.*in mm'),
        (gamma_lambda_map_sflex, SPARSE | {'src_coords': 1e3 * PROBLEMS[1].places}, ValueError, 'in mm'),
        (gamma_lambda_map_sflex, SPARSE | {'lambda_damping': 0.5}, ValueError, 'leave both out'),
        (gamma_lambda_map_sflex, SPARSE | {'update_mode_noise': 1}, ValueError, 'leave both out'),
        (gamma_lambda_map_sflex, SPARSE | {'learn_lambda': False}, ValueError, 'gamma_map_sflex'),
        (gamma_lambda_map_sflex, SPARSE | {'init_gamma': 1.0}, ValueError, 'both init_gamma and init_lambda'),
        (BMN_joint, {'noise_var': 0.1}, ValueError, 'leave it out'),
        (BMN_joint, {'learn_noise': False}, ValueError, 'give it'),
        (BMN_joint, {'init_gamma': np.ones(3), 'init_lambda': 1.0}, ShapeError, r'shape \(1,\)'),
    ],
)
def test_bad_input(solve, change, error, match):
    given = {'L': PROBLEMS[1].flat, 'y': PROBLEMS[1].data} | ({'noise_var': NOISE} if solve is BMN else {})
    with pytest.raises(error, match=match):
        solve(**(given | change))
