"""Records as labelled arrays and files, and back without a digit lost."""

import dataclasses

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets, io
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm
from brainfwd.records import Channels, Recording, SourceEstimate


def recording(types, n_times=7, **fields):
    names = tuple(f'{kind} {i}' for i, kind in enumerate(types))
    places = np.random.default_rng(1).standard_normal((len(types), 3)) * u.meter
    data = np.random.default_rng(0).standard_normal((n_times, len(types))) * 1e-13
    return Recording(data, Channels(names, types, places), 2 * u.ms, **fields)


MIXED = ('mag', 'eeg', 'grad', 'mag', 'grad')
RECORDINGS = {
    'plain': recording(('eeg', 'eeg')),
    'late': recording(('eeg', 'eeg'), start=0.3 * u.second, head='fsaverage first'),
    'filtered': recording(MIXED, band=(0.5 * u.Hz, 200 * u.Hz)),
    'one side': recording(MIXED, band=(0.5 * u.Hz, None)),
    'noise': dataclasses.replace(recording(MIXED), noise_cov=recording(MIXED, 50).covariance()),
    'average': recording(MIXED, nave=37),
    'rank': dataclasses.replace(
        recording(MIXED),
        noise_cov=dataclasses.replace(recording(MIXED, 50).covariance(), rank={'meg': 3, 'eeg': 1}),
    ),
    'no places': dataclasses.replace(recording(('eeg', 'mag')), channels=Channels(('a', 'b'), ('eeg', 'mag'))),
}


def assert_same_recording(a, b):
    np.testing.assert_array_equal(a.data_si, b.data_si)
    np.testing.assert_array_equal(a.times.mantissa, b.times.mantissa)
    assert a.channels == b.channels
    assert (a.head, a.band, a.nave) == (b.head, b.band, b.nave)
    assert (a.sampling_period, a.start) == (b.sampling_period, b.start)
    assert (a.noise_cov is None) == (b.noise_cov is None)
    if a.noise_cov is not None:
        np.testing.assert_array_equal(a.noise_cov.matrix_si, b.noise_cov.matrix_si)
        assert (a.noise_cov.n_samples, a.noise_cov.rank) == (b.noise_cov.n_samples, b.noise_cov.rank)


@pytest.mark.parametrize('name', RECORDINGS)
def test_a_recording_comes_back(name, tmp_path):
    given = RECORDINGS[name]
    assert_same_recording(io.from_xarray(io.to_xarray(given)), given)
    assert_same_recording(io.load_recording(io.save(given, tmp_path / 'recording.nc')), given)


def test_a_dataset_says_what_it_holds():
    dataset = io.to_xarray(RECORDINGS['filtered'])
    assert dataset['mag'].dims == ('time', 'mag_channel')
    assert list(dataset['grad_channel'].values) == ['grad 2', 'grad 4']
    units = {name: dataset[name].attrs['units'] for name in ('eeg', 'mag', 'grad', 'time', 'channel_position')}
    assert units == {'eeg': 'V', 'mag': 'T', 'grad': 'T / m', 'time': 's', 'channel_position': 'm'}
    assert dataset['low_pass'].item() == 200
    assert dataset['low_pass'].attrs['units'] == 'Hz'
    # what xarray is for
    np.testing.assert_array_equal(dataset['mag'].sel(mag_channel='mag 3'), RECORDINGS['filtered'].data_si[:, 3])


def test_a_file_can_be_read_without_us(tmp_path):
    import h5py

    path = io.save(RECORDINGS['filtered'], tmp_path / 'recording.nc')
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file['eeg'][:], RECORDINGS['filtered'].data_si[:, [1]])
        assert file['eeg'].attrs['units'] == 'V'


@pytest.fixture(scope='module')
def sources():
    return datasets.load_lead_field('eeg').sources.mask(np.arange(4738) < 20)


