"""Where the sensors are, and what they are called."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainfwd.plot.head import at_places, draw_head, unroll
from brainfwd.plot.style import INK, PALETTE, SENSORS, figure
from brainfwd.records import Channels

__all__ = ['sensors']

# inches of a panel in which a hundred names can be read
_SIZE = 5.6
_COLOURS = dict(zip(SENSORS, PALETTE, strict=False))


def sensors(channels: Channels, names: bool = True, title: str | None = None) -> Any:
    """The sensors on the head seen from above, nose up, each with its name: a panel per type of channel.

    They are unrolled as in `topography`: distance from the middle is the angle from the vertex, and the circle is the
    height of the nasion and the ears. Coils at one place are one dot, with all their names. A first word that all names
    share is above the panel.

    Parameters
    ----------
    channels : Channels
        The sensors, with positions.
    names : bool
        Write the names.
    title : str, optional
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Channels without positions, fewer than four sensors of a type.
    """
    if channels.positions is None:
        raise ValueError('sensors(channels) needs the positions of the sensors; got channels without.')
    inches = _SIZE * max(1.0, (max(map(channels.types.count, channels.kinds)) / 200) ** 0.5)
    fig = figure(inches * len(channels.kinds), inches + 0.4, fixed_aspect=True)
    axes = fig.subplots(1, len(channels.kinds), squeeze=False)[0]
    for axis, kind in zip(axes, channels.kinds, strict=True):
        index = channels.indices(kind)
        if len(index) < 4:
            raise ValueError(f'sensors(channels) has at least 4 of each type; got {len(index)} {SENSORS[kind].name}.')
        places, place_of = at_places(channels.positions.mantissa[index])
        xy = unroll(places)
        axis.plot(*xy.T, 'o', color=_COLOURS[kind], markersize=4, markeredgecolor='white', markeredgewidth=0.4)
        draw_head(axis, xy * (1 + 0.08 / np.hypot(*xy.T).max()))
        short, shared = _without_first_word([channels.names[i] for i in index])
        if names:
            rows = np.bincount(place_of).max()
            sizes = _font_sizes(xy * inches * 72 / np.ptp(axis.get_xlim()), max(map(len, short)), rows)
            for place, ((x, y), size) in enumerate(zip(xy, sizes, strict=True)):
                text = '\n'.join(short[i] for i in np.flatnonzero(place_of == place))
                axis.annotate(
                    text, (x, y), (0, -3), textcoords='offset points', ha='center', va='top', fontsize=size, color=INK
                )
        several = '' if len(places) == len(index) else f' at {len(places)} places'
        named = f', {shared} ...' if names and shared else ''
        axis.set_title(f'{len(index)} {SENSORS[kind].name}{several}{named}', fontsize=11)
    if title:
        fig.suptitle(title)
    return fig


def _without_first_word(names: Sequence[str]) -> tuple[list[str], str]:
    """The names without the first word if all share it, and that word: ``MEG 0111``."""
    first = {name.split(' ')[0] for name in names}
    if len(first) > 1 or not all(' ' in name for name in names):
        return list(names), ''
    (word,) = first
    return [name[len(word) + 1 :] for name in names], word


def _font_sizes(xy: np.ndarray, letters: int, rows: int) -> np.ndarray:
    """Points: names as large as the nearest neighbour lets be, those of most places alike; places in points too."""
    from scipy.spatial import cKDTree

    apart = cKDTree(xy).query(xy, k=2)[0][:, 1]
    # a letter is about 0.6 as wide as it is high; a row takes 1.2, and a dot is above
    largest = np.minimum(apart, np.median(apart)) / max(0.6 * letters, 1.2 * rows + 0.6)
    return np.clip(largest, 2.0, 8.0)
