r"""From vertices to regions.

The sources of a region move together. What a sensor sees of a region is a weighted sum over its vertices,
:math:`L_r = \sum_v w_{vr}\, g_v`, and the weights say what one number per region means:

============= ============================== ===================================
aggregate     weight of a vertex             the number per region
============= ============================== ===================================
``'density'`` its area                       moment per area, nA m/mm2
``'mean'``    its share of the region's area moment of the whole region, nA m
``'sum'``     1                              moment of every vertex, nA m
============= ============================== ===================================
"""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.records import Connectome, LeadField

__all__ = [
    'AGGREGATES',
    'build_fixed_orientation_weights',
    'check_scale_unit',
    'compress_vertex_leadfield',
    'region_lead_field',
]

_MOMENT = u.nA * u.meter
AGGREGATES = {'density': _MOMENT / u.mm**2, 'mean': _MOMENT, 'sum': _MOMENT}
"""The unit of one number per region, by aggregate."""


def check_scale_unit(unit: u.Unit, dipole_unit: u.Unit, owner: str, name: str) -> None:
    """Refuse a moment per area where a moment is due, and the other way round: the observable would be odd."""
    if _is_observable(dipole_unit / unit):
        return
    for aggregates, other in (("'density'", AGGREGATES['density']), ("'mean' or 'sum'", AGGREGATES['mean'])):
        if _is_observable(other / unit):
            right = dipole_unit / (other / unit)
            raise checks.UnitError(
                f'{owner}.{name} turns the observable into {dipole_unit}; got {unit}, which fits '
                f'aggregate={aggregates}: write {name}=... * {checks.code(right)}.'
            )


def _is_observable(unit: u.Unit) -> bool:
    """Whether neural masses have outputs in such a unit: potentials, rates, fractions."""
    return any(u.have_same_dim(unit, known) for known in (u.mV, u.Hz, u.UNITLESS))


def region_lead_field(
    lead_field: LeadField, regions: Connectome, aggregate: str, missing: str, where: str
) -> np.ndarray:
    """What each sensor sees of each region: (regions, sensors), SI numbers per A m, per A m/mm2 for ``'density'``.

    Free orientations are taken along the normals.

    Raises
    ------
    ValueError
        A region without a source, unless ``missing='zero'``; an unknown aggregate.
    """
    checks.choice(aggregate, AGGREGATES, f'{where}(aggregate=...)')
    checks.choice(missing, ('error', 'zero'), f'{where}(missing=...)')
    if not isinstance(regions, Connectome):
        raise TypeError(f'{where}(regions=...) is a Connectome; got {type(regions).__name__}.')
    sources = lead_field.sources
    inside = (sources.region_ids[:, None] == regions.region_ids).astype(float)
    empty = [label for label, count in zip(regions.labels, inside.sum(axis=0), strict=True) if count == 0]
    if empty and missing == 'error':
        named = ', '.join(empty[:5]) + (f' and {len(empty) - 5} more' if len(empty) > 5 else '')
        raise ValueError(
            f'{where}(regions=...): no source of the lead field lies in {named}. Leave such regions out '
            f"(Connectome.cortical() does for those below the cortex), or let sensors not see them: missing='zero'."
        )
    weights = inside
    if aggregate != 'sum':
        weights = inside * sources.areas.mantissa[:, None]
    if aggregate == 'mean':
        total = weights.sum(axis=0)
        weights = weights / np.where(total > 0, total, 1.0)
    return (lead_field.fixed().gain_si @ weights).T


def build_fixed_orientation_weights(
    normals: Any, parcellation: Any, areas: Any = None, *, layout: str = 'interleaved'
) -> Any:
    r"""Weights that compress a free-orientation lead field to regions, along the normals.

    .. math:: W_{(v, k), r} = a_v\, p_{vr}\, n_{vk}

    Parameters
    ----------
    normals : array
        (vertices, 3) outward unit vectors.
    parcellation : array
        (vertices, regions) membership, one-hot or soft.
    areas : Quantity or array, optional
        (vertices,) weight of each vertex; its unit, mm2 say, becomes the unit of the weights. Ones when left out.
    layout : {'interleaved', 'block'}
        Order of the 3 V rows, which must be that of the lead field: x1 y1 z1 x2 ... as MNE-Python stores it, or all x,
        all y, all z as brainmass does.

    Returns
    -------
    array or Quantity
        (3 vertices, regions).

    Raises
    ------
    ShapeError
        Shapes that do not fit one another.
    """
    where = 'build_fixed_orientation_weights'
    checks.choice(layout, ('interleaved', 'block'), f'{where}(layout=...)')
    normals = checks.array(normals, f'{where}(normals)')
    parcellation = checks.array(parcellation, f'{where}(parcellation)')
    n = len(normals)
    checks.shape_is(normals, (n, 3), f'{where}(normals)', '(vertices, 3)')
    checks.shape_is(parcellation, (n, *parcellation.shape[1:2]), f'{where}(parcellation)', '(vertices, regions)')
    weights = normals[:, :, None] * parcellation[:, None, :]
    if areas is not None:
        checks.shape_is(areas, (n,), f'{where}(areas)', '(vertices,)')
        weights = weights * checks.array(u.get_mantissa(areas), f'{where}(areas)')[:, None, None]
    if layout == 'block':
        weights = weights.swapaxes(0, 1)
    weights = weights.reshape(3 * n, -1)
    return u.Quantity(weights, unit=areas.unit) if isinstance(areas, u.Quantity) else weights


def compress_vertex_leadfield(L: Any, W: Any) -> Any:
    """The region-level lead field, (regions, sensors), of a vertex-level one.

    Parameters
    ----------
    L : Quantity or array
        (sensors, 3 vertices) or (sensors, vertices).
    W : Quantity or array
        (3 vertices, regions) of `build_fixed_orientation_weights`, in the same layout; or (vertices, regions).

    Returns
    -------
    Quantity or array
        (regions, sensors), in the product of the units.

    Raises
    ------
    ShapeError
        Where the columns of ``L`` are not as many as the rows of ``W``.
    """
    columns, rows = np.shape(u.get_mantissa(L))[-1], np.shape(u.get_mantissa(W))[0]
    if columns != rows:
        raise checks.ShapeError(
            f'compress_vertex_leadfield(L, W): L has a column for each row of W; got {columns} columns and {rows} rows.'
        )
    product = (u.get_mantissa(L) @ u.get_mantissa(W)).T
    unit = u.get_unit(L) * u.get_unit(W)
    return product if unit.is_unitless else u.Quantity(product, unit=unit)
