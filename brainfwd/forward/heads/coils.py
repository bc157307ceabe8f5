"""How MEG sensors are wound: the points at which the field is taken, and their weights."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core.checks import choice
from brainfwd.records import Channels

__all__ = ['COILS', 'Coil', 'Winding', 'windings']

# The pick-up loop of a Neuromag chip lies that much above the place that is recorded for it, m.
_CHIP = 0.3e-3


@dataclass(frozen=True, eq=False)
class Coil:
    r"""The output of a coil: a weighted sum of the field along its normal at some points.

    .. math:: y = \sum_p w_p\, B_z(r_p)

    Parameters
    ----------
    name : str
        As `Channels.coils` has it.
    fiff : int
        Its number in FIFF files.
    kind : str
        The type of channel: ``'mag'``, in T, or ``'grad'``, in T/m.
    points : array
        (points, 3) m, in the frame of the coil: z is its normal, and a planar gradiometer lies along x.
    weights : array
        (points,), without a unit for ``'mag'``, in 1/m for ``'grad'``.
    meaning : str
        What it is, and its size.
    """

    name: str
    fiff: int
    kind: str
    points: np.ndarray
    weights: np.ndarray
    meaning: str

    def __post_init__(self):
        self.points.setflags(write=False)
        self.weights.setflags(write=False)


def _point() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((1, 3)), np.ones(1)


def _square(side: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean over a square, by the midpoints of 4 x 4 squares."""
    middles = side * (np.arange(4) - 1.5) / 4
    x, y = (axis.ravel() for axis in np.meshgrid(middles, middles))
    return np.c_[x, y, np.full(16, _CHIP)], np.full(16, 1 / 16)


