"""Haemodynamic response functions: what a short burst of activity does to BOLD, with an integral of 1.

Each gives the integral from 0 to t in closed form, so that what enters a convolution does not depend on its grid.
"""

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks

__all__ = ['KERNELS', 'DoubleGamma', 'Gamma', 'Kernel', 'Volterra']

_LEFT_OUT = 1e-6
"""The part of a kernel that its duration leaves out, at most."""


class Kernel(abc.ABC):
    """The response to an impulse at t = 0, as a density over time in s."""

    @abc.abstractmethod
    def density(self, t: np.ndarray) -> np.ndarray:
        """The response at t, 1/s."""

    @abc.abstractmethod
    def integral(self, t: np.ndarray) -> np.ndarray:
        """The response to a step at t = 0, which goes to 1."""

    @property
    def duration(self) -> float:
        """How long it lasts, s: all but a millionth of it."""
        for end in 600.0 * 2.0 ** np.arange(20):
            t = np.linspace(0.0, end, 6001)
            left = np.flatnonzero(np.abs(1 - self.integral(t)) > _LEFT_OUT)
            if left[-1] < len(t) // 2:
                return float(t[left[-1] + 1])
        raise ValueError(f'{type(self).__name__}.integral(t) goes to 1; it is {self.integral(end):g} after {end:g} s.')

    def weights(self, width: float, n: int) -> np.ndarray:
        """What the mean activity of each of the last ``n`` bins of ``width`` s, the latest first, does to BOLD now."""
        return np.diff(self.integral(width * np.arange(n + 1)))


@dataclass(frozen=True)
class Gamma(Kernel):
    r"""A cascade of ``n`` equal stages, after a delay (Boynton et al., 1996).

    .. math:: h(t) = \frac{x^{n-1} e^{-x}}{\tau\, \Gamma(n)}, \qquad x = (t - \delta)/\tau

    Parameters
    ----------
    n : float
        Number of stages, the shape of the gamma density.
    tau : Quantity
        Time constant of each, its scale.
    delay : Quantity
        Time before anything happens.
    """

    n: float = 3.0
    tau: Any = field(default_factory=lambda: 1.08 * u.second)
    delay: Any = field(default_factory=lambda: 2.05 * u.second)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'n', _positive(self.n, 'Gamma(n)'))
        object.__setattr__(self, 'tau', _positive(self.tau, 'Gamma(tau)', u.second))
        delay = checks.quantity(self.delay, u.second, 'Gamma(delay)')
        checks.non_negative(delay, 'Gamma(delay)')
        object.__setattr__(self, 'delay', float(delay.mantissa))

    def density(self, t: np.ndarray) -> np.ndarray:
        """The response at t, 1/s."""
        from scipy.stats import gamma

        return gamma.pdf(t, self.n, self.delay, self.tau)

    def integral(self, t: np.ndarray) -> np.ndarray:
        """The response to a step at t = 0, which goes to 1."""
        from scipy.special import gammainc

        return gammainc(self.n, np.maximum(np.asarray(t) - self.delay, 0) / self.tau)


@dataclass(frozen=True)
class DoubleGamma(Kernel):
    r"""A response and an undershoot, two gamma densities.

    .. math:: h(t) = \frac{g(t;\, n_1, \tau_1) - r\, g(t;\, n_2, \tau_2)}{1 - r}

    Parameters
    ----------
    response, undershoot : tuple
        Shape n and scale tau of each: ``(6.0, 1.0 * u.second)``. It peaks at (n - 1) tau.
    ratio : float
        Area of the undershoot over that of the response, between 0 and 1.
    """

    response: Any = (6.0, 1.0 * u.second)
    undershoot: Any = (16.0, 1.0 * u.second)
    ratio: float = 1 / 6
    parts: tuple[Gamma, Gamma] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checks.fraction(self.ratio, 'DoubleGamma(ratio)')
        parts = tuple(Gamma(n, tau, 0.0 * u.second) for n, tau in (self.response, self.undershoot))
        object.__setattr__(self, 'parts', parts)
        object.__setattr__(self, 'response', (parts[0].n, parts[0].tau))
        object.__setattr__(self, 'undershoot', (parts[1].n, parts[1].tau))

    def density(self, t: np.ndarray) -> np.ndarray:
        """The response at t, 1/s."""
        return self._mixed(*(part.density(t) for part in self.parts))

    def integral(self, t: np.ndarray) -> np.ndarray:
        """The response to a step at t = 0, which goes to 1."""
        return self._mixed(*(part.integral(t) for part in self.parts))

    def _mixed(self, response: np.ndarray, undershoot: np.ndarray) -> np.ndarray:
        return (response - self.ratio * undershoot) / (1 - self.ratio)


