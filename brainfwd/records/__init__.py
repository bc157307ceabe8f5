"""Records: plain, immutable, with units. NumPy float64 inside, Quantities outside."""

from brainfwd.records.channel_groups import ChannelGroups, si, values
from brainfwd.records.channels import SENSOR_UNITS, Channels
from brainfwd.records.connectome import Connectome
from brainfwd.records.cortex import Cortex
from brainfwd.records.cross_spectrum import CrossSpectrum
from brainfwd.records.lead_field import LeadField
from brainfwd.records.noise_covariance import NoiseCovariance
from brainfwd.records.rank import rank_of
from brainfwd.records.recording import Recording
from brainfwd.records.reference import average_reference, reference_projector
from brainfwd.records.source_estimate import SourceEstimate
from brainfwd.records.source_space import SourceSpace

__all__ = [
    'SENSOR_UNITS',
    'ChannelGroups',
    'Channels',
    'Connectome',
    'Cortex',
    'CrossSpectrum',
    'LeadField',
    'NoiseCovariance',
    'Recording',
    'SourceEstimate',
    'SourceSpace',
    'average_reference',
    'rank_of',
    'reference_projector',
    'si',
    'values',
]
