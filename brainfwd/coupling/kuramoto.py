"""Coupling of phases."""

from typing import Any, ClassVar

import brainunit as u

from brainfwd._core import checks
from brainfwd._core.fields import Parameter
from brainfwd.coupling.base import Coupling

__all__ = ['KuramotoCoupling']


class KuramotoCoupling(Coupling):
    r"""The weighted sum of the sines of phase differences (Kuramoto, 1975; with a lag, Sakaguchi & Kuramoto, 1986).

    .. math:: c_i(t) = k \sum_j w_{ij} \sin\big(\theta_j(t - d_{ij}) - \theta_i(t) - \alpha_i\big)

    Sine and cosine of each phase travel, so that all differences cost two sums. There is no division by the number of
    regions: with weights of 1, k is :math:`K / N`. Into `KuramotoModel` k is in Hz: the strength in rad/s over
    :math:`2 \pi`.

    References
    ----------
    Kuramoto (1984), Chemical Oscillations, Waves, and Turbulence. Sakaguchi & Kuramoto (1986), Prog. Theor. Phys. 76,
    576-581. Yeung & Strogatz (1999), Phys. Rev. Lett. 82, 648-651: with delays.
    """

    n_parts: ClassVar[int] = 2

    alpha = Parameter(0.0, 'phase lag in rad')

    def bind(self, source: u.Unit, target: u.Unit, what: str) -> None:
        """Refuse what is no phase."""
        if not source.is_unitless:
            raise checks.UnitError(f'{type(self).__name__} reads phases, in rad without a unit; got {what}.')
        super().bind(source, target, what)

    def pre(self, source: Any) -> Any:
        """Sine and cosine of the phase."""
        return u.math.sin(source), u.math.cos(source)

    def post(self, total: Any, target: Any) -> Any:
        """The sine of the difference, by its addition theorem."""
        sines, cosines = total
        phase = target + self.alpha
        return sines * u.math.cos(phase) - cosines * u.math.sin(phase)
