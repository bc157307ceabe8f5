"""What sensors see of a network."""

from brainfwd.forward.background.add_noise import add_noise
from brainfwd.forward.background.base import Background
from brainfwd.forward.background.brain_noise import BrainNoise
from brainfwd.forward.background.independent_noise import IndependentNoise
from brainfwd.forward.background.line_noise import LineNoise
from brainfwd.forward.background.recorded_noise import RecordedNoise
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.blood.balloon import BOLDSignal
from brainfwd.forward.blood.balloon_parameters import bold_parameters
from brainfwd.forward.blood.hrf_bold import HRFBold
from brainfwd.forward.blood.kernels import KERNELS, DoubleGamma, Gamma, Kernel, Volterra
from brainfwd.forward.heads.coils import COILS, Coil
from brainfwd.forward.heads.dipole_fit import DipoleFit, dipole_fit
from brainfwd.forward.heads.electrodes import electrodes
from brainfwd.forward.heads.spherical_head import SphericalHead
from brainfwd.forward.lead_field import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.regions.compress import compress_vertex_leadfield
from brainfwd.forward.regions.parcellate import build_fixed_orientation_weights
from brainfwd.forward.regions.patches import CorticalPatches, cortical_patches
from brainfwd.forward.snr import signal_to_noise, whitened_signal_to_noise

__all__ = [
    'COILS',
    'KERNELS',
    'BOLDSignal',
    'Background',
    'BrainNoise',
    'Coil',
    'CorticalPatches',
    'DipoleFit',
    'DoubleGamma',
    'EEGLeadFieldModel',
    'ForwardModel',
    'Gamma',
    'HRFBold',
    'IndependentNoise',
    'Kernel',
    'LeadFieldModel',
    'LineNoise',
    'MEGLeadFieldModel',
    'RecordedNoise',
    'SphericalHead',
    'Volterra',
    'add_noise',
    'bold_parameters',
    'build_fixed_orientation_weights',
    'compress_vertex_leadfield',
    'cortical_patches',
    'dipole_fit',
    'electrodes',
    'signal_to_noise',
    'whitened_signal_to_noise',
]
