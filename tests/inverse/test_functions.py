"""What holds for every function: units, jit, vmap, gradients, scale, and bad input."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import inverse as functions
from brainfwd import records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm

AM = u.amp * u.meter


def _units(sensor, moment):
    """Of each argument."""
    cov, kernel = sensor**2, moment / sensor
    return {'data': sensor, 'cov': cov, 'noise_cov': cov, 'gain': sensor / moment, 'weights': kernel, 'K': kernel,
            'lambda_reg': cov / moment}  # fmt: skip


def _sparse(data, gain, lambda_reg):
    return functions.solve_inverse_admm(data, gain, lambda_reg, depth=0.8, tol=1e-11).sources


CASES = {
    'make_lcmv_filter': (functions.make_lcmv_filter, ('cov', 'gain')),
    'apply_lcmv': (functions.apply_lcmv, ('data', 'weights')),
    'lcmv_power_map': (functions.lcmv_power_map, ('cov', 'gain')),
    'neural_activity_index': (functions.neural_activity_index, ('weights', 'noise_cov')),
    'unit_noise_gain': (functions.unit_noise_gain, ('weights', 'noise_cov')),
    'compute_resolution_matrix': (functions.compute_resolution_matrix, ('gain', 'K')),
    'champagne_solver': (functions.champagne_solver, ('cov', 'gain', 'noise_cov')),
    'champagne_solver, own noise': (functions.champagne_solver, ('cov', 'gain')),
    'lambda_max': (functions.lambda_max, ('data', 'gain')),
    'solve_inverse_admm': (_sparse, ('data', 'gain', 'lambda_reg')),
}
every_function = pytest.mark.parametrize('name', CASES)


def _arguments(seed=0):
    """Of eight electrodes and five sources, in SI units and of realistic size."""
    rng = np.random.default_rng(seed)
    gain = 50 * rng.normal(size=(8, 5))
    data = gain @ (1e-8 * rng.normal(size=(5, 6)) * np.array([[1], [0], [0], [1], [0]])) + 1e-7 * rng.normal(
        size=(8, 6)
    )
    mixing = 1e-7 * (np.eye(8) + 0.2 * rng.normal(size=(8, 8)))
    noise_cov = mixing @ mixing.T
    cov = noise_cov + gain @ np.diag([1e-16, 0, 0, 1e-16, 1e-18]) @ gain.T
    weights = np.linalg.pinv(gain)
    return {'data': data, 'cov': cov, 'noise_cov': noise_cov, 'gain': gain, 'weights': weights, 'K': weights,
            'lambda_reg': np.array(0.1 * abs(gain.T @ data).max())}  # fmt: skip


def _leaves(value):
    return value if isinstance(value, tuple) else (value,)


@every_function
def test_compiled_and_batched_as_in_numpy(name):
    """float32 goes in and comes out; in between it is float64, so that nothing but rounding of the two is lost."""
    function, names = CASES[name]
    problems = [{k: np.float32(v).astype(float) for k, v in _arguments(seed).items()} for seed in (0, 1)]
    stacked = [jnp.asarray(np.stack([problem[k] for problem in problems]), jnp.float32) for k in names]
    batched = _leaves(jax.jit(jax.vmap(function))(*stacked))
    for i, problem in enumerate(problems):
        for plain, row in zip(_leaves(function(*(problem[k] for k in names))), batched, strict=True):
            assert isinstance(plain, np.ndarray | np.floating)
            assert plain.dtype == np.float64
            assert row.dtype == jnp.float32
            np.testing.assert_allclose(row[i], plain, rtol=2e-6, atol=2e-6 * abs(plain).max())


@every_function
def test_gradient(name):
    """Along a direction, against central differences of the numbers of NumPy."""
    function, names = CASES[name]
    given = {k: np.float32(v).astype(float) for k, v in _arguments().items()}
    rng = np.random.default_rng(1)
    # differences of numbers of size one
    size = {k: np.float32(abs(given[k]).max()) for k in names}
    out = [1 / abs(leaf).max() * rng.normal(size=np.shape(leaf)) for leaf in _leaves(function(*map(given.get, names)))]

    def score(*scaled):
        answers = _leaves(function(*(x * size[k] for x, k in zip(scaled, names, strict=True))))
        return sum((answer * w).sum() for answer, w in zip(answers, out, strict=True))

    at = [given[k] / size[k] for k in names]
    gradient = jax.jit(jax.grad(score, argnums=tuple(range(len(names)))))(*(jnp.asarray(x, jnp.float32) for x in at))
    for i, k in enumerate(names):
        direction = rng.normal(size=np.shape(at[i]))
        direction = direction + direction.T if 'cov' in k else direction
        h = 1e-6
        ahead, behind = (score(*at[:i], at[i] + sign * h * direction, *at[i + 1 :]) for sign in (1, -1))
        expected = (ahead - behind) / (2 * h)
        assert (np.asarray(gradient[i], float) * direction).sum() == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert abs(expected) > 1e-3


ANSWERS = {
    'make_lcmv_filter': [AM / u.volt],
    'apply_lcmv': [AM],
    'lcmv_power_map': [AM**2],
    'neural_activity_index': [AM],
    'unit_noise_gain': [u.volt**-1],
    'compute_resolution_matrix': [None],
    'champagne_solver': [AM**2, AM / u.volt],
    'lambda_max': [u.volt**2 / AM],
    'solve_inverse_admm': [AM],
}


@pytest.mark.parametrize(('sensor', 'moment'), [(u.volt, AM), (u.uvolt, nAm)])
@every_function
def test_units_are_carried(name, sensor, moment):
    """The numbers of bare SI, whatever unit the Quantities come in."""
    function, names = CASES[name]
    given, si, units = _arguments(), _units(u.volt, AM), _units(sensor, moment)
    answers = _leaves(function(*((given[k] * si[k]).in_unit(units[k]) for k in names)))
    for plain, answer, unit in zip(
        _leaves(function(*map(given.get, names))), answers, ANSWERS[name.split(',')[0]], strict=True
    ):
        numbers = answer if unit is None else answer.to_decimal(unit)
        assert isinstance(numbers, np.ndarray | np.floating)
        np.testing.assert_allclose(numbers, plain, rtol=1e-9, atol=1e-9 * abs(plain).max())


@pytest.mark.parametrize('scale', [1e-13, 1e6])
@every_function
def test_scale(name, scale):
    """(a G, a y, a^2 C) have the sources of (G, y, C)."""
    function, names = CASES[name]
    powers = {'data': 1, 'cov': 2, 'noise_cov': 2, 'gain': 1, 'weights': -1, 'K': -1, 'lambda_reg': 2}
    of_answer = {'make_lcmv_filter': -1, 'unit_noise_gain': -1, 'lambda_max': 2}
    given = _arguments()
    before = _leaves(function(*(given[k] for k in names)))
    after = _leaves(function(*(given[k] * scale ** powers[k] for k in names)))
    exponents = (0, -1) if name.startswith('champagne') else (of_answer.get(name, 0),)
    for a, b, k in zip(before, after, exponents, strict=True):
        np.testing.assert_allclose(b, a * scale**k, rtol=1e-8, atol=1e-8 * abs(a).max() * scale**k)


@every_function
def test_units_that_do_not_fit(name):
    function, names = CASES[name]
    given = _arguments()
    volts, teslas = _units(u.volt, AM), _units(u.tesla, AM)
    quantities = {k: given[k] * volts[k] for k in names}
    called = name.split(',')[0]
    for k in names:
        others = [given[k] if j == k else quantities[j] for j in names]
        with pytest.raises(UnitError, match=rf'{called}\({k}\).*got a bare'):
            function(*others)
        with pytest.raises(UnitError, match=rf'{called}\(\w+\) is '):
            function(*(given[k] * u.kilogram if j == k else quantities[j] for j in names))
    mixed = [quantities[names[0]], *(given[k] * teslas[k] for k in names[1:])]
    with pytest.raises(UnitError, match=rf'{called}\(\w+\) is .* in .*; got '):
        function(*mixed)


@every_function
def test_shapes_that_do_not_fit(name):
    function, names = CASES[name]
    given = _arguments()
    called = name.split(',')[0]
    for k in names:
        if k == 'lambda_reg':
            continue
        for bad in (given[k][0], given[k][:-1, :-1]):
            args = [bad if j == k else given[j] for j in names]
            with pytest.raises(ShapeError, match=rf'{called}\(\w+\).* has shape'):
                function(*args)
            with pytest.raises(ShapeError, match=rf'{called}\(\w+\).* has shape'):
                jax.jit(function)(*args)


@every_function
def test_not_finite(name):
    function, names = CASES[name]
    given = _arguments()
    bad = given[names[0]].copy()
    bad[1, 1] = np.nan
    with pytest.raises(ValueError, match=rf'\({names[0]}\) must be finite; got 1 value\(s\) .* index \(1, 1\)'):
        function(bad, *(given[k] for k in names[1:]))


@pytest.mark.parametrize('name', [name for name, (_, names) in CASES.items() if {'cov', 'noise_cov'} & set(names)])
def test_no_covariance(name):
    function, names = CASES[name]
    given = _arguments()
    k = 'cov' if 'cov' in names else 'noise_cov'
    skewed = given[k].copy()
    skewed[0, 1] *= -3
    for bad, message in ((skewed, 'symmetric'), (-given[k], 'negative eigenvalues'), (0 * given[k], 'not zero')):
        with pytest.raises(ValueError, match=rf'\({k}\) is a covariance, .*{message}'):
            function(*(bad if j == k else given[j] for j in names))


@every_function
def test_complex_numbers_stay_or_are_refused(name):
    function, names = CASES[name]
    given = _arguments()
    for k in names:
        if k == 'K':
            gain, K = given['gain'], given['K'] * (1 + 2j)
            np.testing.assert_allclose(function(gain, K), K @ gain)
            np.testing.assert_allclose(jax.jit(function)(jnp.asarray(gain), jnp.asarray(K)), K @ gain, atol=1e-5)
            answer = function(gain * u.volt / AM, K * 1e9 * nAm / u.volt)
            np.testing.assert_allclose(answer, K @ gain, atol=1e-12)
            continue
        for as_array in (np.asarray, jnp.asarray):
            with pytest.raises(TypeError, match=rf'\({k}\) is real; got complex numbers'):
                function(*(as_array(given[j] * (1j if j == k else 1)) for j in names))


def test_records():
    given = _arguments()
    up, one = np.tile([0.0, 0, 1], (5, 1)), np.ones(5)
    sources = records.SourceSpace(up * u.meter, up, one * u.mm**2, 0 * one, np.arange(5), 0 * one)
    names = tuple('abcdefgh')
    eeg, both = (records.Channels(names, ('eeg',) * n + ('mag',) * (8 - n)) for n in (8, 4))
    cov, head = records.NoiseCovariance(given['cov'], eeg), records.LeadField(given['gain'], eeg, sources)
    expected = functions.make_lcmv_filter(cov.matrix, head.gain)
    np.testing.assert_allclose(expected.to_decimal(AM / u.volt) @ given['gain'], np.eye(5), atol=1e-9)
    with pytest.raises(TypeError, match=r'filter\(cov\) is a Quantity .* a NoiseCovariance of .* write its \.matrix\.'):
        functions.make_lcmv_filter(cov, head)
    with pytest.raises(TypeError, match=r'filter\(gain\) is a Quantity .* a LeadField of .* write its \.gain\.'):
        functions.make_lcmv_filter(cov.matrix, head)
    with pytest.raises(TypeError, match=r'data\) is .* a Recording of .*: write its \.data\.T'):
        functions.apply_lcmv(records.Recording(given['data'].T, eeg, 2 * u.ms), expected)
    mixed = records.LeadField(given['gain'], both, sources)
    with pytest.raises(TypeError, match=r"write its \.pick\('mag'\)\.gain\."):
        functions.make_lcmv_filter(cov.matrix, mixed)
    with pytest.raises(TypeError, match=r'gain\) is of one type of channel; got one for each of eeg, mag: take one'):
        functions.make_lcmv_filter(cov.matrix, mixed.gain)
