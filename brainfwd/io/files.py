"""NetCDF files, which any tool that reads HDF5 can open."""

from pathlib import Path
from typing import Any

from brainfwd.io.attributes import need_xarray
from brainfwd.io.labelled import from_xarray, to_xarray
from brainfwd.records import Recording, SourceEstimate

__all__ = ['load', 'load_recording', 'save']

# h5netcdf with h5py is half the size of netCDF4, and brings no second library for HDF5
_ENGINE = 'h5netcdf'


def save(record: Any, path: str | Path) -> Path:
    """Write a record to a NetCDF file; one that is there is replaced.

    Parameters
    ----------
    record : Recording, SourceEstimate, xarray.DataArray or xarray.Dataset
        What to write; what `to_xarray_quantity` gives too.
    path : str or Path
        The file, usually ending in ``.nc``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        Something else.
    OSError
        A folder that does not exist or cannot be written.
    """
    xarray, path = need_xarray(), Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f'save(path) lies in a folder that exists; got {path}, and there is no {path.parent}.')
    is_labelled = isinstance(record, xarray.Dataset | xarray.DataArray)
    labelled = record if is_labelled else to_xarray(record)
    labelled.to_netcdf(path, engine=_ENGINE)
    return path


def load(path: str | Path) -> Recording | SourceEstimate:
    """The record in a file that `save` wrote.

    Raises
    ------
    OSError, ValueError
        No such file; one that holds no record.
    """
    # time stays a number: units of s are no calendar
    with need_xarray().open_dataset(path, engine=_ENGINE, decode_times=False, decode_timedelta=False) as dataset:
        return from_xarray(dataset)


def load_recording(path: str | Path) -> Recording:
    """The `Recording` in a file that `save` wrote.

    Raises
    ------
    OSError, ValueError
        No such file; one that holds no recording.
    """
    record = load(path)
    if not isinstance(record, Recording):
        raise ValueError(f'load_recording(path) holds a Recording; {path} holds a {type(record).__name__}.')
    return record
