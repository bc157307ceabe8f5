"""Inverse solvers: from what the sensors recorded to what the sources did."""

from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.bayes.bayesian_minimum_norm import BayesianMinimumNorm
from brainfwd.inverse.bayes.gamma_map import Champagne, GammaMAP
from brainfwd.inverse.bayes.learned_prior import LearnedPrior
from brainfwd.inverse.bayes.spatial_basis import spatial_basis
from brainfwd.inverse.beamformers.dics import DICS
from brainfwd.inverse.beamformers.lcmv import LCMV
from brainfwd.inverse.calibrain.bmn import BMN, BMN_joint
from brainfwd.inverse.calibrain.result import SolverResult
from brainfwd.inverse.calibrain.sensor_simulator import SensorSimulator, SimulatedSensors
from brainfwd.inverse.calibrain.sflex import gamma_lambda_map_sflex, gamma_map_sflex
from brainfwd.inverse.calibrain.source_estimator import SourceEstimator
from brainfwd.inverse.calibrain.source_simulator import SourceSimulator
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
from brainfwd.inverse.minimum_norm.dspm import DSPM
from brainfwd.inverse.minimum_norm.eloreta import ELORETA
from brainfwd.inverse.minimum_norm.minimum_norm import MinimumNorm
from brainfwd.inverse.minimum_norm.sloreta import SLORETA
from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.mixed_norm.mixed_norm import MixedNorm
from brainfwd.inverse.model import GaussianModel
from brainfwd.inverse.posterior import Posterior
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.setting import Setting
from brainfwd.inverse.solver import InverseSolver

__all__ = [
    'BMN',
    'DICS',
    'DSPM',
    'ELORETA',
    'LCMV',
    'SLORETA',
    'BMN_joint',
    'BayesianMinimumNorm',
    'Champagne',
    'GammaMAP',
    'GaussianModel',
    'InverseResult',
    'InverseSolver',
    'LearnedPrior',
    'LinearInverse',
    'MinimumNorm',
    'MixedNorm',
    'Posterior',
    'SensorSimulator',
    'Setting',
    'SimulatedSensors',
    'SolverResult',
    'SourceEstimator',
    'SourceSimulator',
    'WeightedMinimumNorm',
    'WhitenedProblem',
    'apply_lcmv',
    'champagne_solver',
    'compute_resolution_matrix',
    'gamma_lambda_map_sflex',
    'gamma_map_sflex',
    'imaginary_coherence',
    'lambda_max',
    'lcmv_power_map',
    'make_lcmv_filter',
    'neural_activity_index',
    'solve_inverse_admm',
    'spatial_basis',
    'unit_noise_gain',
]
