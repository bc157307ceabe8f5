r"""Few sources with time courses, by Newton's method on the dual: few steps, many digits.

.. math:: \min_X \tfrac12 \|Y - G X\|^2 + \alpha \sum_i \|X_i\|

of NumPy arrays without units: data Y (sensors, times), gain G (sensors, sources, K), X (sources, K, times).

The dual variable D, which becomes the residual, is found by augmented Lagrangians: with :math:`U = X + \sigma G^T D`,

.. math:: \min_D \tfrac12 \|D\|^2 - \langle Y, D \rangle + \tfrac1{2\sigma} \sum_i \max(\|U_i\| - \sigma\alpha, 0)^2,
    \qquad X_i \leftarrow \max(1 - \sigma\alpha / \|U_i\|, 0) \, U_i ,

and :math:`\sigma` grows. Sources below their threshold do not curve it, so that a step is exact at the price of the
others: no slower where neighbours look alike to the sensors, as they do in every head.

Li, Sun & Toh (2018), SIAM J. Optim. 28, 433-458; of groups, Zhang, Zhang, Sun & Toh (2020), Math. Program. 179,
223-263.
"""

from typing import NamedTuple

import numpy as np

from brainfwd.inverse.functions.group_lasso import back, seen

__all__ = ['Found', 'lengths', 'sparse_sources']

# sources that are looked at first, and the least that come in at a time
_SOURCES = 64
# sigma, of one over the mean power of a column of the gain: at first, how much it grows by, and where all is rounding
_FIRST, _GROWTH, _LAST = 100.0, 4.0, 1e12
# of the change of the sources: how exact a minimum over D has to be before they are moved
_EXACT = 0.1
# of the slope: by how much a step has to go down (Armijo)
_DESCENT = 1e-4
_SHORTEST = 1e-6
# of the value: what is less is rounding
_ROUNDING = 1e-14


class Found(NamedTuple):
    """A minimum, and how well it is known."""

    sources: np.ndarray
    """(sources, K, times), exactly 0 where nothing was found."""
    gap: float
    """How far the objective may at most be above the lowest there is, relative to that of no sources at all."""
    n_iter: int
    """Newton steps."""
    rounded: bool
    """Whether rounding stopped it: more steps bring no smaller gap."""


def sparse_sources(data: np.ndarray, gain: np.ndarray, alpha: float, tol: float, max_iter: int) -> Found:
    """The minimum among a few sources; those come in that see more of what is left than they may, until none does.

    What is done does not depend on ``tol``, and the best is kept: a smaller one never ends with a larger gap.
    """
    n, k = gain.shape[1:]
    chosen, x, dual, n_iter = np.array([], int), np.zeros((0, k, data.shape[1])), data, 0
    unit, grown, best = n * k / np.square(gain).sum(), _FIRST, (np.inf, chosen, x)
    while True:
        left = data - seen(gain.take(chosen, axis=1), x)
        beyond = lengths(back(gain, left)) / alpha
        gap = _gap(data, alpha, x, left, (left / max(beyond.max(), 1.0), _feasible(dual, gain, alpha)))
        best = min(best, (gap, chosen, x), key=lambda one: one[0])
        if best[0] <= tol or n_iter >= max_iter or grown > _LAST:
            gap, chosen, x = best
            sources = np.zeros((n, k, data.shape[1]))
            sources[chosen] = x
            return Found(sources, gap, n_iter, gap > tol and grown > _LAST)
        beyond[chosen] = 0.0
        new = np.argsort(beyond)[-max(_SOURCES, len(chosen)) :]
        new = new[beyond[new] > 1]
        chosen, x = np.concatenate([chosen, new]), np.concatenate([x, np.zeros((len(new), *x.shape[1:]))])
        here, steps = _lowest(dual, data, gain.take(chosen, axis=1), alpha, x, grown * unit, max_iter - n_iter)
        dual, x, n_iter, grown = here.dual, np.zeros_like(x), n_iter + steps, _GROWTH * grown
        x[here.active] = here.moved


def lengths(x: np.ndarray) -> np.ndarray:
    """(sources,) of (sources, K, times), over all else."""
    return np.sqrt(np.square(x).sum(axis=(1, 2)))


