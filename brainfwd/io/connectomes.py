"""Connectomes in files."""

from pathlib import Path

from brainfwd.io.csv_folder import FILES, load_csv_folder, save_csv_folder
from brainfwd.io.tvb_zip import load_tvb_zip, save_tvb_zip
from brainfwd.records import Connectome

__all__ = ['load_connectome', 'save_connectome']


def load_connectome(path: str | Path) -> Connectome:
    """A connectome from a zip of The Virtual Brain, or from a folder of CSV files.

    Parameters
    ----------
    path : str or Path
        What ends in ``.zip`` is read by `load_tvb_zip`, and anything else by `load_csv_folder`: there is what has to be
        inside.

    Raises
    ------
    OSError, ValueError
        No such file or folder; a line that is wrong: the error names file and line.
    """
    return load_tvb_zip(path) if _is_zip(path) else load_csv_folder(path)


def save_connectome(connectome: Connectome, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a connectome: as a zip of The Virtual Brain where the path ends in ``.zip``, or as a folder of CSV files.

    The folder loses nothing. The zip has no place for region ids and functional connectivity.

    Parameters
    ----------
    connectome : Connectome
        What to write.
    path : str or Path
        The zip, or the folder, which may hold other files: they stay.
    overwrite : bool
        Replace the connectome that is there.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    OSError, ValueError
        A place that cannot be written, or where there is a connectome; names of regions that the zip cannot hold.
    """
    if not isinstance(connectome, Connectome):
        raise TypeError(f'save_connectome(connectome) is a Connectome; got {type(connectome).__name__}.')
    where, path = 'save_connectome(path)', Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f'{where} lies in a folder that exists; got {path}.')
    if path.exists() and path.is_dir() == _is_zip(path):
        raise FileExistsError(f'{where} is {"a zip" if _is_zip(path) else "a folder"}; got {path}, which is none.')
    files = [path] if _is_zip(path) else [path / name for name in FILES]
    there = [file for file in files if file.exists()]
    if there and not overwrite:
        raise FileExistsError(f'{where} holds no connectome yet; there is {there[0]} already: write overwrite=True.')
    return save_tvb_zip(connectome, path) if _is_zip(path) else save_csv_folder(connectome, path)


def _is_zip(path: str | Path) -> bool:
    return Path(path).suffix.lower() == '.zip'
