"""Neural masses, coupled by a connectome, seen by EEG, MEG and BOLD, and recovered by inverse solvers."""

from brainfwd import datasets, inverse, io, metrics, noise, plot, records, report, stimuli
from brainfwd._core import units
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.coupling import AdditiveCoupling, Coupling, DiffusiveCoupling
from brainfwd.experiment import Experiment, ExperimentResult, Score, Trial
from brainfwd.forward import BOLDSignal, EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.network import Network
from brainfwd.nodes import (
    EpileptorModel,
    FitzHughNagumoModel,
    Generic2dOscillator,
    HopfOscillator,
    JansenRitModel,
    KuramotoModel,
    LinearModel,
    MontbrioPazoRoxinModel,
    NeuralMass,
    StuartLandauOscillator,
    WendlingModel,
    WilsonCowanModel,
    WongWangEIModel,
    WongWangModel,
    list_models,
)
from brainfwd.simulator import Monitor, Result, Simulation, SimulationError, Simulator

__version__ = '0.1.0'
__all__ = [
    'AdditiveCoupling',
    'BOLDSignal',
    'Coupling',
    'DiffusiveCoupling',
    'EEGLeadFieldModel',
    'EpileptorModel',
    'Experiment',
    'ExperimentResult',
    'FitzHughNagumoModel',
    'Generic2dOscillator',
    'HopfOscillator',
    'Input',
    'JansenRitModel',
    'KuramotoModel',
    'LeadFieldModel',
    'LinearModel',
    'MEGLeadFieldModel',
    'Monitor',
    'MontbrioPazoRoxinModel',
    'Network',
    'NeuralMass',
    'Parameter',
    'Result',
    'Score',
    'ShapeError',
    'Simulation',
    'SimulationError',
    'Simulator',
    'StuartLandauOscillator',
    'Trial',
    'UnitError',
    'Variable',
    'WendlingModel',
    'WilsonCowanModel',
    'WongWangEIModel',
    'WongWangModel',
    'datasets',
    'inverse',
    'io',
    'list_models',
    'metrics',
    'noise',
    'plot',
    'records',
    'report',
    'stimuli',
    'units',
]
