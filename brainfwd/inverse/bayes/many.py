"""The variances that make each of many covariances most likely, of the same gain."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from brainfwd._core.linear_algebra import inverse_factor, symmetric_power
from brainfwd.inverse.bayes.evidence import STEPS, Learned, beginning, data_within, kept, n_columns, slope_of
from brainfwd.inverse.bayes.products import folded, model_cov, pair_products, unfolded

__all__ = ['learn_each']

# numbers of a block of products that stay near the processor
_BLOCK = 2**20
# numbers of all products that are kept from step to step: 256 MB
_KEPT = 2**25


def learn_each(
    gain: np.ndarray,
    data_covs: Sequence[np.ndarray],
    *,
    noise: np.ndarray,
    parts: np.ndarray | None = None,
    update: str,
    max_iter: int,
    tol: float,
) -> list[Learned]:
    r"""`learn` of each of ``data_covs``, at once, to within rounding.

    A model covariance, and both quadratic forms, are linear in the products of rows of the gain, summed over the
    columns of a group: `pair_products`, n (n + 1) / 2 for each group. They are the same for all data sets, and kept if
    they fit, or else made anew, block by block, in the one sweep over the sources that a step takes: the forms of this
    step and the covariances of the next are matrix products with them. A data set that has settled leaves, and so does
    a source that is 0 in all that are left.
    """
    n, groups, _ = gain.shape
    parts = np.zeros((n, 0, 1)) if parts is None else parts
    data, roots = np.array(data_covs), [symmetric_power(cov, 0.5) for cov in data_covs]
    strength, noise_strength = ((x**2).sum(axis=(0, 2)) for x in (gain, parts))
    powers = np.trace(data, axis1=1, axis2=2)
    starts = [beginning(each, strength, noise_strength, np) for each in powers]
    gamma, level = (np.array(values) for values in zip(*starts, strict=True))
    part_pairs = pair_products(parts)
    # all groups are alike to begin with
    pairs = gamma[:, :1] * folded(model_cov(gain, np.ones(groups)))
    # what stands beside the diagonal counts twice in a form
    twice = 2 - folded(np.eye(n))
    k, noise_k = n_columns(gain), n_columns(parts)

    found: list[Any] = [None] * len(data)
    sets, sources = np.arange(len(data)), np.arange(groups)
    slope: Any = np.full(len(data), np.inf)
    nll = np.full((len(data), max_iter + 1), np.nan)
    blocks = _Blocks(gain)
    for n_iter in range(max_iter + 1):
        totals = noise + unfolded(pairs + level @ part_pairs.T, n)
        forms = np.empty((2, *pairs.shape))
        for i, b in enumerate(sets):
            half, log_det = inverse_factor(totals[i])
            here = data_within(half, data[b], roots[b])
            nll[b, n_iter] = log_det + np.trace(here)
            forms[0, i], forms[1, i] = twice * folded(half.T @ half), twice * folded(half.T @ here @ half)
        done = np.asarray(slope <= (tol if n_iter < max_iter else np.inf))
        for i in np.flatnonzero(done).tolist():
            whole = np.zeros(groups)
            whole[sources] = gamma[i]
            found[sets[i]] = Learned(whole, level[i], nll[sets[i]], n_iter, slope[i])
        if done.all():
            break
        sets, gamma, level, forms = sets[~done], gamma[~done], level[~done], forms[:, ~done]
        left = gamma.any(axis=0)
        if left.sum() < 0.7 * len(left):
            sources, gain, strength, gamma = sources[left], gain[:, left], strength[left], gamma[:, left]
            blocks = _Blocks(gain)
        flat, pairs = forms.reshape(-1, forms.shape[-1]), np.zeros(forms.shape[1:])
        new, slope = np.empty_like(gamma), np.zeros(len(sets))
        for part, products in blocks:
            before, of_groups = gamma[:, part], (flat @ products).reshape(2, len(sets), -1)
            slope += slope_of(before, of_groups)
            new[:, part] = kept(STEPS[update](before, *of_groups, k), before, strength[part], powers[sets])
            pairs += new[:, part] @ products.T
        of_parts = (flat @ part_pairs).reshape(2, len(sets), -1)
        slope = (slope + slope_of(level, of_parts)) / n
        gamma, level = new, STEPS[update](level, *of_parts, noise_k)
    return found


class _Blocks:
    """Blocks of groups, and their pair products."""

    def __init__(self, gain: np.ndarray):
        n, groups, _ = gain.shape
        step = max(8, 2 * _BLOCK // (n * (n + 1)))
        self._parts = [(part := slice(first, first + step), gain[:, part]) for first in range(0, groups, step)]
        few = n * (n + 1) // 2 * groups <= _KEPT
        self._kept = [pair_products(columns) for _, columns in self._parts] if few else None

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray]]:
        for i, (part, columns) in enumerate(self._parts):
            yield part, pair_products(columns) if self._kept is None else self._kept[i]
