"""Depth weighting: deep sources are seen weakly, and without it would be explained away by superficial ones."""

from typing import Any

import jax
import jax.numpy as jnp

from brainfwd._core.linear_algebra import xp_of

__all__ = ['DEPTH_KINDS', 'depth_prior']

DEPTH_KINDS = ('grad', 'mag', 'eeg')
"""The first of these types that there is says how deep a source is."""

# how much more freedom the deepest source may have than the most superficial one, as an amplitude
_LIMIT = 10.0


def depth_prior(gain: Any, exponent: Any) -> Any:
    r"""(sources,) prior variance of each source, 1 for the deepest.

    .. math:: p_i = \min(w_i / w_{lim}, 1)^{\gamma}, \qquad w_i = 1 / \|G_i^T G_i\|_2

    with :math:`G_i` the gain of source i, neither whitened nor re-referenced, of the gradiometers if there are any,
    else of the magnetometers, else of EEG; :math:`w_{lim}` is the first w, sorted, above 100 times the smallest, else
    the largest. From a free-orientation gain it does not depend on the normals; from a fixed one
    :math:`\|G_i^T G_i\|_2` is :math:`\|g_i\|^2`.

    Source: Lin et al. (2006), NeuroImage 31, 160-171, with the limit of MNE-Python.
    """
    xp = xp_of(gain)
    gain = (gain / abs(gain).max()).reshape(*gain.shape[:2], -1)
    if gain.shape[2] == 1:
        strength = (gain[..., 0] ** 2).sum(axis=0)
    else:
        by_source = gain.swapaxes(0, 1)
        squares = by_source.swapaxes(1, 2) @ by_source
        # the derivative of an eigenvalue needs no derivative of its vector, which may not exist
        held = jax.lax.stop_gradient(squares) if xp is jnp else squares
        strongest = xp.linalg.eigh(held)[1][..., -1]
        strength = xp.einsum('nk,nkl,nl->n', strongest, squares, strongest)
    # what these sensors cannot see at all (a radial source in a sphere, by MEG) counts as the deepest
    strength = xp.maximum(strength, xp.where(strength > 0, strength, xp.inf).min())
    weight = 1 / strength
    above = xp.where(weight > _LIMIT**2 * weight.min(), weight, xp.inf).min()
    limit = xp.where(xp.isfinite(above), above, weight.max())
    return xp.minimum(weight / limit, 1) ** exponent
