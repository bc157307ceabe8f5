"""The magnetic field of dipoles in a sphere."""

from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.heads.coils import windings
from brainfwd.records import Channels

__all__ = ['magnetic_gain']

# mu0 / 4 pi, T m/A
_MU = 1e-7
# pairs of a point of a coil and a source that are held at once
_BLOCK = 2**19


def magnetic_gain(positions: Any, channels: Channels, centre: Any) -> jax.Array:
    r"""What MEG sensors measure of dipoles in a conductor that is the same in all directions from a centre.

    For a moment Q at :math:`r_0` and the field at r, both from the centre, :math:`a = r - r_0` (Sarvas 1987, eq. 25):

    .. math::
        B(r) &= \frac{\mu_0}{4 \pi F^2} \left(F\, Q \times r_0 - (Q \times r_0 \cdot r) \nabla F\right), \\
        F &= |a| (|r| |a| + a \cdot r), \quad
        \nabla F = \left(\frac{|a|^2}{|r|} + |a|\right) r + \left(2 |r| + |a| + \frac{a \cdot r}{|a|}\right) a

    summed over the points of each coil. Radii and conductivities do not come in; a radial dipole is silent, and so is
    one at the centre. Differentiable in positions and centre; under ``jit`` nothing is checked that depends on values.

    Parameters
    ----------
    positions : Quantity
        (sources, 3), m in the head frame.
    channels : Channels
        Their MEG sensors, with coils; others are left out.
    centre : Quantity
        (3,), m in the head frame.

    Returns
    -------
    jax.Array
        (MEG sensors, sources, 3) for moments along x, y and z: T/(A m), T/m/(A m) for planar gradiometers. In the order
        of the channels and the precision of the positions.

    Raises
    ------
    ValueError
        Channels without coils, no MEG channel, or a source that is as far from the centre as a coil.
    UnitError, ShapeError
        Positions or centre without a unit of length, or of another shape.

    References
    ----------
    Sarvas, J. (1987). Basic mathematical and electromagnetic concepts of the biomagnetic inverse problem. Physics in
    Medicine and Biology, 32(1), 11-22.
    """
    where = 'magnetic_gain(positions)'
    places = checks.quantity(positions, u.meter, where, 'the places of the sources').mantissa
    checks.shape_is(places, (*np.shape(places)[:1], 3), where, '(sources, 3)')
    middle = checks.quantity(centre, u.meter, 'magnetic_gain(centre)', 'the centre of the sphere').mantissa
    checks.shape_is(middle, (3,), 'magnetic_gain(centre)', '(3,)')
    checks.finite(places, where)
    wound = list(windings(channels, 'magnetic_gain(channels)'))
    if not wound:
        raise ValueError(f'magnetic_gain(channels) has mag or grad channels; got {channels}.')
    _check_inside(places, middle, wound)

    places = jnp.asarray(places)
    middle = jnp.asarray(middle, places.dtype)
    sources = places - middle
    parts = []
    for winding in wound:
        points, normals, weights = (jnp.asarray(part, sources.dtype) for part in winding[1:])
        parts.append(_gains(points - middle, normals, weights, sources))
    order = np.argsort(np.concatenate([winding.sensors for winding in wound]))
    return jnp.concatenate(parts)[order]


@jax.jit
def _gains(points: jax.Array, normals: jax.Array, weights: jax.Array, sources: jax.Array) -> jax.Array:
    """(sensors, sources, 3) of all sensors of one kind of coil."""
    at_once = max(1, min(len(points), _BLOCK // (weights.size * max(1, len(sources)))))
    return jax.lax.map(lambda coil: _gain(coil[0], coil[1], weights, sources), (points, normals), batch_size=at_once)


def _gain(points: jax.Array, normal: jax.Array, weights: jax.Array, sources: jax.Array) -> jax.Array:
    """(sources, 3) of one coil: y = Q . (r0 x v), v = sum over points of w (n / F - (n . grad F) r / F^2)."""
    # component by component, so that XLA makes one loop of it; no difference of large numbers, for single precision
    p, s = points.T[:, :, None], sources.T
    a = [p[k] - s[k] for k in range(3)]
    r, square, along = jnp.sqrt(_dot(p, p)), _dot(a, a), _dot(a, p)
    length = jnp.sqrt(square)
    f = length * (r * length + along)
    slope = (square / r + length) * _dot(p, normal) + (2 * r + length + along / length) * _dot(a, normal)
    inverse = weights[:, None] / f
    v = normal[:, None] * inverse.sum(axis=0) - points.T @ (inverse * slope / f)
    return _MU * jnp.stack([s[1] * v[2] - s[2] * v[1], s[2] * v[0] - s[0] * v[2], s[0] * v[1] - s[1] * v[0]], axis=-1)


def _dot(x: Any, y: Any) -> jax.Array:
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]


def _check_inside(places: Any, middle: Any, wound: list) -> None:
    if any(isinstance(value, jax.core.Tracer) for value in (places, middle)):
        return
    nearest = min(np.linalg.norm(winding.points - np.asarray(middle), axis=-1).min() for winding in wound)
    reach = np.linalg.norm(np.asarray(places) - np.asarray(middle), axis=-1)
    if (reach >= nearest).any():
        worst = int(reach.argmax())
        raise ValueError(
            f'magnetic_gain(positions) lie nearer to the centre than every coil, {1e3 * nearest:.1f} mm; got '
            f'{(reach >= nearest).sum()} that do not, the farthest {1e3 * reach[worst]:.1f} mm from it, at {worst}.'
        )