def _cell(side: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean over a cell of vapour, 3 mm long and ``side`` across, by the midpoints of 6 x 2 x 2 boxes."""
    middles = np.meshgrid(3e-3 * (np.arange(6) - 2.5) / 6, *[side * np.array([-1, 1]) / 4] * 2)
    return np.stack(middles, axis=-1).reshape(24, 3), np.full(24, 1 / 24)


def _disc(diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean over a disc, exact for polynomials of degree 5 (Abramowitz & Stegun 1964, 25.4.61, seven points)."""
    turn = np.arange(6) * np.pi / 3
    ring = np.sqrt(2 / 3) * diameter / 2 * np.c_[np.cos(turn), np.sin(turn), 0 * turn]
    # to the micrometre, as MNE-Python has them
    return np.r_[np.zeros((1, 3)), ring.round(6)], np.r_[1 / 4, np.full(6, 1 / 8)]


def _axial(diameter: float, baseline: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean over a disc, less that over another one ``baseline`` farther out."""
    points, weights = _disc(diameter)
    return np.r_[points, points + [0, 0, baseline]], np.r_[weights, -weights]


def _planar(near: float, far: float, across: float, weight: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    """A figure of eight: two by two points in each loop."""
    sides = [1.0, -1.0]
    points = np.array([[side * x, y, z] for side in sides for x in (near, far) for y in (across, -across)])
    return points, weight * np.sign(points[:, 0])


# Of a figure of eight the windings are not published, but the points and weights that stand for them.
_VECTORVIEW = {'near': 5.891e-3, 'far': 10.79e-3, 'across': 6.713e-3, 'weight': 14.9858, 'z': _CHIP}
_NEUROMAG_122 = {'near': 5.44e-3, 'far': 11.11e-3, 'across': 7.68e-3, 'weight': 15.1057, 'z': 0.0}

_TABLE = (
    ('point magnetometer', 2000, 'mag', _point(), 'the field at a point'),
    ('neuromag magnetometer', 3024, 'mag', _square(21e-3), 'Vectorview and TRIUX T3, a square of 21 mm'),
    ('neuromag magnetometer T1', 3022, 'mag', _square(25.8e-3), 'Vectorview T1, a square of 25.8 mm'),
    ('neuromag magnetometer T2', 3023, 'mag', _square(25.8e-3), 'Vectorview T2, a square of 25.8 mm'),
    ('neuromag planar gradiometer', 3012, 'grad', _planar(**_VECTORVIEW), 'Vectorview and TRIUX T1, baseline 16.7 mm'),
    ('neuromag planar gradiometer T2', 3013, 'grad', _planar(**_VECTORVIEW), 'Vectorview T2, baseline 16.7 mm'),
    ('neuromag planar gradiometer T3', 3014, 'grad', _planar(**_VECTORVIEW), 'Vectorview T3, baseline 16.7 mm'),
    ('neuromag-122 planar gradiometer', 2, 'grad', _planar(**_NEUROMAG_122), 'Neuromag-122, baseline 16.5 mm'),
    ('ctf axial gradiometer', 5001, 'mag', _axial(18e-3, 50e-3), 'CTF, discs of 18 mm, 50 mm apart'),
    ('magnes magnetometer', 4001, 'mag', _disc(23e-3), 'Magnes WH2500, a disc of 23 mm'),
    ('magnes axial gradiometer', 4002, 'mag', _axial(18e-3, 50e-3), 'Magnes WH3600, discs of 18 mm, 50 mm apart'),
    ('kit axial gradiometer', 6001, 'mag', _axial(15.5e-3, 50e-3), 'KIT, discs of 15.5 mm, 50 mm apart'),
    ('kriss axial gradiometer', 9001, 'mag', _axial(20e-3, 50e-3), 'KRISS, discs of 20 mm, 50 mm apart'),
    ('compumedics axial gradiometer', 9101, 'mag', _axial(20.5e-3, 50e-3), 'Compumedics adult, 20.5 mm, 50 mm apart'),
    ('babymeg magnetometer', 7002, 'mag', _disc(10e-3), 'BabyMEG, a disc of 10 mm'),
    ('quspin magnetometer gen1', 8001, 'mag', _cell(0.7e-3), 'QuSpin, optically pumped, a cell of 3 x 0.7 x 0.7 mm'),
    ('quspin magnetometer', 8002, 'mag', _cell(0.7e-3), 'QuSpin, optically pumped, a cell of 3 x 0.7 x 0.7 mm'),
    ('fieldline magnetometer', 8101, 'mag', _cell(2e-3), 'FieldLine, optically pumped, a cell of 3 x 2 x 2 mm'),
)  # fmt: skip

COILS = MappingProxyType({name: Coil(name, fiff, kind, *rule, meaning) for name, fiff, kind, rule, meaning in _TABLE})
"""The coils there are, by name.

Sizes and points are those of MNE-Python's coil definitions (Hamalainen), at their highest accuracy, so that lead fields
agree; only the weights of cells of vapour, 1/24, it rounds to 0.0417. As there, an axial gradiometer is of type
``'mag'``: it gives the difference of the fields in its two loops, in T, not divided by their distance.
"""


class Winding(NamedTuple):
    """The sensors of one kind of coil.

    ``sensors`` (n,), where they stand among the MEG channels; ``points`` (n, points, 3) m and ``normals`` (n, 3), both
    in the head frame; ``weights`` (points,).
    """

    sensors: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    weights: np.ndarray


def windings(channels: Channels, where: str = 'windings(channels)') -> Iterator[Winding]:
    """The MEG channels, coil by coil, with their points in the head frame.

    Raises
    ------
    ValueError
        Channels without positions or coils, a coil that does not exist, or one of another type than its channel.
    """
    meg = np.flatnonzero(np.array(channels.types) != 'eeg')
    if len(meg) and (channels.positions is None or channels.coils is None):
        lacks = 'positions' if channels.positions is None else 'coils'
        raise ValueError(
            f'{where} of type mag or grad need positions, coils and coil_axes; got {channels} without {lacks}: write '
            f'Channels(names, types, positions, coils=..., coil_axes=...), with names from brainfwd.forward.COILS, or '
            f'take those of datasets.load_helmet().'
        )
    coils: Any = channels.coils
    for name in dict.fromkeys(coils[i] for i in meg):
        coil = COILS[choice(name, COILS, f'{where}.coils')]
        index = np.array([k for k, i in enumerate(meg) if coils[i] == name])
        for i in meg[index]:
            if channels.types[i] != coil.kind:
                raise ValueError(
                    f'{where}.types of a {name} is {coil.kind!r}; got {channels.types[i]!r} for {channels.names[i]}.'
                )
        places, axes = channels.positions[meg[index]].to_decimal(u.meter), channels.coil_axes[meg[index]]
        yield Winding(index, places[:, None] + coil.points @ axes, axes[:, 2], coil.weights)
