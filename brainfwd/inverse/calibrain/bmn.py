"""Minimum norm of learned strength, under CaliBrain's names."""

import logging
from typing import Any

import numpy as np

from brainfwd._core.linear_algebra import symmetric_power
from brainfwd.inverse.calibrain.problem import stated
from brainfwd.inverse.calibrain.result import SolverResult, common, history
from brainfwd.inverse.calibrain.solution import solved

__all__ = ['BMN', 'BMN_joint']


def BMN(
    L: Any,
    y: Any,
    noise_var: Any,
    n_orient: int = 1,
    max_iter: int = 1000,
    tol: float = 1e-6,
    init_gamma: Any = None,
    verbose: bool = False,
    normalization: bool = False,
    logger: logging.Logger | None = None,
) -> SolverResult:
    r"""Minimum norm with the variance of the sources learned, one for all; noise of known variance.

    .. math:: x \sim \mathcal N(0, \gamma W^2), \quad y = L x + \epsilon, \quad \epsilon \sim \mathcal N(0, \lambda I)

    `BayesianMinimumNorm` is the same with records, full noise covariances, batches and derivatives.

    Parameters
    ----------
    L, y, noise_var, n_orient, max_iter, tol, verbose, logger
        As for `gamma_map_sflex`.
    init_gamma : Quantity or float, optional
        Where :math:`\gamma` begins, (nA m)2.
    normalization : bool
        Whether W is that of sLORETA, :math:`W_i = (L_i^T (L L^T)^+ L_i)^{-1/2}`, instead of the identity.

    Returns
    -------
    SolverResult
        ``posterior_mean`` (n_orient * n_sources, n_times) and, of free orientation, ``posterior_mean_reshaped``, nA m;
        ``posterior_cov``, (nA m)2; ``gamma``, (nA m)2; ``noise_var``. With units where the arguments have them.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units, shapes or numbers that do not fit together; data that are zero.

    Warns
    -----
    UserWarning
        The variance has not settled.

    Notes
    -----
    Names are those of CaliBrain 1.0.3. Its step leaves out the factor :math:`\gamma` and settles elsewhere: on the data
    of its tutorial at 31.8 (nA m)2, where the likelihood is largest at 1.03. What it returns is in its own scaling.
    """
    problem = stated('BMN', L, y, n_orient, noise_var=noise_var, init_gamma=init_gamma)
    root = _standardising(problem.gain) if normalization else None
    solution = solved(problem, root=root, shared=True, verbose=verbose, logger=logger, max_iter=max_iter, tol=tol)
    return SolverResult(common(problem, solution), solution)


def BMN_joint(
    L: Any,
    y: Any,
    noise_var: Any = None,
    n_orient: int = 1,
    max_iter: int = 1000,
    tol: float = 1e-6,
    init_gamma: Any = None,
    init_lambda: Any = None,
    learn_noise: bool = True,
    verbose: bool = False,
    normalization: bool = False,
    track_history: bool = True,
    logger: logging.Logger | None = None,
) -> SolverResult:
    r"""`BMN` with the variance of the noise learned too, one for all sensors.

    .. math:: \gamma \leftarrow \gamma \sqrt{\frac{\mathrm{tr}(S^{-1} M S^{-1} C_y)}{\mathrm{tr}(S^{-1} M)}}, \quad
        \lambda \leftarrow \lambda \sqrt{\frac{\mathrm{tr}(S^{-1} C_y S^{-1})}{\mathrm{tr}(S^{-1})}}, \quad
        M = L W^2 L^T, \quad S = \gamma M + \lambda I

    Parameters
    ----------
    L, y, n_orient, max_iter, tol, verbose, normalization, logger
        As for `BMN`.
    noise_var : Quantity or float, optional
        Given where ``learn_noise`` is False, and only there.
    init_gamma, init_lambda : Quantity or float, optional
        Where the variances begin. Both, or neither.
    learn_noise : bool
        Whether the noise is learned.
    track_history : bool
        Whether to keep what each step found.

    Returns
    -------
    SolverResult
        As of `BMN`; ``noise_var`` and ``lambda`` are what was learned; after each step ``gamma_hist``,
        ``lambda_hist`` and ``noise_var_hist``, and ``err_gamma_hist``, how much it changed: lists, if without units.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `BMN`; a ``noise_var`` where it is to be learned, or none where it is not; data that vary in one direction.

    Warns
    -----
    UserWarning
        The variances have not settled.

    Notes
    -----
    The likelihood may be largest without any noise, where sources alone explain all that varies, as with many more of
    them than sensors: then give ``noise_var``. Names are those of CaliBrain 1.0.3, whose step leaves out the factor
    :math:`\gamma`, and whose noise goes to the smallest number it allows.
    """
    if learn_noise == (noise_var is not None):
        hint = 'leave it out, or write learn_noise=False' if learn_noise else 'give it, or write learn_noise=True'
        raise ValueError(f'BMN_joint(noise_var=...) is for noise that is known; got {noise_var!r}: {hint}.')
    problem = stated('BMN_joint', L, y, n_orient, noise_var=noise_var, init_gamma=init_gamma, init_lambda=init_lambda)
    solution = solved(
        problem,
        learns='level' if learn_noise else '',
        root=_standardising(problem.gain) if normalization else None,
        shared=True,
        track=track_history,
        verbose=verbose,
        logger=logger,
        max_iter=max_iter,
        tol=tol,
    )
    values = common(problem, solution)
    values['lambda'] = values['noise_var']
    if track_history:
        levels = [step.noise[0] for step in solution.steps]
        values |= {
            'gamma_hist': history(problem, [step.gamma[0] for step in solution.steps], 0, 2),
            'lambda_hist': history(problem, levels, 2, 0),
            'noise_var_hist': history(problem, levels, 2, 0),
            'err_gamma_hist': solution.changes.tolist(),
        }
    return SolverResult(values, solution)


def _standardising(gain: np.ndarray) -> np.ndarray:
    """(sources, K, K) W, of (sensors, sources, K)."""
    flat = gain.reshape(len(gain), -1)
    seen = (symmetric_power(flat @ flat.T, -0.5) @ flat).reshape(gain.shape).transpose(1, 2, 0)
    return symmetric_power(seen @ seen.swapaxes(1, 2), -0.5)
