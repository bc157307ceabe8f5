"""The inverse problem as a solver sees it: white noise, no units."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ['WhitenedProblem']


@dataclass(frozen=True, eq=False)
class WhitenedProblem:
    r"""Find s in :math:`y = G s + n` where n is white, of variance 1 in each of ``rank`` directions.

    K is 1 for fixed orientations, 3 (x, y, z of the head frame) for loose and free ones.

    Parameters
    ----------
    gain : array
        (rank, sources, K) whitened gain.
    prior_root : array
        (sources, K, K) symmetric root of the prior covariance of each source, scaled so that
        :math:`\mathrm{tr}(G R G^T)` is the rank: signal and noise are alike before ``lambda2`` says otherwise.
    lambda2 : float
        How much stronger the noise is than that, as a power.
    nave : int
        Of how many repetitions the data are an average.
    """

    gain: np.ndarray
    prior_root: np.ndarray
    lambda2: float
    nave: int = 1

    @functools.cached_property
    def modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""U (rank, modes), s (modes,) and :math:`R^{1/2} V` (sources, K, modes) of :math:`G R^{1/2} = U S V^T`."""
        weighted = _by_source('rnk,nkl->rnl', self.gain, self.prior_root)
        left, singular, right = np.linalg.svd(weighted.reshape(len(weighted), -1), full_matrices=False)
        leads = right.T.reshape(*weighted.shape[1:], -1)
        return left, singular, _by_source('nkl,nlm->nkm', self.prior_root, leads)

    def tikhonov(self, singular: np.ndarray) -> np.ndarray:
        r""":math:`f(s) = s / (s^2 + \lambda^2)`: 1/s where the signal is above the noise, towards 0 where it is not."""
        return singular / (singular**2 + self.lambda2)

    def filtered(self, spectrum: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        r"""(sources, K, rank) :math:`R^{1/2} V f(S) U^T`: each mode of the gain inverted to the degree f(s)."""
        left, singular, leads = self.modes
        return (leads * spectrum(singular)) @ left.T

    def deviation(self, spectrum: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        r"""(sources, 1, 1) standard deviation of what averaged white noise makes of each source.

        The root sum of squares of its rows of :math:`R^{1/2} V f(S)`, over :math:`\sqrt{n_{ave}}`.
        """
        _, singular, leads = self.modes
        return np.sqrt(np.square(leads * spectrum(singular)).sum(axis=(1, 2), keepdims=True) / self.nave)


def _by_source(subscripts: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum(subscripts, a, b, optimize=True)
