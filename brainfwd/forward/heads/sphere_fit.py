"""The sphere nearest to points."""

import numpy as np

__all__ = ['fit_sphere']


def fit_sphere(places: np.ndarray, where: str) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the sphere with the least squared distances from the points, (points, 3).

    Raises
    ------
    ValueError
        Fewer than four points, or points in a plane.
    """
    from scipy.optimize import least_squares

    spread = np.linalg.svd(places - places.mean(axis=0))[1] if len(places) >= 4 else np.zeros(3)
    if spread[-1] <= 1e-3 * spread[0]:
        raise ValueError(f'{where} are four places or more, not all in a plane; got {len(places)}.')
    # |p|^2 = 2 p.c + (R^2 - |c|^2) is linear, and near enough to begin with
    linear = np.linalg.lstsq(np.c_[2 * places, np.ones(len(places))], np.square(places).sum(axis=1))[0]
    start = np.append(linear[:3], np.sqrt(linear[3] + linear[:3] @ linear[:3]))
    fitted = least_squares(lambda x: np.linalg.norm(places - x[:3], axis=1) - x[3], start, x_scale=start[3]).x
    return fitted[:3], float(fitted[3])
