"""Neural masses, coupled by a connectome, seen by EEG, MEG and BOLD, and recovered by inverse solvers."""

from brainfwd import noise
from brainfwd._core import units
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.coupling import AdditiveCoupling, Coupling, DiffusiveCoupling
from brainfwd.network import Network
from brainfwd.nodes import HopfOscillator, JansenRitModel, NeuralMass, WilsonCowanModel
from brainfwd.simulator import Monitor, Result, Simulation, SimulationError, Simulator

__version__ = '0.1.0'
__all__ = [
    'AdditiveCoupling',
    'Coupling',
    'DiffusiveCoupling',
    'HopfOscillator',
    'Input',
    'JansenRitModel',
    'Monitor',
    'Network',
    'NeuralMass',
    'Parameter',
    'Result',
    'ShapeError',
    'Simulation',
    'SimulationError',
    'Simulator',
    'UnitError',
    'Variable',
    'WilsonCowanModel',
    'noise',
    'units',
]
