"""Sources and what is estimated of them: ``SourceSpaces`` and ``SourceEstimate`` of MNE-Python, and back."""

import warnings
from collections.abc import Mapping
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.io.mne_channels import need_mne
from brainfwd.records import SourceEstimate, SourceSpace

__all__ = [
    'estimate',
    'in_mne_order',
    'same_kind',
    'source_estimate',
    'source_space',
    'source_spaces',
    'sources_of',
    'warn_of_order',
]

_HEMISPHERES = ('left', 'right')
# ids that FIFF gives to surfaces, and its frames
_LEFT, _RIGHT, _HEAD, _MRI = 101, 102, 4, 5
_UNKNOWN_REGION = -1


def sources_of(src: Any, *, trans: Any = None, labels: Any = None, areas: Any = None) -> SourceSpace:
    """The points of source spaces that are sources, in the head frame."""
    mne, frames = need_mne(), {int(space['coord_frame']) for space in src}
    places, normals = (np.concatenate([space[name][space['vertno']] for space in src]) for name in ('rr', 'nn'))
    if frames == {_MRI}:
        if not isinstance(trans, mne.Transform) or {trans['from'], trans['to']} != {_MRI, _HEAD}:
            raise ValueError(
                f'from_mne(SourceSpaces) is in MRI coordinates: write trans=mne.read_trans(path), from there to the '
                f'head; got {trans}.'
            )
        trans = trans if trans['to'] == _HEAD else mne.transforms.invert_transform(trans)
        places, normals = (mne.transforms.apply_trans(trans, xyz, move=xyz is places) for xyz in (places, normals))
    elif frames != {_HEAD}:
        raise ValueError(f'from_mne(SourceSpaces) is in head or MRI coordinates; got the frames {sorted(frames)}.')
    return source_space(src, places, normals, labels=labels, areas=areas)


def source_space(src: Any, positions: np.ndarray, normals: np.ndarray, *, labels: Any, areas: Any) -> SourceSpace:
    """The record of source spaces, the places and normals of whose sources are in the head frame."""
    where, types = 'from_mne(...)', [space['type'] for space in src]
    if types not in (['surf', 'surf'], ['vol'], ['discrete']):
        raise ValueError(
            f'{where} takes sources on the surfaces of both hemispheres, or in one volume; got {", ".join(types)}: '
            f'make one of src[:2], and one of mne.setup_volume_source_space(..., single_volume=True).'
        )
    vertices = np.concatenate([space['vertno'] for space in src])
    kind = 'surface' if types[0] == 'surf' else 'volume'
    if kind == 'surface':
        hemisphere = np.repeat([0, 1], [space['nuse'] for space in src])
    else:
        hemisphere = (positions[:, 0] > 0).astype(int)
        if labels is not None:
            raise ValueError(
                'from_mne(labels=...) are of surfaces; got sources in a volume: leave labels out, and write '
                'dataclasses.replace(sources, region_ids=...).'
            )
    if areas is None and kind == 'volume':
        areas = np.zeros(len(vertices)) * u.mm**2
    elif areas is None:
        areas = u.Quantity(np.concatenate([_patch_areas(space, where) for space in src]), unit=u.mm**2)
    regions = np.full(len(vertices), _UNKNOWN_REGION) if labels is None else _regions(labels, hemisphere, vertices)
    # FIFF holds them in single precision
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return SourceSpace(u.Quantity(positions, unit=u.meter), normals, areas, hemisphere, vertices, regions, kind)


def _patch_areas(space: Any, where: str) -> np.ndarray:
    """(sources,) mm2 of the mesh points that are closer to a source than to any other: a third of their triangles."""
    if space['nearest'] is None or space['tris'] is None:
        raise ValueError(
            f'{where} has no patches of cortex to take areas from: write areas=... * u.mm**2, (sources,) or '
            f'sources=lead_field.sources; or add patches with mne.add_source_space_distances(src, dist_limit=0).'
        )
    a, b, c = space['rr'][space['tris']].swapaxes(0, 1)
    triangles = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    points = np.bincount(space['tris'].ravel(), np.repeat(triangles / 3, 3), minlength=space['np'])
    return 1e6 * np.bincount(space['nearest'], points, minlength=space['np'])[space['vertno']]


