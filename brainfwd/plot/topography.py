"""Maps of the head: one number per sensor."""

from collections.abc import Mapping, Sequence
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.plot.colour_scale import colour_bar, colour_scale
from brainfwd.plot.head import at_places, draw_head, unroll
from brainfwd.plot.style import INK, SENSORS, figure
from brainfwd.records import SENSOR_UNITS, Channels

__all__ = ['topography']

# points of the map along each side
_GRID = 160
# how far the map reaches beyond the outermost sensors; the head has radius 1
_MARGIN = 0.1
_DIPOLES = {'nA m': nAm, 'nA m/mm²': nAm / u.mm**2}
"""What a lead field is per."""


def topography(
    values: Any, channels: Channels, title: str | Sequence[str] | None = None, label: str | None = None
) -> Any:
    """Values of the sensors on the head seen from above, nose up; a row per type of channel.

    Sensors are unrolled from the sphere that fits them best: distance from the middle is the angle from the vertex. The
    circle is the height of the nasion and the ears, so that a helmet reaches beyond it. The two planar gradiometers at
    one place are joined: the mean for power, the root mean square for fields.

    Parameters
    ----------
    values : Quantity, array, or mapping of type of channel to Quantity
        (channels,), or (maps, channels) for several maps on one colour scale: a Quantity in the unit of the sensors or
        that squared, shown in uV, fT, fT/cm or their squares; columns of a lead field, shown per nA m or per nA m/mm2;
        a plain array for what has no unit. For several types of channel, what `brainfwd.metrics.band_power` or
        `ChannelGroups` gives: one per type.
    channels : Channels
        The sensors, with positions.
    title : str or sequence of str, optional
        One per map.
    label : str, optional
        What the values are, for the colour bars; ``'8-13 Hz power'``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnitError, ShapeError, ValueError
        Another unit than that of the sensors, its square, or that of a lead field; values that do not fit the channels;
        channels without positions; fewer than four sensors of a type.
    """
    if channels.positions is None:
        raise ValueError('topography(channels) needs the positions of the sensors; got channels without.')
    by_kind = values if isinstance(values, Mapping) else {channels.kinds[0]: values}
    if set(by_kind) != set(channels.kinds):
        raise ValueError(
            f'topography(values) has one for each of {", ".join(channels.kinds)}; got {", ".join(by_kind)}.'
        )
    rows = {kind: _row(by_kind[kind], channels, kind) for kind in channels.kinds}
    n_maps = {len(maps) for maps, *_ in rows.values()}
    if len(n_maps) != 1:
        raise checks.ShapeError(f'topography(values) has as many maps for each type of channel; got {sorted(n_maps)}.')
    n = n_maps.pop()
    titles = _titles(title, n)

    fig = figure(2.7 * n + 1.4, 2.8 * len(rows) + 0.3, fixed_aspect=True)
    axes = fig.subplots(len(rows), n, squeeze=False)
    for axes_of_row, (kind, (maps, xy, symbol, default)) in zip(axes, rows.items(), strict=True):
        norm, cmap = colour_scale(maps)
        for axis, numbers in zip(axes_of_row, maps, strict=True):
            _draw(axis, xy, numbers, norm, cmap)
        sensors = 'Gradiometer pairs' if kind == 'grad' else SENSORS[kind].name
        colour_bar(fig, axes_of_row, norm, cmap, f'{sensors}\n{label or default}', symbol)
    for axis, text in zip(axes[0], titles, strict=True):
        axis.set_title(text, fontsize=11)
    return fig


def _titles(title: str | Sequence[str] | None, n: int) -> list[str]:
    titles = [''] * n if title is None else [title] if isinstance(title, str) else list(title)
    if len(titles) != n:
        raise checks.ShapeError(f'topography(title=...) has one per map, {n}; got {len(titles)}.')
    return titles


