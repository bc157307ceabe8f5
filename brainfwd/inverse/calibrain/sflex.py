"""Sparse Gaussian patches, under CaliBrain's names."""

import logging
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.inverse.bayes.spatial_basis import spatial_basis
from brainfwd.inverse.calibrain.problem import Problem, stated
from brainfwd.inverse.calibrain.result import SolverResult, common, dense, history
from brainfwd.inverse.calibrain.solution import Solution, solved

__all__ = ['gamma_lambda_map_sflex', 'gamma_map_sflex']

_UPDATES = {2: 'convex-bounding', 3: 'em'}
# the same updates, as update_mode_noise counts them
_OF_NOISE = {2: 2, 3: 1}


def gamma_map_sflex(
    L: Any,
    y: Any,
    noise_var: Any,
    n_orient: int = 1,
    max_iter: int = 300,
    tol: float = 1e-6,
    update_mode: int = 2,
    init_gamma: Any = None,
    sigma: Any = 0.01,
    threshold_factor: float = 3.0,
    normalize: str = 'sym',
    eps: float = 1e-12,
    verbose: bool = False,
    logger: logging.Logger | None = None,
    src_coords: Any = None,
) -> SolverResult:
    r"""Sparse Gaussian patches, each with a variance that is learned; noise of known variance.

    .. math:: x = (B \otimes I) c, \quad c_i \sim \mathcal N(0, \gamma_i I), \quad y = L x + \epsilon, \quad
        \epsilon \sim \mathcal N(0, \lambda I)

    with B of `spatial_basis`, and all :math:`\gamma` as `learn` has them. `GammaMAP` is the same with records, full
    noise covariances, batches and derivatives.

    Parameters
    ----------
    L : Quantity or array
        (n_sensors, n_sources) lead field, or (n_sensors, n_orient * n_sources) with the components of a source side by
        side, or (n_sensors, n_sources, n_orient). A bare one is per nA m, as µV/(nA m).
    y : Quantity or array
        (n_sensors, n_times) data, or (n_sensors,); bare where ``L`` is.
    noise_var : Quantity or float
        :math:`\lambda`, V2, T2 or (T/m)2.
    n_orient : int
        Components of a moment: 1, 2 or 3. They have one variance.
    max_iter : int
        Steps at most.
    tol : float
        Stop where the slope of the evidence, in the logarithms of the variances, is below this for each sensor.
    update_mode : int
        2 for convex bounding, 3 for expectation maximisation.
    init_gamma : Quantity or float or array, optional
        Where :math:`\gamma` begins, (nA m)2: a number, or (n_sources,).
    sigma : Quantity or float
        Width of the patches; a bare number is in m.
    threshold_factor : float
        Patches end at this many sigma.
    normalize : {'sym'}
        Patches have the scale of `spatial_basis`, and no other.
    eps : float
        Not used: no patch has a sum that it would be the least of.
    verbose, logger
        Whether a logger, that of this module if none is given, is told how it ended, as information.
    src_coords : Quantity or array
        (n_sources, 3) places of the sources; an array is in m.

    Returns
    -------
    SolverResult
        ``posterior_mean`` (n_orient * n_sources, n_times) and, of free orientation, ``posterior_mean_reshaped``
        (n_sources, n_orient, n_times), nA m; ``posterior_cov``, (nA m)2; the same of the coefficients c as
        ``posterior_mean_coeff`` and ``posterior_cov_coeff``; ``gammas_full``, one of each coefficient, and their mean
        ``gamma``, (nA m)2; ``active_indices`` of coefficients and ``active_source_indices`` of patches that are not 0;
        ``B_spatial``; ``noise_var``; ``n_iter``. With units where the arguments have them.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units, shapes or numbers that do not fit together; no coordinates; data that are zero.

    Warns
    -----
    UserWarning
        The variances have not settled.

    Notes
    -----
    Names are those of CaliBrain 1.0.3; the numbers are, of fixed orientation, up to the digits that its last step
    leaves. Otherwise: variances are in (nA m)2, where it returns those of its own scaling; a group of components takes
    the update that belongs to it, where there its variance comes out too small (1.3 for 4); mean and covariance are of
    the same variances.
    """
    problem = stated('gamma_map_sflex', L, y, n_orient, noise_var=noise_var, init_gamma=init_gamma)
    update = _update(problem, update_mode)
    basis = _patches(problem, sigma, threshold_factor, normalize, src_coords)
    solution = solved(problem, basis=basis, update=update, verbose=verbose, logger=logger, max_iter=max_iter, tol=tol)
    values = common(problem, solution) | _of_patches(problem, solution)
    values |= {
        'active_source_indices': np.flatnonzero(solution.gamma[:, 0]),
        'n_orient': n_orient,
        'n_iter': len(solution.nll) - 1,
        'B_spatial': basis,
    }
    return SolverResult(values, solution)


