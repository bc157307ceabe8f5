"""A lead field of vertices, compressed to one of regions."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks

__all__ = ['compress_vertex_leadfield', 'plain', 'weighted_sums']


def compress_vertex_leadfield(L: Any, W: Any) -> Any:
    """The region-level lead field, (regions, sensors), of a vertex-level one.

    Parameters
    ----------
    L : Quantity or array
        (sensors, 3 vertices), or (sensors, vertices) for moments along the normals; or (sensors, vertices, 3), as
        `LeadField.gain` has them.
    W : Quantity, array or brainunit.sparse.CSR
        (3 vertices, regions) of `build_fixed_orientation_weights`, in the layout of ``L``, interleaved for three axes;
        or (vertices, regions).

    Returns
    -------
    Quantity or array
        (regions, sensors), in the product of the units and the precision of the numbers, ready for ``L=`` of
        `LeadFieldModel`. Of JAX arrays a JAX array, which can be differentiated.

    Raises
    ------
    ShapeError, ValueError
        Where the columns of ``L`` are not as many as the rows of ``W``; block weights for a lead field of three axes.
    """
    where = 'compress_vertex_leadfield(L, W)'
    unit = u.get_unit(L) * u.get_unit(W.data if isinstance(W, u.sparse.CSR) else W)
    L, W = plain(L), plain(W)
    if L.ndim == 3:
        checks.shape_is(L, (*L.shape[:2], 3), f'{where}, L,', '(sensors, vertices, 3)')
        L = L.reshape(len(L), -1)
        _check_interleaved(W, where)
    if L.ndim != 2 or W.ndim != 2 or L.shape[1] != W.shape[0]:
        raise checks.ShapeError(
            f'{where}: L has a column for each row of W; got {L.shape} (sensors, columns) and '
            f'{W.shape} (rows, regions).'
        )
    compressed = weighted_sums(L, W)
    return compressed if unit.is_unitless else u.Quantity(compressed, unit=unit)


def plain(value: Any) -> Any:
    """The numbers without their unit: an array of floats, or a SciPy sparse one where NumPy holds a sparse one."""
    if isinstance(value, u.sparse.CSR):
        from scipy import sparse

        data = u.get_mantissa(value.data)
        if isinstance(data, jax.Array):
            row = np.repeat(np.arange(value.shape[0]), np.diff(value.indptr))
            return jnp.zeros(value.shape, data.dtype).at[row, value.indices].set(data)
        return sparse.csr_array((data, value.indices, value.indptr), value.shape)
    value = u.get_mantissa(value)
    if not isinstance(value, jax.Array):
        value = np.asarray(value)
    return value if np.issubdtype(value.dtype, np.floating) else value.astype(float)


def _check_interleaved(W: Any, where: str) -> None:
    """Refuse weights whose rows are not one direction per vertex when taken as x1 y1 z1 x2 ...: those of a block."""
    if isinstance(W, jax.core.Tracer) or W.shape[0] % 3:
        return
    parts = [W[k::3] for k in range(3)]
    gram = np.array([[np.asarray((a * b).sum(axis=1)) for b in parts] for a in parts])
    # of rank one, its trace is its norm
    if not np.allclose(np.linalg.norm(gram, axis=(0, 1)), np.trace(gram), rtol=1e-4, atol=0):
        raise ValueError(
            f'{where}: for L (sensors, vertices, 3) the rows of W are x, y, z of the first vertex, then the next: '
            f"layout='interleaved'; got rows that are not."
        )


def weighted_sums(L: Any, W: Any) -> Any:
    """The transpose of ``L @ W``, (columns of W, rows of L), in the precision of ``L``.

    In NumPy for NumPy, and else in JAX.
    """
    from scipy import sparse

    if isinstance(L, np.ndarray) and not isinstance(W, jax.Array):
        return W.T.astype(L.dtype) @ L.T
    L = jnp.asarray(L)
    if sparse.issparse(W):
        entries = W.tocoo()
        terms = L.T[entries.row] * jnp.asarray(entries.data, L.dtype)[:, None]
        return jax.ops.segment_sum(terms, entries.col, W.shape[1])
    # full precision: some accelerators multiply float32 with ten bits otherwise
    return jnp.matmul(jnp.asarray(W, L.dtype).T, L.T, precision=jax.lax.Precision.HIGHEST)
