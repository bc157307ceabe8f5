"""Records as labelled arrays with units, as NetCDF files, and as objects and files of MNE-Python."""

from brainfwd.io.connectomes import load_connectome, save_connectome
from brainfwd.io.files import load, load_recording, save
from brainfwd.io.labelled import from_xarray, to_xarray
from brainfwd.io.mne_bridge import from_mne, to_mne
from brainfwd.io.mne_files import read_fif, write_fif
from brainfwd.io.regions import RegionSeries, from_xarray_quantity, to_xarray_quantity

__all__ = [
    'RegionSeries',
    'from_mne',
    'from_xarray',
    'from_xarray_quantity',
    'load',
    'load_connectome',
    'load_recording',
    'read_fif',
    'save',
    'save_connectome',
    'to_mne',
    'to_xarray',
    'to_xarray_quantity',
    'write_fif',
]