@dataclass(frozen=True)
class Volterra(Kernel):
    r"""What small activity does to the blood flow of the balloon model: its first Volterra kernel.

    .. math:: h(t) = \frac{e^{-t/2\tau_s} \sin \omega t}{\omega\, \tau_f}, \qquad
        \omega^2 = \frac{1}{\tau_f} - \frac{1}{4 \tau_s^2}

    Flow alone, without the volume that follows it, as The Virtual Brain has it. tau_f stands for its square, as in
    `BOLDSignal`.
    """

    tau_s: Any = field(default_factory=lambda: 0.8 * u.second)
    tau_f: Any = field(default_factory=lambda: 0.4 * u.second)

    def __post_init__(self) -> None:
        for name in ('tau_s', 'tau_f'):
            object.__setattr__(self, name, _positive(getattr(self, name), f'Volterra({name})', u.second))
        if 4 * self.tau_s**2 <= self.tau_f:
            raise ValueError(
                f'Volterra oscillates: 4 tau_s^2 is above tau_f (numbers in s); got {self.tau_s:g} and {self.tau_f:g}.'
            )

    @property
    def _rates(self) -> tuple[float, float]:
        decay = 0.5 / self.tau_s
        return decay, np.sqrt(1 / self.tau_f - decay**2)

    def density(self, t: np.ndarray) -> np.ndarray:
        """The response at t, 1/s."""
        decay, omega = self._rates
        t = np.asarray(t)
        return np.where(t > 0, np.exp(-decay * t) * np.sin(omega * t) / (omega * self.tau_f), 0)

    def integral(self, t: np.ndarray) -> np.ndarray:
        """The response to a step at t = 0, which goes to 1."""
        decay, omega = self._rates
        return 1 - np.exp(-decay * t) * (np.cos(omega * t) + decay / omega * np.sin(omega * t))


def _glover() -> DoubleGamma:
    """Both parts have a height of 1 there, and powers of 6 and 12: the area of each is exp(n) n! tau / n^n."""
    from scipy.special import gammaln

    def area(n: float) -> float:
        return float(np.exp(n + gammaln(n + 1) - n * np.log(n)))

    tau = 0.9 * u.second
    return DoubleGamma((7.0, tau), (13.0, tau), ratio=0.35 * area(12.0) / area(6.0))


KERNELS: Mapping[str, Callable[[], Kernel]] = MappingProxyType(
    {
        # spm_hrf.m (revision 7721), p = [6 16 1 1 6 0 32]
        'spm12': DoubleGamma,
        # Glover (1999), auditory cortex, (t/5.4)^6 exp(-(t - 5.4)/0.9) - 0.35 (t/10.8)^12 exp(-(t - 10.8)/0.9), as
        # spmhrf.m of FreeSurfer has it
        'glover1999': _glover,
        # Boynton et al. (1996), as boyntonHIRF.m of vistasoft has it
        'boynton1996': Gamma,
        # Friston et al. (2000), as FirstOrderVolterra of The Virtual Brain has it
        'friston2000': Volterra,
    }
)
"""The published ones, by name: each is made by a call."""


def _positive(value: Any, where: str, unit: u.Unit = u.UNITLESS) -> float:
    value = checks.quantity(value, unit, where)
    checks.positive(value, where)
    checks.finite(value, where)
    return float(u.get_mantissa(value))
