"""The product of what regions do with what sensors see of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['product', 'scaled_product']


def product(a: Any, b: Any) -> Any:
    """``a @ b``, in NumPy for NumPy, else in JAX and the precision of ``a``."""
    if isinstance(a, np.ndarray):
        return a @ b
    # full precision: some accelerators multiply float32 with ten bits otherwise
    return jnp.matmul(a, jnp.asarray(b, a.dtype), precision=jax.lax.Precision.HIGHEST)


def scaled_product(x: jax.Array, scale: Any, L: Any) -> jax.Array:
    """``(x * scale) @ L``, with the scale, a number or one per region, on the smaller of the two."""
    if scale is None:
        return product(x, L)
    if np.ndim(scale) <= 1 and x.size > L.size:
        return product(x, scale.reshape(-1, 1) * L)
    return product(x * jnp.asarray(scale, x.dtype), L)
