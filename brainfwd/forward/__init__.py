"""What sensors see of a network."""

from brainfwd.forward.base import ForwardModel
from brainfwd.forward.bold import BOLDSignal
from brainfwd.forward.coils import COILS, Coil
from brainfwd.forward.lead_field import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.parcellate import build_fixed_orientation_weights, compress_vertex_leadfield

__all__ = [
    'COILS',
    'BOLDSignal',
    'Coil',
    'EEGLeadFieldModel',
    'ForwardModel',
    'LeadFieldModel',
    'MEGLeadFieldModel',
    'build_fixed_orientation_weights',
    'compress_vertex_leadfield',
]
