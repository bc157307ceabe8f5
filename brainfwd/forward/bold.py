r"""From neural activity to BOLD.

.. math::
    \dot s &= \epsilon z - s/\tau_s - (f - 1)/\tau_f, \qquad \dot f = s \\
    \tau_0 \dot v &= f - v^{1/\alpha}, \qquad
    \tau_0 \dot q = f\,\frac{1 - (1 - E_0)^{1/f}}{E_0} - q\,v^{1/\alpha - 1} \\
    \text{BOLD} &= V_0 \big(k_1 (1 - q) + k_2 (1 - q/v) + k_3 (1 - v)\big), \qquad
    k_1 = 7 E_0,\; k_2 = 2,\; k_3 = 2 E_0 - 0.2
"""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, Variable
from brainfwd._core.module import current_dt
from brainfwd.forward.base import ForwardModel
from brainfwd.integrate import heun

__all__ = ['BOLDSignal']


class BOLDSignal(ForwardModel):
    r"""The balloon model of Friston et al. (2003), one per region.

    Flow, volume and deoxyhaemoglobin are integrated as logarithms (Heun), so that none can pass through zero: where
    activity drives the flow there (sustained, below -0.41; less in a sudden step), everything becomes NaN. At rest the
    signal is exactly 0.

    The published :math:`\tau_f` is a time where the equation needs its square: read :math:`1/(\tau_f \cdot 1\,s)`.

    Parameters
    ----------
    in_size : int
        Number of regions.
    tr : Quantity
        Time between samples in a simulation.
    **values
        Parameters, and initial values as ``init_<variable>``.

    Raises
    ------
    UnitError, ShapeError
        Activity with a unit, or in a shape that does not fit.
    ValueError
        A ``tr`` that is not positive.

    Notes
    -----
    Friston, Harrison & Penny (2003), Dynamic causal modelling, NeuroImage 19. Sustained ``z = 1`` raises the flow by
    244 %; 0.2 is physiological.
    """

    tau_s = Parameter(1 / 0.65 * u.second, 'time constant of the decay of the vasodilatory signal')
    tau_f = Parameter(1 / 0.41 * u.second, 'time constant of the regulation by flow')
    tau_0 = Parameter(0.98 * u.second, 'mean transit time')
    alpha = Parameter(0.32, "Grubb's exponent")
    E_0 = Parameter(0.34, 'oxygen extraction at rest')
    V_0 = Parameter(0.02, 'blood volume at rest')
    epsilon = Parameter(1.0 / u.second**2, 'neural efficacy')

    s = Variable(0.0 / u.second, 'vasodilatory signal')
    log_f = Variable(0.0, 'logarithm of the blood flow, relative to rest')
    log_v = Variable(0.0, 'logarithm of the blood volume, relative to rest')
    log_q = Variable(0.0, 'logarithm of the deoxyhaemoglobin, relative to rest')

    z = Input(0.0, 'relative neural activity, (rate - baseline) / baseline')

    def __init__(
        self,
        in_size: Any,
        *,
        tr: u.Quantity = 2.0 * u.second,
        name: str | None = None,
        **values: Any,
    ):
        super().__init__(in_size, name=name, **values)
        period = checks.quantity(tr, u.second, 'BOLDSignal(tr=...)', 'the time between samples')
        if not 0 < float(period.mantissa) < np.inf:
            raise ValueError(f'BOLDSignal(tr=...) must be positive; got {tr}.')
        self.sampling_period = u.Quantity(float(period.mantissa), unit=u.second)

    @property
    def f(self) -> jax.Array:
        """Blood flow relative to rest."""
        return jnp.exp(self.log_f.value)

    @property
    def v(self) -> jax.Array:
        """Blood volume relative to rest."""
        return jnp.exp(self.log_v.value)

    @property
    def q(self) -> jax.Array:
        """Deoxyhaemoglobin relative to rest."""
        return jnp.exp(self.log_q.value)

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

    def update(self, z: Any = None) -> None:
        """Step by dt under the relative activity ``z``, (regions,) or (batch, regions).

        That is (rate - baseline) / baseline, say, or :math:`|z|^2` of a Hopf oscillator: never a potential, nor a
        signed oscillation, which averages to nothing.
        """
        z = self.checked_inputs({'z': z})['z']
        if np.shape(z) != ():
            checks.shape_is(
                z, self.log_f.value.shape, 'BOLDSignal.update(z=...)', 'as set by init_all_states(batch_size)'
            )
        dt = current_dt('BOLDSignal.update')
        state = heun(lambda stage, _: self.derivative(**stage, z=z), self.values(), dt)
        # flow that reached zero would stay there, and the signal would look healthy
        state['log_f'] = jnp.where(jnp.isneginf(state['log_f']), jnp.nan, state['log_f'])
        for name, value in state.items():
            getattr(self, name).value = value

    def bold(self) -> jax.Array:
        """The BOLD signal, as a fraction of its value at rest: (regions,) or (batch, regions)."""
        log_v, log_q = self.log_v.value, self.log_q.value
        k_1, k_2, k_3 = 7 * self.E_0, 2.0, 2 * self.E_0 - 0.2
        return -self.V_0 * (k_1 * jnp.expm1(log_q) + k_2 * jnp.expm1(log_q - log_v) + k_3 * jnp.expm1(log_v))

    def step(self, x: Any) -> None:
        """As `update`."""
        self.update(x)

    def sample(self) -> jax.Array:
        """As `bold`."""
        return self.bold()

    def recording(self, values: Any, sampling_period: Any = None, start: Any = 0.0 * u.second) -> np.ndarray:
        """The samples of a run, (T, regions), fractions."""
        return np.asarray(values, np.float64)
