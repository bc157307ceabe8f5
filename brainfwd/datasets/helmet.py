"""A Neuromag helmet."""

import brainunit as u

from brainfwd.datasets.files import arrays
from brainfwd.records import Channels

__all__ = ['load_helmet']

# by the last digit of a name
_TYPES = {'1': 'mag', '2': 'grad', '3': 'grad'}
_COILS = {'mag': 'neuromag magnetometer', 'grad': 'neuromag planar gradiometer'}


def load_helmet() -> Channels:
    """The 306 channels of a Neuromag helmet around the fsaverage head: 102 magnetometers, 204 planar gradiometers.

    Those of ``load_lead_field('meg')``, with their coils, in the head frame: a magnetometer (``...1``) and two
    gradiometers at right angles (``...2``, ``...3``) at each of 102 places.

    Returns
    -------
    Channels
    """
    data = arrays('fsaverage', 'fsaverage_ico4_meg306.npz')
    # MNE's `loc`: place of the coil, then its axes x, y, z, in the device frame
    rotation, shift = data['dev_head_t'][:3, :3], data['dev_head_t'][:3, 3]
    loc = data['loc12_device'].astype(float).reshape(-1, 4, 3) @ rotation.T
    names = tuple(map(str, data['names']))
    types = tuple(_TYPES[name[-1]] for name in names)
    coils = tuple(_COILS[kind] for kind in types)
    return Channels(names, types, u.Quantity(loc[:, 0] + shift, unit=u.meter), coils, loc[:, 1:])
