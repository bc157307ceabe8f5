"""FIF files, as MNE-Python reads and writes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from brainfwd._core.checks import choice
from brainfwd.io.mne_bridge import from_mne, to_mne
from brainfwd.io.mne_channels import need_mne, quiet
from brainfwd.records import LeadField, NoiseCovariance, Recording

__all__ = ['read_fif', 'write_fif']

_FIF = ('.fif', '.fif.gz')


class _Kind(NamedTuple):
    record: type
    found: str
    """What ``mne.what`` calls it."""
    endings: tuple[str, ...]
    read: Callable[[Any, Path], Any]
    write: Callable[[Any, Path], Any]


def _one_evoked(mne: Any, path: Path) -> Any:
    evokeds = mne.read_evokeds(path, proj=False)
    if len(evokeds) > 1:
        names = ', '.join(repr(evoked.comment) for evoked in evokeds)
        raise ValueError(
            f'read_fif(path) holds one average; {path} holds {len(evokeds)}, {names}: write '
            f'from_mne(mne.read_evokeds(path, condition=...)).'
        )
    return evokeds[0]


_KINDS = {
    'raw': _Kind(
        Recording,
        'raw',
        ('raw', '_meg', '_eeg'),
        lambda mne, path: mne.io.read_raw_fif(path),
        # double precision, of which FIFF's default keeps half
        lambda raw, path: raw.save(path, fmt='double', overwrite=True),
    ),
    'evoked': _Kind(
        Recording,
        'evoked',
        ('-ave', '_ave'),
        _one_evoked,
        lambda evoked, path: evoked.save(path, overwrite=True),
    ),
    'covariance': _Kind(
        NoiseCovariance,
        'cov',
        ('-cov', '_cov'),
        lambda mne, path: mne.read_cov(path),
        lambda covariance, path: covariance.save(path, overwrite=True),
    ),
    'forward': _Kind(
        LeadField,
        'forward',
        ('-fwd', '_fwd'),
        lambda mne, path: mne.read_forward_solution(path),
        lambda forward, path: forward.save(path, overwrite=True),
    ),
}


def read_fif(path: str | Path, kind: str | None = None, **options: Any) -> Recording | NoiseCovariance | LeadField:
    """The record in a FIF file.

    Parameters
    ----------
    path : str or Path
        The file, ``.fif`` or ``.fif.gz``.
    kind : {'raw', 'evoked', 'covariance', 'forward'}, optional
        What it should hold; whatever it holds when left out.
    **options
        Those of `from_mne`. A covariance needs ``info``.

    Returns
    -------
    Recording, NoiseCovariance or LeadField

    Raises
    ------
    FileNotFoundError, ValueError
        No such file; one that is no FIF file, or holds something else; several averages in one file.
    """
    mne, path = need_mne(), Path(path)
    if kind is not None:
        choice(kind, _KINDS, 'read_fif(kind=...)')
    if not path.name.endswith(_FIF):
        raise ValueError(
            f'read_fif(path) ends in .fif or .fif.gz; got {path.name}: other formats go through '
            f'from_mne(mne.io.read_raw(path)).'
        )
    if not path.is_file():
        raise FileNotFoundError(f'read_fif(path) is a file; there is no {path}.')
    with quiet():
        found = mne.what(path)
        held = next((name for name, each in _KINDS.items() if each.found == found), None)
        if held is None or kind not in (None, held):
            asked = ' or '.join(_KINDS) if kind is None else kind
            raise ValueError(f'read_fif(path, kind) holds {asked}; {path.name} holds {held or found}.')
        given = _KINDS[held].read(mne, path)
    return from_mne(given, **options)


def write_fif(
    record: Recording | NoiseCovariance | LeadField, path: str | Path, *, overwrite: bool = False, **options: Any
) -> Path:
    """Write a record to a FIF file that MNE-Python reads.

    The name says what it holds: ``..._raw.fif`` continuous data, ``...-ave.fif`` an average, ``...-cov.fif`` a
    covariance, ``...-fwd.fif`` a lead field.

    Parameters
    ----------
    record : Recording, NoiseCovariance or LeadField
        What to write.
    path : str or Path
        The file.
    overwrite : bool
        Replace a file that is there.
    **options
        Those of `to_mne`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError, FileExistsError
        Another record; a name that does not say what the record is; a folder that does not exist; a file that does.

    Notes
    -----
    Continuous data and covariances are held in double precision; averages, lead fields, and all places and sampling
    rates in single precision, which is FIFF's choice. The noise of a recording is a file of its own.
    """
    path, where = Path(path), 'write_fif'
    if type(record) not in {each.record for each in _KINDS.values()}:
        hint = ': write to_mne(estimate).save(path)' if type(record).__name__ == 'SourceEstimate' else ''
        raise TypeError(
            f'{where}(record) is a Recording, a NoiseCovariance or a LeadField; got {type(record).__name__}{hint}.'
        )
    stem = path.name.removesuffix('.gz').removesuffix('.fif')
    fits = {name: each for name, each in _KINDS.items() if isinstance(record, each.record)}
    kind = next((name for name, each in fits.items() if stem.endswith(each.endings)), None)
    if kind is None or not path.name.endswith(_FIF):
        endings = ' or '.join(f'{each.endings[0]}.fif' for each in fits.values())
        raise ValueError(f'{where}(path) ends in {endings} for a {type(record).__name__}; got {path.name}.')
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f'{where}(path) lies in a folder that exists; got {path}, and there is no {path.parent}.'
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f'{where}(path) is a new file; there is {path} already: write overwrite=True.')
    if isinstance(record, Recording):
        options = {'kind': kind, **options}
    given = to_mne(record, **options)
    # MNE warns of names, which were checked, and of a fixed orientation, which the record has anyway
    with quiet('error'):
        _KINDS[kind].write(given, path)
    return path
