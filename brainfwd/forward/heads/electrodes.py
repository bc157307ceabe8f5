"""Where electrodes stand: the 10-20, 10-10 and 10-05 systems, on a sphere."""

import difflib
from collections.abc import Iterator, Sequence

import brainunit as u
import numpy as np

from brainfwd._core.checks import choice
from brainfwd.forward.heads.spherical_head import SphericalHead
from brainfwd.records import Channels

__all__ = ['electrodes']

# from nasion to inion, in steps of 5 %
_ROWS = (
    'N', 'NFp', 'Fp', 'AFp', 'AF', 'AFF', 'F', 'FFC', 'FC', 'FCC', 'C', 'CCP', 'CP', 'CPP', 'P', 'PPO', 'PO', 'POO',
    'O', 'OI', 'I',
)  # fmt: skip
# what these are called over the temporal lobe
_TEMPORAL = {'FFC': 'FFT', 'FC': 'FT', 'FCC': 'FTT', 'C': 'T', 'CCP': 'TTP', 'CP': 'TP', 'CPP': 'TPP'}
# from the midline to the left; even numbers to the right
_COLUMNS = ('z', '1h', '1', '3h', '3', '5h', '5', '7h', '7', '9h', '9')

_NARROW, _WIDE = ('z', '1'), ('z', '3', '7')
_WHOLE = ('z', '1', '3', '5', '7', '9')
_LAYOUTS: dict[str, dict[str, tuple[str, ...]]] = {
    '10-20': {'Fp': _NARROW, 'F': _WIDE, 'C': _WIDE, 'P': _WIDE, 'O': _NARROW},
    '10-10': {
        'N': ('z',), 'Fp': _NARROW, 'AF': _WIDE, 'F': _WHOLE, 'FC': _WHOLE, 'C': _WHOLE, 'CP': _WHOLE, 'P': _WHOLE,
        'PO': _WIDE, 'O': _NARROW, 'I': ('z',),
    },
    '10-05': {row: _COLUMNS if 3 <= k <= 17 else _COLUMNS[:3] for k, row in enumerate(_ROWS)},
}  # fmt: skip

_OTHER_NAMES = {'T3': 'T7', 'T4': 'T8', 'T5': 'P7', 'T6': 'P8', 'O9': 'I1', 'O10': 'I2'}


def electrodes(layout: str | Sequence[str] = '10-20', head: SphericalHead | None = None) -> Channels:
    """Electrodes of the 10-20, 10-10 or 10-05 system, on the outermost sphere of a head.

    Nasion, inion and preauricular points lie where the sphere meets the plane z = 0 of the head frame. Midline: in
    steps of 5 % from nasion to inion, through the vertex. Ring through Fpz, T7, Oz and T8, and two below: in steps
    of 5 % from front to back. Between ring and midline: eighths of the arc through three of these points. Left and
    right mirror each other.

    Parameters
    ----------
    layout : {'10-20', '10-10', '10-05'} or sequence of str
        21, 73 or 345 electrodes, front to back and left to right; or some of their names, in the order wanted and as
        written, upper case or not. These may also be T3 to T6, O9 and O10, which are T7, T8, P7, P8, I1 and I2
        elsewhere, and earlobes A1, A2 and mastoids M1, M2, which the systems leave out: here 5 % below T9, T10 and TP9,
        TP10.
    head : SphericalHead, optional
        ``SphericalHead()`` when left out.

    Returns
    -------
    Channels

    Raises
    ------
    ValueError
        A layout or a name that does not exist, or a head whose sphere does not meet the plane z = 0.

    References
    ----------
    Jasper, H. H. (1958). The ten-twenty electrode system of the International Federation. Electroencephalography and
    Clinical Neurophysiology, 10, 371-375.

    Klem, G. H., et al. (1999). The ten-twenty electrode system of the International Federation. Electroencephalography
    and Clinical Neurophysiology, Supplement 52, 3-6.

    Oostenveld, R., & Praamstra, P. (2001). The five percent electrode system for high-resolution EEG and ERP
    measurements. Clinical Neurophysiology, 112(4), 713-719.
    """
    head = SphericalHead() if head is None else head
    if not isinstance(head, SphericalHead):
        raise TypeError(f'electrodes(head=...) is a SphericalHead; got {type(head).__name__}.')
    radius, centre = head.radii[-1].to_decimal(u.meter), head.centre.to_decimal(u.meter)
    if abs(centre[2]) >= radius:
        raise ValueError(
            f'electrodes(head=...) meets the plane of nasion and ears, z = 0 of the head frame; got {head}, whose '
            f'outermost sphere lies {"above" if centre[2] > 0 else "below"} it.'
        )
    places = dict(_directions(np.pi / 2 + np.arcsin(centre[2] / radius)))
    if isinstance(layout, str):
        choice(layout, _LAYOUTS, 'electrodes(layout)')
        names = [name for row, columns in _LAYOUTS[layout].items() for name in _names(row, columns)]
        found = [places[name] for name in names]
    else:
        names = list(layout)
        found = [_find(name, places) for name in names]
    positions = centre + radius * np.reshape(found, (-1, 3))
    return Channels(tuple(names), ('eeg',) * len(names), u.Quantity(positions, unit=u.meter))


