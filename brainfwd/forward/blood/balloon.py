r"""From neural activity to BOLD.

.. math::
    \dot s &= \epsilon z - s/\tau_s - (f - 1)/\tau_f, \qquad \dot f = s \\
    \tau_0 \dot v &= f - v^{1/\alpha}, \qquad
    \tau_0 \dot q = f\,\frac{1 - (1 - E_0)^{1/f}}{E_0} - q\,v^{1/\alpha - 1} \\
    \text{BOLD} &= V_0 \big(k_1 (1 - q) + k_2 (1 - q/v) + k_3 (1 - v)\big)
"""

import math
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.blood.balloon_parameters import bold_parameters
from brainfwd.forward.blood.haemodynamics import Haemodynamics
from brainfwd.integrate import rk4

__all__ = ['BOLDSignal']


class BOLDSignal(Haemodynamics, ForwardModel):
    r"""The balloon model of Friston et al. (2000, 2003), one per region.

    .. math::
        \dot s &= \epsilon z - s/\tau_s - (f - 1)/\tau_f, \qquad \dot f = s \\
        \tau_0 \dot v &= f - v^{1/\alpha}, \qquad
        \tau_0 \dot q = f\,\frac{1 - (1 - E_0)^{1/f}}{E_0} - q\,v^{1/\alpha - 1} \\
        \text{BOLD} &= V_0 \big(k_1 (1 - q) + k_2 (1 - q/v) + k_3 (1 - v)\big)

    At rest the signal is exactly 0. Flow, volume and deoxyhaemoglobin are integrated as logarithms, so that none can
    pass through zero: where activity drives the flow there (sustained, below -0.41 in ``'friston2003'``; less in a
    sudden step), everything becomes NaN, and a simulation stops with an error.

    Blood is slow: it takes a step of its own (Runge-Kutta, fourth order), under the mean of z over that step. In a
    simulation that is the mean of activity before and after each step of the loop, and the error of second order.

    The published :math:`\tau_f` is a time, in every set, where the equation needs its square: read
    :math:`1/(\tau_f \cdot 1\,s)`.

    Without ``echo_time``, :math:`k_1 = 7 E_0,\; k_2 = 2,\; k_3 = 2 E_0 - 0.2` (1.5 T, 40 ms); with it those of Stephan
    et al. (2007), :math:`k_1 = 4.3\, \nu_0 E_0 T_E,\; k_2 = \rho\, r_0 E_0 T_E,\; k_3 = 1 - \rho`.

    Parameters
    ----------
    in_size : int
        Number of regions.
    parameters : {'friston2003', 'friston2000', 'tvb', 'spm12'}
        A published set; what else is given replaces single values of it. See `bold_parameters`.
    tr : Quantity
        Time between samples in a simulation.
    sub_step : Quantity
        Step of the haemodynamics: this or longer in whole steps of the loop, or a part of one that is longer.
    baseline : float or Quantity, optional
        Activity at rest, one number or one per region: what comes in then is activity in this unit, and
        z = (activity - baseline) / baseline. Without it z comes in.
    **values
        Parameters, and initial values as ``init_<variable>``.

    Raises
    ------
    UnitError, ShapeError
        Activity with a unit and no baseline, or in a shape that does not fit.
    ValueError
        A ``tr`` or time constant that is not positive; E_0, V_0 or alpha that is no fraction.

    Notes
    -----
    Friston, Mechelli, Turner & Price (2000), NeuroImage 12. Friston, Harrison & Penny (2003), NeuroImage 19. Stephan
    et al. (2007), NeuroImage 38. Sustained ``z = 1`` raises the flow by 244 %; 0.2 is physiological.
    """

    limit = ': it fell so far below rest that the blood flow of BOLDSignal reached zero'

    tau_s = Parameter(1 / 0.65 * u.second, 'time constant of the decay of the vasodilatory signal', positive=True)
    tau_f = Parameter(1 / 0.41 * u.second, 'time constant of the regulation by flow', positive=True)
    tau_0 = Parameter(0.98 * u.second, 'mean transit time', positive=True)
    alpha = Parameter(0.32, "Grubb's exponent", fraction=True)
    E_0 = Parameter(0.34, 'oxygen extraction at rest', fraction=True)
    V_0 = Parameter(0.02, 'blood volume at rest', fraction=True)
    epsilon = Parameter(1.0 / u.second**2, 'neural efficacy')
    k_1 = Parameter(None, 'weight of deoxyhaemoglobin', optional=True, unit=u.UNITLESS)
    k_2 = Parameter(None, 'weight of the concentration of deoxyhaemoglobin', optional=True, unit=u.UNITLESS)
    k_3 = Parameter(None, 'weight of the blood volume', optional=True, unit=u.UNITLESS)
    echo_time = Parameter(None, 'echo time', positive=True, optional=True, unit=u.ms)
    nu_0 = Parameter(40.3 * u.Hz, 'frequency offset at the surface of a vessel without oxygen', positive=True)
    r_0 = Parameter(25.0 * u.Hz, 'slope of the intravascular relaxation rate with oxygen extraction', positive=True)
    ratio = Parameter(1.0, 'intravascular over extravascular signal at rest', positive=True)

    s = Variable(0.0 / u.second, 'vasodilatory signal')
    log_f = Variable(0.0, 'logarithm of the blood flow, relative to rest')
    log_v = Variable(0.0, 'logarithm of the blood volume, relative to rest')
    log_q = Variable(0.0, 'logarithm of the deoxyhaemoglobin, relative to rest')

    z = Input(0.0, 'relative neural activity, (activity - baseline) / baseline')

    def __init__(
        self,
        in_size: Any,
        *,
        parameters: str = 'friston2003',
        tr: u.Quantity = 2.0 * u.second,
        sub_step: u.Quantity = 10.0 * u.ms,
        name: str | None = None,
        **values: Any,
    ):
        self.parameters = parameters
        super().__init__(in_size, tr=tr, sub_step=sub_step, name=name, **{**bold_parameters(parameters), **values})

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set every variable to its initial value, and forget what came in."""
        super().init_state(batch_size=batch_size)
        # what came in since the last sub-step: its integral over time, and for how long, s
        self.came_in = brainstate.ShortTermState(jnp.zeros_like(self.previous.value))
        self.elapsed = brainstate.ShortTermState(jnp.zeros((), self.previous.value.dtype))

    @property
    def coefficients(self) -> tuple[Any, Any, Any]:
        """k_1, k_2 and k_3."""
        E_0 = self.E_0
        if self.echo_time is None:
            formula = (7 * E_0, 2.0, 2 * E_0 - 0.2)
        else:
            extracted = self.echo_time.to_decimal(u.second) * E_0
            formula = (
                4.3 * self.nu_0.to_decimal(u.Hz) * extracted,
                self.ratio * self.r_0.to_decimal(u.Hz) * extracted,
                1 - self.ratio,
            )
        given = (self.k_1, self.k_2, self.k_3)
        return tuple(k if value is None else value for value, k in zip(given, formula, strict=True))

    @property
    def f(self) -> jax.Array:
        """Blood flow relative to rest."""
        return jnp.exp(self._now()['log_f'])

    @property
    def v(self) -> jax.Array:
        """Blood volume relative to rest."""
        return jnp.exp(self._now()['log_v'])

    @property
    def q(self) -> jax.Array:
        """Deoxyhaemoglobin relative to rest."""
        return jnp.exp(self._now()['log_q'])

    def derivative(self, s: Any, log_f: Any, log_v: Any, log_q: Any, z: Any) -> dict[str, Any]:
        """The time derivative of every variable."""
        E_0 = self.E_0
        # (1 - (1 - E0)^(1/f))/E0, written so that it is exactly 1 at rest
        extraction = 1 - (1 - E_0) / E_0 * jnp.expm1(jnp.log1p(-E_0) * jnp.expm1(-log_f))
        outflow = jnp.exp((1 / self.alpha - 1) * log_v)
        return {
            's': self.epsilon * z - s / self.tau_s - jnp.expm1(log_f) / (self.tau_f * u.second),
            'log_f': s * jnp.exp(-log_f),
            'log_v': (jnp.exp(log_f - log_v) - outflow) / self.tau_0,
            'log_q': (jnp.exp(log_f - log_q) * extraction - outflow) / self.tau_0,
        }

    def _take_in(self, z: Any, dt: float) -> None:
        whole = float(self.sub_step.mantissa)
        if dt < whole * (1 - 1e-6):
            self.came_in.value = self.came_in.value + z * dt
            self.elapsed.value = self.elapsed.value + dt
            # to the rounding of a sum in single precision
            brainstate.transform.cond(self.elapsed.value > whole * (1 - 1e-4), self._flush, lambda: None)
            return
        brainstate.transform.cond(self.elapsed.value > 0, self._flush, lambda: None)  # of shorter steps before
        pieces = math.ceil(dt / whole * (1 - 1e-6))
        if pieces == 1:
            self._advance(z, dt)
        else:
            brainstate.transform.for_loop(lambda _: self._advance(z, dt / pieces), jnp.arange(pieces))

    def _flush(self) -> None:
        self._advance(self.came_in.value / self.elapsed.value, self.elapsed.value)
        self.came_in.value = jnp.zeros_like(self.came_in.value)
        self.elapsed.value = jnp.zeros_like(self.elapsed.value)

    def _advance(self, z: Any, time: Any) -> None:
        """Integrate over a time, in s, in which activity is constant."""
        for name, value in self._moved(z, time).items():
            getattr(self, name).value = value

    def _moved(self, z: Any, time: Any) -> dict[str, Any]:
        state = rk4(lambda stage, _: self.derivative(**stage, z=z), self.values(), time * u.second)
        # flow that reached zero would stay there, and the signal would look healthy
        state['log_f'] = jnp.where(jnp.isneginf(state['log_f']), jnp.nan, state['log_f'])
        return state

    def _now(self) -> dict[str, Any]:
        """Every variable, moved over what is left of the last sub-step."""
        time = self.elapsed.value
        return self._moved(self.came_in.value / jnp.where(time > 0, time, 1), time)

    def bold(self) -> jax.Array:
        """The BOLD signal now, as a fraction of its value at rest: (regions,) or (batch, regions)."""
        state = self._now()
        log_v, log_q = state['log_v'], state['log_q']
        k_1, k_2, k_3 = self.coefficients
        return -self.V_0 * (k_1 * jnp.expm1(log_q) + k_2 * jnp.expm1(log_q - log_v) + k_3 * jnp.expm1(log_v))

    def usual(self, name: str) -> Any:
        """The value of the published set, or the default."""
        return bold_parameters(self.parameters).get(name, super().usual(name))

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, parameters={self.parameters!r}, tr={self.sampling_period})'