def _feasible(dual: np.ndarray, gain: np.ndarray, alpha: float) -> np.ndarray:
    """As much of it as no source sees above its threshold."""
    return dual / max(lengths(back(gain, dual)).max() / alpha, 1.0)


def _gap(data: np.ndarray, alpha: float, x: np.ndarray, left: np.ndarray, duals: tuple[np.ndarray, ...]) -> float:
    """Between the objective and the best of some feasible points of the dual; no less than can be told."""
    reached = np.square(left).sum() / 2 + alpha * lengths(x).sum()
    lower = max((dual * data).sum() - np.square(dual).sum() / 2 for dual in duals)
    return max(float((reached - lower) / (np.square(data).sum() / 2)), np.finfo(float).eps)


class _Point(NamedTuple):
    """The augmented Lagrangian at one D."""

    dual: np.ndarray
    value: float
    slope: np.ndarray
    active: np.ndarray
    """Numbers of the sources beyond their threshold; the rest is of these."""
    kept: np.ndarray
    """What the threshold leaves of their length, 0 to 1."""
    unit: np.ndarray
    moved: np.ndarray


def _at(dual: np.ndarray, data: np.ndarray, gain: np.ndarray, alpha: float, x: np.ndarray, sigma: float) -> _Point:
    pushed = x + sigma * back(gain, dual)
    length = lengths(pushed)
    active = np.flatnonzero(length > sigma * alpha)
    kept, unit = 1 - sigma * alpha / length[active], pushed[active] / length[active, None, None]
    moved = (length[active] * kept)[:, None, None] * unit
    value = np.square(dual).sum() / 2 - (data * dual).sum() + np.square(moved).sum() / (2 * sigma)
    return _Point(dual, value, dual - data + seen(gain.take(active, axis=1), moved), active, kept, unit, moved)


def _step(here: _Point, gain: np.ndarray, sigma: float) -> np.ndarray:
    r"""The Newton step, by the matrix inversion lemma.

    The curvature is :math:`I + \sigma \sum_i k_i G_i G_i^T`, alike at all times, and :math:`\sigma (1 - k_i)` along
    :math:`G_i u_i`, with k what is kept and u the unit vector of a source.
    """
    (n_sources, k, n_times), unit = here.unit.shape, here.unit.reshape(-1, here.unit.shape[-1])
    columns = gain.take(here.active, axis=1).reshape(len(gain), -1)
    curvature = np.eye(len(gain)) + (columns * np.repeat(sigma * here.kept, k)) @ columns.T
    # NumPy's, small as it is: threads of SciPy and of NumPy in turn are in each other's way
    solved = np.linalg.solve(curvature, np.concatenate([here.slope, columns], axis=1))
    step, solved = solved[:, :n_times], solved[:, n_times:]
    # between the G_i u_i, without a column for each of their times
    among = ((columns.T @ solved) * (unit @ unit.T)).reshape(n_sources, k, n_sources, k).sum(axis=(1, 3))
    onto = ((columns.T @ step) * unit).reshape(n_sources, k * n_times).sum(axis=1)
    share = np.linalg.solve(np.diag(1 / (sigma * (1 - here.kept))) + among, onto)
    return step - solved @ (np.repeat(share, k)[:, None] * unit)


def _lowest(
    dual: np.ndarray, data: np.ndarray, gain: np.ndarray, alpha: float, x: np.ndarray, sigma: float, max_iter: int
) -> tuple[_Point, int]:
    """The minimum over D, as exact as it is worth, and how many steps there were."""
    here, n_iter, settled = _at(dual, data, gain, alpha, x, sigma), 0, False
    while not settled and n_iter < max_iter:
        step, n_iter, share = _step(here, gain, sigma), n_iter + 1, 1.0
        goes_down, slack = _DESCENT * (step * here.slope).sum(), _ROUNDING * abs(here.value)
        there = _at(here.dual - step, data, gain, alpha, x, sigma)
        while there.value > here.value - share * goes_down + slack and share > _SHORTEST:
            share /= 2
            there = _at(here.dual - share * step, data, gain, alpha, x, sigma)
        slope, change = np.linalg.norm(there.slope), np.linalg.norm(there.moved - x[there.active]) / sigma**0.5
        at_rounding = there.value > here.value - slack and slope > np.linalg.norm(here.slope) / 2
        here, settled = there, at_rounding or slope <= _EXACT * change
    return here, n_iter
