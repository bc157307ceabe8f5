"""Heun's scheme, second order; with additive noise, stochastic Heun."""

from brainfwd.integrate.base import RungeKutta

heun = RungeKutta('heun', c=(0.0, 1.0), a=((), (1.0,)), b=(0.5, 0.5), stochastic=True)
