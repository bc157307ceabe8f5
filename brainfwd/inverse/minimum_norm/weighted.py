"""What the solvers share that weigh sources by a prior covariance."""

from typing import Any

import jax

from brainfwd._core.linear_algebra import solve_positive
from brainfwd.inverse.base import LinearInverse, Setting
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.regularisation import choose_lambda2

__all__ = ['WeightedMinimumNorm']


class WeightedMinimumNorm(LinearInverse):
    r"""Minimum norm under a prior covariance R of the sources, by depth and orientation.

    .. math:: K = R G^T (G R G^T + \lambda^2 I)^{-1}, \qquad \mathrm{tr}(G R G^T) = r

    with G whitened and r the rank: signal and noise are alike before :math:`\lambda^2` says otherwise.

    Parameters
    ----------
    snr : float
        Amplitude ratio of signal to noise, averaged over the whitened sensors: ``lambda2 = 1 / snr**2``. 3 is usual for
        averaged responses, 1 for single trials. Not in dB.
    lambda2 : float, optional
        The regularisation itself, instead of ``snr``.
    depth : float
        Exponent of the depth weighting; 0 for none.
    orientation : str
        ``'fixed'``: along the normals of the cortex, and the answer has a sign. ``'free'``: any direction, and
        ``'loose'``: mostly along the normals; the answer is the length of the vector, and the lead field must be of
        free orientation.
    loose : float
        With ``'loose'``: variance of each tangential component, relative to that of the normal one, 0 < loose <= 1.
    rank, regularisation
        As for `LinearInverse`.
    """

    orientations = ('fixed', 'loose', 'free')

    snr = Setting(3.0, 'amplitude ratio of signal to noise')
    lambda2 = Setting(None, 'regularisation, instead of snr')
    depth = Setting(0.8, 'exponent of the depth weighting', zero=True)
    loose = Setting(0.2, 'variance of tangential components relative to the normal one')

    def _check_settings(self) -> None:
        super()._check_settings()
        if not isinstance(self.loose, jax.core.Tracer) and self.loose > 1:
            raise ValueError(f'{type(self).__name__}.loose is at most 1, which is free; got {float(self.loose):g}.')

    @property
    def chosen_lambda2(self) -> float:
        """The regularisation of the last fit: as given, or as the rule chose it from the data."""
        self._fitted()
        return float(self._notes.value['lambda2'])

    def orientation_root(self, problem: WhitenedProblem) -> Any:
        """(sources, K, K) root of the covariance of the components of each source."""
        return problem.orientation_root(self.loose if self.orientation == 'loose' else 1.0)

    def prior(self, problem: WhitenedProblem) -> Any:
        """(sources, K, K) prior covariance R of each source, scaled so that tr(G R G') is the rank."""
        root = self.orientation_root(problem)
        return scaled(problem, problem.depth_prior(self.depth)[:, None, None] * (root @ root))

    def lambda2_of(self, problem: WhitenedProblem, prior: Any) -> Any:
        r""":math:`\lambda^2` as set, or as the rule chooses it under this prior."""
        if self.regularisation is None:
            return self.snr**-2 if self.lambda2 is None else self.lambda2
        where = f'{type(self).__name__}(regularisation={self.regularisation!r})'
        model_cov = _product(weighted(problem.gain, prior), problem.gain)
        return choose_lambda2(self.regularisation, model_cov, problem.data_cov, problem.rank, where)

    def regularised(self, problem: WhitenedProblem, prior: Any, lambda2: Any = None) -> tuple[Any, Any, Any]:
        r"""K (sources, K, directions), :math:`G R` (directions, sources, K) and :math:`\lambda^2` under a prior.

        ``lambda2`` is chosen under this prior, unless it is given.
        """
        gain, xp = problem.gain, problem.xp
        n, _, k = gain.shape
        columns = weighted(gain, prior)
        lambda2 = self.lambda2_of(problem, prior) if lambda2 is None else lambda2
        problem.notes['lambda2'] = lambda2
        solved = solve_positive(_product(columns, gain) + lambda2 * xp.eye(n), columns.reshape(n, -1))
        return solved.T.reshape(-1, k, n), columns, lambda2


def weighted(gain: Any, covariance: Any) -> Any:
    """:math:`G R`, (directions, sources, K)."""
    if covariance.shape[-1] == 1:
        return gain * covariance[:, 0]
    return (gain.swapaxes(0, 1) @ covariance).swapaxes(0, 1)


def scaled(problem: WhitenedProblem, covariance: Any) -> Any:
    """(sources, K, K) covariance, times what makes tr(G R G') the rank."""
    return covariance * (problem.rank / (weighted(problem.gain, covariance) * problem.gain).sum())


def _product(columns: Any, gain: Any) -> Any:
    """:math:`G R G^T`, (directions, directions)."""
    return columns.reshape(len(columns), -1) @ gain.reshape(len(gain), -1).T
