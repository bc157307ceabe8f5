"""The directions in which channels vary."""

import numpy as np

from brainfwd._core.linear_algebra import FLOOR

__all__ = ['directions']


def directions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard deviations, and eigenvalues and eigenvectors (columns) of the correlations.

    Of correlations, so that channels in teslas and in volts are treated alike. Eigenvalues below `FLOOR` of the
    largest are 0: there a rank is lost. A channel without variance has correlations of 0.
    """
    std = np.sqrt(np.diagonal(covariance))
    scale = np.where(std > 0, std, 1.0)
    values, vectors = np.linalg.eigh(covariance / scale / scale[:, None])
    return std, np.where(values > FLOOR * values.max(initial=0.0), values, 0.0), vectors