def _regions(labels: Any, hemisphere: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(sources,) id of the label each source lies in, -1 where in none."""
    by_id = labels if isinstance(labels, Mapping) else dict(enumerate(labels))
    owner: list[str | None] = [None] * len(vertices)
    regions = np.full(len(vertices), _UNKNOWN_REGION)
    for region, label in by_id.items():
        if label.hemi not in ('lh', 'rh'):
            raise ValueError(f'from_mne(labels=...) are of one hemisphere each; got {label.name!r} of {label.hemi!r}.')
        inside = (hemisphere == (label.hemi == 'rh')) & np.isin(vertices, label.vertices)
        twice = np.flatnonzero(inside & (regions != _UNKNOWN_REGION))
        if len(twice):
            raise ValueError(
                f'from_mne(labels=...) do not overlap; vertex {vertices[twice[0]]} lies in {owner[twice[0]]!r} and '
                f'{label.name!r}.'
            )
        regions[inside] = region
        for i in np.flatnonzero(inside):
            owner[i] = label.name
    return regions


def same_kind(sources: SourceSpace, kind: str, where: str) -> None:
    """Refuse a volume where MNE has surfaces, and the other way round: their vertices number other things."""
    if sources.kind != kind:
        raise ValueError(f"{where} has sources of the kind '{kind}'; got the kind '{sources.kind}', {sources}.")


def in_mne_order(sources: SourceSpace, where: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Where each source of MNE stands among ours, and the vertices of each of its source spaces, which are sorted."""
    volume = sources.kind == 'volume'
    hemisphere = np.zeros(sources.n_sources, int) if volume else sources.hemisphere
    order = np.lexsort((sources.vertices, hemisphere))
    vertices = [sources.vertices[order][hemisphere[order] == side] for side in ((0,) if volume else (0, 1))]
    for side, numbers in zip(_HEMISPHERES, vertices, strict=False):
        twice = numbers[:-1][np.diff(numbers) == 0]
        if len(twice):
            place = 'the volume' if volume else f'the {side} hemisphere'
            raise ValueError(f'{where} has each vertex of {place} once; got {twice[0]} more than once.')
    return order, vertices


def warn_of_order(sources: SourceSpace) -> None:
    """Say so where MNE will have the sources in another order than we do."""
    order, _ = in_mne_order(sources, 'to_mne: a SourceSpace')
    if not np.array_equal(order, np.arange(len(order))):
        keys = 'sources.vertices,' if sources.kind == 'volume' else 'sources.vertices, sources.hemisphere'
        warnings.warn(
            f'to_mne: MNE-Python has sources sorted by hemisphere and vertex, the record has them in another order. '
            f'Other data in the order of the record are data[:, order] there, order = np.lexsort(({keys})).',
            stacklevel=3,
        )


def source_spaces(sources: SourceSpace, *, subject: str | None = None) -> Any:
    """``SourceSpaces`` in the head frame that know the points that are sources, and no others."""
    volume = sources.kind == 'volume'
    order, vertices = in_mne_order(sources, 'to_mne: a SourceSpace')
    places, normals = sources.positions.mantissa[order], sources.normals[order]
    spaces, first = [], 0
    for used, surface in zip(vertices, (_LEFT, _RIGHT), strict=False):
        part, n_points = slice(first, first + len(used)), int(used.max(initial=0)) + 1
        first += len(used)
        rr, nn, inuse = np.zeros((n_points, 3)), np.tile([0.0, 0.0, 1.0], (n_points, 1)), np.zeros(n_points, int)
        rr[used], nn[used], inuse[used] = places[part], normals[part], 1
        nothing = dict.fromkeys(
            ('nearest', 'nearest_dist', 'pinfo', 'patch_inds', 'dist', 'dist_limit', 'use_tris', 'tris')
        )
        spaces.append({
            'type': 'discrete' if volume else 'surf', 'id': -1 if volume else surface, 'coord_frame': _HEAD,
            'rr': rr, 'nn': nn, 'inuse': inuse, 'vertno': used, 'nuse': len(used), 'np': n_points,
            'ntri': 0, 'nuse_tri': 0, 'subject_his_id': subject, **nothing,
        })  # fmt: skip
    return need_mne().SourceSpaces(spaces)


def source_estimate(stc: Any, *, sources: Any = None, unit: Any = None, method: str = '') -> SourceEstimate:
    """What MNE estimated of these sources, or of some of them."""
    mne, where = need_mne(), f'from_mne({type(stc).__name__})'
    if not isinstance(stc, mne.SourceEstimate | mne.VolSourceEstimate):
        write = 'stc.surface() or stc.volume()' if hasattr(stc, 'surface') else 'stc.magnitude()'
        raise TypeError(f'{where} has one number per source and time, on surfaces or in a volume: write {write}.')
    if not isinstance(sources, SourceSpace):
        raise TypeError(
            f'{where} knows vertices alone: write sources=lead_field.sources, a SourceSpace; got '
            f'{type(sources).__name__}.'
        )
    if unit is None:
        raise checks.UnitError(
            f"{where} does not know its unit: write unit=u.amp * u.meter for the method 'MNE', unit=u.UNITLESS for "
            f"'dSPM', 'sLORETA' and 'eLORETA'."
        )
    if np.iscomplexobj(stc.data):
        raise ValueError(f'{where} is real; got complex data: take abs(stc), or the real part.')
    volume = isinstance(stc, mne.VolSourceEstimate)
    same_kind(sources, 'volume' if volume else 'surface', where)
    order, spaces = in_mne_order(sources, 'from_mne(sources=...)')
    ours = [(side, vertex) for side, vertices in enumerate(spaces) for vertex in vertices]
    place = dict(zip(ours, order, strict=True))
    theirs = [(side, vertex) for side, vertices in enumerate(stc.vertices) for vertex in vertices]
    missing = [
        f'{vertex} ({"volume" if volume else _HEMISPHERES[side]})'
        for side, vertex in theirs
        if (side, vertex) not in place
    ]
    if missing:
        raise ValueError(
            f'from_mne(sources=...) holds the vertices of the estimate; it lacks {checks.listed(missing)}.'
        )
    index = np.array([place[vertex] for vertex in theirs], dtype=int)
    data = u.Quantity(stc.data.T[:, np.argsort(index)], unit=unit)
    chosen = sources if len(index) == sources.n_sources else sources.mask(np.isin(np.arange(sources.n_sources), index))
    if unit.is_unitless:
        data = data.mantissa
    elif u.have_same_dim(unit, nAm):
        data = data.in_unit(nAm)
    return SourceEstimate(data, chosen, stc.tstep * u.second, stc.tmin * u.second, method)


def estimate(record: SourceEstimate, *, subject: str | None = None) -> Any:
    """A ``SourceEstimate``, of a volume a ``VolSourceEstimate``, in A m or without a unit."""
    mne, where = need_mne(), 'to_mne(SourceEstimate)'
    order, vertices = in_mne_order(record.sources, where)
    unit = u.amp * u.meter
    if record.unit.is_unitless:
        data = record.data
    else:
        data = checks.quantity(record.data, unit, where, 'what is estimated').mantissa
    kind = mne.VolSourceEstimate if record.sources.kind == 'volume' else mne.SourceEstimate
    period, start = record.sampling_period.mantissa, record.start.mantissa
    return kind(data.T[order], vertices, tmin=start, tstep=period, subject=subject)
