"""What sensors see of a network."""

from brainfwd.forward.add_noise import add_noise
from brainfwd.forward.background import Background
from brainfwd.forward.balloon_parameters import bold_parameters
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.bold import BOLDSignal
from brainfwd.forward.brain_noise import BrainNoise
from brainfwd.forward.coils import COILS, Coil
from brainfwd.forward.compress import compress_vertex_leadfield
from brainfwd.forward.dipole_fit import DipoleFit, dipole_fit
from brainfwd.forward.electrodes import electrodes
from brainfwd.forward.hrf_bold import HRFBold
from brainfwd.forward.independent_noise import IndependentNoise
from brainfwd.forward.kernels import KERNELS, DoubleGamma, Gamma, Kernel, Volterra
from brainfwd.forward.lead_field import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.line_noise import LineNoise
from brainfwd.forward.parcellate import build_fixed_orientation_weights
from brainfwd.forward.patches import CorticalPatches, cortical_patches
from brainfwd.forward.recorded_noise import RecordedNoise
from brainfwd.forward.snr import signal_to_noise, whitened_signal_to_noise
from brainfwd.forward.spherical_head import SphericalHead

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
