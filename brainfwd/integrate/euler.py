"""Euler's scheme, first order; with noise, Euler-Maruyama."""

from brainfwd.integrate.base import RungeKutta

euler = RungeKutta('euler', c=(0.0,), a=((),), b=(1.0,), stochastic=True)
