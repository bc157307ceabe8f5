"""Coupling between the regions of a network."""

from brainfwd.coupling.additive import AdditiveCoupling
from brainfwd.coupling.base import Coupling
from brainfwd.coupling.diffusive import DiffusiveCoupling

__all__ = ['AdditiveCoupling', 'Coupling', 'DiffusiveCoupling']
