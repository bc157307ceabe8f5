"""Whitening of a covariance: against pseudo-inverses, in NumPy and in code that JAX compiles."""

import jax
import numpy as np
import pytest

from brainfwd import records
from brainfwd.records.whitening import white_map

TYPES = ('mag', 'grad', 'grad', 'mag', 'grad') + ('eeg',) * 5
CHANNELS = records.Channels(tuple(map(str, range(10))), TYPES)
STD = np.array([{'mag': 2e-14, 'grad': 5e-13, 'eeg': 5e-7}[kind] for kind in TYPES])
EEG = np.array(TYPES) == 'eeg'
MIXING = np.random.default_rng(1).normal(size=(10, 10)) * np.equal.outer(EEG, EEG) * np.divide.outer(STD, STD)
WEIGHTS = np.random.default_rng(2).normal(size=(10, 10)) * np.outer(STD, STD)


def _covariance(name):
    rng = np.random.default_rng(0)
    mixing = np.eye(10) + 0.3 * rng.normal(size=(10, 10))
    if name == 'equal':
        mixing = np.eye(10)
    elif name == 'few samples':
        # of MEG and of EEG apart: together they would lose other directions
        mixing = np.repeat([~EEG, EEG], (3, 2), axis=0).T * rng.normal(size=(10, 5))
    elif name == 'referenced':
        mixing = records.average_reference(CHANNELS) @ mixing
    return mixing @ mixing.T * np.outer(STD, STD)


every_covariance = pytest.mark.parametrize('name', ['any', 'equal', 'few samples', 'referenced'])


def _precision(covariance, floor=1e-9):
    """The pseudo-inverse of each block, of EEG after the average reference."""
    projector, inverse = records.average_reference(CHANNELS), np.zeros((10, 10))
    for index in CHANNELS.blocks.values():
        block = (projector @ covariance @ projector.T)[np.ix_(index, index)]
        inverse[np.ix_(index, index)] = np.linalg.pinv(block, rcond=floor, hermitian=True)
    return inverse


def _relative(a, b):
    a, b = np.asarray(a) * np.outer(STD, STD), b * np.outer(STD, STD)
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def _in_numpy(covariance, floor=1e-12):
    return white_map(covariance, CHANNELS, floor=floor)


@jax.jit
def _in_jax(covariance, floor=1e-12):
    return white_map(covariance, CHANNELS, floor=floor)


@every_covariance
@pytest.mark.parametrize('whitener', [_in_numpy, _in_jax])
def test_whitener(name, whitener):
    covariance = _covariance(name)
    with jax.enable_x64(True):
        white = np.asarray(whitener(covariance))
    assert _relative(white.T @ white, _precision(covariance)) < 1e-9
    whitened = white @ (covariance * np.equal.outer(EEG, EEG)) @ white.T
    # directions without noise are rows of zeros, if they are there at all
    assert np.allclose(whitened, np.diag((white != 0).any(axis=1)), atol=1e-9)
    assert whitener is _in_jax or (white != 0).any(axis=1).all()


def _mixed(covariance, t):
    mixing = np.eye(10) + t * MIXING
    return mixing @ covariance @ mixing.T


@jax.jit
@jax.grad
def _slope(t, covariance):
    white = white_map(_mixed(covariance, t), CHANNELS)
    return ((white.T @ white) * WEIGHTS).sum()


@every_covariance
def test_derivative(name):
    """Along a path that keeps the rank, though not the directions in which there is noise."""
    covariance = _covariance(name)
    numeric = [(_precision(_mixed(covariance, t)) * WEIGHTS).sum() / 2e-6 for t in (1e-6, -1e-6)]
    with jax.enable_x64(True):
        assert _slope(0.0, covariance) == pytest.approx(numeric[0] - numeric[1], rel=1e-6)


def test_a_cut_between_equal_eigenvalues():
    """Which are left out is arbitrary, and no derivative tells; nothing is NaN."""
    covariance = np.diag(STD**2)

    def power(covariance):
        white = white_map(covariance, CHANNELS, {'meg': 3, 'eeg': 2})
        return ((white * STD) ** 2).sum(), white

    with jax.enable_x64(True):
        slope, white = map(np.asarray, jax.jit(jax.grad(power, has_aux=True))(covariance))
    assert np.linalg.matrix_rank(white * STD) == 5
    assert np.allclose(white @ covariance @ white.T, np.diag((white != 0).any(axis=1)), atol=1e-9)
    assert np.isfinite(slope).all()


def test_rounding_to_float32_is_not_noise():
    covariance = _covariance('few samples').astype(np.float32).astype(float)
    assert np.linalg.matrix_rank(covariance[EEG][:, EEG], hermitian=True, tol=1e-11 * covariance.max()) == 5
    precision = _precision(_covariance('few samples'))
    for whitener in (_in_numpy, _in_jax):
        with jax.enable_x64(True):
            white = np.asarray(whitener(covariance, float(np.finfo(np.float32).eps)))
        assert _relative(white.T @ white, precision) < 1e-5


@pytest.mark.parametrize('whitener', [_in_numpy, _in_jax])
@pytest.mark.parametrize('spread', [1.0, 1e-3, 1e3])
def test_units_of_the_channels_cost_no_digits(whitener, spread):
    """Directions 1e10 apart, in channels of numbers as far apart as teslas and teslas per meter are, and farther."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(10, 10)))[0]
    turn[EEG] = turn[:, EEG] = 0
    turn = np.linalg.qr(turn + np.diag(1.0 * EEG))[0]
    std = STD * np.where(np.array(TYPES) == 'mag', spread, 1.0)
    covariance = (turn * np.geomspace(1, 1e-10, 10)) @ turn.T * np.outer(std, std)
    with jax.enable_x64(True):
        white = np.asarray(whitener((covariance + covariance.T) / 2))
    assert np.allclose(white @ covariance @ white.T, np.eye(9), atol=1e-6)
