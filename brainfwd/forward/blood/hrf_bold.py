r"""BOLD as activity convolved with a haemodynamic response function.

.. math:: \text{BOLD}(t) = g \int_0^\infty h(t')\, z(t - t')\, dt', \qquad \int h = 1
"""

import math
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter
from brainfwd._core.module import current_dtype
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.blood.haemodynamics import Haemodynamics, seconds
from brainfwd.forward.blood.kernels import KERNELS, Kernel

__all__ = ['HRFBold']


class HRFBold(Haemodynamics, ForwardModel):
    r"""Linear BOLD: relative activity convolved with a kernel.

    .. math:: \text{BOLD}(t) = g \int_0^\infty h(t')\, z(t - t')\, dt', \qquad \int h = 1

    Sustained z gives g z, whatever the grid: the kernel is integrated over each bin in closed form. Exact where
    activity is constant over bins of ``sub_step``, of second order in it otherwise; between two bins BOLD is
    interpolated. Of second order in the step of a simulation too, which takes the mean of activity before and after
    each. Before the beginning z was 0. The last bins are kept, as long as the kernel lasts: 22 to 40 s for those
    published, some 1100 to 2000 numbers per region.

    Parameters
    ----------
    in_size : int
        Number of regions.
    kernel : {'spm12', 'glover1999', 'boynton1996', 'friston2000'} or Kernel
        A published one, or one with parameters of your own: ``bf.forward.DoubleGamma``, ``Gamma``, ``Volterra``.
    tr : Quantity
        Time between samples in a simulation.
    sub_step : Quantity
        Length of a bin, whatever the step of the loop.
    baseline : float or Quantity, optional
        Activity at rest; see `BOLDSignal`.
    gain : float
        BOLD under sustained z = 1, a fraction: by default that of `BOLDSignal` for small z, 0.128.

    Notes
    -----
    Boynton, Engel, Glover & Heeger (1996), Journal of Neuroscience 16. Friston et al. (1998), NeuroImage 7. Glover
    (1999), NeuroImage 9. Friston, Mechelli, Turner & Price (2000), NeuroImage 12.
    """

    gain = Parameter(0.128, 'BOLD under sustained z = 1')

    z = Input(0.0, 'relative neural activity, (activity - baseline) / baseline')

    def __init__(
        self,
        in_size: Any,
        *,
        kernel: str | Kernel = 'spm12',
        tr: u.Quantity = 2.0 * u.second,
        sub_step: u.Quantity = 20.0 * u.ms,
        name: str | None = None,
        **values: Any,
    ):
        super().__init__(in_size, tr=tr, sub_step=sub_step, name=name, **values)
        if isinstance(kernel, Kernel):
            self.kernel = kernel
        else:
            self.kernel = KERNELS[checks.choice(kernel, KERNELS, 'HRFBold(kernel)')]()
        self.n_bins = math.ceil(self.kernel.duration / float(self.sub_step.mantissa)) + 1

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Forget what came in."""
        super().init_state(batch_size=batch_size)
        before = self.previous.value
        # the mean of z in each of the last bins, in turn; of the present one, what came in so far
        self.bins = brainstate.ShortTermState(jnp.zeros((self.n_bins, *before.shape), before.dtype))
        self.row = brainstate.ShortTermState(jnp.zeros((), jnp.int32))
        # how much of the present one has passed, from 0 to 1
        self.filled = brainstate.ShortTermState(jnp.zeros((), before.dtype))

    def _take_in(self, z: Any, dt: float) -> None:
        bins, begin = self.bins.value, self.filled.value
        length = dt / float(self.sub_step.mantissa)
        end = begin + length
        # the present bin, and those that the step may reach
        ahead = jnp.arange(math.ceil(length * (1 - 1e-6)) + 1)
        if len(ahead) > self.n_bins:
            raise ValueError(
                f'HRFBold: the step of the loop is shorter than the kernel, {self.kernel.duration:g} s; got {dt:g} s.'
            )
        rows, after = (self.row.value + ahead) % self.n_bins, ahead.reshape(-1, *(1,) * z.ndim)
        part = jnp.clip(end - after, 0, 1) - jnp.clip(begin - after, 0, 1)
        before = bins[rows]
        new = jnp.where(after > 0, 0, before) + part * z
        self.bins.value = bins.at[rows].set(jnp.where(after < end, new, before))
        passed = jnp.maximum(jnp.ceil(end) - 1, 0)
        self.row.value = (self.row.value + passed.astype(jnp.int32)) % self.n_bins
        self.filled.value = end - passed

    def bold(self) -> jax.Array:
        """The BOLD signal now, a fraction: (regions,) or (batch, regions)."""
        bins, filled = self.bins.value, self.filled.value
        weights = jnp.asarray(self.kernel.weights(float(self.sub_step.mantissa), self.n_bins), bins.dtype)
        # between the ends of two bins: as at the end of the last, and as it will be at the end of the present one
        last = jnp.concatenate([weights[:1], weights[:-1]])
        mixed = (1 - filled) * last + filled * weights
        age = (self.row.value - jnp.arange(self.n_bins)) % self.n_bins
        return self.gain * jnp.tensordot(mixed[age], bins, axes=1)

    def convolved(self, z: Any, sampling_period: Any) -> jax.Array:
        """BOLD of a whole series, at the end of each of its samples.

        Parameters
        ----------
        z : array or Quantity
            As `update` takes it, (times, regions) or (batch, times, regions), each constant over its sample.
        sampling_period : Quantity
            Of the series.
        """
        z = jnp.asarray(self.relative(z), current_dtype('HRFBold'))
        if z.ndim < 2 or z.shape[-1] != self.in_size[-1]:
            raise checks.ShapeError(
                f'HRFBold.convolved(z) is ([batch,] times, {self.in_size[-1]} regions); got shape {z.shape}.'
            )
        width = seconds(sampling_period, 'HRFBold.convolved(sampling_period)', 'the time between samples')
        weights = self.kernel.weights(width, min(z.shape[-2], math.ceil(self.kernel.duration / width)))
        shape = (*z.shape[:-2], len(weights), z.shape[-1])
        response = jnp.broadcast_to(jnp.asarray(weights, z.dtype)[:, None], shape)
        both = jax.scipy.signal.fftconvolve(z, response, axes=[-2])
        return self.gain * both[..., : z.shape[-2], :]

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, kernel={self.kernel}, tr={self.sampling_period})'
