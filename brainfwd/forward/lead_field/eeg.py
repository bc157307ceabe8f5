"""EEG."""

from typing import Any

import brainunit as u

from brainfwd.forward.lead_field.model import LeadFieldModel
from brainfwd.records import Connectome, LeadField
from brainfwd.records.reference import Reference

__all__ = ['EEGLeadFieldModel']


class EEGLeadFieldModel(LeadFieldModel):
    """EEG: a `LeadFieldModel` in V.

    A positive moment points out of the cortex. Where the observable is the depolarisation of apical dendrites, as in
    Jansen-Rit, the moment points inward: ``dipole_scale`` is negative.

    Parameters
    ----------
    in_size, out_size : int
        Number of regions and of electrodes.
    L : Quantity
        (regions, electrodes), V/(nA m).
    dipole_scale : Quantity or float, optional
        Dipole moment per unit of the observable.
    **options
        Those of `LeadFieldModel`.
    """

    kinds = ('eeg',)
    scale_name = 'dipole_scale'
    default_unit = u.volt

    @classmethod
    def from_lead_field(
        cls, lead_field: LeadField, regions: Connectome, *, reference: Reference = 'average', **options: Any
    ) -> 'EEGLeadFieldModel':
        """As `LeadFieldModel.from_lead_field`, in the average reference unless ``reference`` is another, or None."""
        return super().from_lead_field(lead_field, regions, reference=reference, **options)
