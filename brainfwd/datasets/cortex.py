"""The cortical surface, for drawing."""

import brainunit as u
import numpy as np

from brainfwd.datasets.files import arrays
from brainfwd.records import Cortex

__all__ = ['load_cortex']

# further than this from the labelled volume lies the medial wall
_MEDIAL_WALL_MM = 3.0


def load_cortex() -> Cortex:
    """The surfaces of fsaverage5 with the Desikan-Killiany region of each vertex.

    10242 vertices per hemisphere, mm in MNI305, outer (pial) and inner (white) surface. ``on_cortex`` is False further
    than 3 mm from the labelled volume: on the medial wall, and at scattered vertices whose region is uncertain.

    Returns
    -------
    Cortex

    Notes
    -----
    FreeSurfer's fsaverage5 (Fischl et al., 1999), as shipped by nilearn 0.14.1; regions from tvboptim, EUPL-1.2.
    """
    mesh = arrays('fsaverage', 'fsaverage5_mesh.npz')
    labels = arrays('desikan_killiany', 'fsaverage5_dk_labels.npz')
    n_left, n_right = len(mesh['pial_lh_mm']), len(mesh['pial_rh_mm'])
    return Cortex(
        pial=u.Quantity(np.concatenate([mesh['pial_lh_mm'], mesh['pial_rh_mm']]), unit=u.mm),
        white=u.Quantity(np.concatenate([mesh['white_lh_mm'], mesh['white_rh_mm']]), unit=u.mm),
        triangles=np.concatenate([mesh['tris_lh'].astype(np.int64), mesh['tris_rh'].astype(np.int64) + n_left]),
        region_ids=labels['dk_id'],
        on_cortex=labels['distance_mm'] <= _MEDIAL_WALL_MM,
        hemisphere=np.repeat([0, 1], [n_left, n_right]),
    )
