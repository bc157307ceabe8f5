"""The three products with the gain that cost as much as there are sources: all else is as large as the sensors."""

from typing import Any

import numpy as np

from brainfwd._core.linear_algebra import xp_of

__all__ = ['explained', 'folded', 'model_cov', 'pair_products', 'unfolded']

# numbers of a block of columns that stay in the cache of a processor
_BLOCK = 2**17


def model_cov(gain: Any, power: Any) -> Any:
    r""":math:`\sum_g \gamma_g G_g G_g^T`, (directions, directions), of gain (directions, groups, K)."""
    if xp_of(gain, power) is not np:
        return (gain * power[:, None]).reshape(len(gain), -1) @ gain.reshape(len(gain), -1).T
    total = np.zeros((len(gain), len(gain)))
    for part in _blocks(gain):
        columns = (gain[:, part] * np.sqrt(power[part, None])).reshape(len(gain), -1)
        # a matrix times its own transpose takes half as long
        total += columns @ columns.T
    return total


def explained(gain: Any, half: Any, here: Any) -> tuple[Any, Any]:
    r"""(groups,) :math:`\mathrm{tr}(G_g^T S^{-1} G_g)` and :math:`\mathrm{tr}(G_g^T S^{-1} C S^{-1} G_g)`.

    With ``half`` :math:`= L^{-1}`, of :math:`S = L L^T`, and ``here`` :math:`= L^{-1} C L^{-T}`.
    """
    if xp_of(gain, half, here) is not np:
        columns = half @ gain.reshape(len(gain), -1)
        return tuple(_by_group((columns * x).sum(axis=0), gain) for x in (columns, here @ columns))
    # in the directions of C, one product does for both
    power, directions = np.linalg.eigh(here)
    half = directions.T @ half
    sums = np.stack([np.ones(len(power)), np.maximum(power, 0)])
    forms = np.empty((2, *gain.shape[1:]))
    for part in _blocks(gain):
        columns = half @ gain[:, part].reshape(len(gain), -1)
        forms[:, part] = (sums @ np.square(columns, out=columns)).reshape(2, -1, gain.shape[2])
    seen, data = forms.sum(axis=2)
    return seen, data


def pair_products(gain: np.ndarray) -> np.ndarray:
    r"""(n (n + 1) / 2, groups) what each group makes of a pair of rows, the upper triangle of :math:`G_g G_g^T`."""
    n, groups, _ = gain.shape
    by_column = np.ascontiguousarray(gain.transpose(2, 0, 1))
    products, more = np.empty((n * (n + 1) // 2, groups)), np.empty((n, groups))
    first = 0
    for i in range(n):
        row = products[first : first + n - i]
        np.multiply(by_column[0, i], by_column[0, i:], out=row)
        for columns in by_column[1:]:
            row += np.multiply(columns[i], columns[i:], out=more[i:])
        first += n - i
    return products


def folded(matrix: np.ndarray) -> np.ndarray:
    """(n (n + 1) / 2,) upper triangle of a symmetric matrix, row by row."""
    return matrix[np.triu_indices(len(matrix))]


def unfolded(pairs: np.ndarray, n: int) -> np.ndarray:
    """(..., n, n) symmetric matrices of which ``pairs`` are the upper triangles."""
    matrices = np.empty((*pairs.shape[:-1], n, n))
    rows, columns = np.triu_indices(n)
    matrices[..., rows, columns] = matrices[..., columns, rows] = pairs
    return matrices


def _blocks(gain: np.ndarray) -> list[slice]:
    step = max(1, _BLOCK // (len(gain) * gain.shape[2]))
    return [slice(first, first + step) for first in range(0, gain.shape[1], step)]


def _by_group(values: Any, gain: Any) -> Any:
    return values.reshape(gain.shape[1:]).sum(axis=1)
