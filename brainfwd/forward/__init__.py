"""What sensors see of a network."""

from brainfwd.forward.base import ForwardModel
from brainfwd.forward.bold import BOLDSignal
from brainfwd.forward.coils import COILS, Coil
from brainfwd.forward.compress import compress_vertex_leadfield
from brainfwd.forward.electrodes import electrodes
from brainfwd.forward.lead_field import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.parcellate import build_fixed_orientation_weights
from brainfwd.forward.patches import CorticalPatches, cortical_patches
from brainfwd.forward.spherical_head import SphericalHead

__all__ = [
    'COILS',
    'BOLDSignal',
    'Coil',
    'CorticalPatches',
    'EEGLeadFieldModel',
    'ForwardModel',
    'LeadFieldModel',
    'MEGLeadFieldModel',
    'SphericalHead',
    'build_fixed_orientation_weights',
    'compress_vertex_leadfield',
    'cortical_patches',
    'electrodes',
]
