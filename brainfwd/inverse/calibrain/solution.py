"""The one computation behind the four solvers: variances learned from the data, and what follows from them."""

import functools
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import inverse_factor, symmetric_power
from brainfwd._core.units import nAm
from brainfwd.inverse.bayes.evidence import Learned, beginning, learn
from brainfwd.inverse.calibrain.problem import Problem
from brainfwd.inverse.model import coefficients_gain
from brainfwd.inverse.posterior import Posterior, spread

__all__ = ['Solution', 'solved']


@dataclass(frozen=True)
class Solution:
    """What the data say, in numbers as those of the problem."""

    gamma: np.ndarray
    """(coefficients, K) variances of the prior."""
    noise: np.ndarray
    """(1,) or (n_sensors,) variance of the noise."""
    nll: np.ndarray
    """What was minimised, at the start and after each step."""
    steps: list[Learned]
    """What each step found, where that was kept."""
    changes: np.ndarray
    """(steps,) by how much of their sum they changed the variances of the sources."""
    converged: bool
    stopped: str
    coefficients: np.ndarray
    """(coefficients, K, n_times) their mean."""
    moments: np.ndarray
    """(sources, K, n_times) their mean."""
    posterior: Posterior
    """Of the moments, nA m, as bare arguments are."""
    posterior_of_coefficients: Posterior


def solved(
    problem: Problem,
    *,
    learns: str = '',
    basis: Any = None,
    root: np.ndarray | None = None,
    shared: bool = False,
    track: bool = False,
    verbose: bool = False,
    logger: logging.Logger | None = None,
    max_iter: int,
    tol: float,
    update: str = 'convex-bounding',
) -> Solution:
    """Learn the variances, and apply them.

    Parameters
    ----------
    learns : {'', 'level', 'sensors'}
        What of the noise is learned.
    basis : sparse matrix, optional
        (sources, coefficients) patches.
    root : array, optional
        (coefficients, K, K) root of the prior covariance for variances of 1; the identity if left out.
    shared : bool
        Whether all have one variance.
    track : bool
        Whether to keep what each step finds.
    verbose, logger
        Whether the logger is told how it ended.
    max_iter, tol, update
        As for `learn`.
    """
    max_iter = checks.positive_int(max_iter, f'{problem.where}(max_iter=...)')
    tol = checks.number(tol, f'{problem.where}(tol=...)')
    checks.non_negative(tol, f'{problem.where}(tol=...)')
    problem.check_directions(learns)
    n, _, k = problem.gain.shape
    columns = coefficients_gain(problem.gain, basis)
    size = columns.shape[1]
    root = np.broadcast_to(np.eye(k), (size, k, k)) if root is None else root
    columns = (columns.transpose(1, 0, 2) @ root).transpose(1, 0, 2)
    groups = columns
    if shared:
        # as many columns as sensors stand for all
        flat = columns.reshape(n, -1)
        groups = symmetric_power(flat @ flat.T, 0.5)[:, None, :]
    parts = {'': None, 'level': np.eye(n)[:, None, :], 'sensors': np.eye(n)[:, :, None]}[learns]
    known = np.zeros(1) if learns else problem.known_noise()
    run = functools.partial(
        learn,
        groups,
        problem.data @ problem.data.T / problem.data.shape[1],
        noise=known * np.eye(n),
        parts=parts,
        update=update,
    )
    start = problem.start(groups.shape[1], 0 if parts is None else parts.shape[1])
    if start is None:
        of_noise = np.zeros(0) if parts is None else (parts**2).sum(axis=(0, 2))
        power = np.square(problem.data).sum() / problem.data.shape[1]
        start = beginning(power, (groups**2).sum(axis=(0, 2)), of_noise, np)
    try:
        steps = _tracked(run, start, max_iter, tol) if track else [run(start=start, max_iter=max_iter, tol=tol)]
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f'{problem.where}(y) is without noise, or nearly so, beside what sources explain: their covariance under '
            f'the model has no inverse in float64. Give a noise_var that can be measured.'
        ) from error
    steps = steps if learns else [step._replace(noise=known) for step in steps]
    learned = steps[-1]
    nll = np.concatenate([step.nll[: int(step.n_iter)] for step in steps] + [learned.nll[[int(learned.n_iter)]]])
    noise = learned.noise

    gammas = np.array([start[0], *(step.gamma for step in steps)])
    gamma = learned.gamma[:, None] * np.ones((size, k))
    root = np.sqrt(gamma)[:, :, None] * root
    columns = (columns * np.sqrt(gamma)).reshape(n, -1)
    half, _ = inverse_factor(columns @ columns.T + noise * np.eye(n))
    coefficients = root @ (columns.T @ (half.T @ (half @ problem.data))).reshape(size, k, -1)
    moments = spread(basis, coefficients, 0)
    converged = bool(learned.slope <= tol)
    said = f'after {len(nll) - 1} steps, at a slope of {learned.slope:.1e} for each direction'
    if not converged:
        warnings.warn(
            f'{problem.where} has not settled {said}, more than tol={tol:g}: write a larger max_iter, or a larger tol.',
            stacklevel=3,
        )

    stopped = f'{"settled" if converged else "out of steps"} {said}'
    if verbose:
        (logger or logging.getLogger(__name__)).info('%s %s', problem.where, stopped)
    nano = 1.0 if problem.units.sensor is None else 1e9

    def posterior(mean: np.ndarray, basis: Any = None) -> Posterior:
        by_time = np.moveaxis(mean, -1, 0) * nano
        by_time = by_time[..., 0] if k == 1 else by_time
        estimate = u.Quantity(by_time, unit=nAm)
        return Posterior(estimate, root * nano, columns.reshape(n, -1, k), noise * np.eye(n), basis)

    return Solution(
        gamma,
        noise,
        nll,
        steps,
        abs(np.diff(gammas, axis=0)).sum(axis=1) / gammas[:-1].sum(axis=1),
        converged,
        stopped,
        coefficients,
        moments,
        posterior(moments, basis),
        posterior(coefficients),
    )


def _tracked(run: functools.partial, start: Any, max_iter: int, tol: float) -> list[Learned]:
    steps: list[Learned] = []
    while len(steps) < max_iter and not (steps and steps[-1].slope <= tol):
        steps.append(run(start=start, max_iter=1, tol=0.0))
        start = steps[-1].gamma, steps[-1].noise
    return steps