def _row(values: Any, channels: Channels, kind: str) -> tuple[np.ndarray, np.ndarray, str, str]:
    """(maps, places) on display, (places, 2), the symbol of the unit, and what it is."""
    where = f'topography(values) of {SENSORS[kind].name}'
    index = channels.indices(kind)
    if len(index) < 4:
        raise ValueError(f'{where} needs at least 4 sensors; got {len(index)}.')
    shape = np.shape(u.get_mantissa(values))
    if len(shape) not in (1, 2) or shape[-1] != len(index):
        raise checks.ShapeError(f'{where} has shape ({len(index)},) or (maps, {len(index)}); got {shape}.')
    checks.finite(values, where)
    numbers, symbol, default = _in_display_unit(values, kind, where)
    maps, places = np.atleast_2d(numbers), channels.positions[index].mantissa
    if kind == 'grad':
        maps, places = _join_pairs(maps, places, is_power=default == 'Power')
    return maps, unroll(places), symbol, default


def _in_display_unit(values: Any, kind: str, where: str) -> tuple[np.ndarray, str, str]:
    unit, display, si = u.get_unit(values), SENSORS[kind], SENSOR_UNITS[kind]
    if unit.is_unitless:
        return np.asarray(u.get_mantissa(values), dtype=float), '', 'Value'
    if u.have_same_dim(unit, si**2):
        return np.asarray(values.to_decimal(display.unit**2), dtype=float), display.square, 'Power'
    for name, dipole in _DIPOLES.items():
        if u.have_same_dim(unit, si / dipole):
            numbers = np.asarray(values.to_decimal(display.unit / dipole), dtype=float)
            return numbers, f'{display.symbol} per {name}', 'Lead field'
    meaning = f'what the sensors measure, or its square, {si**2}, or a lead field, {si / (u.amp * u.meter)}'
    in_unit = checks.quantity(values, si, where, meaning)
    return np.asarray(in_unit.to_decimal(display.unit), dtype=float), display.symbol, 'Signal'


def _join_pairs(maps: np.ndarray, places: np.ndarray, is_power: bool) -> tuple[np.ndarray, np.ndarray]:
    """One value per place: the mean of powers, the root mean square of fields."""
    places, place_of = at_places(places)
    power = maps if is_power else maps**2
    mean = np.stack([np.bincount(place_of, one) for one in power]) / np.bincount(place_of)
    return (mean if is_power else np.sqrt(mean)), places


def _draw(axis: Any, xy: np.ndarray, values: np.ndarray, norm: Any, cmap: Any) -> None:
    from matplotlib.patches import Polygon
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial import ConvexHull

    turn = np.linspace(0, 2 * np.pi, 64)
    circle = np.c_[np.cos(turn), np.sin(turn)]
    around = (xy[:, None] + _MARGIN * circle).reshape(-1, 2)
    rim = around[ConvexHull(around).vertices]
    low, high = rim.min(axis=0), rim.max(axis=0)
    grid = np.stack(np.meshgrid(*np.linspace(low, high, _GRID).T), axis=-1)
    surface = RBFInterpolator(xy, values, kernel='thin_plate_spline')(grid.reshape(-1, 2)).reshape(_GRID, _GRID)
    # between sensors a spline overshoots: a power would be negative
    surface = surface.clip(values.min(), values.max())
    extent = (low[0], high[0], low[1], high[1])
    image = axis.imshow(surface, norm=norm, cmap=cmap, origin='lower', extent=extent, interpolation='bilinear')
    # the same levels in every map of a row, as the colours
    levels = np.linspace(norm.vmin, norm.vmax, 9)[1:-1]
    lines = axis.contour(*np.moveaxis(grid, -1, 0), surface, levels, colors=INK, linewidths=0.4, alpha=0.5)
    for part in (image, lines):
        part.set_clip_path(Polygon(rim, transform=axis.transData))
    axis.plot(*xy.T, 'o', color=INK, markersize=2.4, markeredgecolor='white', markeredgewidth=0.3)
    draw_head(axis, rim)
