"""Connectivity as a matrix, or as a list of connections."""

from typing import Any, TypeGuard

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from brainfwd._core import checks
from brainfwd.records import Connectome

__all__ = ['checked_connections', 'concrete_weights', 'ends', 'in_strength', 'is_sparse', 'weights_of']


def is_sparse(conn: Any) -> TypeGuard[BCOO]:
    """Whether connectivity is a list of connections."""
    return isinstance(conn, BCOO)


def checked_connections(value: Any, where: str) -> Any:
    """A square matrix, or a ``BCOO`` of one, made from a sparse matrix of SciPy where it is one.

    Raises
    ------
    TypeError
        A Connectome.
    ShapeError
        A matrix that is not square.
    ValueError
        Indices beyond the matrix, or two connections of one pair.
    """
    if isinstance(value, Connectome):
        raise TypeError(
            f'{where} is a matrix [target, source]; got a Connectome: write conn=connectome.weights, '
            'tract_lengths=connectome.tract_lengths.'
        )
    if hasattr(value, 'tocoo') and not is_sparse(value):  # SciPy
        coo = value.tocoo()
        value = BCOO((jnp.asarray(coo.data), jnp.stack([coo.row, coo.col], axis=1)), shape=coo.shape)
    if not is_sparse(value):
        value = checks.array(value, where)
        checks.square(value, where)
        return value
    if value.n_batch or value.n_dense or len(value.shape) != 2 or value.shape[0] != value.shape[1]:
        raise checks.ShapeError(f'{where} is a square matrix [target, source]; got a BCOO of shape {value.shape}.')
    if not isinstance(value.indices, jax.core.Tracer):
        indices, n = np.asarray(value.indices), value.shape[0]
        beyond = np.flatnonzero(((indices < 0) | (indices >= n)).any(axis=1))
        if len(beyond):
            raise ValueError(
                f'{where} has {n} regions; got {len(beyond)} connection(s) beyond them, the first '
                f'{tuple(map(int, indices[beyond[0]]))} [target, source].'
            )
        unique, counts = np.unique(indices, axis=0, return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                f'{where} has each connection once; got {tuple(map(int, unique[counts > 1][0]))} [target, source] '
                f'{counts.max()} times: add them up, conn.sum_duplicates().'
            )
    return BCOO((jnp.asarray(u.get_mantissa(value.data)), jnp.asarray(value.indices)), shape=value.shape)


def ends(conn: Any) -> tuple[np.ndarray, np.ndarray]:
    """Target and source of every pair, in the order of its weights."""
    if is_sparse(conn):
        targets, sources = np.asarray(conn.indices).T
    else:
        targets, sources = (index.ravel() for index in np.indices(np.shape(conn)))
    return targets, sources


def weights_of(conn: Any, dtype: Any) -> jax.Array:
    """(pairs,)."""
    return jnp.asarray(conn.data if is_sparse(conn) else conn, dtype).reshape(-1)


def concrete_weights(conn: Any) -> np.ndarray | None:
    """(pairs,), or None while JAX traces them."""
    values = conn.data if is_sparse(conn) else conn
    return None if isinstance(values, jax.core.Tracer) else np.asarray(values).reshape(-1)


def in_strength(conn: Any) -> Any:
    """The sum of the weights onto each target."""
    if is_sparse(conn):
        return jnp.zeros(conn.shape[0], conn.data.dtype).at[conn.indices[:, 0]].add(conn.data)
    return conn.sum(axis=1)
