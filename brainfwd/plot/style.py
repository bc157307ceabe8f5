"""What all figures share: colours, units on display, and a figure that needs no window."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import fT, nAm, uV

__all__ = [
    'GREY',
    'INK',
    'PALETTE',
    'SENSORS',
    'Display',
    'Segment',
    'colours',
    'figure',
    'mark_segments',
    'nice',
    'on_display',
]

PALETTE = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#882255', '#666666')
"""Okabe and Ito's colours, told apart by readers with any colour vision; yellow and black, which are hard to read on
white or taken for text, are replaced."""
INK = '#222222'
GREY = '#9a9a9a'

Segment = tuple[Any, Any, str]
"""Start and stop, Quantities of time, and what happens between."""


class Display(NamedTuple):
    """How the numbers of one type of channel are shown."""

    name: str
    unit: u.Unit
    symbol: str
    square: str
    """The symbol of the unit squared."""


SENSORS = {
    'eeg': Display('EEG', uV, 'µV', 'µV²'),
    'mag': Display('Magnetometers', fT, 'fT', 'fT²'),
    'grad': Display('Gradiometers', fT / u.cmeter, 'fT/cm', 'fT²/cm²'),
}


@functools.cache
def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("brainfwd.plot needs matplotlib: pip install 'brainfwd[demo]'.") from error

    class NotebookFigure(Figure):
        """A figure that a notebook shows by itself, without pyplot."""

        def _repr_png_(self) -> bytes:
            import io

            buffer = io.BytesIO()
            self.savefig(buffer, format='png')
            return buffer.getvalue()

    return NotebookFigure


def figure(width: float, height: float, fixed_aspect: bool = False) -> Any:
    """An empty figure, inches, outside pyplot's list of open ones; with ``fixed_aspect`` for images."""
    layout = 'compressed' if fixed_aspect else 'constrained'
    return _figure_class()(figsize=(width, height), dpi=120, layout=layout)


def colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, in the order in which they first come."""
    return {label: PALETTE[i % len(PALETTE)] for i, label in enumerate(dict.fromkeys(labels))}


def _seconds(time: Any, where: str) -> float:
    """One time in s."""
    return float(checks.quantity(time, u.second, where, 'a time').mantissa)


def mark_segments(
    axes: Sequence[Any], segments: Sequence[Segment] | None, where: str, colour_of: Mapping[str, str] | None = None
) -> None:
    """Shade the segments behind every axis, and write their labels above the first."""
    segments = segments or ()
    colour_of = {**colours(label for *_, label in segments), **(colour_of or {})}
    low, high = axes[0].get_xlim()
    for start, stop, label in segments:
        begin = max(_seconds(start, f'{where}(segments=...)'), low)
        end = min(_seconds(stop, f'{where}(segments=...)'), high)
        if begin >= end:
            continue
        for axis in axes:
            axis.axvspan(begin, end, color=colour_of[label], alpha=0.13, linewidth=0, zorder=0)
        axes[0].text(
            (begin + end) / 2,
            1.01,
            label,
            transform=axes[0].get_xaxis_transform(),
            ha='center',
            va='bottom',
            fontsize=9,
            color=INK,
        )


def nice(number: float) -> float:
    """The nearest 1, 2 or 5 times a power of ten that is not larger."""
    power = 10.0 ** np.floor(np.log10(number))
    return float(max(step for step in (1, 2, 5) if step * power <= number * (1 + 1e-9)) * power)


_SHOWN = {
    'mV': u.mV,
    'mV²': u.mV**2,
    'nA m': nAm,
    '(nA m)²': nAm**2,
    'nA m/mm²': nAm / u.mm**2,
    '(nA m/mm²)²': (nAm / u.mm**2) ** 2,
}
"""What regions and sources are shown in: potentials, dipole moments, moments per area, and their power."""


def on_display(values: Any) -> tuple[np.ndarray, str]:
    """Numbers and the symbol of their unit, as regions and sources are shown; the symbol is empty for no unit."""
    unit = u.get_unit(values)
    for name, shown in _SHOWN.items():
        if u.have_same_dim(unit, shown):
            return np.asarray(values.to_decimal(shown), dtype=float), name
    return np.asarray(u.get_mantissa(values), dtype=float), _symbol(unit)


def _symbol(unit: u.Unit) -> str:
    """The unit as it is written on an axis: ``Hz``, ``mV²/Hz``; empty for none."""
    if unit.is_unitless:
        return ''
    text = str(unit).replace(' * ', ' ').replace(' / ', '/').replace('^2', '²').replace('^3', '³')
    return 'µ' + text[1:] if text[0] == 'u' else text
