"""Recordings and source estimates as xarray datasets, and back, without a digit lost."""

from collections.abc import Callable
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.io.attributes import Variable, need_xarray, quantity_of, variable
from brainfwd.records import SENSOR_UNITS, Channels, NoiseCovariance, Recording, SourceEstimate, SourceSpace

__all__ = ['from_xarray', 'to_xarray']

_NAMES = {'eeg': 'EEG', 'mag': 'magnetic field', 'grad': 'planar gradient of the magnetic field'}


def to_xarray(record: Recording | SourceEstimate) -> Any:
    """A record as an ``xarray.Dataset``: numbers in SI or in the unit of the estimate, every ``units`` an attribute.

    A `Recording` has a variable per type of channel, ``eeg (time, eeg_channel)``, ``mag``, ``grad``; all channels in
    order with type and position; the covariance of the noise; the band. A `SourceEstimate` has ``estimate (time,
    source)`` with the place, normal, area and region of each source.

    Parameters
    ----------
    record : Recording or SourceEstimate
        What to convert.

    Returns
    -------
    xarray.Dataset
        `from_xarray` gives the record back, bit for bit.

    Raises
    ------
    TypeError
        Another kind of record.
    """
    xarray = need_xarray()
    if isinstance(record, Recording):
        data, coords, attributes = _recording(record)
    elif isinstance(record, SourceEstimate):
        data, coords, attributes = _estimate(record)
    else:
        raise TypeError(f'to_xarray(record) is a Recording or a SourceEstimate; got {type(record).__name__}.')
    coords |= {
        'time': variable('time', record.times, 'time'),
        'sampling_period': variable((), record.sampling_period, 'time between samples'),
        'start': variable((), record.start, 'time of the first sample'),
    }
    return xarray.Dataset(data, coords, {'record': type(record).__name__, **attributes})


def from_xarray(dataset: Any) -> Recording | SourceEstimate:
    """The record that `to_xarray` made a dataset from.

    Raises
    ------
    ValueError
        A dataset that is none of ours.
    """
    name = checks.choice(dataset.attrs.get('record'), _READERS, "from_xarray: the attribute 'record' of the dataset")
    return _READERS[name](dataset)


def _recording(record: Recording) -> tuple[dict[str, Variable], dict[str, Variable], dict[str, Any]]:
    channels = record.channels
    data: dict[str, Variable] = {}
    coords: dict[str, Variable] = {}
    for kind in channels.kinds:
        index, dim = channels.indices(kind), f'{kind}_channel'
        data[kind] = variable(
            ('time', dim), u.Quantity(record.data_si[:, index], unit=SENSOR_UNITS[kind]), _NAMES[kind]
        )
        coords[dim] = (dim, np.array(channels.names)[index], {'long_name': f'{kind} channel'})
    coords['channel'] = ('channel', np.array(channels.names), {'long_name': 'all channels, in order'})
    coords['channel_type'] = ('channel', np.array(channels.types), {'long_name': 'type of channel'})
    if channels.positions is not None:
        coords['channel_position'] = variable(('channel', 'xyz'), channels.positions, 'place in the head frame')
        coords['xyz'] = ('xyz', np.array(['x', 'y', 'z']), {'long_name': 'right, front, up'})
    if channels.coils is not None:
        coords['coil'] = ('channel', np.array(channels.coils), {'long_name': 'how the coil is wound'})
        coords['coil_axes'] = variable(
            ('channel', 'coil_axis', 'xyz'), channels.coil_axes, 'x, y and normal of the coil'
        )
        coords['xyz'] = ('xyz', np.array(['x', 'y', 'z']), {'long_name': 'right, front, up'})
    attributes: dict[str, Any] = {} if record.head is None else {'head': record.head}
    if record.nave != 1:
        attributes['nave'] = record.nave
    if record.band is not None:
        for name, edge in zip(('high_pass', 'low_pass'), record.band, strict=True):
            # not a number: not filtered on that side
            edge = u.Quantity(np.nan, unit=u.Hz) if edge is None else edge
            coords[name] = variable((), edge, f'{name.replace("_", "-")} frequency')
    if record.noise_cov is not None:
        samples, rank = record.noise_cov.n_samples, record.noise_cov.rank or {}
        data['noise_cov'] = (
            ('channel', 'other_channel'),
            np.array(record.noise_cov.matrix_si),
            {
                'long_name': 'covariance of the noise',
                'units': 'product of the units of both channels',
                **({} if samples is None else {'n_samples': samples}),
                **{f'rank_{block}': r for block, r in rank.items()},
            },
        )
    return data, coords, attributes