@pytest.mark.parametrize('kind', ['surface', 'volume'])
@pytest.mark.parametrize('unit', [nAm, u.UNITLESS, nAm / u.mm**2])
def test_an_estimate_comes_back(unit, kind, sources, tmp_path):
    sources = dataclasses.replace(sources, kind=kind)
    numbers = np.random.default_rng(0).standard_normal((5, 20))
    data = numbers if unit.is_unitless else u.Quantity(numbers, unit=unit)
    given = SourceEstimate(data, sources, 2 * u.ms, 1 * u.second, 'sLORETA')
    back = io.load(io.save(given, tmp_path / 'estimate.nc'))
    assert isinstance(back, SourceEstimate)
    assert (back.unit, back.method, back.start, back.sampling_period) == (
        unit,
        'sLORETA',
        given.start,
        given.sampling_period,
    )
    np.testing.assert_array_equal(u.get_mantissa(back.data), numbers)
    assert back.sources.kind == kind
    for name in ('normals', 'hemisphere', 'vertices', 'region_ids'):
        np.testing.assert_array_equal(getattr(back.sources, name), getattr(sources, name))
    for name in ('positions', 'areas'):
        np.testing.assert_array_equal(getattr(back.sources, name).mantissa, getattr(sources, name).mantissa)
        assert getattr(back.sources, name).unit == getattr(sources, name).unit


@pytest.mark.parametrize('unit', [u.mV, u.Hz, u.UNITLESS])
def test_series_of_regions_come_back(unit, tmp_path):
    import xarray

    numbers, times = np.random.default_rng(0).standard_normal((4, 2)), np.arange(4) * 0.1 * u.ms
    value = numbers if unit.is_unitless else u.Quantity(numbers, unit=unit)
    array = io.to_xarray_quantity(value, times, ['L.SPG', 'R.SPG'], 'output')
    assert array.dims == ('time', 'region')
    assert array.attrs['units'] == str(unit)
    path = io.save(array, tmp_path / 'output.nc')
    with xarray.open_dataarray(path, engine='h5netcdf', decode_times=False) as stored:
        back = io.from_xarray_quantity(stored)
    np.testing.assert_array_equal(u.get_mantissa(back.values), numbers)
    assert u.get_unit(back.values) == unit
    np.testing.assert_array_equal(back.times.mantissa, times.to_decimal(u.second))
    assert back.labels == ('L.SPG', 'R.SPG')


def test_bad_input(tmp_path):
    import xarray

    with pytest.raises(TypeError, match='a Recording or a SourceEstimate; got float'):
        io.to_xarray(1.0)
    with pytest.raises(ValueError, match="'record' of the dataset"):
        io.from_xarray(xarray.Dataset())
    with pytest.raises(FileNotFoundError, match='there is no'):
        io.save(RECORDINGS['plain'], tmp_path / 'nowhere' / 'recording.nc')
    with pytest.raises(UnitError, match='when each sample was taken'):
        io.to_xarray_quantity(np.zeros((2, 1)), np.arange(2), ['one'], 'output')
    with pytest.raises(ShapeError, match='\\(times, regions\\)'):
        io.to_xarray_quantity(np.zeros((2, 2)), np.arange(2) * u.second, ['one'], 'output')
    with pytest.raises(ValueError, match='increase; got'):
        io.to_xarray_quantity(np.zeros((2, 1)), np.zeros(2) * u.second, ['one'], 'output')
    with pytest.raises(ValueError, match='attribute units'):
        io.from_xarray_quantity(xarray.DataArray(np.zeros((2, 1)), dims=('time', 'region'), name='output'))


def test_an_estimate_is_no_recording(sources, tmp_path):
    path = io.save(SourceEstimate(np.zeros((2, 20)), sources, 2 * u.ms), tmp_path / 'estimate.nc')
    with pytest.raises(ValueError, match='holds a SourceEstimate'):
        io.load_recording(path)
