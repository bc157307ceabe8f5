r"""Three dipoles in a homogeneous sphere, instead of one inside shells.

.. math::
    V(\mathbf x, q) \approx \sum_{j=1}^{3} V_\text{homogeneous}(\mu_j \mathbf x,\ \lambda_j q), \qquad
    T_n \approx \sum_j \lambda_j\,\mu_j^{n-1}

A closed form in place of a series, whose parameters depend on the head alone.

References
----------
Berg & Scherg (1994), A fast method for forward computation of multiple-shell spherical head models,
Electroencephalography and Clinical Neurophysiology 90. Zhang (1995), as in `brainfwd.forward.heads.sphere_eeg`, for the
equation in orders.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from brainfwd.forward.heads.sphere_eeg import homogeneous, orders_needed, transmission

__all__ = ['EquivalentDipoles', 'berg_scherg']

_STARTS = ((0.2, 0.5, 0.9), (0.1, 0.6, 0.8), (0.3, 0.7, 0.95), (-0.3, 0.6, 0.95))


class EquivalentDipoles(NamedTuple):
    """Where the dipoles are, how strong, and how well they do."""

    depths: np.ndarray
    r""":math:`\mu`, (3,): their eccentricities relative to that of the dipole they stand for."""
    strengths: np.ndarray
    r""":math:`\lambda`, (3,): their moments relative to its moment."""
    error: float
    """Root mean square error of the potential, relative to its root mean square."""

    def sums(self, t: Any, s: Any) -> tuple[jax.Array, jax.Array]:
        """The sums of `brainfwd.forward.heads.sphere_eeg`."""
        S_r: Any = 0.0
        S_x: Any = 0.0
        for mu, strength in zip(map(float, self.depths), map(float, self.strengths), strict=True):
            near_r, near_x = homogeneous(mu * t, mu**2 * s)
            S_r, S_x = S_r + strength * near_r, S_x + strength * mu * near_x
        return S_r, S_x


def berg_scherg(radii: np.ndarray, conductivities: np.ndarray) -> EquivalentDipoles:
    r"""Fit the three dipoles to the series.

    The mean square error of the potential is least, over electrodes anywhere on the sphere and dipoles of any direction
    spread evenly over the innermost shell, of radius :math:`\rho` relative to the outermost:

    .. math:: \sum_n w_n^2 \Big(T_n - \sum_j \lambda_j\,\mu_j^{n-1}\Big)^2, \qquad w_n^2 = \frac{2n+1}{n}\,\rho^{2n}

    The strengths, in which it is linear, are solved for at every step of a search for the depths.
    """
    from scipy.optimize import least_squares

    n = np.arange(1, orders_needed(radii, conductivities, 1e-8) + 1)
    weight = np.sqrt((2 * n + 1) / n) * (radii[0] / radii[-1]) ** n
    target = weight * transmission(radii, conductivities, n)

    def solve(depths):
        design = weight[:, None] * depths ** (n[:, None] - 1.0)
        strengths = np.linalg.lstsq(design, target, rcond=1e-5)[0]
        return strengths, design @ strengths - target

    fits = [least_squares(lambda mu: solve(mu)[1], start, bounds=(-1, 1), xtol=1e-12, ftol=1e-12) for start in _STARTS]
    depths = np.sort(min(fits, key=lambda fit: fit.cost).x)
    strengths, residual = solve(depths)
    return EquivalentDipoles(depths, strengths, float(np.linalg.norm(residual) / np.linalg.norm(target)))
