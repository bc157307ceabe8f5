"""The compiled loop and its monitors."""

from brainfwd.simulator.monitors import Monitor
from brainfwd.simulator.pure import Simulation
from brainfwd.simulator.result import Result, SimulationError
from brainfwd.simulator.simulator import Simulator

__all__ = ['Monitor', 'Result', 'Simulation', 'SimulationError', 'Simulator']
