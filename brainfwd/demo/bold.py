"""BOLD of a resting network."""

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd.demo.network import network
from brainfwd.forward import BOLDSignal
from brainfwd.records import Connectome
from brainfwd.simulator import Simulator

__all__ = ['Bold', 'simulate_bold']


class Bold(NamedTuple):
    """BOLD of every region, and what it was made from."""

    signal: Any
    """(volumes, regions), relative change."""
    times: Any
    connectivity: np.ndarray
    """(regions, regions) correlation."""


def simulate_bold(brain: Connectome, seed: int, duration: Any = 300.0 * u.second, progress: bool = False) -> Bold:
    """Slow fluctuations of the drive, seen through blood: activity is the firing rate relative to its baseline."""
    net = network(brain, 60.0 * u.Hz / u.mV, mean=80.0 * u.Hz, std=0.0 * u.Hz, tau=2.0 * u.second)
    simulator = Simulator(net, dt=0.5 * u.ms)
    undriven = simulator.run(1.0 * u.second, monitors='activity', transient=4.0 * u.second, seed=seed)
    baseline = undriven['activity'].mean(axis=0)
    net.noise['p'].std = 4.0 * u.Hz
    bold = BOLDSignal(brain.n_regions, tr=2.0 * u.second, baseline=baseline)
    result = simulator.run(duration, monitors={'bold': bold}, transient=20.0 * u.second, seed=seed, progress=progress)
    signal = result['bold']
    return Bold(signal, result.times, np.corrcoef(np.asarray(u.get_mantissa(signal), float).T))