def _read_recording(dataset: Any) -> Recording:
    names = tuple(map(str, dataset['channel'].values))
    positions = quantity_of(dataset['channel_position']) if 'channel_position' in dataset.coords else None
    coils = tuple(map(str, dataset['coil'].values)) if 'coil' in dataset.coords else None
    axes = None if coils is None else quantity_of(dataset['coil_axes'])
    channels = Channels(names, tuple(map(str, dataset['channel_type'].values)), positions, coils, axes)
    data = np.empty((dataset.sizes['time'], len(names)))
    for kind in channels.kinds:
        index = channels.indices(kind)
        stored = tuple(map(str, dataset[f'{kind}_channel'].values))
        if stored != tuple(names[i] for i in index):
            raise ValueError(f'from_xarray: the {kind} channels and their place among all channels differ.')
        where = f'from_xarray: {kind!r}'
        data[:, index] = checks.quantity(quantity_of(dataset[kind]), SENSOR_UNITS[kind], where).mantissa
    noise_cov = None
    if 'noise_cov' in dataset:
        attributes = dataset['noise_cov'].attrs
        samples = attributes.get('n_samples')
        rank = {block: int(attributes[f'rank_{block}']) for block in ('meg', 'eeg') if f'rank_{block}' in attributes}
        noise_cov = NoiseCovariance(
            dataset['noise_cov'].values, channels, None if samples is None else int(samples), rank or None
        )
    band = None
    if 'high_pass' in dataset.coords:
        low, high = (quantity_of(dataset[name]) for name in ('high_pass', 'low_pass'))
        band = (None if np.isnan(low.mantissa) else low, None if np.isnan(high.mantissa) else high)
    period, start = _axis(dataset)
    nave = int(dataset.attrs.get('nave', 1))
    return Recording(data, channels, period, start, noise_cov, dataset.attrs.get('head'), band, nave)


def _estimate(record: SourceEstimate) -> tuple[dict[str, Variable], dict[str, Variable], dict[str, Any]]:
    sources = record.sources
    coords = {
        'source_position': variable(('source', 'xyz'), sources.positions, 'place in the head frame'),
        'source_normal': variable(('source', 'xyz'), sources.normals, 'outward normal'),
        'source_area': variable('source', sources.areas, 'cortex that the source stands for'),
        'hemisphere': ('source', np.array(sources.hemisphere), {'long_name': '0 left, 1 right'}),
        'vertex': ('source', np.array(sources.vertices), {'long_name': 'number of the mesh point, or of the grid'}),
        'region_id': ('source', np.array(sources.region_ids), {'long_name': 'id of the region'}),
        'xyz': ('xyz', np.array(['x', 'y', 'z']), {'long_name': 'right, front, up'}),
    }
    data = {'estimate': variable(('time', 'source'), record.data, record.method or 'estimate')}
    return data, coords, {'method': record.method, 'sources': sources.kind}


def _read_estimate(dataset: Any) -> SourceEstimate:
    sources = SourceSpace(
        quantity_of(dataset['source_position']),
        quantity_of(dataset['source_normal']),
        quantity_of(dataset['source_area']),
        dataset['hemisphere'].values,
        dataset['vertex'].values,
        dataset['region_id'].values,
        # files of before there were volumes do not say it
        dataset.attrs.get('sources', 'surface'),
    )
    period, start = _axis(dataset)
    return SourceEstimate(quantity_of(dataset['estimate']), sources, period, start, str(dataset.attrs['method']))


def _axis(dataset: Any) -> tuple[u.Quantity, u.Quantity]:
    return quantity_of(dataset['sampling_period']), quantity_of(dataset['start'])


_READERS: dict[str, Callable[[Any], Recording | SourceEstimate]] = {
    'Recording': _read_recording,
    'SourceEstimate': _read_estimate,
}
