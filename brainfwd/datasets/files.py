"""Reading the arrays that are shipped inside the package."""

import csv
from importlib import resources

import numpy as np

__all__ = ['arrays', 'rows']

_DATA = resources.files('brainfwd.datasets') / 'data'


def arrays(folder: str, name: str) -> dict[str, np.ndarray]:
    """All arrays of one ``.npz`` file; nothing in it is pickled."""
    with resources.as_file(_DATA / folder / name) as path, np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive}


def rows(folder: str, name: str) -> list[dict[str, str]]:
    """The rows of one ``.csv`` file."""
    text = (_DATA / folder / name).read_text(encoding='utf-8')
    return list(csv.DictReader(text.splitlines()))