def _find(name: str, places: dict[str, np.ndarray]) -> np.ndarray:
    known = {each.lower(): where for each, where in places.items()}
    known |= {old.lower(): places[new] for old, new in _OTHER_NAMES.items()}
    if str(name).lower() not in known:
        near = difflib.get_close_matches(str(name), places, n=1)
        hint = f' Did you mean {near[0]!r}?' if near else ''
        raise ValueError(f'electrodes(layout) are names of the 10-05 system; got {name!r}.{hint}')
    return known[str(name).lower()]


def _name(row: str, column: str) -> str:
    return (_TEMPORAL.get(row, row) if column[0] in '79' else row) + column


def _names(row: str, columns: Sequence[str]) -> list[str]:
    """From left to right."""
    left = [_name(row, column) for column in reversed(columns[1:])]
    return [*left, _name(row, 'z'), *(_mirrored(name) for name in reversed(left))]


def _mirrored(name: str) -> str:
    """The name on the right of one on the left."""
    stem, half = name.removesuffix('h'), name[len(name.removesuffix('h')) :]
    return f'{stem[:-1]}{int(stem[-1]) + 1}{half}'


def _directions(rim: float) -> Iterator[tuple[str, np.ndarray]]:
    """All names, and where they lie on a unit sphere on which nasion and ears are ``rim`` away from the vertex."""
    for k, row in enumerate(_ROWS):
        along = k / 20
        middle = np.array([0.0, np.sin((1 - 2 * along) * rim), np.cos((1 - 2 * along) * rim)])
        yield _name(row, 'z'), middle
        for column, place in zip(_COLUMNS[1:], _left(k, middle, rim), strict=False):
            yield _name(row, column), place
            yield _mirrored(_name(row, column)), place * [-1, 1, 1]
    for name, along in (('A1', 10 / 20), ('M1', 12 / 20)):
        place = _ring(1.1 * rim, along)
        yield name, place
        yield _mirrored(name), place * [-1, 1, 1]


def _left(k: int, middle: np.ndarray, rim: float) -> list[np.ndarray]:
    """The places of row k, from the midline to the left."""
    end = min(k, 20 - k)
    if end < 3:
        # the front and the back of the rings; there is no arc
        level = (1 - end / 10) * rim
        return [_ring(level, step if k < 3 else 1 - step) for step in (0.05, 0.1)]
    ring = [_ring(level * rim, k / 20) for level in (0.8, 0.9, 1.0)]
    return [_arc(middle, ring[0], part / 8) for part in range(1, 9)] + ring[1:]


def _ring(level: float, along: float) -> np.ndarray:
    """On the left, ``level`` away from the vertex, ``along`` of the way from front to back."""
    turn = np.pi * along
    return np.array([-np.sin(level) * np.sin(turn), np.sin(level) * np.cos(turn), np.cos(level)])


def _arc(middle: np.ndarray, end: np.ndarray, part: float) -> np.ndarray:
    """A part of the way from the midline to the end, on the circle through both and the mirror image of the end."""
    up = (middle - end) * [0, 1, 1]
    up /= np.linalg.norm(up)
    radius = middle @ up
    turn = part * np.arctan2(end[0], end @ up)
    return middle - radius * up + radius * (np.cos(turn) * up + np.sin(turn) * np.array([1.0, 0, 0]))
