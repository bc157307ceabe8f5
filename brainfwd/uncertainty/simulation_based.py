"""Simulation-based calibration: ranks of the truth among posterior samples, and whether they are uniform."""

from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.records.base import frozen, keep
from brainfwd.uncertainty.inputs import numbers, refuse_records

__all__ = ['Uniformity', 'sbc_ranks', 'uniformity']

_POINTS, _SIMULATIONS = 100, 2000


def sbc_ranks(truth: Any, samples: Any, seed: int = 0) -> np.ndarray:
    r"""How many posterior samples lie below the truth.

    .. math:: r = \#\{l : s_l < x\}, \quad 0 \le r \le L

    If the truth is drawn from the prior, data from the truth, and samples from the posterior given the data, ranks are
    uniform: a test of the whole chain, from prior and noise to the sampler, which needs no closed form. It is about the
    model that the truth was drawn from; other truths, or hyperparameters learned from the data, are not uniform of
    necessity. Source: Talts et al. (2018), arXiv:1804.06788; Cook et al. (2006), J. Comput. Graph. Stat. 15, 675-692.

    Parameters
    ----------
    truth : Quantity or array
        (...), sources or anything computed from them.
    samples : Quantity or array
        (L, ...), independent draws from the posterior for each truth, in the same unit: ``posterior.sample(n, seed)``.
    seed : int
        Ties, which are there where a variance is 0, are broken at random.

    Returns
    -------
    array of int
        (...) from 0 to L.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units or shapes that do not fit, no samples, values that are not finite, input that JAX traces.
    """
    where = 'sbc_ranks'
    refuse_records(where, truth=truth)
    if hasattr(samples, 'sample'):
        raise TypeError(f'{where}(samples) are draws; got {checks.kind(samples)}: write posterior.sample(n, seed).')
    unit = u.get_unit(samples)
    xp, drawn, true = numbers(
        {
            f'{where}(samples)': u.get_mantissa(samples),
            f'{where}(truth)': u.get_mantissa(
                checks.quantity(truth, unit, f'{where}(truth)', 'what the samples are about')
            ),
        }
    )
    if xp is not np:
        raise TypeError(f'{where} counts entries, which jit, vmap and grad do not trace: call it outside of them.')
    if drawn.ndim == 0 or drawn.shape[1:] != true.shape or not drawn.size:
        raise checks.ShapeError(
            f'{where}(samples) has shape (samples, ...) for a truth of shape (...), {true.shape}; got {drawn.shape}.'
        )
    ties = (drawn == true).sum(axis=0)
    return (drawn < true).sum(axis=0) + np.random.default_rng(seed).integers(0, ties + 1)


@dataclass(frozen=True, repr=False)
class Uniformity:
    """Whether ranks, or PIT values, are spread evenly: their distribution function, and where it may be."""

    points: np.ndarray
    """Between 0 and 1: the distribution function of what is uniform."""
    ecdf: np.ndarray
    """Share of the values up to each point."""
    lower: np.ndarray
    """All of the function lies above it, and below ``upper``, with a probability of ``confidence``, if uniform."""
    upper: np.ndarray
    n: int
    """How many values there are."""
    p_value: float
    """Of values that are uniform, the share that looks as uneven as these or worse."""
    confidence: float

    def __post_init__(self) -> None:
        keep(self, **{name: frozen(getattr(self, name), name) for name in ('points', 'ecdf', 'lower', 'upper')})

    @property
    def uniform(self) -> bool:
        """Whether the p value is above 1 - confidence."""
        return self.p_value > 1 - self.confidence

    def __str__(self) -> str:
        return f'{"uniform" if self.uniform else "not uniform"}: p = {self.p_value:.2g} of {self.n} values'

    def __repr__(self) -> str:
        return f'Uniformity({self})'


def uniformity(values: Any, n_samples: int | None = None, confidence: float = 0.95, seed: int = 0) -> Uniformity:
    """Test of the uniformity of ranks or PIT values, by their distribution function and its simultaneous band.

    Point by point the count is binomial; the band is the one of equal coverage at each point that holds all of the
    function with the ``confidence`` asked for, found by simulation (Sailynoja et al., 2022, Stat. Comput. 32, 32).
    Values are taken as independent: test one source, or one summary, over data sets; those of one data set are not.

    Parameters
    ----------
    values : array
        Of any shape: ranks from `sbc_ranks`, or numbers between 0 and 1 from `pit`.
    n_samples : int, optional
        L, for ranks: they are whole numbers from 0 to L.
    confidence : float
        Of the band.
    seed : int
        Of the simulation.

    Returns
    -------
    Uniformity

    Raises
    ------
    ShapeError, TypeError, ValueError
        No values, values outside their range, ranks that are not whole.
    """
    from scipy.stats import binom

    checks.fraction(confidence, 'uniformity(confidence=...)')
    points, share = _shares(values, n_samples)
    n = share.size
    counts = np.searchsorted(np.sort(share), points + 1e-12, side='right')
    # of uniform values, to compare with
    bins = np.diff(np.concatenate([[0.0], points, [1.0]]))
    simulated = np.random.default_rng(seed).multinomial(n, bins, size=_SIMULATIONS)[:, :-1].cumsum(axis=1)

    def unlikely(counts: np.ndarray) -> np.ndarray:
        # the smaller tail at the worst point, of the counts there are
        which, place = np.unique(counts * len(points) + np.arange(len(points)), return_inverse=True)
        count, point = np.divmod(which, len(points))
        tails = np.minimum(binom.cdf(count, n, points[point]), binom.sf(count - 1, n, points[point]))
        return tails[place].reshape(counts.shape).min(axis=-1)

    extremes = np.sort(unlikely(simulated))
    tail = np.quantile(extremes, 1 - confidence, method='lower')
    as_bad = np.searchsorted(extremes, unlikely(counts) * (1 + 1e-9), side='right')
    return Uniformity(
        points=points,
        ecdf=counts / n,
        lower=binom.ppf(tail, n, points) / n,
        upper=binom.isf(tail, n, points) / n,
        n=n,
        p_value=float((as_bad + 1) / (_SIMULATIONS + 1)),
        confidence=float(confidence),
    )


def _shares(values: Any, n_samples: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Points to compare at, and values whose share up to a point z is z when they are uniform."""
    where = 'uniformity(values)'
    given = np.asarray(checks.array(values, where), dtype=float).ravel()
    checks.finite(given, where)
    if not given.size:
        raise checks.ShapeError(f'{where} has at least one value; got none.')
    if n_samples is None:
        if given.min() < 0 or given.max() > 1:
            raise ValueError(
                f'{where} are between 0 and 1, as pit gives them; got {given.min():g} to {given.max():g}: for ranks '
                f'write n_samples=..., the number of samples they are among.'
            )
        return np.arange(1, _POINTS) / _POINTS, given
    n_ranks = checks.positive_int(n_samples, 'uniformity(n_samples=...)') + 1
    if given.min() < 0 or given.max() >= n_ranks or (given != given.round()).any():
        raise ValueError(
            f'{where} are ranks, whole numbers from 0 to {n_ranks - 1}; got {given.min():g} to {given.max():g}.'
        )
    edges = np.unique(np.linspace(1, n_ranks - 1, min(n_ranks - 1, _POINTS - 1)).round())
    return edges / n_ranks, (given + 1) / n_ranks
