"""The connectome of the Desikan-Killiany regions."""

import brainunit as u
import numpy as np

from brainfwd.datasets.files import arrays, rows
from brainfwd.records import Connectome

__all__ = ['load_connectome']


def load_connectome() -> Connectome:
    """A human connectome of 84 regions: 68 cortical, of the Desikan-Killiany atlas, and 16 subcortical.

    Weights are streamline counts: call ``.normalized()`` before using them in a coupling. Tract lengths are in mm,
    region ids are FreeSurfer's, centres are in MNI305 (NaN for the subcortical regions), and the functional
    connectivity is the correlation of BOLD at rest. An average over subjects; symmetric.

    Returns
    -------
    Connectome

    Notes
    -----
    From the ``dk_average`` data of tvboptim (Pille et al., 2025), EUPL-1.2.
    """
    data = arrays('desikan_killiany', 'dk_connectome_fc.npz')
    regions = rows('desikan_killiany', 'dk_regions.csv')
    labels = tuple(map(str, data['labels']))
    if labels != tuple(region['label'] for region in regions):
        raise ValueError('The connectome and the table of regions inside the package differ: reinstall brainfwd.')
    return Connectome(
        data['weights'],
        u.Quantity(data['lengths_mm'], unit=u.mm),
        labels,
        np.array([int(region['freesurfer_id']) for region in regions]),
        np.array([[float(region[f'centre_{axis}_mm']) for axis in 'xyz'] for region in regions]) * u.mm,
        np.array([region['freesurfer_name'].startswith('ctx-') for region in regions]),
        data['fc'],
    )
