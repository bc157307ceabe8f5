"""Beamformers and sparse solvers as functions of arrays, (channels, times), under the names that NeuroJAX has."""

from brainfwd.inverse.functions.admm import InverseResult, lambda_max, solve_inverse_admm
from brainfwd.inverse.functions.champagne import champagne_solver
from brainfwd.inverse.functions.coherence import imaginary_coherence
from brainfwd.inverse.functions.lcmv import (
    apply_lcmv,
    lcmv_power_map,
    make_lcmv_filter,
    neural_activity_index,
    unit_noise_gain,
)
from brainfwd.inverse.functions.resolution import compute_resolution_matrix

__all__ = [
    'InverseResult',
    'apply_lcmv',
    'champagne_solver',
    'compute_resolution_matrix',
    'imaginary_coherence',
    'lambda_max',
    'lcmv_power_map',
    'make_lcmv_filter',
    'neural_activity_index',
    'solve_inverse_admm',
    'unit_noise_gain',
]
