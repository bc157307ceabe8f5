"""Lead fields of the fsaverage cortex: EEG of two heads, and MEG."""

import brainunit as u
import numpy as np

from brainfwd._core.checks import choice
from brainfwd.datasets.files import arrays
from brainfwd.datasets.helmet import load_helmet
from brainfwd.records import Channels, LeadField, SourceSpace

__all__ = ['load_lead_field']


def load_lead_field(kind: str = 'eeg', head: str = 'first', orientation: str = 'fixed') -> LeadField:
    """What 64 electrodes or 306 MEG channels see of 4738 sources on the cortex.

    The sources are the vertices of the ico-4 subdivision of fsaverage; the medial wall is left out. EEG is in
    V/(A m), not re-referenced; magnetometers are in T/(A m), planar gradiometers in T/m/(A m). Fields are those of a
    moment along the outward normal, or along x, y, z of the head frame for ``orientation='free'``.

    Parameters
    ----------
    kind : {'eeg', 'meg'}
        64 positions of the 10-05 system, or a Neuromag helmet of 102 magnetometers and 204 planar gradiometers.
    head : {'first', 'second'}
        The second is there for EEG, to invert with what was simulated with the first: its skull conducts four times
        as well (0.0165 S/m), and its electrodes are 5 mm off.
    orientation : {'fixed', 'free'}
        Free orientation is there for EEG of the first head.

    Returns
    -------
    LeadField

    Raises
    ------
    ValueError
        A combination that does not exist.

    Notes
    -----
    Boundary element models (EEG: three layers, 0.33, 0.0042, 0.33 S/m; MEG: one layer) computed with MNE-Python 1.13.2
    (Gramfort et al., 2013).
    """
    choice(kind, ('eeg', 'meg'), 'load_lead_field(kind)')
    choice(head, ('first', 'second') if kind == 'eeg' else ('first',), f'load_lead_field({kind!r}, head=...)')
    orientations = ('fixed', 'free') if (kind, head) == ('eeg', 'first') else ('fixed',)
    choice(orientation, orientations, f'load_lead_field({kind!r}, head={head!r}, orientation=...)')

    labels = arrays('desikan_killiany', 'fsaverage_ico4_dk_labels.npz')
    if kind == 'meg':
        gain, channels = arrays('fsaverage', 'fsaverage_ico4_meg306.npz')['gain_fixed'], load_helmet()
    else:
        gain, channels = _eeg(head)
    field = LeadField(gain[:, labels['on_cortex']], channels, _sources(labels), f'fsaverage {head}')
    return field if orientation == 'free' else field.fixed()


def _sources(labels: dict[str, np.ndarray]) -> SourceSpace:
    space = arrays('fsaverage', 'fsaverage_ico4_sources.npz')
    normals = space['normals_head'].astype(float)
    return SourceSpace(
        u.Quantity(space['positions_head_m'], unit=u.meter),
        normals / np.linalg.norm(normals, axis=1, keepdims=True),
        u.Quantity(space['area_mm2'], unit=u.mm**2),
        space['hemi'],
        space['vertno'],
        labels['dk_id'],
    ).mask(labels['on_cortex'])


def _eeg(head: str) -> tuple[np.ndarray, Channels]:
    name = {'first': 'fsaverage_ico4_eeg64.npz', 'second': 'fsaverage_ico4_eeg64_second_head.npz'}[head]
    data = arrays('fsaverage', name)
    positions = u.Quantity(data['positions_head_m'].astype(float), unit=u.meter)
    channels = Channels(tuple(data['names']), ('eeg',) * len(data['names']), positions)
    return data['gain_free' if head == 'first' else 'gain_fixed'], channels
