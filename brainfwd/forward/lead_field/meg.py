"""MEG."""

import brainunit as u

from brainfwd.forward.lead_field.model import LeadFieldModel

__all__ = ['MEGLeadFieldModel']


class MEGLeadFieldModel(LeadFieldModel):
    """MEG: a `LeadFieldModel` in T (magnetometers), T/m (planar gradiometers), or both.

    Both together, as `from_lead_field` makes them from a helmet of 306, answer with `ChannelGroups`.

    Parameters
    ----------
    in_size, out_size : int
        Number of regions and of sensors.
    L : Quantity, or dict of Quantity per type
        (regions, sensors), T/(nA m); with ``sensor_unit=u.tesla / u.meter`` gradiometers, T/m/(nA m).
    dipole_scale : Quantity or float, optional
        Dipole moment per unit of the observable.
    **options
        Those of `LeadFieldModel`.
    """

    kinds = ('mag', 'grad')
    scale_name = 'dipole_scale'
    default_unit = u.tesla
