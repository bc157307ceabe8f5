import brainunit as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import Channels, NoiseCovariance, Recording

EEG = Channels(('a', 'b', 'c'), ('eeg',) * 3)


@given(st.floats(1e-15, 1e6), st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_every_sample_covariance_is_accepted_at_any_scale(scale, seed, n):
    factor = np.random.default_rng(seed).standard_normal((3, n)) * scale
    for dtype in (np.float64, np.float32):
        matrix = (factor.astype(dtype) / dtype(scale)) @ (factor.astype(dtype) / dtype(scale)).T
        covariance = NoiseCovariance(matrix.astype(float) * scale**2, EEG)
        np.testing.assert_array_equal(covariance.matrix_si, covariance.matrix_si.T)


def test_diagonal(mixed):
    std = {'mag': 3 * u.ftesla, 'grad': [1, 2] * u.ftesla / u.cm, 'eeg': 0.5 * u.uvolt}
    covariance = NoiseCovariance.diagonal(std, mixed)
    np.testing.assert_allclose(np.diag(covariance.matrix_si), np.square([1e-13, 3e-15, 2e-13, 5e-7, 3e-15]))
    assert covariance.matrix['mag', 'grad'].unit == u.tesla**2 / u.meter
    assert covariance.matrix['eeg', 'eeg'].unit == u.volt**2
    assert covariance.pick('meg').matrix_si.shape == (4, 4)


def test_from_recording_is_the_sample_covariance(mixed, rng):
    data = rng.standard_normal((50, 5)) * 1e-12 + 4e-12
    recording = Recording(data, mixed, 2 * u.ms, start=1 * u.second)
    covariance = NoiseCovariance.from_recording(recording, 1.02 * u.second, 1.06 * u.second)
    np.testing.assert_allclose(covariance.matrix_si, np.cov(data[10:30].T), rtol=1e-10)
    assert covariance.n_samples == 20
    with pytest.raises(ValueError, match='at least 2 samples, to take away their mean; got 1'):
        recording.covariance(1 * u.second, 1.002 * u.second)


def test_from_an_average_is_of_a_single_repetition(mixed, rng):
    """Where one repetition is like another, their average has an n-th of its covariance."""
    single = rng.standard_normal((9, 5)) * 1e-12
    average = Recording(single / 5, mixed, 2 * u.ms, nave=25)
    np.testing.assert_allclose(average.covariance().matrix_si, np.cov(single.T), rtol=1e-12)
    repetitions = rng.standard_normal((25, 2000, 5)) * 1e-12
    average = Recording(repetitions.mean(axis=0), mixed, 2 * u.ms, nave=25)
    np.testing.assert_allclose(np.diagonal(average.covariance().matrix_si), 1e-24, rtol=0.15)


def test_from_quantity():
    covariance = NoiseCovariance.from_quantity(np.eye(3) * u.uvolt**2, EEG)
    np.testing.assert_allclose(covariance.matrix_si, np.eye(3) * 1e-12)
    assert covariance.matrix.unit == u.volt**2
    with pytest.raises(UnitError, match=r'in V\^2; got V'):
        NoiseCovariance.from_quantity(np.eye(3) * u.volt, EEG)


def test_average_reference_and_dead_channels_are_no_error():
    centre = np.eye(3) - 1 / 3
    assert NoiseCovariance(centre @ centre, EEG).channels is EEG
    assert NoiseCovariance(np.diag([1.0, 0.0, 2.0]), EEG).matrix_si[1, 1] == 0


@pytest.mark.parametrize(
    ('matrix', 'error', 'says'),
    [
        (np.eye(3) * u.volt**2, UnitError, 'from_quantity'),
        (np.eye(2), ShapeError, r'\(3, 3\)'),
        (np.diag([1.0, np.nan, 1.0]), ValueError, r'finite; got NaN or infinity in b\.'),
        # as the covariance of data with NaN in one channel
        (np.where(np.eye(3)[1] + np.eye(3)[:, [1]], np.nan, np.eye(3)), ValueError, r'infinity in b\.'),
        (np.where(np.eye(3)[::-1] - np.diag([0, 1, 0]), np.nan, np.eye(3)), ValueError, r'infinity in a, c\.'),
        (np.diag([1.0, -1.0, 1.0]), ValueError, 'variances .* negative'),
        (np.eye(3) + np.triu(np.full((3, 3), 0.1), 1), ValueError, 'symmetric'),
        (1e-26 * (np.eye(3) + np.triu(np.full((3, 3), 0.1), 1)), ValueError, 'symmetric'),
        (np.full((3, 3), 2.0) - np.eye(3), ValueError, 'semidefinite; got the eigenvalue -1'),
        (np.array([[1.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]]), ValueError, 'no variance'),
    ],
)
def test_bad_matrix(matrix, error, says):
    with pytest.raises(error, match=says):
        NoiseCovariance(matrix, EEG)


def test_bad_diagonal(mixed):
    with pytest.raises(ValueError, match='one for each of grad, mag, eeg; got mag'):
        NoiseCovariance.diagonal({'mag': 3 * u.ftesla}, mixed)
    with pytest.raises(UnitError, match='the noise of eeg channels, in V; got a bare number'):
        NoiseCovariance.diagonal(1.0, EEG)
    with pytest.raises(ShapeError, match=r'\(3,\)'):
        NoiseCovariance.diagonal([1, 2] * u.volt, EEG)


def test_rank_follows_the_channels(mixed):
    covariance = NoiseCovariance(np.eye(5), mixed, rank={'meg': 3, 'eeg': 1})
    assert covariance.pick('mag').rank == {'meg': 2}
    assert covariance.pick('eeg').rank == {'eeg': 1}
    with pytest.raises(ValueError, match="one of 'meg', 'eeg'; got 'mag'"):
        NoiseCovariance(np.eye(5), mixed, rank={'mag': 2})
    with pytest.raises(ValueError, match='of meg, is at most the number of channels, 4; got 5'):
        NoiseCovariance(np.eye(5), mixed, rank={'meg': 5})
    with pytest.raises(TypeError, match=r"as \{'meg': 66, 'eeg': 59\}; got int"):
        NoiseCovariance(np.eye(5), mixed, rank=4)


def test_what_is_constant_is_in_a_covariance_that_is_not_centred(mixed, rng):
    data = rng.standard_normal((50, 5)) * 1e-12 + 4e-12
    recording = Recording(data, mixed, 2 * u.ms, nave=3)
    np.testing.assert_allclose(recording.covariance(centred=False).matrix_si, 3 * data.T @ data / 50, rtol=1e-12)
    one = recording.covariance(stop=2 * u.ms, centred=False)
    np.testing.assert_allclose(one.matrix_si, 3 * np.outer(data[0], data[0]), rtol=1e-12)
    assert one.n_samples == 1
