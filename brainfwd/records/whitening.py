"""Whitening: a linear map of the sensors after which the noise is white, and no channel has a unit any more."""

import numpy as np

from brainfwd._core.checks import listed
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.reference import average_reference

__all__ = ['whitener']

# relative to the largest eigenvalue: far above rounding in float64, far below any noise that was measured
_TOLERANCE = 1e-12


def whitener(noise_cov: NoiseCovariance, where: str) -> np.ndarray:
    r"""(rank, sensors) :math:`W` with :math:`W C W^T = I`, from SI numbers.

    The average reference P is part of it. Magnetometers and gradiometers are whitened together, EEG apart from them,
    and of each only the r directions in which there is noise are kept: :math:`W = \Lambda_r^{-1/2} V_r^T P` from
    :math:`P C P^T = V \Lambda V^T`, where r is what the eigenvalues say, or `NoiseCovariance.rank` if that is less.

    Raises
    ------
    ValueError
        A channel without noise, or no direction with noise.
    """
    channels = noise_cov.channels
    projector = average_reference(channels)
    covariance = projector @ noise_cov.matrix_si @ projector
    # what the channels of one type vary by: T, T/m and V are compared only after division by it
    spread = np.empty(len(channels))
    for kind in channels.kinds:
        index = channels.indices(kind)
        spread[index] = np.sqrt(np.diagonal(covariance)[index].mean())
    _check_noisy(covariance, noise_cov, spread, where)
    rows = []
    for name, index in channels.blocks.items():
        block = covariance[np.ix_(index, index)]
        relative = np.linalg.eigvalsh(block / np.outer(spread[index], spread[index]))
        rank = int((relative > _TOLERANCE * relative[-1]).sum())
        rank = min(rank, (noise_cov.rank or {}).get(name, rank))
        scale = np.trace(block)
        eigenvalues, vectors = np.linalg.eigh(block / scale)
        part = np.zeros((rank, len(channels)))
        part[:, index] = (vectors[:, -rank:] / np.sqrt(eigenvalues[-rank:] * scale)).T
        rows.append(part)
    return np.concatenate(rows) @ projector


def _check_noisy(covariance: np.ndarray, noise_cov: NoiseCovariance, spread: np.ndarray, where: str) -> None:
    variance = np.diagonal(covariance)
    # against the given variance: one electrode alone is its own average reference, and nothing is left of it
    given = np.diagonal(noise_cov.matrix_si)
    silent = (variance <= _TOLERANCE * spread**2) | (variance <= _TOLERANCE * given)
    if silent.any():
        names = [name for name, bad in zip(noise_cov.channels.names, silent, strict=True) if bad]
        if len(names) == len(noise_cov.channels):
            raise ValueError(f'{where} has rank 0: there is no noise in it, after the average reference of EEG.')
        raise ValueError(
            f'{where} holds no noise for {listed(names)}, after the average reference of EEG: leave them out.'
        )
