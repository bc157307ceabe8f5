"""Tables of text, whose errors name file and line."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ['Row', 'decoded', 'file_with', 'numbers', 'once', 'square']

Row = tuple[int, list[str]]
"""The number of the line, from 1, and its cells."""


def file_with(path: Path, what: str) -> Path:
    """The path, if there is such a file."""
    if not path.is_file():
        raise FileNotFoundError(f'{path} holds {what}; there is no such file.')
    return path


def decoded(data: bytes, where: str) -> str:
    """Text in UTF-8, with or without a mark at its start."""
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError:
        raise ValueError(f'{where} is text in UTF-8; got something else.') from None


def numbers(rows: Sequence[Row], where: str, *, unknown: bool = False, negative: bool = False) -> np.ndarray:
    """(rows, columns). ``unknown`` takes empty cells and ``nan`` for NaN, ``negative`` numbers below zero."""
    table = []
    for line, cells in rows:
        try:
            values = [float(cell) if cell.strip() or not unknown else math.nan for cell in cells]
        except ValueError:
            bad = next(cell for cell in cells if not _is_number(cell))
            raise ValueError(f'{where}, line {line}, holds numbers; got {bad!r}.') from None
        if len(values) != len(rows[0][1]):
            first = rows[0]
            raise ValueError(f'{where}, line {line}, has {len(values)} cells; line {first[0]} has {len(first[1])}.')
        for value in values:
            if math.isinf(value) or (math.isnan(value) and not unknown):
                raise ValueError(f'{where}, line {line}, holds finite numbers; got {value}.')
            if value < 0 and not negative:
                raise ValueError(f'{where}, line {line}, holds no negative numbers; got {value:g}.')
        table.append(values)
    return np.array(table)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def square(rows: Sequence[Row], n: int, where: str, *, negative: bool = False) -> np.ndarray:
    """(regions, regions)."""
    table = numbers(rows, where, negative=negative)
    if table.shape != (n, n):
        raise ValueError(f'{where} has a row and a column for each of {n} regions; got {table.shape}.')
    return table


def once(names: Sequence[tuple[int, str]], where: str) -> tuple[str, ...]:
    """Names by line, none of them empty, each once."""
    seen: dict[str, int] = {}
    for line, name in names:
        if not name:
            raise ValueError(f'{where}, line {line}, names a region; got an empty name.')
        if name in seen:
            raise ValueError(f'{where}, line {line}, names {name!r}, as line {seen[name]} does.')
        seen[name] = line
    return tuple(seen)
