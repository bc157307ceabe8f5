"""Whitening: a linear map of the sensors after which the noise is white, and no channel has a unit any more."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core.checks import listed
from brainfwd._core.linear_algebra import FLOOR, xp_of
from brainfwd.records.channels import Channels
from brainfwd.records.noise_covariance import NoiseCovariance

__all__ = ['check_noisy', 'white_map', 'whitener']


def whitener(noise_cov: NoiseCovariance, where: str) -> np.ndarray:
    """`white_map` of a record.

    Raises
    ------
    ValueError
        A channel without noise, or no direction with noise.
    """
    check_noisy(noise_cov, where)
    return white_map(noise_cov.matrix_si, noise_cov.channels, noise_cov.rank)


def white_map(covariance: Any, channels: Channels, rank: Mapping[str, int] | None = None, floor: float = FLOOR) -> Any:
    r"""(rank, sensors) :math:`W` with :math:`W C W^T = I`, from SI numbers.

    The average reference P is part of it. Magnetometers and gradiometers are whitened together, EEG apart from them,
    and of each only the r directions in which there is noise are kept: :math:`W = \Lambda_r^{-1/2} V_r^T P` from
    :math:`P C P^T = V \Lambda V^T`, where r is how many eigenvalues are above ``floor`` of the largest, or ``rank`` if
    that is less.

    In compiled code, where shapes cannot depend on values, the directions that are left out are rows of zeros. How many
    are kept is held constant by a derivative.
    """
    rows = []
    for name, index in channels.blocks.items():
        basis = _differences(len(index)) if name == 'eeg' else np.eye(len(index))
        types = np.array(channels.types)[index]
        # what the channels of one type vary by: T and T/m are compared only after division by it
        alike = types[:, None] == types
        block = covariance[np.ix_(index, index)]
        spread = xp_of(block).sqrt((alike / alike.sum(axis=1)) @ xp_of(block).diagonal(block))
        if name == 'eeg':
            spread = spread[1:]
        white = _white_rows(basis @ block @ basis.T, spread, (rank or {}).get(name, len(basis)), floor)
        rows.append(white @ (basis @ np.eye(len(channels))[index]))
    return xp_of(covariance).concatenate(rows)


@functools.cache
def _differences(n: int) -> np.ndarray:
    """(n - 1, n) orthonormal rows, each of which sums to 0: what is left of n electrodes by the average reference."""
    rows = np.tril(np.ones((n - 1, n))) - np.diag(np.arange(1.0, n), 1)[:-1]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _white_rows(block: Any, spread: Any, limit: int, floor: float) -> Any:
    n = len(block)
    if n == 0:
        return np.zeros((0, 0))
    # of full rank any W will do: that of the block divided by what its channels vary by, which loses no digits to units
    relative = block / spread / spread[:, None]
    if xp_of(block) is np:
        values = np.linalg.eigvalsh(relative)
        rank = min(int((values > floor * values[-1]).sum()), limit)
        return _inverse_root(relative) / spread if rank == n else _rows_of_lost_rank(block, rank)

    def by_eigenvectors(_: Any) -> Any:
        values = jnp.linalg.eigvalsh(jax.lax.stop_gradient(relative))
        return _rows_of_lost_rank(block, jnp.minimum((values > floor * values[-1]).sum(), limit))

    if limit < n:
        return by_eigenvectors(block)
    # eigenvectors take most of the time of a small problem: the largest eigenvalue is at most the trace, the smallest
    # at least 1 over that of the inverse; NaN is not certain
    held = jax.lax.stop_gradient(relative)
    certain = floor * jnp.trace(held) * (_inverse_root(held) ** 2).sum() < 1

    def by_cholesky(_: Any) -> Any:
        # where both branches are computed, nothing here may be NaN
        return _inverse_root(jnp.where(certain, relative, jnp.eye(n))) / spread

    return jax.lax.cond(certain, by_cholesky, by_eigenvectors, block)


def _inverse_root(matrix: Any) -> Any:
    """The inverse of the Cholesky factor."""
    if xp_of(matrix) is jnp:
        return jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(matrix), jnp.eye(len(matrix)), lower=True)
    from scipy.linalg import solve_triangular

    return solve_triangular(np.linalg.cholesky(matrix), np.eye(len(matrix)), lower=True)


def _rows_of_lost_rank(block: Any, rank: Any) -> Any:
    xp, n = xp_of(block), len(block)
    held = jax.lax.stop_gradient(block) if xp is jnp else block
    size = xp.trace(held)
    values, vectors = xp.linalg.eigh(held / size)
    if xp is np:
        return (vectors[:, n - rank :] / np.sqrt(values[n - rank :] * size)).T
    # by Cholesky: the derivative of single eigenvectors does not exist where eigenvalues are equal, but that of the
    # span of those kept does, towards those that are not
    kept = jnp.arange(n) >= n - rank
    gap = values - values[:, None]
    turns = kept & ~kept[:, None] & (gap > FLOOR * values[-1])
    turned = jnp.where(turns, vectors.T @ ((block - held) / size) @ vectors / jnp.where(turns, gap, 1.0), 0.0)
    vectors = vectors @ (jnp.eye(n) + turned)
    inner = jnp.where(kept & kept[:, None], vectors.T @ (block / size) @ vectors, jnp.eye(n))
    rows = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(inner), vectors.T, lower=True)
    return jnp.where(kept[:, None], rows / jnp.sqrt(size), 0.0)


def check_noisy(noise_cov: NoiseCovariance, where: str) -> None:
    """Refuse channels without noise, by name."""
    channels, given = noise_cov.channels, np.diagonal(noise_cov.matrix_si)
    variance = given.copy()
    if 'eeg' in channels.blocks:
        index = channels.blocks['eeg']
        block = noise_cov.matrix_si[np.ix_(index, index)]
        variance[index] += block.mean() - 2 * block.mean(axis=0)
    spread = np.empty(len(channels))
    for kind in channels.kinds:
        index = channels.indices(kind)
        spread[index] = variance[index].mean()
    # against the given variance too: one electrode alone is its own average reference, and nothing is left of it
    silent = (variance <= FLOOR * spread) | (variance <= FLOOR * given)
    if silent.any():
        names = [name for name, bad in zip(channels.names, silent, strict=True) if bad]
        if len(names) == len(channels):
            raise ValueError(f'{where} has rank 0: there is no noise in it, after the average reference of EEG.')
        raise ValueError(
            f'{where} holds no noise for {listed(names)}, after the average reference of EEG: leave them out.'
        )
