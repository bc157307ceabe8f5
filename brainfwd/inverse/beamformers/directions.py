"""The direction in which a source shows the most power."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core.linear_algebra import symmetric_power, xp_of

__all__ = ['largest_ratio', 'upwards']

# of the largest: closer eigenvalues have no eigenvectors of their own, and closer components are equal
_EQUAL = 1e-10


def largest_ratio(over: Any, under: Any) -> Any:
    r"""(n, k) unit vectors e that make :math:`e^T A e / e^T B e` largest, of (n, k, k) symmetric A and B.

    By the eigenvector of :math:`B^{-1/2} A B^{-1/2}`. Where B vanishes, no direction is looked for. Which of e and -e
    it is is arbitrary.
    """
    xp = xp_of(over, under)
    root = symmetric_power(under, -0.5)
    scaled = root @ over @ root
    top = (np.linalg.eigh(scaled)[1] if xp is np else _eigenvectors(scaled))[..., -1:]
    directions = (root @ top)[..., 0]
    return directions / xp.sqrt((directions**2).sum(axis=-1, keepdims=True))


def upwards(directions: Any, normals: Any) -> Any:
    """Each of e and -e that points out of the cortex; without normals, the one whose largest component is positive.

    Of equal components, the first.
    """
    xp = xp_of(directions)
    if normals is None:
        size = abs(directions)
        largest = size >= (1 - _EQUAL) * size.max(axis=-1, keepdims=True)
        # by a mask: code compiled in another precision takes no index that is computed
        first = largest & (xp.cumsum(largest * 1.0, axis=-1) == 1)
        along = xp.where(first, directions, 0.0).sum(axis=-1, keepdims=True)
    else:
        along = (directions * normals).sum(axis=-1, keepdims=True)
    return xp.where(along < 0, -directions, directions)


@jax.custom_jvp
def _eigenvectors(matrices: Any) -> Any:
    return jnp.linalg.eigh(matrices)[1]


@_eigenvectors.defjvp
def _eigenvectors_derivative(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """That of JAX is NaN where any eigenvalues are equal; here such vectors do not turn into each other."""
    values, vectors = jnp.linalg.eigh(primals[0])
    gap = values[..., None, :] - values[..., :, None]
    apart = abs(gap) > _EQUAL * abs(values).max(axis=-1)[..., None, None]
    turned = vectors.swapaxes(-1, -2) @ tangents[0] @ vectors
    return vectors, vectors @ jnp.where(apart, turned / jnp.where(apart, gap, 1.0), 0.0)
