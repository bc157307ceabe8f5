"""Coupling between the regions of a network."""

from brainfwd.coupling.additive import AdditiveCoupling
from brainfwd.coupling.base import Coupling
from brainfwd.coupling.diffusive import DiffusiveCoupling
from brainfwd.coupling.hyperbolic_tangent import HyperbolicTangentCoupling
from brainfwd.coupling.kuramoto import KuramotoCoupling
from brainfwd.coupling.laplacian import LaplacianCoupling
from brainfwd.coupling.sigmoidal import SigmoidalCoupling
from brainfwd.coupling.sigmoidal_jansen_rit import SigmoidalJansenRitCoupling

__all__ = [
    'AdditiveCoupling',
    'Coupling',
    'DiffusiveCoupling',
    'HyperbolicTangentCoupling',
    'KuramotoCoupling',
    'LaplacianCoupling',
    'SigmoidalCoupling',
    'SigmoidalJansenRitCoupling',
]
