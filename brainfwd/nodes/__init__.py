"""Neural mass models, one file each."""

from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.epileptor import EpileptorModel
from brainfwd.nodes.fitzhugh_nagumo import FitzHughNagumoModel
from brainfwd.nodes.generic_2d import Generic2dOscillator
from brainfwd.nodes.group import Group
from brainfwd.nodes.hopf import HopfOscillator
from brainfwd.nodes.jansen_rit import JansenRitModel
from brainfwd.nodes.kuramoto import KuramotoModel
from brainfwd.nodes.linear import LinearModel
from brainfwd.nodes.listing import list_models
from brainfwd.nodes.montbrio_pazo_roxin import MontbrioPazoRoxinModel
from brainfwd.nodes.stuart_landau import StuartLandauOscillator
from brainfwd.nodes.wendling import WendlingModel
from brainfwd.nodes.wilson_cowan import WilsonCowanModel
from brainfwd.nodes.wong_wang import WongWangModel
from brainfwd.nodes.wong_wang_ei import WongWangEIModel

__all__ = [
    'EpileptorModel',
    'FitzHughNagumoModel',
    'Generic2dOscillator',
    'Group',
    'HopfOscillator',
    'JansenRitModel',
    'KuramotoModel',
    'LinearModel',
    'MontbrioPazoRoxinModel',
    'NeuralMass',
    'StuartLandauOscillator',
    'WendlingModel',
    'WilsonCowanModel',
    'WongWangEIModel',
    'WongWangModel',
    'list_models',
]
