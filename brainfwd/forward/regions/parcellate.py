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
import jax
import numpy as np
from jax.experimental.sparse import BCOO

from brainfwd._core import checks
from brainfwd.forward.regions.compress import compress_vertex_leadfield
from brainfwd.records import Connectome, LeadField

__all__ = [
    'AGGREGATES',
    'build_fixed_orientation_weights',
    'check_scale_unit',
    'region_lead_field',
    'sparse_weights',
]

_MOMENT = u.nA * u.meter
AGGREGATES = {'density': _MOMENT / u.mm**2, 'mean': _MOMENT, 'sum': _MOMENT}
"""The unit of one number per region, by aggregate."""


def check_scale_unit(unit: u.Unit, dipole_unit: u.Unit, owner: str, name: str) -> None:
    """Refuse a scale that leaves an odd observable, as a moment per area does where a moment is due."""
    if unit.is_unitless or _is_observable(dipole_unit / unit):
        return
    for aggregates, other in (("'density'", AGGREGATES['density']), ("'mean' or 'sum'", AGGREGATES['mean'])):
        if _is_observable(other / unit):
            right = dipole_unit / (other / unit)
            raise checks.UnitError(
                f'{owner}.{name} turns the observable into {dipole_unit}; got {unit}, which fits '
                f'aggregate={aggregates}: write {name}=... * {checks.code(right)}.'
            )
    example = checks.code(dipole_unit / u.mV)
    raise checks.UnitError(
        f'{owner}.{name} turns the observable, a potential, a rate, a current or a number, into {dipole_unit}; '
        f'got {unit}, for an observable in {dipole_unit / unit}: write {name}=... * {example}, for example.'
    )


def _is_observable(unit: u.Unit) -> bool:
    """Whether neural masses have outputs in such a unit: potentials, rates, currents, fractions."""
    return any(u.have_same_dim(unit, known) for known in (u.mV, u.Hz, u.nA, u.UNITLESS))


def region_lead_field(
    lead_field: LeadField, regions: Connectome, aggregate: str, missing: str, where: str
) -> np.ndarray:
    """What each sensor sees of each region: (regions, sensors), SI numbers per A m, per A m/mm2 for ``'density'``.

    Free orientations are taken along the normals.

    Raises
    ------
    ValueError
        A region without a source, unless ``missing='zero'``; sources without area, unless ``aggregate='sum'``; an
        unknown aggregate.
    """
    checks.choice(aggregate, AGGREGATES, f'{where}(aggregate=...)')
    checks.choice(missing, ('error', 'zero'), f'{where}(missing=...)')
    if not isinstance(regions, Connectome):
        raise TypeError(f'{where}(regions=...) is a Connectome; got {type(regions).__name__}.')
    sources = lead_field.sources
    inside = (sources.region_ids[:, None] == regions.region_ids).astype(float)
    empty = [label for label, count in zip(regions.labels, inside.sum(axis=0), strict=True) if count == 0]
    if empty and missing == 'error':
        raise ValueError(
            f'{where}(regions=...): no source of the lead field lies in {checks.listed(empty)}. Leave such regions out '
            f"(Connectome.cortical() does for those below the cortex), or let sensors not see them: missing='zero'."
        )
    if aggregate != 'sum' and not sources.areas.mantissa.any():
        raise ValueError(
            f"{where}(lead_field): its sources stand for no area of cortex, as in a volume: write aggregate='sum', the "
            f'moment of every source.'
        )
    weights = _aggregated(inside, sources.areas.mantissa, aggregate)
    return compress_vertex_leadfield(lead_field.fixed().gain_si, weights)


def _aggregated(parcellation: Any, areas: Any, aggregate: str) -> Any:
    """The weight of each vertex in each region, (vertices, regions), dense or SciPy sparse as the parcellation is."""
    if aggregate == 'sum':
        return parcellation
    weights = parcellation * areas[:, None]
    if aggregate == 'density':
        return weights
    total = weights.sum(axis=0)
    return weights * (1 / (total + (total == 0)))  # 0, not NaN, for a region that is not seen


