"""Power spectral densities of sensors."""

from collections.abc import Mapping, Sequence
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics import power_spectrum
from brainfwd.plot.style import PALETTE, SENSORS, Segment, colours, figure
from brainfwd.records import SENSOR_UNITS, Recording

__all__ = ['spectrum']


def spectrum(
    recording: Recording | Mapping[str, Recording],
    segments: Sequence[Segment] | None = None,
    highest: Any = 45.0 * u.Hz,
    band: tuple[Any, Any] | None = None,
    title: str | None = None,
) -> Any:
    """Power spectral density (`metrics.power_spectrum`, segments of 2 s), a panel per type of channel.

    Parameters
    ----------
    recording : Recording, or mapping of str to Recording
        What to show; several, of the same channels, are a curve each.
    segments : sequence of (start, stop, label), optional
        Parts of one recording, a curve each; one of the whole recording by default. Curves are the mean over channels;
        behind a single one the channels lie in grey.
    highest : Quantity
        Where the axis ends, Hz.
    band : tuple of two Quantities, optional
        Frequencies to shade, Hz.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnitError, ValueError
        Times or frequencies without a unit, a segment outside the recording, recordings of other channels.
    """
    last = float(checks.quantity(highest, u.Hz, 'spectrum(highest=...)', 'a frequency').mantissa)
    parts = dict(recording) if isinstance(recording, Mapping) else _parts(recording, segments)
    if isinstance(recording, Mapping) and (segments or not parts):
        raise ValueError('spectrum(recording) is one to take segments from, or several without segments.')
    kinds = next(iter(parts.values())).channels.kinds
    if any(part.channels.kinds != kinds for part in parts.values()):
        raise ValueError(f'spectrum(recording) are of one set of types of channel, {", ".join(kinds)}.')
    fig = figure(4.6 * len(kinds) + 0.6, 3.8)
    axes = fig.subplots(1, len(kinds), squeeze=False)[0]
    for axis, kind in zip(axes, kinds, strict=True):
        display = SENSORS[kind]
        for label, colour in colours(parts).items():
            frequency, density = _density(parts[label], kind)
            shown = (frequency > 0) & (frequency <= last)
            if len(parts) == 1:
                axis.semilogy(frequency[shown], density[shown], color='#bbbbbb', linewidth=0.4)
            axis.semilogy(frequency[shown], density[shown].mean(axis=1), color=colour, linewidth=1.5, label=label)
        if band is not None:
            low, high = (float(checks.quantity(f, u.Hz, 'spectrum(band=...)', 'a frequency').mantissa) for f in band)
            axis.axvspan(low, high, color=PALETTE[4], alpha=0.15, linewidth=0, label=f'{low:g}–{high:g} Hz')
        axis.set_xlim(0, last)
        axis.set_xlabel('Frequency (Hz)')
        axis.set_ylabel(f'Power spectral density ({display.square}/Hz)')
        axis.set_title(display.name, fontsize=11)
        axis.spines[['top', 'right']].set_visible(False)
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc='outside lower center', ncols=min(len(names), 5), frameon=False, fontsize=9)
    if title:
        fig.suptitle(title)
    return fig


def _parts(recording: Recording, segments: Sequence[Segment] | None) -> dict[str, Recording]:
    if not segments:
        return {'mean over channels': recording}
    parts = {label: recording.crop(start, stop) for start, stop, label in segments}
    if len(parts) != len(segments):
        raise ValueError('spectrum(segments=...) have a label each, every one once.')
    return parts


def _density(recording: Recording, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and (frequencies, channels) in the unit of display squared per Hz."""
    data = u.Quantity(recording.data_si[:, recording.channels.indices(kind)], unit=SENSOR_UNITS[kind])
    spectrum = power_spectrum(data, recording.sampling_period)
    return spectrum.frequencies.mantissa, spectrum.density.to_decimal(SENSORS[kind].unit ** 2 / u.Hz)
