"""The compiled loop and its monitors."""

from brainfwd.simulator.monitors import Monitor
from brainfwd.simulator.pure import Simulation
from brainfwd.simulator.result import Result, SimulationError
from brainfwd.simulator.simulator import Simulator
from brainfwd.simulator.state import SimulationState, load_state
from brainfwd.simulator.sweep import Sweep, sweep

__all__ = [
    'Monitor',
    'Result',
    'Simulation',
    'SimulationError',
    'SimulationState',
    'Simulator',
    'Sweep',
    'load_state',
    'sweep',
]
