"""The head seen from above, nose up, as every map of sensors shows it."""

from typing import Any

import numpy as np

from brainfwd.plot.style import INK

__all__ = ['at_places', 'draw_head', 'unroll']

# closer than this are the coils of one chip, m
_SAME_PLACE = 1e-3


def unroll(places: np.ndarray) -> np.ndarray:
    """(sensors, 2) azimuthal equidistant; x to the right, y to the nose, 1 at the height of the fiducials (z = 0).

    Around the sphere that fits the places, (sensors, 3) in m, best.
    """
    # |p|^2 = 2 p.c + (r^2 - |c|^2) is linear in the centre c
    solution, *_ = np.linalg.lstsq(np.c_[2 * places, np.ones(len(places))], (places**2).sum(axis=1), rcond=None)
    centre = solution[:3]
    radius = np.sqrt(solution[3] + centre @ centre)
    x, y, z = (places - centre).T
    across = np.hypot(x, y)
    rim = np.pi / 2 + np.arcsin(np.clip(centre[2] / radius, -0.9, 0.9))
    reach = np.arctan2(across, z) / rim
    return np.c_[x, y] * (reach / np.where(across > 0, across, 1.0))[:, None]


def at_places(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(places, 3) where sensors are, m, each once, and (sensors,) the place of each: coils of one chip share it."""
    _, first, place_of = np.unique((positions / _SAME_PLACE).round(), axis=0, return_index=True, return_inverse=True)
    return positions[first], place_of.ravel()


def draw_head(axis: Any, reach: np.ndarray) -> None:
    """Circle, nose and ears; the axis takes in ``reach``, (points, 2), as well."""
    turn = np.linspace(0, 2 * np.pi, 181)
    line = {'color': INK, 'linewidth': 1.4, 'solid_capstyle': 'round'}
    axis.plot(np.cos(turn), np.sin(turn), **line)
    axis.plot([-0.13, 0.0, 0.13], [0.99, 1.14, 0.99], **line)
    ear = np.array([[0.99, 0.2], [1.05, 0.22], [1.09, 0.1], [1.07, -0.12], [1.03, -0.2], [0.985, -0.18]])
    for side in (-1, 1):
        axis.plot(side * ear[:, 0], ear[:, 1], **line)
    reach = np.concatenate([reach, [[-1.12, -1.03], [1.12, 1.17]]])
    axis.set_xlim(reach[:, 0].min() - 0.02, reach[:, 0].max() + 0.02)
    axis.set_ylim(reach[:, 1].min() - 0.02, reach[:, 1].max() + 0.02)
    axis.set_aspect('equal')
    axis.set_axis_off()
