"""The direction of a dipole: along the normal, mostly so, or any."""

from typing import Any

import numpy as np

__all__ = ['orientation_root']


def orientation_root(normals: np.ndarray, loose: Any) -> Any:
    r"""(sources, 3, 3) symmetric root of the prior covariance of each dipole.

    .. math:: (n n^T + \ell \, (I - n n^T))^{1/2} = n n^T + \sqrt{\ell} \, (I - n n^T)

    In x, y, z of the head frame, so that no tangential axes need be chosen. Source: Lin et al. (2006), Hum. Brain Mapp.
    27, 1-13.
    """
    along = normals[:, :, None] * normals[:, None, :]
    return along + loose**0.5 * (np.eye(3) - along)
