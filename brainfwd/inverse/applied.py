"""A kernel applied to data."""

import functools
from collections.abc import Sequence
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['applied', 'components']

# numbers of a block of components that stay in the cache of a processor
_BLOCK = 2**19


def applied(kernel: Any, y: Any) -> Any:
    """(..., sources) of data (..., sensors): with a kernel (sources, 3, sensors), lengths of vectors."""
    kernel, y = _alike(kernel, y)
    if kernel.ndim == 2:
        return _product(y, kernel)
    if isinstance(y, np.ndarray):
        return _lengths(y, kernel)
    # a product for each component: what follows need not take them apart
    return _magnitude([_product(y, kernel[:, k]) for k in range(3)])


def components(kernel: Any, y: Any) -> Any:
    """(..., sources, 3) of data (..., sensors), with a kernel (sources, 3, sensors)."""
    kernel, y = _alike(kernel, y)
    return _product(y, kernel.reshape(-1, kernel.shape[-1])).reshape(*y.shape[:-1], *kernel.shape[:-1])


def _alike(kernel: Any, y: Any) -> tuple[Any, Any]:
    """Both of NumPy, or both of JAX in the precision of the data."""
    if isinstance(kernel, np.ndarray) and isinstance(y, np.ndarray):
        return kernel, y
    y = jnp.asarray(y)
    y = y if jnp.issubdtype(y.dtype, jnp.inexact) else y.astype(brainstate.environ.dftype())
    real = jnp.finfo(y.dtype).dtype
    return jnp.asarray(kernel, jnp.result_type(real, jnp.complex64) if np.iscomplexobj(kernel) else real), y


def _product(y: Any, rows: Any) -> Any:
    # some accelerators multiply in fewer digits than float32 has unless told not to
    return y @ rows.T if isinstance(y, np.ndarray) else jnp.matmul(y, rows.T, precision='highest')


def _lengths(y: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Of NumPy, a few sources at a time."""
    series = y.reshape(-1, y.shape[-1])
    lengths = np.empty((len(series), len(kernel)))
    step = max(1, _BLOCK // max(1, len(series)))
    for first in range(0, len(kernel), step):
        block = kernel[first : first + step]
        power: Any = 0.0
        for k in range(3):
            part = series @ block[:, k].T
            part = abs(part) if np.iscomplexobj(part) else part
            power = np.add(np.square(part, out=part), power, out=part)
        np.sqrt(power, out=lengths[:, first : first + step])
    return lengths.reshape(*y.shape[:-1], len(kernel))


def _magnitude(components: Sequence[Any]) -> Any:
    """Length of vectors, of which each component is an array of JAX; its gradient at zero is zero."""
    sizes = [abs(component) for component in components]
    # relative to the largest component, or squares of small numbers are lost in float32
    largest = jax.lax.stop_gradient(functools.reduce(jnp.maximum, sizes))
    scale = jnp.where(largest > 0, largest, 1.0)
    power = sum(jnp.square(size / scale) for size in sizes)
    # the root of zero has an infinite slope, which an outer `where` alone would turn into NaN
    return jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0) * scale
