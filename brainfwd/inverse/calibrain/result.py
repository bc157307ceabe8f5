"""What the four solvers answer."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from brainfwd.inverse.calibrain.problem import Problem
from brainfwd.inverse.calibrain.solution import Solution
from brainfwd.inverse.posterior import Posterior

__all__ = ['SolverResult', 'common', 'dense']


class SolverResult(Mapping):
    """What a solver found, under the names of CaliBrain; read as a dict is.

    A covariance has a row for each coefficient, and is computed when it is read; `posterior` has the variances, blocks,
    sums over regions and draws without.

    Attributes
    ----------
    posterior : Posterior
        Of the moments, nA m: bare arguments are in nA m.
    nll : array
        What was minimised, at the start and after each step; of SI numbers, where the arguments have units.
    converged : bool
        Whether the variances settled.
    stopped : str
        Why it stopped.
    """

    def __init__(self, values: dict[str, Any], solution: Solution):
        self._values = values
        self.posterior, self.nll = solution.posterior, solution.nll
        self.converged, self.stopped = solution.converged, solution.stopped

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if callable(value):
            value = self._values[key] = value()
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f'SolverResult({self.stopped}; {", ".join(sorted(self))})'


def common(problem: Problem, solution: Solution) -> dict[str, Any]:
    """What all four say."""
    units, (_, n_sources, k) = problem.units, problem.gain.shape
    mean = units.of(solution.moments, 0, 1)
    values = {
        'posterior_mean': mean.reshape((n_sources * k, -1)),
        'posterior_cov': dense(problem, solution.posterior),
        'gamma': units.of(float(solution.gamma.mean()), 0, 2),
        'noise_var': units.of(float(solution.noise.mean()), 2, 0),
        'active_indices': np.flatnonzero(solution.gamma),
        'coefficient_indices': np.arange(n_sources * k),
        'source_indices': np.arange(n_sources),
    }
    return values if k == 1 else values | {'posterior_mean_reshaped': mean}


def dense(problem: Problem, posterior: Posterior, rows: np.ndarray | None = None) -> Callable[[], Any]:
    """How to compute a covariance, or some of its rows and columns."""
    return functools.partial(_dense, posterior, problem.units.sensor is None, rows)


def _dense(posterior: Posterior, is_bare: bool, rows: np.ndarray | None) -> Any:
    n = posterior.n_sources * posterior.n_orientations
    matrix = posterior.covariance().reshape((n, n))
    matrix = matrix if rows is None else matrix[np.ix_(rows, rows)]
    return matrix.mantissa if is_bare else matrix
