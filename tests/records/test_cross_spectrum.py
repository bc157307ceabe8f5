import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import Channels, CrossSpectrum, NoiseCovariance

EEG = Channels(('a', 'b', 'c'), ('eeg',) * 3)
BAND = (8 * u.Hz, 13 * u.Hz)


def _matrix(rng, n, scale=1.0):
    factor = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    return scale**2 * factor @ factor.conj().T


def test_units_and_blocks(mixed, rng):
    scale = np.array([5e-13, 2e-14, 5e-13, 1e-6, 2e-14])
    matrix = _matrix(rng, 5) * np.outer(scale, scale)
    cross = CrossSpectrum(matrix, mixed, BAND, n_segments=3)
    assert cross.matrix['mag', 'grad'].unit == u.tesla**2 / u.meter
    np.testing.assert_allclose(cross.matrix['mag', 'eeg'].mantissa, matrix[[1, 4]][:, [3]])
    np.testing.assert_allclose(cross.pick('meg').matrix_si, matrix[:, [0, 1, 2, 4]][[0, 1, 2, 4]])
    assert cross.pick('mag').n_segments == 3
    assert repr(cross) == 'CrossSpectrum(Channels(2 grad, 2 mag, 1 eeg), 8 to 13 Hz, from 3 segments)'
    assert not cross.matrix_si.flags.writeable


def test_in_phase_is_the_real_part(rng):
    matrix = _matrix(rng, 3, 1e-6)
    real = CrossSpectrum(matrix, EEG, BAND).in_phase
    assert isinstance(real, NoiseCovariance)
    np.testing.assert_allclose(real.matrix_si, matrix.real)


def test_from_quantity(rng):
    matrix = _matrix(rng, 3)
    cross = CrossSpectrum.from_quantity(matrix * u.uvolt**2, EEG, BAND)
    np.testing.assert_allclose(cross.matrix_si, matrix * 1e-12)
    assert cross.matrix.unit == u.volt**2
    with pytest.raises(UnitError, match=r'in V\^2; got V'):
        CrossSpectrum.from_quantity(matrix * u.volt, EEG, BAND)


def test_a_constant_on_all_electrodes_is_gone_after_the_average_reference(rng):
    factor = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    shifted = factor + np.array([1.0, 2.0j, -3.0])
    expected = CrossSpectrum(factor @ factor.conj().T, EEG, BAND).referenced('average').matrix_si
    given = CrossSpectrum(shifted @ shifted.conj().T, EEG, BAND).referenced('average').matrix_si
    np.testing.assert_allclose(given, expected, atol=1e-12)


@pytest.mark.parametrize(
    ('matrix', 'error', 'says'),
    [
        (np.eye(3) * u.volt**2, UnitError, r'write CrossSpectrum\.from_quantity'),
        (np.eye(2), ShapeError, r'\(3, 3\)'),
        (np.diag([1.0, np.nan, 1.0]), ValueError, 'finite'),
        (np.diag([1.0, -1.0, 1.0]), ValueError, 'variances .* negative'),
        (np.eye(3) + np.diag([0.1j, 0.1j], 1), ValueError, 'Hermitian; got entries that differ by 0.1'),
        # of a symmetric matrix that is not Hermitian
        (np.eye(3) + 0.1j * (1 - np.eye(3)), ValueError, 'Hermitian; got entries that differ by 0.2'),
        (np.eye(3) + 2j * (np.triu(np.ones((3, 3)), 1) - np.tril(np.ones((3, 3)), -1)), ValueError, 'semidefinite'),
    ],
)
def test_bad_matrix(matrix, error, says):
    with pytest.raises(error, match=says):
        CrossSpectrum(matrix, EEG, BAND)


def test_bad_band():
    with pytest.raises(UnitError, match='a frequency, in Hz; got a bare number'):
        CrossSpectrum(np.eye(3), EEG, (8, 13))
    with pytest.raises(ValueError, match='goes up'):
        CrossSpectrum(np.eye(3), EEG, (13 * u.Hz, 8 * u.Hz))
    with pytest.raises(ValueError, match=r'write \(8 \* u\.Hz, 13 \* u\.Hz\)'):
        CrossSpectrum(np.eye(3), EEG, 10 * u.Hz)