def build_fixed_orientation_weights(
    normals: Any, parcellation: Any, areas: Any = None, *, layout: str = 'interleaved', aggregate: str = 'density'
) -> Any:
    r"""Weights that compress a free-orientation lead field to regions, along the normals.

    .. math:: W_{(v, k), r} = w_{vr}\, n_{vk}, \qquad w_{vr} =
        a_v\, p_{vr} \ (\text{density}), \quad
        a_v\, p_{vr} / \textstyle\sum_u a_u\, p_{ur} \ (\text{mean}), \quad
        p_{vr} \ (\text{sum})

    Parameters
    ----------
    normals : array
        (vertices, 3) outward unit vectors.
    parcellation : array, SciPy sparse or BCOO
        (vertices, regions) membership between 0 and 1, one-hot or soft; or (vertices,) whole numbers, the region of
        each vertex, -1 for none.
    areas : Quantity
        (vertices,) the cortex that each vertex stands for. For ``'density'`` and ``'mean'``.
    layout : {'interleaved', 'block'}
        Order of the 3 V rows, which must be that of the lead field: x1 y1 z1 x2 ... as MNE-Python stores it, or all x,
        all y, all z as brainmass does.
    aggregate : {'density', 'mean', 'sum'}
        What one number per region is: moment per area, moment of the whole region, or moment of every vertex.

    Returns
    -------
    Quantity or array
        (3 vertices, regions), in mm2 for ``'density'`` and without a unit otherwise. Of a sparse parcellation, and of
        whole numbers, a ``brainunit.sparse.CSR``, which carries the unit too.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Areas that are missing, bare or negative; shapes that do not fit one another; normals that are no unit vectors;
        memberships outside 0 to 1; a region without a vertex, or without area.
    """
    where = 'build_fixed_orientation_weights'
    checks.choice(layout, ('interleaved', 'block'), f'{where}(layout=...)')
    checks.choice(aggregate, AGGREGATES, f'{where}(aggregate=...)')
    normals = checks.array(normals, f'{where}(normals)')
    n = len(normals) if normals.ndim else 0
    checks.shape_is(normals, (n, 3), f'{where}(normals)', '(vertices, 3)')
    checks.unit_vectors(normals, f'{where}(normals)')
    parcellation = _membership(parcellation, n, f'{where}(parcellation)')
    weights = _aggregated(parcellation, _areas(areas, n, aggregate, f'{where}(areas)'), aggregate)
    if not isinstance(weights, jax.core.Tracer):
        empty = np.flatnonzero(np.asarray(weights.sum(axis=0)) == 0)
        if len(empty):
            raise ValueError(
                f'{where}(parcellation): no vertex with an area lies in region {checks.listed(empty)} (columns, from '
                f'0). Leave such regions out.'
            )
    unit = u.mm**2 if aggregate == 'density' else u.UNITLESS
    if not isinstance(weights, np.ndarray | jax.Array):
        return _sparse_along(weights.tocoo(), normals, layout, unit)
    along = normals[:, :, None] * weights[:, None, :]
    along = (along.swapaxes(0, 1) if layout == 'block' else along).reshape(3 * n, -1)
    return along if unit.is_unitless else u.Quantity(along, unit=unit)


def _membership(parcellation: Any, n: int, where: str) -> Any:
    """(vertices, regions), an array or a SciPy sparse one."""
    from scipy import sparse

    if hasattr(parcellation, 'tocoo'):  # SciPy
        parcellation = sparse.csr_array(parcellation, dtype=float)
    elif isinstance(parcellation, BCOO):
        index = np.asarray(parcellation.indices).T
        parcellation = sparse.csr_array((np.asarray(parcellation.data, float), tuple(index)), parcellation.shape)
    else:
        parcellation = checks.array(parcellation, where)
        if parcellation.ndim == 1:
            parcellation = _one_hot(np.asarray(parcellation), where)
    if parcellation.ndim != 2 or parcellation.shape[0] != n:
        raise checks.ShapeError(f'{where} has shape ({n}, regions) (vertices, regions); got {parcellation.shape}.')
    stored = parcellation if isinstance(parcellation, np.ndarray | jax.Array) else parcellation.data
    checks.finite(stored, where)
    if not isinstance(stored, jax.core.Tracer) and stored.size and not 0 <= stored.min() <= stored.max() <= 1:
        raise ValueError(f'{where} are shares of each vertex, 0 to 1; got {stored.min():g} to {stored.max():g}.')
    return parcellation


def _one_hot(labels: np.ndarray, where: str) -> Any:
    from scipy import sparse

    column = labels.astype(int)
    if not np.array_equal(column, labels) or column.min(initial=-1) < -1:
        raise ValueError(f'{where} are whole numbers from 0, the region of each vertex, or -1 for none; got others.')
    inside = np.flatnonzero(column >= 0)
    shape = (len(labels), column.max(initial=-1) + 1)
    return sparse.csr_array((np.ones(len(inside)), (inside, column[inside])), shape)


def _areas(areas: Any, n: int, aggregate: str, where: str) -> Any:
    """(vertices,) in mm2; None where they play no part."""
    if aggregate == 'sum':
        if areas is not None:
            raise ValueError(f"{where} play no part in aggregate='sum', the moment of every vertex: leave them out.")
        return None
    if areas is None:
        raise checks.UnitError(
            f"{where} are due for aggregate={aggregate!r}: give the mm**2 of each vertex, or aggregate='sum', the "
            f'moment of every vertex.'
        )
    areas = checks.quantity(areas, u.mm**2, where, 'the cortex that each vertex stands for').mantissa
    checks.shape_is(areas, (n,), where, '(vertices,)')
    checks.finite(areas, where)
    checks.non_negative(areas, where)
    return areas


def _sparse_along(weights: Any, normals: Any, layout: str, unit: u.Unit) -> u.sparse.CSR:
    """Weights in a row for each of x, y, z of a vertex."""
    n, n_regions = weights.shape
    vertex, axis = weights.row[:, None], np.arange(3)
    row = 3 * vertex + axis if layout == 'interleaved' else axis * n + vertex
    values = weights.data[:, None] * normals[weights.row]
    return sparse_weights(values.ravel(), row.ravel(), weights.col.repeat(3), (3 * n, n_regions), unit)


def sparse_weights(values: Any, row: Any, column: Any, shape: tuple[int, int], unit: u.Unit) -> u.sparse.CSR:
    """Entries in any order, each pair once, as a sparse matrix with a unit; ``values`` may be of JAX."""
    from scipy import sparse

    # the place of each entry is sorted in its stead, which JAX need not know
    order = sparse.csr_array((np.arange(len(row)), (row, column)), shape)
    data = u.Quantity(values[order.data], unit=unit)
    return u.sparse.CSR((data, order.indices, order.indptr), shape=shape)
