r"""Steps of explicit Runge-Kutta schemes over a dictionary of variables.

A scheme is a table: at the times :math:`t + c_i\,dt` it evaluates

.. math:: k_i = f\Big(x + dt \sum_j a_{ij} k_j + c_i\,\Delta W,\; c_i\Big), \qquad x' = x + dt \sum_i b_i k_i + \Delta W

with :math:`\Delta W` the increments of additive white noise over the step (zero without noise). For Euler that is
Euler-Maruyama, for Heun the stochastic Heun scheme (Rümelin, 1982).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brainunit as u

from brainfwd._core import checks

__all__ = ['Derivative', 'RungeKutta', 'State', 'increment']

State = dict[str, Any]
Derivative = Callable[[State, float], State]


def increment(dt: Any, rate: Any, value: Any, name: str) -> Any:
    """``dt * rate`` in the unit of ``value``."""
    return checks.quantity(dt * rate, u.get_unit(value), f'dt * d{name}/dt', f'the change of {name}')


@dataclass(frozen=True)
class RungeKutta:
    """An explicit scheme given by its table.

    Parameters
    ----------
    name : str
        The name users choose it by.
    c, a, b : tuple
        Times, stages and weights of the Butcher table.
    stochastic : bool
        Whether it may carry white noise.
    """

    name: str
    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    stochastic: bool = False

    def __call__(self, f: Derivative, state: State, dt: u.Quantity, noise: State | None = None) -> State:
        """One step.

        Parameters
        ----------
        f : callable
            ``f(state, fraction)``: the derivative of each variable at ``fraction`` of the step.
        state : dict
            The variables at the beginning of the step.
        dt : Quantity
            The time step.
        noise : dict, optional
            Increments of white noise over the step, for the variables that have some.
        """
        noise = noise or {}
        slopes: list[State] = []
        for c, row in zip(self.c, self.a, strict=True):
            rates = f(self._moved(state, slopes, row, dt, noise, c), c)
            slopes.append({name: rates[name] for name in state})
        return self._moved(state, slopes, self.b, dt, noise, 1.0)

    @staticmethod
    def _moved(state: State, slopes: list[State], row: tuple[float, ...], dt: Any, noise: State, c: float) -> State:
        moved = {}
        for name, value in state.items():
            terms = [w * slope[name] if w != 1 else slope[name] for w, slope in zip(row, slopes, strict=True) if w]
            if terms:
                value = value + increment(dt, sum(terms[1:], terms[0]), value, name)
            if c and name in noise:
                value = value + c * noise[name]
            moved[name] = value
        return moved
