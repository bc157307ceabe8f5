"""The network of the demo."""

from typing import Any

import brainunit as u

from brainfwd.coupling import DiffusiveCoupling
from brainfwd.network import Network
from brainfwd.nodes import JansenRitModel
from brainfwd.noise import OrnsteinUhlenbeck
from brainfwd.records import Connectome

__all__ = ['network']

SPEED = 6.0 * u.meter / u.second


def network(brain: Connectome, k: Any, mean: Any, std: Any, tau: Any) -> Network:
    """Jansen-Rit regions, coupled with the delays of real tracts, driven by Ornstein-Uhlenbeck noise."""
    return Network(
        JansenRitModel(brain.n_regions),
        DiffusiveCoupling(brain.weights, k=k, tract_lengths=brain.tract_lengths, conduction_speed=SPEED),
        noise={'p': OrnsteinUhlenbeck(mean=mean, std=std, tau=tau)},
        labels=brain.labels,
    )
