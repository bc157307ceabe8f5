"""How much the data are to be believed, by what they say themselves."""

from typing import Any

import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import xp_of

__all__ = ['RULES', 'choose_lambda2']

# points of a grid, and how often it is laid anew around its best point: to a relative 1e-8, what a float64 minimum has
_POINTS, _ROUNDS = 129, 6
# of the strongest mode of the prior: from a million times the amplitude of the noise to a hundredth of it
_LOWEST, _HIGHEST = 1e-12, 1e4


def choose_lambda2(rule: str, model_cov: Any, data_cov: Any, rank: Any, where: str, setting: str = 'snr') -> Any:
    r"""The regularisation that data ask for, as ``lambda2 = 1 / snr**2``.

    The whitened data are taken to be of covariance :math:`\Sigma = M / \lambda^2 + I`, where :math:`M = G R G^T` is
    what the prior makes of the sensors, of mean power 1, and D is the covariance that they have. With m the eigenvalues
    of M, d the power of the data along its eigenvectors and :math:`f = \lambda^2 / (m + \lambda^2)` what an estimate
    leaves unexplained of each mode,

    .. math::

        \text{evidence:} &\quad \min \; \log\det \Sigma + \mathrm{tr}(\Sigma^{-1} D) = \sum f d - \log f \\
        \text{gcv:} &\quad \min \; \sum f^2 d \, / \, \big(\sum f\big)^2 \\
        \text{discrepancy:} &\quad \sum f^2 d = r

    Evidence is the maximum of the marginal likelihood, the noise being known. Generalised cross-validation predicts
    each sensor from the others, in a rotation that treats them alike, and asks only that the noise be white. The
    discrepancy principle leaves as much of the data as there is noise, and tends to regularise most.

    Searched between 1e-12 and 1e4 of the largest m, by a grid in the logarithm and finer ones around its best point. A
    constant for derivatives.

    Source: MacKay (1992), Neural Comput. 4, 415-447; Golub, Heath & Wahba (1979), Technometrics 21, 215-223; Morozov
    (1966), Soviet Math. Dokl. 7, 414-417.

    Parameters
    ----------
    rule : str
        ``'evidence'``, ``'gcv'`` or ``'discrepancy'``.
    model_cov : array
        (n, n) :math:`G R G^T`, scaled so that its trace is the rank.
    data_cov : array
        (n, n) covariance of the whitened data, such that the noise in it is the identity: that of an average of
        ``nave`` repetitions, times ``nave``.
    rank : int
        Number of directions r; less than n where rows of both are zeros.
    where : str
        What an error says it is about.
    setting : str
        What can be given in place of a rule, as an error tells it.

    Raises
    ------
    ValueError
        No value inside the range does it: the data hold no signal above the noise, or no noise. In code that JAX
        compiles, the answer is the end of the range instead.
    """
    misfit = _MISFITS[checks.choice(rule, RULES, where)]
    xp = xp_of(model_cov, data_cov)
    if xp is not np:
        model_cov, data_cov = jax.lax.stop_gradient((model_cov, data_cov))
    m, modes = xp.linalg.eigh(model_cov)
    d = (modes * (data_cov @ modes)).sum(axis=0)
    m = xp.maximum(m, 0.0)
    # rows of zeros are among the smallest eigenvalues, and have neither noise nor power
    counted = np.arange(len(m)) >= len(m) - rank
    low, high = (xp.log(m[-1] * end) for end in (_LOWEST, _HIGHEST))
    best, reach = (low + high) / 2, (high - low) / 2
    for _ in range(_ROUNDS):
        grid = xp.clip(best + reach * np.linspace(-1, 1, _POINTS), low, high)
        left = 1 / (1 + m / xp.exp(grid)[:, None])
        curve = misfit(left, d, counted, xp)
        # among equals, that which believes the data least; an argmin in float64 does not compile where JAX has float32
        best = xp.where(curve == curve.min(), grid, low).max()
        reach = reach * 4 / (_POINTS - 1)
    if not isinstance(best, jax.core.Tracer):
        _check_inside(float(best - low), float(high - best), float(d.sum() / rank), where, setting)
    return xp.exp(best)


def _evidence(left: Any, d: Any, counted: Any, xp: Any) -> Any:
    return (left * d - xp.log(left)).sum(axis=-1)


def _gcv(left: Any, d: Any, counted: Any, xp: Any) -> Any:
    return (left**2 * d).sum(axis=-1) / (left * counted).sum(axis=-1) ** 2


def _discrepancy(left: Any, d: Any, counted: Any, xp: Any) -> Any:
    return abs((left**2 * d).sum(axis=-1) - counted.sum())


_MISFITS = {'evidence': _evidence, 'gcv': _gcv, 'discrepancy': _discrepancy}

RULES = tuple(_MISFITS)
"""The names of the rules."""


def _check_inside(above: float, below: float, power: float, where: str, setting: str) -> None:
    # near an end the curves are flat
    close = np.log(10)
    data = f'data of {power:.3g} times the power of the noise'
    if below < close:
        raise ValueError(
            f'{where} finds no signal in {data}: check that data_cov and noise_cov are in the same units '
            f'and of one repetition each, or write {setting}=... instead.'
        )
    if above < close:
        raise ValueError(
            f'{where} asks for no regularisation at all of {data}: there is no noise in them, or the lead '
            f'field does not explain them; check noise_cov, or write {setting}=... instead.'
        )
