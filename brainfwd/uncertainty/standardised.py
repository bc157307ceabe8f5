"""How far the truth is from the mean of the posterior, in standard deviations, entry by entry."""

from typing import Any, NamedTuple

import numpy as np

from brainfwd._core import checks
from brainfwd.uncertainty.ellipsoids import outside
from brainfwd.uncertainty.inputs import Given, counted, fixed, free, principal, refuse_records

__all__ = ['Distances', 'active', 'distances']


class Distances(NamedTuple):
    """Of the entries that were chosen, one after the other."""

    distance: np.ndarray
    """|truth - mean| / std, or Mahalanobis distance; without variance 0 if the truth is the mean, else infinite."""
    dof: np.ndarray
    """In how many directions there is variance: 0 or 1 of fixed orientation, up to 3 of free."""

    @property
    def certain(self) -> np.ndarray:
        """Entries without variance."""
        return self.dof == 0


def distances(where: str, truth: Any, mean: Any, variance: Any, blocks: Any, selection: Any) -> Distances:
    """Of fixed orientation by ``variance``, of free orientation by ``blocks``; of all entries or a selection."""
    refuse_records(where, truth=truth, mean=mean, variance=variance)
    if (variance is None) == (blocks is None):
        raise ValueError(f'{where} takes variance, of fixed orientation, or blocks=..., of free; one of them.')
    if truth is None:
        raise ValueError(f'{where}(truth) is what the posterior is about; got None.')
    if blocks is None:
        given = fixed(where, mean, variance, truth)
        counted(where, given)
        distance, dof = _of_fixed(given)
    else:
        given = free(where, mean, blocks, truth)
        counted(where, given)
        distance, dof = _of_free(given, where)
    if distance.size == 0:
        raise checks.ShapeError(f'{where}(truth) has at least one entry; got shape {np.shape(given.truth)}.')
    chosen = _chosen(selection, given.truth, distance.shape, blocks is not None, where)
    return Distances(distance[chosen], dof[chosen])


def _of_fixed(given: Given) -> tuple[np.ndarray, np.ndarray]:
    error, variance = np.broadcast_arrays(abs(given.truth - given.mean), given.spread)
    certain = np.where(error == 0, 0.0, np.inf)
    return np.where(variance > 0, error / np.sqrt(np.where(variance > 0, variance, 1.0)), certain), 1 * (variance > 0)


def _of_free(given: Given, where: str) -> tuple[np.ndarray, np.ndarray]:
    values, axes = principal(given, where)
    along = np.einsum('...ji,...j->...i', axes, given.truth - given.mean)
    values, along = np.broadcast_arrays(values, along)
    share = np.where(values > 0, along / np.sqrt(np.where(values > 0, values, 1.0)), 0.0)
    distance = np.where(outside(np, along, values), np.inf, np.linalg.norm(share, axis=-1))
    return distance, (values > 0).sum(axis=-1)


def active(truth: Any, vectors: bool) -> np.ndarray:
    """Where the truth is not exactly 0."""
    return (truth != 0).any(axis=-1) if vectors else truth != 0


def _chosen(selection: Any, truth: np.ndarray, shape: tuple[int, ...], vectors: bool, where: str) -> np.ndarray:
    """(shape) of bool."""
    where = f'{where}(where=...)'
    if selection is None:
        return np.ones(shape, bool)
    if isinstance(selection, str):
        checks.choice(selection, ('active',), where)
        selection = active(truth, vectors)
    mask = np.asarray(selection)
    if mask.dtype != bool:
        raise TypeError(f"{where} is 'active' or an array of bool; got {checks.kind(selection)} of {mask.dtype}.")
    try:
        mask = np.broadcast_to(mask, shape)
    except ValueError:
        raise checks.ShapeError(f'{where} broadcasts against the entries, {shape}; got {mask.shape}.') from None
    if not mask.any():
        raise ValueError(f'{where} selects at least one entry; got none of {mask.size}.')
    return mask
