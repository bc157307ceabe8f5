"""Connectomes as a folder of CSV files, for spreadsheets and other languages."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.io import tables
from brainfwd.records import Connectome

__all__ = ['FILES', 'load_csv_folder', 'save_csv_folder']

FILES = ('regions.csv', 'weights.csv', 'tract_lengths.csv', 'functional_connectivity.csv')
_CORNER = 'target\\source'
_AXES = ('x_mm', 'y_mm', 'z_mm')


def load_csv_folder(path: str | Path) -> Connectome:
    """A connectome from a folder of CSV files.

    ======================================= ========================================================================
    ``regions.csv``                         a line per region: ``label``, ``region_id``; ``x_mm``, ``y_mm``, ``z_mm``
                                            (empty where not known) and ``is_cortical`` (1 or 0) may be left out
    ``weights.csv``                         ``[target, source]``: names of the targets in the first column, of the
                                            sources in the first line, both as in ``regions.csv``
    ``tract_lengths.csv``                   likewise; the first cell says the unit, as ``target\\source (mm)``
    ``functional_connectivity.csv``         likewise; may be left out
    ======================================= ========================================================================

    Raises
    ------
    OSError, ValueError, UnitError
        No such folder or file; a line that is wrong: the error names file and line.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f'{path} is a folder of CSV files; there is no such folder.')
    place, rows = _rows(path / 'regions.csv', 'the names of the regions')
    columns = _columns(rows, place, ('label', 'region_id'))
    labels = tables.once([(line, cells[0]) for line, cells in columns['label']], place)
    ids = tables.numbers(columns['region_id'], place, negative=True).ravel()
    if not np.array_equal(ids, ids.astype(int)):
        raise ValueError(f'{place}: region_id are whole numbers; got others.')
    centres = None
    if any(axis in columns for axis in _AXES):
        _columns(rows, place, _AXES)
        xyz = [tables.numbers(columns[axis], place, unknown=True, negative=True) for axis in _AXES]
        centres = np.concatenate(xyz, axis=1) * u.mm
    cortical = None
    if 'is_cortical' in columns:
        cortical = np.array([_truth(line, cells[0], place) for line, cells in columns['is_cortical']])
    weights, _ = _matrix(path / 'weights.csv', labels)
    lengths, unit = _matrix(path / 'tract_lengths.csv', labels)
    correlations = None
    if (path / 'functional_connectivity.csv').exists():
        correlations, _ = _matrix(path / 'functional_connectivity.csv', labels, negative=True)
    if unit is None or not u.have_same_dim(unit, u.mm):
        got = 'none' if unit is None else unit
        raise checks.UnitError(
            f"{path / 'tract_lengths.csv'}, line 1, says the unit in its first cell, '{_CORNER} (mm)'; got {got}."
        )
    return Connectome(weights, u.Quantity(lengths, unit=unit), labels, ids, centres, cortical, correlations)


def _rows(path: Path, what: str) -> tuple[str, list[tables.Row]]:
    """Where the file stands, for errors, and its lines in cells."""
    text = tables.decoded(tables.file_with(path, what).read_bytes(), str(path))
    reader = csv.reader(io.StringIO(text, newline=''))
    rows = [(reader.line_num, cells) for cells in reader if cells]
    if len(rows) < 2:
        raise ValueError(f'{path} has a line of names and one for each region; got {len(rows)} lines.')
    return str(path), rows


def _columns(rows: list[tables.Row], where: str, needed: tuple[str, ...]) -> dict[str, list[tables.Row]]:
    """The cells below each name of the first line."""
    (first, header), *body = rows
    names = [name.strip() for name in header]
    missing = [name for name in needed if name not in names]
    if missing:
        raise ValueError(f'{where}, line {first}, has a column {missing[0]!r}; got {", ".join(names)}.')
    for line, cells in body:
        if len(cells) != len(names):
            raise ValueError(f'{where}, line {line}, has {len(cells)} cells; line {first} has {len(names)}.')
    return {name: [(line, [cells[i]]) for line, cells in body] for i, name in enumerate(names)}


def _truth(line: int, cell: str, where: str) -> bool:
    known = {'1': True, 'true': True, '0': False, 'false': False}
    word = cell.strip().lower()
    if word not in known:
        raise ValueError(f'{where}, line {line}: is_cortical is 1 or 0; got {cell!r}.')
    return known[word]


def _matrix(path: Path, labels: tuple[str, ...], *, negative: bool = False) -> tuple[np.ndarray, Any]:
    """(regions, regions), and the unit that the first cell names, if any."""
    where, ((first, header), *body) = _rows(path, 'a number for each pair of regions')
    across, down = [(first, name) for name in header[1:]], [(line, cells[0]) for line, cells in body]
    for wanted, (line, name) in [*zip(labels, across, strict=False), *zip(labels, down, strict=False)]:
        if name != wanted:
            raise ValueError(
                f'{where}, line {line}, names the regions as regions.csv does, in its order: {wanted!r}; got {name!r}.'
            )
    if len(header) != len(labels) + 1:
        raise ValueError(f'{where}, line {first}, names {len(labels)} regions; got {len(header) - 1}.')
    named = re.search(r'\((.*)\)', header[0])
    try:
        unit = u.parse_unit(named[1]) if named else None
    except ValueError:
        raise checks.UnitError(f'{where}, line {first}: {header[0]!r} names no unit in its brackets.') from None
    return tables.square([(line, cells[1:]) for line, cells in body], len(labels), where, negative=negative), unit


def save_csv_folder(connectome: Connectome, path: str | Path) -> Path:
    """Write a connectome as a folder of CSV files that `load_csv_folder` reads, without a digit lost."""
    path = Path(path)
    path.mkdir(exist_ok=True)
    brain = connectome
    columns = {'label': brain.labels, 'region_id': brain.region_ids.tolist()}
    if brain.centres is not None:
        for axis, values in zip(_AXES, brain.centres.mantissa.T.tolist(), strict=True):
            columns[axis] = ['' if np.isnan(x) else x for x in values]
    columns['is_cortical'] = brain.is_cortical.astype(int).tolist()
    _write(path / 'regions.csv', [columns, *zip(*columns.values(), strict=True)])
    matrices = {
        'weights': (brain.weights, _CORNER),
        'tract_lengths': (brain.tract_lengths.mantissa, f'{_CORNER} (mm)'),
        'functional_connectivity': (brain.functional_connectivity, 'region'),
    }
    for name, (matrix, corner) in matrices.items():
        file = path / f'{name}.csv'
        if matrix is None:
            # that of another connectome would be read with this one
            file.unlink(missing_ok=True)
            continue
        rows = ([label, *row] for label, row in zip(brain.labels, matrix.tolist(), strict=True))
        _write(file, [[corner, *brain.labels], *rows])
    return path


def _write(path: Path, rows: Sequence[Iterable[Any]]) -> None:
    with path.open('w', encoding='utf-8', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows(rows)
