"""Every solver, and small inverse problems of realistic size in every unit."""

import functools

import brainunit as u
import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import (
    DICS,
    DSPM,
    ELORETA,
    LCMV,
    SLORETA,
    BayesianMinimumNorm,
    GammaMAP,
    MinimumNorm,
)

# a new solver is one line
SOLVERS = {
    'MinimumNorm': MinimumNorm,
    'DSPM': DSPM,
    'SLORETA': SLORETA,
    'SLORETA block': functools.partial(SLORETA, standardise='block'),
    'ELORETA': ELORETA,
    'LCMV': LCMV,
    'LCMV unit-gain': functools.partial(LCMV, weight_norm='unit-gain'),
    'LCMV unit-noise-gain': functools.partial(LCMV, weight_norm='unit-noise-gain'),
    'LCMV nai': functools.partial(LCMV, weight_norm='nai'),
    'GammaMAP': functools.partial(GammaMAP, tol=0.1, max_iter=20),
    'GammaMAP level': functools.partial(GammaMAP, noise='level', tol=0.05, max_iter=20),
    'BayesianMinimumNorm': functools.partial(BayesianMinimumNorm, noise='sensors', tol=0.05, max_iter=20),
    'DICS': DICS,
    'DICS complex': functools.partial(DICS, real_filter=False),
}
CASES = {
    f'{name} {orientation}': functools.partial(make, orientation=orientation)
    for name, make in SOLVERS.items()
    for orientation in make().orientations
}


def pytest_generate_tests(metafunc):
    """A test of ``each_solver`` or ``each_case`` runs for all their names."""
    for name, table in (('each_solver', SOLVERS), ('each_case', CASES)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, table)


KINDS = {'eeg': ('eeg',) * 12, 'meg': ('mag', 'grad', 'grad') * 5, 'both': ('mag', 'grad', 'grad') * 4 + ('eeg',) * 9}
GAIN = {'eeg': 50.0, 'mag': 2e-6, 'grad': 5e-5}  # SI units per A m
STD = {'eeg': 0.5e-6, 'mag': 20e-15, 'grad': 5e-13}


def _sources(n=30, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(n, 3))
    normals = places / np.linalg.norm(places, axis=1, keepdims=True)
    depth = rng.uniform(0.02, 0.07, (n, 1))
    return records.SourceSpace(
        depth * normals * u.meter,
        normals,
        rng.uniform(20, 60, n) * u.mm**2,
        np.arange(n) % 2,
        np.arange(n),
        np.arange(n) // 5,
    )


def _problem(kinds='eeg', orientation='free', n=30, seed=0, scale=1.0):
    """A lead field and a noise covariance, both of which `scale` multiplies as a change of units of the data would."""
    rng = np.random.default_rng(seed)
    types = KINDS[kinds]
    channels = records.Channels(tuple(f'{kind}{i}' for i, kind in enumerate(types)), types)
    gain = rng.normal(size=(len(types), n, 3)) * rng.uniform(0.2, 1.0, (1, n, 1))
    gain *= scale * np.array([GAIN[kind] for kind in types])[:, None, None]
    lead_field = records.LeadField(gain, channels, _sources(n, seed), head='small')
    std = scale * np.array([STD[kind] for kind in types])
    mixing = np.eye(len(types)) + 0.2 * rng.normal(size=(len(types),) * 2)
    noise_cov = records.NoiseCovariance(mixing @ mixing.T * np.outer(std, std), channels)
    return (lead_field.fixed() if orientation == 'fixed' else lead_field), noise_cov


def _data(lead_field, shape=(7,), seed=1, scale=1.0):
    """SI numbers, (*shape, sensors), of the size of the noise."""
    types = lead_field.channels.types
    return scale * np.array([STD[k] for k in types]) * np.random.default_rng(seed).normal(size=(*shape, len(types)))


def _data_cov(solver, noise_cov, seed=3):
    """What ``fit`` takes besides: data of a few times the noise, as the solver wants them, or nothing."""
    if not solver.needs_data:
        return {}
    n, rng = len(noise_cov.channels), np.random.default_rng(seed)
    mixing = rng.normal(size=(n, 2 * n))
    if solver.data_record is records.CrossSpectrum:
        mixing = mixing + 0.5j * rng.normal(size=mixing.shape)
    std = np.sqrt(np.diagonal(noise_cov.matrix_si))
    matrix = (np.eye(n) + mixing @ mixing.conj().T / n) * np.outer(std, std)
    return {'data_cov': solver.data_record(matrix, noise_cov.channels)}


@pytest.fixture(scope='session')
def problem():
    return _problem


@pytest.fixture(scope='session')
def data():
    return _data


@pytest.fixture(scope='session')
def data_cov():
    return _data_cov


@pytest.fixture(scope='session')
def make():
    """A solver by its name."""
    return lambda name, **options: (SOLVERS | CASES)[name](**options)


@pytest.fixture(scope='session')
def fit(make):
    """A solver by its name, fitted: to data too, where it takes some."""

    def fit(name, lead_field, noise_cov, **options):
        solver = make(name, **options)
        return solver.fit(lead_field, noise_cov, **_data_cov(solver, noise_cov))

    return fit


@pytest.fixture(scope='session')
def cases():
    """The names of all solvers in all orientations."""
    return tuple(CASES)
