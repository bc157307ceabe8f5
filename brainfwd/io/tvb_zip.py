"""Connectomes as The Virtual Brain keeps them: a zip of text files."""

import bz2
import zipfile
from pathlib import Path, PurePosixPath

import brainunit as u
import numpy as np

from brainfwd.io import tables
from brainfwd.records import Connectome

__all__ = ['load_tvb_zip', 'save_tvb_zip']


def load_tvb_zip(path: str | Path) -> Connectome:
    """A connectome from a zip of The Virtual Brain.

    Read are ``weights`` and ``tract_lengths`` (mm), ``[target, source]`` as here, ``centres`` (a name and three numbers
    in mm per line) and ``cortical``; all regions are cortical where it is not there. ``areas``,
    ``average_orientations`` and ``hemispheres`` have no place in a `Connectome`. Files may be compressed (``.bz2``) and
    lie in a folder of the zip.

    The region ids are the numbers of the rows, from 0, as in The Virtual Brain's mappings of vertices to regions. With
    a lead field whose sources know FreeSurfer's ids, say, put those in place:
    ``dataclasses.replace(brain, region_ids=ids)``.

    Raises
    ------
    OSError, ValueError
        No such file; no zip; a file in it that is missing, or a line of one that is wrong: the error names both.
    """
    path = tables.file_with(Path(path), 'a connectome')
    if not zipfile.is_zipfile(path):
        raise ValueError(f'{path} is a zip; got another kind of file.')
    with zipfile.ZipFile(path) as archive:
        place, rows = _rows(archive, path, 'centres', 'centers')
        labels = tables.once([(line, cells[0]) for line, cells in rows], place)
        short = next((line for line, cells in rows if len(cells) < 4), None)
        if short is not None:
            raise ValueError(f'{place}, line {short}, is a name without blanks and x, y, z.')
        centres = tables.numbers([(line, cells[1:4]) for line, cells in rows], place, unknown=True, negative=True)
        n = len(labels)
        weights, lengths = (_square(archive, path, name, n) for name in ('weight', 'tract'))
        cortical = None
        if _members(archive, 'cortical'):
            place, rows = _rows(archive, path, 'cortical')
            cells = [(line, [cell]) for line, cells in rows for cell in cells]
            cortical = tables.numbers(cells, place).ravel()
            if len(cortical) != n or not np.isin(cortical, (0, 1)).all():
                raise ValueError(f'{place} holds 0 or 1 for each of {n} regions; got {len(cortical)} numbers.')
    known = not np.isnan(centres).all()
    return Connectome(weights, lengths * u.mm, labels, np.arange(n), centres * u.mm if known else None, cortical)


def _members(archive: zipfile.ZipFile, *tokens: str) -> list[str]:
    """The files whose name has one of the tokens in it, which is how The Virtual Brain finds them."""
    return [
        name
        for name in archive.namelist()
        if any(token in PurePosixPath(name).name.lower() for token in tokens)
        and not name.startswith('__MACOSX')
        and not name.endswith('/')
    ]


def _rows(archive: zipfile.ZipFile, path: Path, *tokens: str) -> tuple[str, list[tables.Row]]:
    """Where the file stands, for errors, and its lines in words."""
    found = _members(archive, *tokens)
    if len(found) != 1:
        got = ', '.join(found) or ', '.join(archive.namelist()) or 'nothing'
        raise ValueError(f'{path} has one file with {tokens[0]!r} in its name; got {got}.')
    where, data = f'{path}: {found[0]}', archive.read(found[0])
    if found[0].endswith('.bz2'):
        data = bz2.decompress(data)
    lines = tables.decoded(data, where).splitlines()
    rows = [(number, line.split('#')[0].split()) for number, line in enumerate(lines, start=1)]
    return where, [row for row in rows if row[1]]


def _square(archive: zipfile.ZipFile, path: Path, token: str, n: int) -> np.ndarray:
    where, rows = _rows(archive, path, token)
    return tables.square(rows, n, where)


def save_tvb_zip(connectome: Connectome, path: str | Path) -> Path:
    """Write a connectome as a zip that ``tvb.datatypes.connectivity.Connectivity.from_file`` reads.

    Region ids and functional connectivity have no place there: they are lost. A centre that is not known is ``nan``.

    Raises
    ------
    ValueError
        A name with a blank or a ``#`` in it, which end a name there.
    """
    path = Path(path)
    for label in connectome.labels:
        if label.split() != [label] or '#' in label:
            raise ValueError(f"{path}: names of regions are words without '#' in a zip of this kind; got {label!r}.")
    unknown = np.full((connectome.n_regions, 3), np.nan)
    centres = unknown if connectome.centres is None else connectome.centres.mantissa
    files = {
        'weights': _text(connectome.weights),
        'tract_lengths': _text(connectome.tract_lengths.mantissa),
        'centres': ''.join(
            f'{label} {line}\n' for label, line in zip(connectome.labels, _text(centres).splitlines(), strict=True)
        ),
        'cortical': _text(connectome.is_cortical.astype(int)[:, None]),
    }
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f'{name}.txt', text)
    return path


def _text(table: np.ndarray) -> str:
    """Every digit of every number."""
    return ''.join(' '.join(map(repr, row)) + '\n' for row in table.tolist())
