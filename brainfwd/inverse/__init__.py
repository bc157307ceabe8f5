"""Inverse solvers: from what the sensors recorded to what the sources did."""

from brainfwd.inverse.base import LinearInverse, Setting
from brainfwd.inverse.beamformers.dics import DICS
from brainfwd.inverse.beamformers.lcmv import LCMV
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
    'LinearInverse',
    'MinimumNorm',
    'Setting',
    'WeightedMinimumNorm',
    'WhitenedProblem',
]
