"""Power spectral densities of sensors and regions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics import power_spectrum
from brainfwd.metrics.series import unpack
from brainfwd.plot.style import PALETTE, SENSORS, Segment, colours, figure, on_display
from brainfwd.records import ChannelGroups, Recording

__all__ = ['spectrum']


class _Curves(NamedTuple):
    """What one panel shows of one part."""

    frequencies: np.ndarray
    density: np.ndarray
    """(frequencies, channels or regions)."""
    symbol: str


def spectrum(
    data: Any,
    segments: Sequence[Segment] | None = None,
    highest: Any = 45.0 * u.Hz,
    band: tuple[Any, Any] | None = None,
    title: str | None = None,
    sampling_period: Any = None,
) -> Any:
    """Power spectral density (`metrics.power_spectrum`, segments of 2 s), a panel per type of channel.

    Parameters
    ----------
    data : Recording, Quantity or array, or mapping of str to these
        What to show: sensors, or (times, regions) values with their ``sampling_period``. Several, of the same channels
        or in the same unit, are a curve each.
    segments : sequence of (start, stop, label), optional
        Parts of one recording, a curve each; one of the whole by default. Curves are the mean over channels or regions;
        behind a single one those lie in grey.
    highest : Quantity
        Where the axis ends, Hz.
    band : tuple of two Quantities, optional
        Frequencies to shade, Hz.
    title : str, optional
        Above the figure.
    sampling_period : Quantity, optional
        Time between samples; recordings bring their own.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnitError, ValueError
        Times or frequencies without a unit, a segment outside the recording, recordings of other channels, values in
        other units.
    """
    last = float(checks.quantity(highest, u.Hz, 'spectrum(highest=...)', 'a frequency').mantissa)
    if isinstance(data, Mapping) and (segments or not data):
        raise ValueError('spectrum(data) is one recording to take segments from, or several without segments.')
    parts = dict(data) if isinstance(data, Mapping) else _parts(data, segments)
    curves = {label: _curves(part, sampling_period) for label, part in parts.items()}
    _check_resolved(curves, last)
    panels = {name: panel.symbol for name, panel in next(iter(curves.values())).items()}
    if any({name: panel.symbol for name, panel in of_part.items()} != panels for of_part in curves.values()):
        raise ValueError(f'spectrum(data) are of one set of types, {_listed(panels)}; got others too.')
    fig = figure(4.6 * len(panels) + 0.6, 3.8)
    axes = fig.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, symbol) in zip(axes, panels.items(), strict=True):
        for label, colour in colours(parts).items():
            frequencies, density, _ = curves[label][name]
            shown = (frequencies > 0) & (frequencies <= last)
            if len(parts) == 1:
                axis.semilogy(frequencies[shown], density[shown], color='#bbbbbb', linewidth=0.4)
            axis.semilogy(frequencies[shown], density[shown].mean(axis=1), color=colour, linewidth=1.5, label=label)
        if band is not None:
            low, high = (float(checks.quantity(f, u.Hz, 'spectrum(band=...)', 'a frequency').mantissa) for f in band)
            axis.axvspan(low, high, color=PALETTE[4], alpha=0.15, linewidth=0, label=f'{low:g}–{high:g} Hz')
        axis.set_xlim(0, last)
        axis.set_xlabel('Frequency (Hz)')
        axis.set_ylabel(f'Power spectral density ({symbol}/Hz)')
        axis.set_title(name, fontsize=11)
        axis.spines[['top', 'right']].set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc='outside lower center', ncols=min(len(names), 5), frameon=False, fontsize=9)
    if title:
        fig.suptitle(title)
    return fig


def _check_resolved(curves: Mapping[str, dict[str, _Curves]], last: float) -> None:
    """Refuse what is no curve: fewer than two frequencies to show."""
    for label, of_part in curves.items():
        hertz = next(iter(of_part.values())).frequencies
        if ((hertz > 0) & (hertz <= last)).sum() < 2:
            raise ValueError(
                f'spectrum(data): {label!r} has frequencies {hertz[1]:g} Hz apart, fewer than two up to '
                f'{last:g} Hz: give a longer series, or highest=...'
            )


def _listed(panels: Mapping[str, str]) -> str:
    return ', '.join(f'{name} ({symbol}/Hz)' if name else f'{symbol}/Hz' for name, symbol in panels.items())


def _parts(data: Any, segments: Sequence[Segment] | None) -> dict[str, Any]:
    if not segments:
        return {'mean over channels' if isinstance(data, Recording) else 'mean': data}
    if not isinstance(data, Recording):
        raise TypeError(f'spectrum(segments=...) are parts of a Recording; got {type(data).__name__}.')
    parts = {label: data.crop(start, stop) for start, stop, label in segments}
    if len(parts) != len(segments):
        raise ValueError('spectrum(segments=...) have a label each, every one once.')
    return parts


def _curves(part: Any, sampling_period: Any) -> dict[str, _Curves]:
    """By the title of a panel: the types of channel of a recording, none for regions."""
    value, period = unpack(part, sampling_period, 'spectrum')
    groups = {part.channels.kinds[0]: value} if isinstance(part, Recording) else {'': value}
    curves = {}
    for kind, series in (value if isinstance(value, ChannelGroups) else groups).items():
        shape = np.shape(u.get_mantissa(series))
        if len(shape) != 2:
            raise checks.ShapeError(f'spectrum(data) has shape (times, regions); got {shape}.')
        unit = u.get_unit(series)
        frequencies, density = power_spectrum(series, period)
        power = density.to_decimal(unit**2 / u.Hz)
        if kind:
            display = SENSORS[kind]
            shown = u.Quantity(power, unit=unit**2).to_decimal(display.unit**2)
            curves[display.name] = _Curves(frequencies.mantissa, shown, display.square)
        else:
            shown, symbol = on_display(power if unit.is_unitless else u.Quantity(power, unit=unit**2))
            curves[''] = _Curves(frequencies.mantissa, shown, symbol or '1')
    return curves
