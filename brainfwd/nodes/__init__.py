"""Neural mass models, one file each."""

from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.hopf import HopfOscillator
from brainfwd.nodes.jansen_rit import JansenRitModel
from brainfwd.nodes.wilson_cowan import WilsonCowanModel

__all__ = ['HopfOscillator', 'JansenRitModel', 'NeuralMass', 'WilsonCowanModel']
