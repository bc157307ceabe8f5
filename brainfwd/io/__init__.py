"""Records as labelled arrays with units, and as NetCDF files."""

from brainfwd.io.files import load, load_recording, save
from brainfwd.io.labelled import from_xarray, to_xarray
from brainfwd.io.regions import RegionSeries, from_xarray_quantity, to_xarray_quantity

__all__ = [
    'RegionSeries',
    'from_xarray',
    'from_xarray_quantity',
    'load',
    'load_recording',
    'save',
    'to_xarray',
    'to_xarray_quantity',
]
