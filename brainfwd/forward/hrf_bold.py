r"""BOLD as activity convolved with a haemodynamic response function.

.. math:: \text{BOLD}(t) = g \int_0^\infty h(t')\, z(t - t')\, dt', \qquad \int h = 1
"""

import math
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter
from brainfwd._core.module import current_dtype
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.haemodynamics import Haemodynamics, seconds
from brainfwd.forward.kernels import KERNELS, Kernel

__all__ = ['HRFBold']


class HRFBold(Haemodynamics, ForwardModel):
    r"""Linear BOLD: relative activity convolved with a kernel.

    .. math:: \text{BOLD}(t) = g \int_0^\infty h(t')\, z(t - t')\, dt', \qquad \int h = 1

    Sustained z gives g z, whatever the grid: the kernel is integrated over each bin in closed form. Exact where
    activity is constant over bins of ``sub_step``, of second order otherwise; between two bins BOLD is interpolated.
    Before the beginning z was 0. The last bins are kept, as long as the kernel lasts (20 to 45 s, up to 2300 numbers
    per region).

    Parameters
    ----------
    in_size : int
        Number of regions.
    kernel : {'spm12', 'glover1999', 'boynton1996', 'friston2000'} or Kernel
        A published one, or one with parameters of your own: ``bf.forward.DoubleGamma``, ``Gamma``, ``Volterra``.
    tr : Quantity
        Time between samples in a simulation.
    sub_step : Quantity
        Length of a bin, in whole steps of the loop: this or longer.
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
        batch = () if batch_size is None else (batch_size,)
        dtype = current_dtype('HRFBold')
        # the mean of z in each of the last bins, in turn; of the present one, what came in so far
        self.bins = brainstate.ShortTermState(jnp.zeros((self.n_bins, *batch, *self.in_size), dtype))
        self.count = brainstate.ShortTermState(jnp.zeros((), jnp.int32))

    def update(self, z: Any = None) -> None:
        """Take in the relative activity of one dt, (regions,) or (batch, regions); with a ``baseline``, activity."""
        z = self.relative(0.0 if z is None else z)
        bins, count = self.bins.value, self.count.value
        if np.shape(z) != ():
            checks.shape_is(z, bins.shape[1:], 'HRFBold.update(z=...)', 'as set by init_all_states(batch_size)')
        _, n = self.step_of_loop()
        row = count // n % self.n_bins
        before = jnp.where(count % n == 0, 0, bins[row])
        self.bins.value = bins.at[row].set(before + z / n)
        self.count.value = count + 1

    def bold(self) -> jax.Array:
        """The BOLD signal now, a fraction: (regions,) or (batch, regions)."""
        dt, n = self.step_of_loop()
        bins, count = self.bins.value, self.count.value
        weights = jnp.asarray(self.kernel.weights(n * dt, self.n_bins), bins.dtype)
        # between the ends of two bins: as at the end of the last, and as it will be at the end of the present one
        passed, last = (count % n) / n, jnp.concatenate([weights[:1], weights[:-1]])
        mixed = jnp.where(passed > 0, (1 - passed) * last + passed * weights, weights)
        age = (jnp.maximum(count - 1, 0) // n - jnp.arange(self.n_bins)) % self.n_bins
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