def gamma_lambda_map_sflex(
    L: Any,
    y: Any,
    n_orient: int = 1,
    init_gamma: Any = None,
    init_lambda: Any = None,
    learn_lambda: bool = True,
    update_mode_noise: int | None = None,
    lambda_damping: float = 1.0,
    max_iter: int = 300,
    tol: float = 1e-6,
    update_mode: int = 2,
    track_history: bool = True,
    sigma: Any = 0.01,
    threshold_factor: float = 3.0,
    normalize: str = 'sym',
    eps: float = 1e-12,
    verbose: bool = False,
    logger: logging.Logger | None = None,
    src_coords: Any = None,
) -> SolverResult:
    r"""Sparse Gaussian patches, and noise with a variance of each sensor: all variances are learned.

    Parameters
    ----------
    L, y, n_orient, max_iter, tol, update_mode, sigma, threshold_factor, normalize, eps, verbose, logger, src_coords
        As for `gamma_map_sflex`; more samples than there are sensors.
    init_gamma, init_lambda : Quantity or float or array, optional
        Where the variances of sources and noise begin: numbers, or (n_sources,) and (n_sensors,). Both, or neither.
    learn_lambda : bool
        True: with noise that is known it is `gamma_map_sflex`.
    update_mode_noise : {2, 1}, optional
        The noise takes the update of the sources: 2 for convex bounding, 1 for expectation maximisation.
    lambda_damping : {1.0}
        Steps of the noise are whole ones.
    track_history : bool
        Whether to keep what each step found; without it is quicker.

    Returns
    -------
    SolverResult
        As of `gamma_map_sflex`, with ``B_operator``, the patches of all components, for ``B_spatial``;
        ``posterior_cov_active`` and ``posterior_cov_active_coeff``, rows and columns of ``active_indices``;
        ``lambdas``, the variance of the noise of each sensor, and their mean ``lambda_mean`` and ``noise_var``; and
        after each step ``n_active_hist``, ``lambda_mean_hist``, and ``err_gamma_hist``, how much it changed: lists, if
        without units.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        As `gamma_map_sflex`; data that vary in fewer directions than there are sensors.

    Warns
    -----
    UserWarning
        The variances have not settled.

    Notes
    -----
    The likelihood has several minima in so many variances; a sensor whose noise is learned as 0 is one that sources
    explain entirely. See `BMN_joint` for one level of noise.
    """
    from scipy.sparse import identity, kron

    where = 'gamma_lambda_map_sflex'
    if not learn_lambda:
        raise ValueError(f'{where} learns the noise; got learn_lambda=False: write gamma_map_sflex(noise_var=...).')
    problem = stated(where, L, y, n_orient, init_gamma=init_gamma, init_lambda=init_lambda)
    update = _update(problem, update_mode)
    if update_mode_noise not in (None, _OF_NOISE[update_mode]) or lambda_damping != 1:
        raise ValueError(
            f'{where} takes the same, whole steps for the noise and the sources, by which the likelihood never falls; '
            f'got update_mode_noise={update_mode_noise!r}, lambda_damping={lambda_damping!r}: leave both out.'
        )
    basis = _patches(problem, sigma, threshold_factor, normalize, src_coords)
    solution = solved(
        problem,
        learns='sensors',
        basis=basis,
        update=update,
        track=track_history,
        verbose=verbose,
        logger=logger,
        max_iter=max_iter,
        tol=tol,
    )
    values = common(problem, solution) | _of_patches(problem, solution)
    active = np.flatnonzero(solution.gamma[:, 0])
    values |= {
        'B_operator': basis if n_orient == 1 else kron(basis, identity(n_orient), format='csr'),
        'posterior_cov_active': dense(problem, solution.posterior, active),
        'posterior_cov_active_coeff': dense(problem, solution.posterior_of_coefficients, active),
        'lambdas': problem.units.of(solution.noise, 2, 0),
        'lambda_mean': values['noise_var'],
    }
    if n_orient > 1:
        values['posterior_mean_coeff_reshaped'] = problem.units.of(solution.coefficients, 0, 1)
    if track_history:
        values |= {
            'n_active_hist': [n_orient * int((step.gamma > 0).sum()) for step in solution.steps],
            'lambda_mean_hist': history(problem, [step.noise.mean() for step in solution.steps], 2, 0),
            'err_gamma_hist': solution.changes.tolist(),
        }
    return SolverResult(values, solution)


def _update(problem: Problem, mode: int) -> str:
    if mode not in _UPDATES:
        raise ValueError(
            f'{problem.where}(update_mode=...) is 2 (convex bounding) or 3 (expectation maximisation), by which the '
            f'likelihood never falls; got {mode!r}.'
        )
    return _UPDATES[mode]


def _patches(problem: Problem, sigma: Any, cutoff: float, normalize: Any, places: Any) -> Any:
    m, n, _ = problem.gain.shape
    if normalize != 'sym':
        raise ValueError(f"{problem.where}(normalize=...) is 'sym', the scale of spatial_basis; got {normalize!r}.")
    if places is None:
        raise TypeError(f'{problem.where}(src_coords=...) are the places of the sources, ({n}, 3) in m; got none.')
    if np.shape(places) != (n, 3):
        raise checks.ShapeError(
            f'{problem.where}(src_coords=...) has shape ({n}, 3), as L has {m} sensors and {n} sources; got '
            f'{np.shape(places)}. L comes before y.'
        )
    places, sigma = (x if isinstance(x, u.Quantity) else np.asarray(x) * u.meter for x in (places, sigma))
    return spatial_basis(places, sigma, cutoff)


def _of_patches(problem: Problem, solution: Solution) -> dict[str, Any]:
    """Of the coefficients, one for each component of each patch."""
    mean = problem.units.of(solution.coefficients, 0, 1)
    return {
        'gammas_full': problem.units.of(solution.gamma.ravel(), 0, 2),
        'posterior_mean_coeff': mean.reshape((-1, mean.shape[-1])),
        'posterior_cov_coeff': dense(problem, solution.posterior_of_coefficients),
    }
