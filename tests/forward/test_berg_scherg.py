"""Three dipoles in one sphere, against the series."""

import jax
import numpy as np
import pytest

from brainfwd.forward.heads.berg_scherg import berg_scherg
from brainfwd.forward.heads.sphere_eeg import orders_needed, series, transmission

HEADS = {
    'four shells': ([0.90, 0.92, 0.97, 1.0], [0.33, 1.0, 0.004, 0.33]),
    'three shells': ([0.87, 0.92, 1.0], [0.33, 0.0042, 0.33]),
    'two shells': ([0.8, 1.0], [1.0, 0.05]),
    'equal shells': ([0.9, 1.0], [0.3, 0.3]),
}


@pytest.mark.parametrize('head', HEADS)
def test_error_is_the_one_stated(head):
    """By quadrature: potentials at electrodes anywhere, of dipoles spread evenly over the innermost shell."""
    radii, sigmas = map(np.array, HEADS[head])
    dipoles = berg_scherg(radii, sigmas)
    assert dipoles.error < 3e-3
    assert (abs(dipoles.depths) <= 1).all()
    # only distance from the centre and angle matter
    points, weights = np.polynomial.legendre.leggauss(100)
    distance, cosine = np.meshgrid(radii[0] * (points + 1) / 2, points, indexing='ij')
    weight = np.outer(weights, weights) * distance**2
    r, x = (
        np.array([0, 0, 1.0]),
        np.stack([distance * np.sqrt(1 - cosine**2), 0 * distance, distance * cosine], axis=-1),
    )
    through = transmission(radii, sigmas, np.arange(1, orders_needed(radii, sigmas, 1e-8) + 1))

    def gain(sums):
        S_r, S_x = map(np.asarray, sums(distance * cosine, distance**2))
        return S_r[..., None] * r - S_x[..., None] * x

    with jax.enable_x64(True):
        exact, near = gain(lambda t, s: series(t, s, through)), gain(dipoles.sums)
    error, size = (np.sqrt((weight * np.square(gain).sum(axis=-1)).sum()) for gain in (near - exact, exact))
    np.testing.assert_allclose(error / size, dipoles.error, rtol=1e-3)


def test_is_a_minimum():
    radii, sigmas = map(np.array, HEADS['four shells'])
    dipoles = berg_scherg(radii, sigmas)
    n = np.arange(1, 200)
    weight = (2 * n + 1) / n * radii[0] ** (2 * n)
    target = transmission(radii, sigmas, n)

    def error(depths, strengths):
        return (weight * (target - (strengths * depths ** (n[:, None] - 1.0)).sum(axis=1)) ** 2).sum()

    least = error(dipoles.depths, dipoles.strengths)
    np.testing.assert_allclose(np.sqrt(least / (weight * target**2).sum()), dipoles.error, rtol=1e-6)
    for j in range(3):
        for step in (-1e-3, 1e-3):
            shifted = 1 + step * np.eye(3)[j]
            assert error(dipoles.depths * shifted, dipoles.strengths) > least
            assert error(dipoles.depths, dipoles.strengths * shifted) > least
