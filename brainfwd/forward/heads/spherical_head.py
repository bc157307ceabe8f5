"""A head of concentric spheres."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.heads.berg_scherg import EquivalentDipoles, berg_scherg
from brainfwd.forward.heads.sphere_eeg import homogeneous, orders_needed, series, transmission
from brainfwd.forward.heads.sphere_fit import fit_sphere
from brainfwd.forward.heads.sphere_meg import magnetic_gain
from brainfwd.records import Channels, LeadField, SourceSpace
from brainfwd.records.base import frozen_quantity, keep

__all__ = ['SphericalHead', 'compiled_gain']

_RELATIVE_RADII = (0.90, 0.92, 0.97, 1.0)
_CONDUCTIVITIES = (0.33, 1.0, 0.004, 0.33)
_SIEMENS = u.siemens / u.meter
# of the radius: heads are no spheres, but what is farther off is in other units or another frame
_OFF_SURFACE = 0.25


@dataclass(frozen=True, eq=False, repr=False)
class SphericalHead:
    r"""Concentric spheres, each of one conductivity, with dipoles in the innermost.

    EEG is the potential on the outermost sphere, against one whose mean over the sphere is zero: the exact series of
    Legendre polynomials, or three equivalent dipoles (Berg & Scherg, 1994). MEG depends on the centre alone (Sarvas,
    1987). The defaults are those of MNE-Python: brain, cerebrospinal fluid, skull and scalp.

    Electrodes are projected onto the outermost sphere, along the line to its centre. Two heads are equal when all that
    is given here is.

    Parameters
    ----------
    radii : Quantity
        (shells,) the outer radius of each, growing, mm.
    conductivities : Quantity
        (shells,) from the inside out, S/m.
    centre : Quantity
        (3,) in the head frame, m.
    method : {'series', 'berg-scherg'}
        How EEG is computed. One sphere alone has a closed form, which is used with both.
    tolerance : float
        Truncation error of the series. At any electrode the error is at most ``tolerance`` times the largest potential
        that a dipole of the same moment and eccentricity has anywhere on the sphere. The number of terms (`n_terms`)
        follows from it for a dipole at the border of the innermost sphere, where the most are needed, so that it never
        depends on positions.

    Raises
    ------
    UnitError, ShapeError, ValueError
        A wrong unit or shape, a radius or conductivity that is not above zero, radii that do not grow.

    Notes
    -----
    The equations are in `brainfwd.forward.heads.sphere_eeg`, `berg_scherg` and `sphere_meg`. Sarvas (1987), Basic
    mathematical and electromagnetic concepts of the biomagnetic inverse problem, Physics in Medicine and Biology 32.
    """

    radii: Any = field(default_factory=lambda: u.Quantity(90.0 * np.array(_RELATIVE_RADII), unit=u.mm))
    conductivities: Any = field(default_factory=lambda: u.Quantity(np.array(_CONDUCTIVITIES), unit=_SIEMENS))
    centre: Any = field(default_factory=lambda: u.Quantity(np.array([0.0, 0.0, 0.04]), unit=u.meter))
    method: str = 'series'
    tolerance: float = 1e-8

    def __post_init__(self):
        where = 'SphericalHead'
        shape = np.shape(u.get_mantissa(self.radii))
        if len(shape) != 1 or shape[0] < 1:
            raise checks.ShapeError(f'{where}(radii=...) has shape (shells,), one or more; got {shape}.')
        radii = frozen_quantity(self.radii, u.mm, f'{where}(radii=...)', 'the outer radius of each shell')
        checks.shape_is(self.conductivities, shape, f'{where}(conductivities=...)', '(shells,)')
        meaning = 'the conductivity of each shell, from the inside out'
        sigma = frozen_quantity(self.conductivities, _SIEMENS, f'{where}(conductivities=...)', meaning)
        checks.shape_is(self.centre, (3,), f'{where}(centre=...)', '(3,)')
        centre = frozen_quantity(self.centre, u.meter, f'{where}(centre=...)', 'the centre in the head frame')
        for name, value in (('radii', radii), ('conductivities', sigma), ('centre', centre)):
            checks.finite(value, f'{where}({name}=...)')
        checks.positive(radii, f'{where}(radii=...)')
        checks.positive(sigma, f'{where}(conductivities=...)')
        if (np.diff(radii.mantissa) <= 0).any():
            raise ValueError(f'{where}(radii=...) grow from the inside out; got {radii}.')
        checks.choice(self.method, ('series', 'berg-scherg'), f'{where}(method=...)')
        if not 0 < self.tolerance < 1:
            raise ValueError(f'{where}(tolerance=...) lies between 0 and 1; got {self.tolerance}.')
        keep(self, radii=radii, conductivities=sigma, centre=centre)

    @classmethod
    def around(
        cls,
        electrodes: Any,
        *,
        relative_radii: Sequence[float] = _RELATIVE_RADII,
        conductivities: Any = None,
        method: str = 'series',
        tolerance: float = 1e-8,
    ) -> 'SphericalHead':
        """The head whose outermost sphere is as near to the electrodes as can be, by least squares.

        Parameters
        ----------
        electrodes : Channels or Quantity
            The EEG channels of these, or places on the head, (points, 3) m.
        relative_radii : sequence of float
            Outer radius of each shell, relative to the outermost.
        conductivities : Quantity, optional
            (shells,) S/m.
        method, tolerance : str, float
            As above.

        Raises
        ------
        ValueError
            No EEG channel, channels without places, fewer than four points, or points in a plane.
        """
        where = 'SphericalHead.around(electrodes)'
        if isinstance(electrodes, Channels):
            if 'eeg' not in electrodes.kinds:
                raise ValueError(f'{where} lie on the head; got {electrodes}: take EEG channels, or places.')
            electrodes = _placed(electrodes.pick('eeg')[0], where)
        checks.shape_is(electrodes, (*np.shape(u.get_mantissa(electrodes))[:1], 3), where, '(points, 3)')
        places = frozen_quantity(electrodes, u.meter, where, 'places on the head').mantissa
        checks.finite(places, where)
        centre, radius = fit_sphere(places, where)
        radii = u.Quantity(1e3 * radius * np.asarray(relative_radii, float), unit=u.mm)
        options = {} if conductivities is None else {'conductivities': conductivities}
        return cls(radii, centre=u.Quantity(centre, unit=u.meter), method=method, tolerance=tolerance, **options)

    def __repr__(self) -> str:
        return f'SphericalHead({self.description}, {self.method})'

    def __hash__(self) -> int:
        return hash(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SphericalHead) and self._values == other._values

    @functools.cached_property
    def _values(self) -> tuple[Any, ...]:
        numbers = (self.radii, self.conductivities, self.centre)
        return (*(tuple(each.mantissa.tolist()) for each in numbers), self.method, self.tolerance)

    @property
    def description(self) -> str:
        """The spheres in words: equal for equal heads, however the potentials are computed."""

        def listed(values):
            return ', '.join(f'{value:.6g}' for value in values)

        # to 0.1 um, so that single precision makes no other head; + 0 leaves no minus zero
        centre = np.round(1e3 * self.centre.mantissa, 4) + 0.0
        return (
            f'spheres of {listed(self.radii.mantissa)} mm, {listed(self.conductivities.mantissa)} S/m '
            f'around ({listed(centre)}) mm'
        )

    @functools.cached_property
    def n_terms(self) -> int:
        """Terms of the series; 0 where there is a closed form."""
        if len(self.radii.mantissa) == 1 or self.method != 'series':
            return 0
        return orders_needed(self.radii.mantissa, self.conductivities.mantissa, self.tolerance)

    @functools.cached_property
    def equivalent_dipoles(self) -> EquivalentDipoles:
        """The three dipoles of the Berg-Scherg approximation, and its error."""
        return berg_scherg(self.radii.mantissa, self.conductivities.mantissa)

    def inside(self, positions: Any) -> np.ndarray:
        """Which places, (sources, 3) m, lie in the innermost sphere: (sources,) of truth values."""
        return self._eccentricity(positions, 'SphericalHead.inside(positions)') < self._inner

    def gain_si(self, positions: Any, channels: Channels) -> jax.Array:
        """What each sensor sees of dipoles, as JAX computes it: under ``jit``, ``vmap`` and ``grad``.

        Parameters
        ----------
        positions : Quantity
            (sources, 3) in the head frame, m. Differentiable. EEG of a source outside the innermost sphere is NaN.
        channels : Channels
            The sensors, of any types, with their places.

        Returns
        -------
        jax.Array
            (sensors, sources, 3) SI numbers for moments along x, y, z: V/(A m), T/(A m) or T/m/(A m) by the type of
            each channel. In the precision of the positions.

        Raises
        ------
        UnitError, ShapeError
            Positions without a unit of length, or in another shape.
        ValueError
            Channels without places, electrodes off the outermost sphere by more than a quarter of its radius, MEG
            sensors within it.
        """
        where = 'SphericalHead.gain_si(positions)'
        places = checks.quantity(positions, u.meter, where, 'the places of the sources').mantissa
        checks.shape_is(places, (*np.shape(places)[:1], 3), where, '(sources, 3)')
        self._check_sensors(channels)
        is_eeg = np.array(channels.types) == 'eeg'
        places = 1.0 * jnp.asarray(places)  # whole numbers, too
        parts = []
        if is_eeg.any():
            away = channels.positions.mantissa[is_eeg] - self.centre.mantissa
            parts.append(self._electric_gain(places, away / np.linalg.norm(away, axis=1, keepdims=True)))
        if not is_eeg.all():
            parts.append(magnetic_gain(u.Quantity(places, unit=u.meter), channels, self.centre))
        if len(parts) == 1:
            return parts[0]
        order = np.concatenate([np.flatnonzero(is_eeg), np.flatnonzero(~is_eeg)])
        return jnp.concatenate(parts)[np.argsort(order)]

    def lead_field(self, sources: SourceSpace, channels: Channels, orientation: str = 'free') -> LeadField:
        """What each sensor sees of each source, in double precision.

        Parameters
        ----------
        sources : SourceSpace
            All inside the innermost sphere.
        channels : Channels
            The sensors, of any types, with their places.
        orientation : {'free', 'fixed'}
            Moments along x, y, z of the head frame, or along the normals.

        Raises
        ------
        ValueError
            A source outside the innermost sphere, and what `gain_si` raises.
        """
        where = 'SphericalHead.lead_field'
        for name, value, kind in (('sources', sources, SourceSpace), ('channels', channels, Channels)):
            if not isinstance(value, kind):
                raise TypeError(f'{where}({name}) is a {kind.__name__}; got {type(value).__name__}.')
        checks.choice(orientation, ('free', 'fixed'), f'{where}(orientation=...)')
        reach = self._eccentricity(sources.positions, f'{where}(sources)')
        outside = np.flatnonzero(reach >= self._inner)
        if len(outside):
            raise ValueError(
                f'{where}(sources) lie in the innermost sphere, of {self.radii.mantissa[0]:g} mm; got {len(outside)} '
                f'of {len(reach)} that do not, the first at {outside[0]}, {reach[outside[0]] * self._radius:.1f} mm '
                f'from the centre: write sources.mask(head.inside(sources.positions)).'
            )
        with jax.enable_x64(True):
            gain = np.asarray(compiled_gain(sources.positions.mantissa, self, channels))
        field = LeadField(gain, channels, sources, self.description)
        return field if orientation == 'free' else field.fixed()

    @property
    def _radius(self) -> float:
        """Of the outermost sphere, mm."""
        return float(self.radii.mantissa[-1])

    @property
    def _inner(self) -> float:
        """The innermost radius, relative to the outermost."""
        return float(self.radii.mantissa[0] / self.radii.mantissa[-1])

    def _eccentricity(self, positions: Any, where: str) -> np.ndarray:
        """Distances from the centre, relative to the outermost radius."""
        places = np.asarray(checks.quantity(positions, u.meter, where, 'places in the head frame').mantissa)
        checks.shape_is(places, (*places.shape[:1], 3), where, '(points, 3)')
        return np.linalg.norm(places - self.centre.mantissa, axis=1) / (1e-3 * self._radius)

    def _check_sensors(self, channels: Channels) -> None:
        where = 'SphericalHead.gain_si(channels)'
        distance = self._eccentricity(_placed(channels, where), where)
        is_eeg = np.array(channels.types) == 'eeg'
        checked = {
            f'electrodes within {_OFF_SURFACE:.0%} of its radius of': is_eeg & (abs(distance - 1) > _OFF_SURFACE),
            'MEG sensors outside': ~is_eeg & (distance <= 1),
        }
        for what, wrong in checked.items():
            if wrong.any():
                first = int(np.argmax(wrong))
                raise ValueError(
                    f'{where} has {what} the outermost sphere, {self._radius:g} mm around the centre; got '
                    f'{wrong.sum()} elsewhere, the first {channels.names[first]!r}, '
                    f'{distance[first] * self._radius:.1f} mm from the centre: are they in the head frame, in m? '
                    f'SphericalHead.around(...) fits a sphere.'
                )

    @functools.cached_property
    def _sums(self) -> Callable[[Any, Any], tuple[jax.Array, jax.Array]]:
        """What of the potential depends on the shells; see `brainfwd.forward.heads.sphere_eeg`."""
        if len(self.radii.mantissa) == 1:
            return homogeneous
        if self.method == 'berg-scherg':
            return self.equivalent_dipoles.sums
        orders = np.arange(1, self.n_terms + 1)
        transmitted = transmission(self.radii.mantissa, self.conductivities.mantissa, orders)
        return functools.partial(series, transmitted=transmitted)

    @functools.partial(jax.jit, static_argnums=0)
    def _electric_gain(self, places: jax.Array, directions: jax.Array) -> jax.Array:
        """(electrodes, sources, 3), V/(A m), of electrodes in these directions from the centre."""
        radius, r = 1e-3 * self._radius, directions.astype(places.dtype)
        x = (places - jnp.asarray(self.centre.mantissa, places.dtype)) / radius
        square = (x * x).sum(axis=1)
        S_r, S_x = self._sums(jnp.einsum('ek,sk->es', r, x, precision='highest'), square)
        per_moment = 1 / (4 * np.pi * float(self.conductivities.mantissa[0]) * radius**2)
        gain = per_moment * (S_r[..., None] * r[:, None] - S_x[..., None] * x)
        return jnp.where((square < self._inner**2)[:, None], gain, jnp.nan)


@functools.partial(jax.jit, static_argnums=(1, 2))
def compiled_gain(places: Any, head: SphericalHead, channels: Channels) -> jax.Array:
    """`SphericalHead.gain_si` of places in m, (sources, 3), compiled once for equal heads and channels."""
    return head.gain_si(u.Quantity(places, unit=u.meter), channels)


def _placed(channels: Channels, where: str) -> Any:
    """The places of the channels; an error when there are none."""
    if channels.positions is None:
        raise ValueError(f'{where} say where they are; these have no positions: write Channels(..., positions=...).')
    checks.finite(channels.positions, f'{where}.positions')
    return channels.positions
