"""The direction of a dipole: along the normal, mostly so, or any."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['magnitude', 'orientation_root']


def orientation_root(normals: np.ndarray, loose: Any) -> Any:
    r"""(sources, 3, 3) symmetric root of the prior covariance of each dipole.

    .. math:: (n n^T + \ell \, (I - n n^T))^{1/2} = n n^T + \sqrt{\ell} \, (I - n n^T)

    In x, y, z of the head frame, so that no tangential axes need be chosen. Source: Lin et al. (2006), Hum. Brain Mapp.
    27, 1-13.
    """
    along = normals[:, :, None] * normals[:, None, :]
    return along + loose**0.5 * (np.eye(3) - along)


def magnitude(components: Sequence[Any]) -> Any:
    """Length of vectors, of which each component is an array of JAX; its gradient at zero is zero."""
    sizes = [abs(component) for component in components]
    # relative to the largest component, or squares of small numbers are lost in float32
    largest = jax.lax.stop_gradient(functools.reduce(jnp.maximum, sizes))
    scale = jnp.where(largest > 0, largest, 1.0)
    power = sum(jnp.square(size / scale) for size in sizes)
    # the root of zero has an infinite slope, which an outer `where` alone would turn into NaN
    return jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0) * scale
