"""Inverse solvers: from what the sensors recorded to what the sources did."""

from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.dspm import DSPM
from brainfwd.inverse.minimum_norm import MinimumNorm
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.sloreta import SLORETA

__all__ = ['DSPM', 'SLORETA', 'LinearInverse', 'MinimumNorm', 'WhitenedProblem']
