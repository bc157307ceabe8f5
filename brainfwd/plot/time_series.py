"""Traces of sensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.plot.style import INK, SENSORS, Segment, figure, mark_segments, nice
from brainfwd.records import SENSOR_UNITS, Channels, Recording

__all__ = ['time_series']


def time_series(
    recording: Recording,
    start: Any = None,
    stop: Any = None,
    n_channels: int = 12,
    segments: Sequence[Segment] | None = None,
    title: str | None = None,
) -> Any:
    """Sensor traces one above the other, as an electroencephalographer reads them: a panel per type of channel.

    Parameters
    ----------
    recording : Recording
        What to show. The mean of each channel is taken away.
    start, stop : Quantity, optional
        Show ``start <= t < stop``; all by default.
    n_channels : int
        At most so many of each type, spread over the head.
    segments : sequence of (start, stop, label), optional
        Times to shade, Quantities, and what happens then.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A bar beside each panel gives the scale in uV, fT or fT/cm.

    Raises
    ------
    UnitError, ValueError
        Times without a unit or outside the recording, fewer than one channel.
    """
    n_channels = checks.positive_int(n_channels, 'time_series(n_channels=...)')
    part = recording.crop(start, stop)
    shown = {kind: _spread(part.channels, kind, n_channels) for kind in part.channels.kinds}
    heights = [max(1.2, 0.24 * len(index)) for index in shown.values()]
    fig = figure(11, sum(heights) + 0.9)
    axes = fig.subplots(len(shown), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    times = part.times.mantissa
    for axis, (kind, index) in zip(axes, shown.items(), strict=True):
        display = SENSORS[kind]
        traces = part.data_si[:, index] * float((1.0 * SENSOR_UNITS[kind]).to_decimal(display.unit))
        _stack(axis, times, traces, [part.channels.names[i] for i in index], display.symbol)
        axis.set_ylabel(
            f'{display.name} ({display.symbol})\n{len(index)} of {part.channels.types.count(kind)} channels'
        )
    axes[-1].set_xlabel('Time (s)')
    axes[0].set_xlim(times[0], times[-1] + part.sampling_period.mantissa)
    mark_segments(axes, segments, 'time_series')
    if title:
        fig.suptitle(title)
    return fig


def _stack(axis: Any, times: np.ndarray, traces: np.ndarray, names: list[str], symbol: str) -> None:
    traces = traces - traces.mean(axis=0)
    # rare peaks may reach into the neighbours
    step = 1.6 * float(np.percentile(abs(traces), 99.5)) or 1.0
    offsets = -step * np.arange(len(names))
    axis.plot(times, traces + offsets, color=INK, linewidth=0.6)
    axis.set_yticks(offsets, names, fontsize=8)
    axis.set_ylim(offsets[-1] - step, step)
    axis.spines[['top', 'right']].set_visible(False)
    bar = nice(step)
    beside = axis.get_yaxis_transform()
    bottom = offsets[-1] - 0.5 * step
    axis.plot([1.012, 1.012], [bottom, bottom + bar], transform=beside, color=INK, linewidth=2, clip_on=False)
    axis.text(1.02, bottom + bar / 2, f'{bar:g} {symbol}', transform=beside, va='center', fontsize=9)


def _spread(channels: Channels, kind: str, n: int) -> np.ndarray:
    """At most ``n`` channels of a type, each far from the others, in their order."""
    index = channels.indices(kind)
    if len(index) <= n:
        return index
    if channels.positions is None:
        return index[np.linspace(0, len(index) - 1, n).round().astype(int)]
    places = channels.positions.mantissa[index]
    chosen = [int(np.argmax(places[:, 1]))]
    distance = np.full(len(index), np.inf)
    while len(chosen) < n:
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance)))
    return index[np.sort(chosen)]
