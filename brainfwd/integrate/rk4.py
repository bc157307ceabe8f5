"""The classical Runge-Kutta scheme, fourth order."""

from brainfwd.integrate.base import RungeKutta

rk4 = RungeKutta(
    'rk4', c=(0.0, 0.5, 0.5, 1.0), a=((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), b=(1 / 6, 1 / 3, 1 / 3, 1 / 6)
)
