"""Inverse solvers: from what the sensors recorded to what the sources did."""

from brainfwd.inverse.base import LinearInverse, Setting
from brainfwd.inverse.beamformers.dics import DICS
from brainfwd.inverse.beamformers.lcmv import LCMV
from brainfwd.inverse.functions import (
    InverseResult,
    apply_lcmv,
    champagne_solver,
    compute_resolution_matrix,
    imaginary_coherence,
    lambda_max,
    lcmv_power_map,
    make_lcmv_filter,
    neural_activity_index,
    solve_inverse_admm,
    unit_noise_gain,
)
from brainfwd.inverse.minimum_norm.dspm import DSPM
from brainfwd.inverse.minimum_norm.eloreta import ELORETA
from brainfwd.inverse.minimum_norm.minimum_norm import MinimumNorm
from brainfwd.inverse.minimum_norm.sloreta import SLORETA
from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.problem import WhitenedProblem

__all__ = [
    'DICS',
    'DSPM',
    'ELORETA',
    'LCMV',
    'SLORETA',
    'InverseResult',
    'LinearInverse',
    'MinimumNorm',
    'Setting',
    'WeightedMinimumNorm',
    'WhitenedProblem',
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
