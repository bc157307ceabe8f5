r"""Coordinates without bounds for the places inside a sphere.

.. math:: r = c + R\,\frac{z}{\sqrt{1 + |z|^2}}, \qquad z \in \mathbb{R}^3
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ['Ball']


@dataclass(frozen=True, eq=False)
class Ball:
    """The inside of a sphere.

    Parameters
    ----------
    centre : array
        (3,).
    radius : float
        In the unit of the centre.
    """

    centre: np.ndarray
    radius: float

    def place(self, z: np.ndarray) -> np.ndarray:
        """Where z leads, (3,)."""
        return self.centre + self.radius * z / math.sqrt(1 + z @ z)

    def coordinates(self, place: np.ndarray) -> np.ndarray:
        """The z of a place, (3,)."""
        x = (place - self.centre) / self.radius
        return x / math.sqrt(1 - x @ x)

    def slope(self, z: np.ndarray) -> np.ndarray:
        """(3, 3) derivatives of the place by z."""
        length = math.sqrt(1 + z @ z)
        return self.radius / length * (np.eye(3) - np.outer(z, z) / length**2)

    def reach(self, place: np.ndarray) -> float:
        """The distance of a place from the centre, relative to the radius."""
        return float(np.linalg.norm(place - self.centre)) / self.radius
