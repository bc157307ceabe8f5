"""Schemes that step variables forward in time."""

from brainfwd.integrate.base import RungeKutta
from brainfwd.integrate.euler import euler
from brainfwd.integrate.exponential_euler import exponential_euler
from brainfwd.integrate.heun import heun
from brainfwd.integrate.rk4 import rk4

__all__ = ['SCHEMES', 'RungeKutta', 'euler', 'exponential_euler', 'heun', 'rk4']

SCHEMES = {scheme.name: scheme for scheme in (euler, heun, rk4, exponential_euler)}
