"""MNE-Python's ``Forward`` as `LeadField`, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.io.mne_channels import HEAD_NOTE, channels_of, good_names, mne_info, need_mne
from brainfwd.io.mne_sources import in_mne_order, same_kind, source_space, source_spaces
from brainfwd.records import LeadField, SourceSpace

__all__ = ['forward', 'lead_field']

# what FIFF calls frames and orientations
_MRI, _HEAD, _FIXED, _FREE = 5, 4, 1, 2
# m: FIFF holds places in single precision
_NEAR = 1e-6


def lead_field(
    forward: Any, *, info: Any = None, labels: Any = None, areas: Any = None, sources: SourceSpace | None = None
) -> LeadField:
    """The gain of the good channels, in the head frame, x, y, z or along the normals."""
    where = 'from_mne(Forward)'
    rows = list(forward['sol']['row_names'])
    if info is None:
        names = good_names(forward['info'], where)
    else:
        names = good_names(info, f'{where}, info,')
        missing = [name for name in names if name not in rows]
        if missing:
            raise ValueError(
                f'{where} has the good channels of info; it lacks {checks.listed(missing)}: write '
                f'info=raw.copy().pick(...).info, of those it has.'
            )
    n_sources = forward['nsource']
    gain = forward['sol']['data'][[rows.index(name) for name in names]]
    places, axes = forward['source_rr'], forward['source_nn'].reshape(n_sources, -1, 3)
    space = forward['src']
    if forward['source_ori'] == _FIXED:
        normals = axes[:, 0]
    else:
        # x1 y1 z1 x2 ..., or along two tangents and the normal of each source
        gain = np.einsum('mnk,nkx->mnx', gain.reshape(len(names), n_sources, 3), axes)
        normals = axes[:, 2] if forward['surf_ori'] else np.concatenate([s['nn'][s['vertno']] for s in space])
    if forward['coord_frame'] == _MRI:
        turn, shift = forward['mri_head_t']['trans'][:3, :3], forward['mri_head_t']['trans'][:3, 3]
        places, normals = places @ turn.T + shift, normals @ turn.T
        gain = gain @ turn.T if gain.ndim == 3 else gain
    elif forward['coord_frame'] != _HEAD:
        raise ValueError(f'{where} is in head or MRI coordinates; got the frame {forward["coord_frame"]}.')
    if sources is None:
        sources, order = source_space(space, places, normals, labels=labels, areas=areas), np.arange(n_sources)
    elif labels is not None or areas is not None:
        raise ValueError('from_mne(sources=...) says what labels and areas would say: leave them out.')
    else:
        order = _order_in(sources, space, places)
    note = str(forward['info'].get('command_line', ''))
    head = note.removeprefix(HEAD_NOTE) if note.startswith(HEAD_NOTE) else ''
    return LeadField(gain[:, order], channels_of(forward['info'], names), sources, head)


def _order_in(sources: SourceSpace, space: Sequence[Any], places: np.ndarray) -> np.ndarray:
    """Where our sources stand in a forward solution."""
    where = 'from_mne(Forward, sources=...)'
    same_kind(sources, 'volume' if len(space) == 1 else 'surface', where)
    order, vertices = in_mne_order(sources, where)
    if len(vertices) != len(space) or not all(
        np.array_equal(ours, s['vertno']) for ours, s in zip(vertices, space, strict=True)
    ):
        raise ValueError(f'{where} has the vertices of the forward solution, {len(places)}; got others, {sources}.')
    far = abs(sources.positions.mantissa[order] - places).max(initial=0.0)
    if far > _NEAR:
        raise ValueError(f'{where} lie where those of the forward solution do; got places up to {far:g} m off.')
    return np.argsort(order)


def forward(lead_field: LeadField, *, subject: str | None = None) -> Any:
    """A ``Forward`` in head coordinates, its sources sorted as MNE sorts them."""
    mne, n = need_mne(), lead_field.n_sources
    space = source_spaces(lead_field.sources, subject=subject)
    order, _ = in_mne_order(lead_field.sources, 'to_mne(LeadField)')
    gain, fixed = lead_field.gain_si[:, order], lead_field.orientation == 'fixed'
    columns = gain.reshape(lead_field.n_sensors, -1).copy()
    names, orientation = list(lead_field.channels.names), _FIXED if fixed else _FREE
    mri_head_t = mne.transforms.Transform('mri', 'head')
    info = mne_info(lead_field.channels, 1.0)
    with info._unlock():
        info.update(mri_file='', mri_id=None, meas_file='', meas_id=None, mri_head_t=mri_head_t, working_dir='')
        info['command_line'] = f'{HEAD_NOTE}{lead_field.head}'
    matrix = {'data': columns, 'nrow': len(names), 'ncol': columns.shape[1], 'row_names': names, 'col_names': []}
    return mne.Forward(
        sol=matrix,
        _orig_sol=columns.copy(),
        sol_grad=None,
        _orig_sol_grad=None,
        source_ori=orientation,
        _orig_source_ori=orientation,
        surf_ori=fixed,
        coord_frame=_HEAD,
        nsource=n,
        nchan=len(names),
        info=info,
        src=space,
        source_rr=lead_field.sources.positions.mantissa[order],
        source_nn=lead_field.sources.normals[order] if fixed else np.tile(np.eye(3), (n, 1)),
        mri_head_t=mri_head_t,
    )
