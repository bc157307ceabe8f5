"""Axes whose points are regions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ['mark_hemispheres', 'some_ticks']

_SIDES = {'L.': 'left', 'R.': 'right'}


def some_ticks(axis: Any, labels: Sequence[str], at_most: int, **options: Any) -> None:
    """Names of regions at equal distances, as many as can be read."""
    every = max(1, int(np.ceil(len(labels) / at_most)))
    axis.set_ticks(range(0, len(labels), every), list(labels)[::every], fontsize=7, **options)


def mark_hemispheres(axes: Any, labels: Sequence[str], horizontal: bool = True, vertical: bool = True) -> None:
    """Lines where the hemisphere of a region, the first letter of its name, changes."""
    sides = [_SIDES.get(label[:2], '') for label in labels]
    for i in range(1, len(sides)):
        if sides[i] != sides[i - 1]:
            for wanted, draw in ((horizontal, axes.axhline), (vertical, axes.axvline)):
                if wanted:
                    draw(i - 0.5, color='black', linewidth=0.9)
