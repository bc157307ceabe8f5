"""The Gaussian model that a solver assumes: what it takes for likely before there are data, and after."""

import functools
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import in_double, solve_positive, symmetric_power, xp_of
from brainfwd._core.units import nAm
from brainfwd.inverse.posterior import Posterior, inverse_root, spread
from brainfwd.records import Channels
from brainfwd.records.channel_groups import values as with_units

__all__ = ['GaussianModel', 'coefficients_gain', 'unwhitener']

_NANO = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class GaussianModel:
    r"""Sources of a Gaussian prior, seen through a lead field, in Gaussian noise.

    .. math:: s \sim \mathcal N(0, B R B^T / n_{ave}), \qquad y = G s + \epsilon, \quad
        \epsilon \sim \mathcal N(0, C / n_{ave})

    Of a fitted solver it is ``solver.model``: with data drawn from it, the solver's intervals hold what they promise.

    Parameters
    ----------
    gain : array
        (sensors, sources, K) SI per A m.
    white : array
        (directions, sensors) whitener.
    prior : array
        (coefficients, K, K) R of a single repetition, (nA m)2.
    noise : array, optional
        (directions, directions) whitened covariance of the noise of a single repetition; without one the identity.
    basis : array or sparse matrix, optional
        (sources, coefficients) B; without one the identity.
    channels : Channels
        The sensors.
    nave : int
        Of how many repetitions the data are an average.
    """

    gain: Any
    white: Any
    prior: Any
    channels: Channels
    noise: Any = None
    basis: Any = None
    nave: int = 1

    def __repr__(self) -> str:
        return f'GaussianModel({self.gain.shape[1]} sources, {self.channels})'

    @functools.cached_property
    def _factors(self) -> tuple[Any, Any]:
        r""":math:`R^{1/2}` in nA m, and X of the posterior."""

        def compute(gain: Any, white: Any, prior: Any) -> tuple[Any, Any]:
            n, _, k = gain.shape
            root = symmetric_power(prior, 0.5)
            seen = coefficients_gain(gain, self.basis)
            columns = (seen.transpose(1, 0, 2) @ root).transpose(1, 0, 2) * _NANO
            columns = (white @ columns.reshape(n, -1)).reshape(len(white), -1, k)
            return root / self.nave**0.5, columns

        return in_double(compute, self.gain, self.white, self.prior, either=True)

    def posterior(self, y: Any) -> Posterior:
        """For (..., sensors) SI numbers, in the order of the sensors."""
        root, columns = self._factors

        def compute(root: Any, columns: Any, noise: Any, white: Any, y: Any) -> Any:
            k, half = root.shape[-1], inverse_root(columns, noise)
            coefficients = (y @ white.T @ half.T @ half) @ columns.reshape(len(columns), -1) * self.nave**0.5
            coefficients = coefficients.reshape(*y.shape[:-1], -1, 1, k)
            mean = spread(self.basis, (coefficients @ root)[..., 0, :], -2)
            return mean[..., 0] if k == 1 else mean

        mean = in_double(compute, root, columns, self.noise, self.white, y, either=True)
        return Posterior(u.Quantity(mean, unit=nAm), root, columns, self.noise, self.basis)

    @property
    def variance(self) -> u.Quantity:
        """(sources[, 3]) variance that data leave open of each component, (nA m)2."""
        return Posterior(0.0 * nAm, *self._factors, self.noise, self.basis).variance

    def sample(self, n: int, seed: int = 0) -> tuple[u.Quantity, Any]:
        """Draw sources, and data that they make with noise.

        Returns
        -------
        sources : Quantity
            (n, sources[, 3]), nA m.
        data : Quantity or ChannelGroups
            (n, sensors), of average reference where there is EEG.
        """
        n = checks.positive_int(n, 'GaussianModel.sample(n)')
        # a stream of its own: draws of a posterior with the same seed have nothing in common with these
        rng = np.random.default_rng([seed, 1])
        root, white, gain = (np.asarray(x, float) for x in (self._factors[0], self.white, self.gain))
        c, k = root.shape[:2]
        drawn = (rng.normal(size=(n, c, 1, k)) @ root)[:, :, 0]
        sources = spread(self.basis, drawn, -2)
        noise = rng.normal(size=(n, len(white)))
        if self.noise is not None:
            noise = noise @ symmetric_power(np.asarray(self.noise, float), 0.5)
        to_sensors = unwhitener(white)
        # what the whitener takes away of the gain, such as the mean of all electrodes, is no part of the data
        clean = (white @ gain.reshape(len(gain), -1)) @ sources.reshape(n, -1).T * _NANO
        data = (clean.T + noise / self.nave**0.5) @ to_sensors.T
        return (
            u.Quantity(sources[..., 0] if k == 1 else sources, unit=nAm),
            with_units(data, self.channels),
        )


def unwhitener(white: Any) -> Any:
    """(sensors, directions): what takes whitened data back, the pseudo-inverse of a whitener of full rank."""
    xp = xp_of(white)
    scale = (white**2).sum(axis=1) ** 0.5
    # compiled code keeps rows of zeros
    empty = scale == 0
    scale = xp.where(empty, 1.0, scale)
    rows = white / scale[:, None]
    return solve_positive(rows @ rows.T + xp.eye(len(rows)) * empty, rows).T / scale


def coefficients_gain(gain: Any, basis: Any) -> Any:
    """(sensors, coefficients, K) gain of the coefficients of a basis, from that of the sources."""
    if basis is None:
        return gain
    if xp_of(gain) is np:
        # a sparse matrix stands on the left
        n, sources, k = gain.shape
        by_source = gain.transpose(1, 0, 2).reshape(sources, -1)
        return (basis.T @ by_source).reshape(-1, n, k).transpose(1, 0, 2)
    return spread(basis.T, gain, 1)
