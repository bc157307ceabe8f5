"""What the four solvers answer."""

import copy
import dataclasses
import functools
from collections.abc import Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any

import brainunit as u
import numpy as np

from brainfwd.inverse.calibrain.problem import Problem
from brainfwd.inverse.calibrain.solution import Solution
from brainfwd.inverse.posterior import Posterior

__all__ = ['SolverResult', 'common', 'dense', 'history']


class SolverResult(dict[str, Any]):
    """What a solver found, under the names of CaliBrain: a dict.

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

    def __init__(self, values: dict[str, Any], solution: Any):
        dict.__init__(self, values)
        self.posterior, self.nll = solution.posterior, solution.nll
        self.converged, self.stopped = solution.converged, solution.stopped

    def __getitem__(self, key: str) -> Any:
        value = dict.__getitem__(self, key)
        if isinstance(value, functools.partial):
            value = self[key] = value()
        return value

    # these read by __getitem__, where those of dict do not; and so do dict(result) and {**result}, for the __iter__
    get: Any = MutableMapping.get
    pop: Any = MutableMapping.pop
    items: Any = MutableMapping.items
    values: Any = MutableMapping.values

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self)

    def __or__(self, other: Any) -> Any:
        return {**self, **other}

    def __reduce__(self) -> tuple:
        return type(self), (dict.copy(self), SimpleNamespace(**vars(self)))

    def copy(self) -> 'SolverResult':
        """Another dict, of the same values."""
        return copy.copy(self)

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


def history(problem: Problem, values: list[Any], sensor: int, moment: int) -> Any:
    """What each step found, in powers of units as `Units.of` takes them: a list of bare numbers, or a Quantity."""
    told = problem.units.of(np.array(values), sensor, moment)
    return told if isinstance(told, u.Quantity) else told.tolist()


def dense(problem: Problem, posterior: Posterior, active: np.ndarray | None = None) -> functools.partial:
    """How to compute a covariance, or that of the active patches, all whose prior is not 0, and of their places."""
    if active is not None:
        basis = None if posterior.basis is None else posterior.basis[active][:, active]
        root, columns = posterior.root[active], posterior.columns[:, active]
        posterior = dataclasses.replace(posterior, root=root, columns=columns, basis=basis)
    return functools.partial(_dense, posterior, problem.units.sensor is None)


def _dense(posterior: Posterior, is_bare: bool) -> Any:
    n = posterior.n_sources * posterior.n_orientations
    matrix = posterior.covariance().reshape((n, n))
    return matrix.mantissa if is_bare else matrix
