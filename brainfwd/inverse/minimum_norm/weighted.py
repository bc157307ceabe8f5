"""What the solvers share that weigh sources by a prior covariance."""

from typing import Any

import jax

from brainfwd._core.linear_algebra import solve_positive
from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.regularisation import choose_lambda2
from brainfwd.inverse.setting import Setting

__all__ = ['WeightedMinimumNorm']

# of the mean power of the signal: less does not make a singular matrix regular
_LEAST = 1e-15


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

    Raises
    ------
    ValueError
        Two of ``snr``, ``lambda2`` and ``regularisation``; a parameter out of range.
    """

    orientations = ('fixed', 'loose', 'free')
    strength = ('snr', 'lambda2')

    snr = Setting(3.0, 'amplitude ratio of signal to noise')
    lambda2 = Setting(None, 'regularisation, instead of snr')
    depth = Setting(0.8, 'exponent of the depth weighting', zero=True)
    loose = Setting(0.2, 'variance of tangential components relative to the normal one', most=1.0)

    def _check_settings(self) -> None:
        super()._check_settings()
        lambda2 = self.snr**-2 if self.lambda2 is None else self.lambda2
        if not isinstance(lambda2, jax.core.Tracer) and lambda2 < _LEAST:
            raise ValueError(
                f'{type(self).__name__}.lambda2, or 1 / snr**2, is {_LEAST:g} or more, the digits of float64; got '
                f'{float(lambda2):g}.'
            )

    @property
    def chosen_lambda2(self) -> float:
        """The regularisation of the last fit: as given, or as the rule chose it from the data."""
        self._fitted()
        return float(self._notes.value['lambda2'])

    def prior(self, problem: WhitenedProblem) -> Any:
        """(sources, K, K) prior covariance R of each source, up to a factor."""
        root = self.orientation_root(problem)
        return problem.depth_prior(self.depth)[:, None, None] * (root @ root)

    def lambda2_of(self, problem: WhitenedProblem, model_cov: Any) -> Any:
        r""":math:`\lambda^2` as set, or as the rule chooses it under this :math:`G R G^T`, of mean power 1."""
        if self.regularisation is None:
            return self.snr**-2 if self.lambda2 is None else self.lambda2
        where = f'{type(self).__name__}(regularisation={self.regularisation!r})'
        return choose_lambda2(self.regularisation, model_cov, problem.data_cov, problem.rank, where)

    def regularised(self, problem: WhitenedProblem, prior: Any, lambda2: Any = None) -> tuple[Any, Any]:
        r"""K (sources, K, directions) under a prior, and :math:`\lambda^2` in units of that prior.

        That is, times the mean of :math:`G R G^T`, which takes the place of scaling the prior. ``lambda2`` is chosen
        under this prior, unless it is given.
        """
        white, xp = problem.white, problem.xp
        n, _, k = problem.seen.shape
        # all that is as large as the sources before the noise comes in: of many covariances it is computed once
        columns = weighted(problem.seen, prior).reshape(n, -1)
        model_cov = white @ (columns @ problem.seen.reshape(n, -1).T) @ white.T
        power = xp.trace(model_cov) / problem.rank
        lambda2 = self.lambda2_of(problem, model_cov / power) if lambda2 is None else lambda2
        problem.notes['lambda2'] = lambda2
        problem.assume(prior / (lambda2 * power))
        solved = solve_positive(model_cov + lambda2 * power * xp.eye(len(white)), white)
        return (columns.T @ solved.T).reshape(-1, k, len(white)), lambda2 * power


def weighted(gain: Any, covariance: Any) -> Any:
    """:math:`G R`, (sensors, sources, K)."""
    if covariance.shape[-1] == 1:
        return gain * covariance[:, 0]
    return (gain.swapaxes(0, 1) @ covariance).swapaxes(0, 1)
