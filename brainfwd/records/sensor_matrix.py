"""What covariances and cross-spectra share: matrices of sensors by sensors, Hermitian, positive semidefinite."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import UnitError, non_negative, shape_is
from brainfwd.records.base import frozen
from brainfwd.records.channels import SENSOR_UNITS, Channels
from brainfwd.records.matching import finite
from brainfwd.records.reference import Reference, reference_projector

__all__ = ['by_kinds', 'positive_semidefinite', 'rereferenced']

# relative: what a covariance computed in float32 may miss symmetry and definiteness by
_TOLERANCE = 1e-5


def positive_semidefinite(value: Any, channels: Channels, where: str, dtype: Any = np.float64) -> np.ndarray:
    """Read-only SI numbers, (sensors, sensors); an error when they cannot be how sensors vary together.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A unit, a shape that does not fit the channels, values that are not finite, a matrix that is not symmetric
        (complex: Hermitian) or has a negative eigenvalue, both up to rounding, relative to the variances.
    """
    m, symmetric = len(channels), 'Hermitian' if dtype is np.complex128 else 'symmetric'
    if isinstance(value, u.Quantity):
        owner = where.partition('(')[0]
        raise UnitError(f'{where} are SI numbers without a unit: write {owner}.from_quantity(...).')
    shape_is(value, (m, m), where, '(sensors, sensors)')
    matrix = frozen(value, where, dtype)
    # a bad channel has NaN with every other one, too
    for part in (np.diagonal(matrix), matrix):
        finite(part, channels, where)
    variance = np.diagonal(matrix).real
    non_negative(variance, f'{where}, the variances on its diagonal,')
    # scaled to correlations, so that one tolerance fits sensors in T, T/m and V
    scale = np.sqrt(np.where(variance > 0, variance, 1.0))
    correlation = matrix / scale / scale[:, None]
    asymmetry = abs(correlation - correlation.conj().T).max(initial=0.0)
    if asymmetry > _TOLERANCE:
        raise ValueError(f'{where} is {symmetric}; got entries that differ by {asymmetry:.3g} of the variances.')
    # dead channels: with no variance there is no covariance
    if (abs(correlation[variance == 0]) > 0).any():
        raise ValueError(f'{where} is positive semidefinite; got a covariance with a channel of no variance.')
    eigenvalues = np.linalg.eigvalsh((correlation + correlation.conj().T) / 2) if m else np.zeros(1)
    if eigenvalues[0] < -_TOLERANCE * max(eigenvalues[-1], 0.0):
        raise ValueError(f'{where} is positive semidefinite; got the eigenvalue {eigenvalues[0]:.3g}.')
    return frozen((matrix + matrix.conj().T) / 2, where, dtype)


def by_kinds(matrix: np.ndarray, channels: Channels) -> Any:
    """SI numbers with their unit; a dict of blocks by pair of types when there are several types of channel."""
    if not channels.is_mixed:
        return u.Quantity(matrix, unit=channels.unit**2)
    index = {kind: channels.indices(kind) for kind in channels.kinds}
    return {
        (a, b): u.Quantity(matrix[np.ix_(index[a], index[b])], unit=SENSOR_UNITS[a] * SENSOR_UNITS[b])
        for a in index
        for b in index
    }


def rereferenced(matrix: np.ndarray, channels: Channels, reference: Reference, where: str) -> np.ndarray:
    """Of EEG against another reference, as `reference_projector` takes it."""
    projector = reference_projector(channels, reference, where)
    result = projector @ matrix @ projector.T
    # where all of it cancels, rounding is left
    cancelled = np.einsum('ij,jk,ik->i', abs(projector), abs(matrix), abs(projector), optimize=True)
    silent = np.diagonal(result).real <= len(result) * np.finfo(float).eps * cancelled
    result[silent], result[:, silent] = 0.0, 0.0
    return result
