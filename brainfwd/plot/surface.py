"""A triangle mesh seen from the side: what each pixel shows."""

from typing import NamedTuple

import numpy as np

__all__ = ['View', 'outward_normals', 'view_from_side']

# pixels per mm: finer than a figure of usual size shows
_RESOLUTION = 2.5


class View(NamedTuple):
    """Orthographic picture of a mesh: for every pixel the corners of the triangle in front, and their weights."""

    corners: np.ndarray
    """(rows, columns, 3) numbers of vertices, -1 where there is no surface; rows go upwards."""
    weights: np.ndarray
    """(rows, columns, 3)."""
    extent: tuple[float, float, float, float]
    """Left, right, bottom, top in mm; the horizontal axis is the side times y."""

    @property
    def inside(self) -> np.ndarray:
        """(rows, columns) where there is a surface."""
        return self.corners[..., 0] >= 0

    def at(self, values: np.ndarray, across: float, up: float) -> float:
        """The value of vertices that is seen at a place, mm; NaN where there is no surface."""
        left, right, bottom, top = self.extent
        rows, columns = self.inside.shape
        pixel = int((up - bottom) / (top - bottom) * rows), int((across - left) / (right - left) * columns)
        return float(self.weights[pixel] @ values[self.corners[pixel]]) if self.inside[pixel] else np.nan

    def of(self, values: np.ndarray) -> np.ndarray:
        """(rows, columns, ...) values of vertices, interpolated on the triangles; NaN where there is no surface."""
        weights = self.weights[self.inside]
        picture = np.full((*self.corners.shape[:2], *values.shape[1:]), np.nan)
        picture[self.inside] = np.einsum('pk,pk...->p...', weights, values[self.corners[self.inside]])
        return picture


def outward_normals(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(triangles, 3) normals as long as twice the area, and (vertices, 3) unit normals, outward for a closed mesh."""
    a, b, c = (points[triangles[:, k]] - points.mean(axis=0) for k in range(3))
    of_triangle = np.cross(b - a, c - a)
    if np.einsum('ij,ij->', a, of_triangle) < 0:  # the enclosed volume, times six
        of_triangle = -of_triangle
    of_vertex = np.zeros_like(points)
    for k in range(3):
        np.add.at(of_vertex, triangles[:, k], of_triangle)
    return of_triangle, of_vertex / np.linalg.norm(of_vertex, axis=1, keepdims=True)


def view_from_side(points: np.ndarray, triangles: np.ndarray, side: int) -> View:
    """The mesh seen from the right (``side=1``, nose to the right) or the left (``side=-1``, nose to the left).

    Parameters
    ----------
    points : array
        (vertices, 3) mm; x to the right, y to the nose, z up.
    triangles : array
        (faces, 3).
    side : {1, -1}
        Where the viewer stands on the x axis.
    """
    of_triangle, _ = outward_normals(points, triangles)
    front = triangles[side * of_triangle[:, 0] > 0]
    flat = np.stack([side * points[:, 1], points[:, 2]], axis=1)
    low = flat.min(axis=0) - 1.0
    columns, rows = np.ceil((flat.max(axis=0) + 1.0 - low) * _RESOLUTION).astype(int)
    pixel = (flat - low) * _RESOLUTION - 0.5
    depth = side * points[:, 0]

    # every pixel in the bounding box of every triangle is a candidate
    corner = pixel[front]
    first = np.floor(corner.min(axis=1)).astype(int)
    width, height = (np.ceil(corner.max(axis=1)).astype(int) - first + 1).T
    count = width * height
    face = np.repeat(np.arange(len(front)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    column = first[face, 0] + within % width[face]
    row = first[face, 1] + within // width[face]

    (ax, ay), (bx, by), (cx, cy) = (corner[:, k].T for k in range(3))
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    u = ((bx[face] - column) * (cy[face] - row) - (cx[face] - column) * (by[face] - row)) / area[face]
    v = ((cx[face] - column) * (ay[face] - row) - (ax[face] - column) * (cy[face] - row)) / area[face]
    weights = np.stack([u, v, 1 - u - v], axis=1)
    hit = (weights >= -1e-9).all(axis=1) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    face, row, column, weights = face[hit], row[hit], column[hit], weights[hit]

    # nearest last, so that it is what stays
    order = np.argsort(np.einsum('pk,pk->p', weights, depth[front[face]]))
    at = row[order] * columns + column[order]
    corners, kept = np.full((rows * columns, 3), -1), np.zeros((rows * columns, 3))
    corners[at], kept[at] = front[face[order]], weights[order]
    extent = (low[0], low[0] + columns / _RESOLUTION, low[1], low[1] + rows / _RESOLUTION)
    return View(corners.reshape(rows, columns, 3), kept.reshape(rows, columns, 3), extent)
