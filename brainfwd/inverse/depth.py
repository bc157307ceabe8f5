"""Depth weighting: deep sources are seen weakly, and without it would be explained away by superficial ones."""

import numpy as np

from brainfwd.records import LeadField

__all__ = ['depth_prior']

# how much more freedom the deepest source may have than the most superficial one, as an amplitude
_LIMIT = 10.0


def depth_prior(lead_field: LeadField, exponent: float) -> np.ndarray:
    r"""(sources,) prior variance of each source, 1 for the deepest.

    .. math:: p_i = \min(w_i / w_{lim}, 1)^{\gamma}, \qquad w_i = 1 / \|G_i^T G_i\|_2

    with :math:`G_i` the gain of source i, neither whitened nor re-referenced, of the gradiometers if there are any,
    else of the magnetometers, else of EEG; :math:`w_{lim}` is the first w, sorted, above 100 times the smallest, else
    the largest. From a free-orientation gain it does not depend on the normals; from a fixed one
    :math:`\|G_i^T G_i\|_2` is :math:`\|g_i\|^2`.

    Source: Lin et al. (2006), NeuroImage 31, 160-171, with the limit of MNE-Python.
    """
    kind = next(k for k in ('grad', 'mag', 'eeg') if k in lead_field.channels.kinds)
    gain = lead_field.gain_si[lead_field.channels.indices(kind)]
    gain = (gain / abs(gain).max()).reshape(*gain.shape[:2], -1)
    strength = np.linalg.eigvalsh(np.einsum('mnk,mnl->nkl', gain, gain))[:, -1]
    # what these sensors cannot see at all (a radial source in a sphere, by MEG) counts as the deepest
    strength = np.maximum(strength, strength[strength > 0].min())
    weight = np.sort(1 / strength)
    above = weight[weight > _LIMIT**2 * weight[0]]
    limit = above[0] if len(above) else weight[-1]
    return np.minimum(1 / strength / limit, 1) ** exponent
