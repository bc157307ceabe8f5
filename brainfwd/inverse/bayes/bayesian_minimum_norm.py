"""Minimum norm whose strengths of sources and noise are learned."""

from typing import Any

import numpy as np

from brainfwd._core.linear_algebra import symmetric_power
from brainfwd.inverse.bayes.learned_prior import LearnedPrior
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.setting import Setting

__all__ = ['BayesianMinimumNorm']


class BayesianMinimumNorm(LearnedPrior):
    r"""Minimum norm under one variance for all sources, learned from the data, with that of the noise if wanted (nA m).

    .. math:: s \sim \mathcal N(0, \gamma R), \qquad
        \gamma \leftarrow \gamma \sqrt{\frac{\mathrm{tr}(S^{-1} M S^{-1} C_y)}{\mathrm{tr}(S^{-1} M)}}, \quad
        M = G R G^T, \quad S = \gamma M + N

    It is `MinimumNorm` with the ``lambda2`` that is most likely, :math:`1 / \gamma` for R scaled as there. With
    ``noise='level'`` the level of the noise follows the same update; with it `noise_cov` need only be right in its
    shape.

    Parameters
    ----------
    depth : float
        Exponent of the depth weighting in R, as for `WeightedMinimumNorm`; 0, the default, for none.
    noise, update, orientation, loose, max_iter, tol, rank
        As for `LearnedPrior`.

    Source: Wipf & Nagarajan (2009), NeuroImage 44, 947-966; MacKay (1992), Neural Comput. 4, 415-447.
    """

    warns_of_few = False

    tol = Setting(1e-8, 'slope of the evidence at which it stops', zero=True)
    depth = Setting(0.0, 'exponent of the depth weighting', zero=True)

    def prior_root(self, problem: WhitenedProblem) -> Any:
        return problem.depth_prior(self.depth)[:, None, None] ** 0.5 * super().prior_root(problem)

    def grouped(self, columns: Any) -> Any:
        # all sources have one variance: as many columns as directions stand for them
        columns = columns.reshape(len(columns), -1)
        return symmetric_power(columns @ columns.T, 0.5)[:, None, :]

    def by_component(self, gamma: Any, shape: tuple[int, int]) -> Any:
        return gamma * np.ones(shape)
