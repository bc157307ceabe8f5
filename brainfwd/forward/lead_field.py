r"""From regions to EEG and MEG sensors.

.. math:: y(t) = s(t)\,L + \varepsilon(t), \qquad s = \text{scale} \cdot x, \qquad \varepsilon \sim N(0, C)
"""

import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Parameter, constant
from brainfwd._core.module import current_dt
from brainfwd._core.units import nAm
from brainfwd.forward.band import Butterworth, band_edges
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.parcellate import (
    AGGREGATES,
    build_fixed_orientation_weights,
    check_scale_unit,
    compress_vertex_leadfield,
    region_lead_field,
)
from brainfwd.forward.sensor_noise import SensorNoise
from brainfwd.forward.sensors import sensors
from brainfwd.records import (
    SENSOR_UNITS,
    ChannelGroups,
    Channels,
    Connectome,
    LeadField,
    NoiseCovariance,
    Recording,
    average_reference,
    si,
)

__all__ = ['EEGLeadFieldModel', 'LeadFieldModel', 'MEGLeadFieldModel']


class _SizeOfSignal(Parameter):
    """A parameter that says how large the signal is: noise relative to it has to be fixed again."""

    def __set__(self, instance: Any, value: Any) -> None:
        # not when the model is built, by its constructor or by brainstate
        changes = {self.name, 'noise'} <= instance.__dict__.keys() and not isinstance(value, brainstate.State)
        super().__set__(instance, value)
        # a pure function of the parameters has no pilot: its noise was fixed before
        if changes and not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            instance.noise.forget_signal()


class _LeadFieldParameter(_SizeOfSignal):
    """The lead field: its unit is that of the sensors over that of the dipoles."""

    def _checked(self, instance: Any, value: Any) -> Any:
        return instance._checked_lead_field(value)


class _ScaleParameter(_SizeOfSignal):
    """The scale: its unit says what the observable is in, and must leave one that exists."""

    def _checked(self, instance: Any, value: Any) -> Any:
        value = super()._checked(instance, value)
        check_scale_unit(u.get_unit(value), instance.dipole_unit, type(instance).__name__, instance.scale_name)
        return value


class LeadFieldModel(ForwardModel):
    r"""Sensors that see regions through a lead field.

    .. math:: y = s\,L + F n, \qquad s = \text{scale} \cdot x, \qquad F F^T = C, \qquad n \sim N(0, 1)

    `update` is this equation for the values it is given. A simulation calls `step` and `sample` instead: there the
    regions are low-passed at every step of integration (Butterworth, fourth order), high-passed at the sampling rate
    (second order), projected, and noise is added at the sampling rate. Both filters are causal and start at their
    steady state for the first value they see.

    Parameters
    ----------
    in_size : int
        Number of regions, R.
    out_size : int
        Number of sensors, M.
    L : Quantity
        (R, M) lead field, in ``sensor_unit / dipole_unit``. For sensors of several types a dict of one per type, its
        last axis the channels of that type. A bare array needs ``leadfield_unit``.
    sensor_unit : Unit
        Of the output: V, T or T/m, or a multiple. Left out when ``channels`` are of several types: each is then in SI.
    dipole_unit : Unit
        Of one number per region: nA m, or nA m/mm2 for a lead field summed over area.
    scale : Quantity or float, optional
        Turns the observable of the network into ``dipole_unit``, as -50 nA m/mV; its unit says which observable is
        expected. A number, or one per region. Without it the input is in ``dipole_unit``.
    leadfield_unit : Unit, optional
        The unit of a bare ``L``. Then bare inputs are taken in ``dipole_unit`` too (unless ``scale`` has a unit), and a
        bare ``noise_cov`` in ``sensor_unit**2``.
    noise_cov : Quantity or NoiseCovariance, optional
        (M, M) covariance of the sensor noise; full, diagonal, or of lower rank.
    snr_db : float, optional
        Instead of ``noise_cov``: white noise per type of channel, so that tr C_signal / tr C_noise, after referencing
        and with the mean removed, is this many decibels. The noise is fixed by the last pilot run (`fix_noise`), which
        a Simulator makes before every run that does not continue another; a new ``L``, scale or ``snr_db`` needs one.
    sampling_period : Quantity
        Time between samples.
    high_pass : Quantity or None
        Corner frequency; None for none.
    low_pass : Quantity, 'auto' or None
        Corner frequency of the filter against aliasing, below half the sampling rate; ``'auto'`` is 0.4 of the sampling
        rate, None is none.
    reference : {'average', None}
        ``'average'`` takes the mean over the electrodes off the lead field and the noise of EEG.
    channels : Channels, optional
        Names, types and places of the sensors.
    head : str, optional
        The head the lead field was computed for.
    seed : int, optional
        Of the noise, in loops of your own; fresh entropy when left out. A Simulator sets it from the seed of the run.
    name : str, optional
        A name.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units and shapes that do not fit, a band that is empty or beyond half the sampling rate, both ``noise_cov`` and
        ``snr_db``.
    """

    kinds: ClassVar[tuple[str, ...]] = tuple(SENSOR_UNITS)
    """The types of channel it takes."""
    scale_name: ClassVar[str] = 'scale'
    """What users call the scale."""

    L = _LeadFieldParameter(None, 'lead field', per_region=False)
    scale = _ScaleParameter(None, 'dipole moment per unit of the observable', optional=True)

    build_fixed_orientation_weights = staticmethod(build_fixed_orientation_weights)
    compress_vertex_leadfield = staticmethod(compress_vertex_leadfield)

    def __init__(
        self,
        in_size: Any,
        out_size: Any,
        L: Any,
        *,
        sensor_unit: u.Unit | None = None,
        dipole_unit: u.Unit = nAm,
        scale: Any = None,
        leadfield_unit: u.Unit | None = None,
        noise_cov: Any = None,
        snr_db: float | None = None,
        sampling_period: u.Quantity = 2.0 * u.ms,
        high_pass: Any = 0.5 * u.Hz,
        low_pass: Any = 'auto',
        reference: str | None = None,
        channels: Channels | None = None,
        head: str | None = None,
        seed: int | None = None,
        name: str | None = None,
    ):
        super().__init__(in_size, name=name)
        me = type(self).__name__
        self.out_size = self._size(out_size)
        if len(self.in_size) != 1 or len(self.out_size) != 1:
            raise checks.ShapeError(f'{me}: in_size and out_size are numbers; got {in_size} and {out_size}.')
        if channels is None and isinstance(noise_cov, NoiseCovariance):
            channels = noise_cov.channels
        self.channels, self.sensor_units = sensors(self.out_size[0], channels, sensor_unit, self.kinds, me)
        self.dipole_unit = dipole_unit
        if reference is not None:
            checks.choice(reference, ('average',), f'{me}(reference=...)')
            if 'eeg' not in self.channels.kinds:
                raise ValueError(f'{me}(reference={reference!r}) is the reference of EEG; got {self.channels}.')
        self.reference = reference
        self.head = head

        period = checks.quantity(sampling_period, u.ms, f'{me}(sampling_period=...)', 'the time between samples')
        if not float(period.mantissa) > 0:
            raise ValueError(f'{me}(sampling_period=...) must be positive; got {sampling_period}.')
        self.sampling_period = u.Quantity(float(period.mantissa), unit=u.ms)
        self.high_pass, self.low_pass = band_edges(high_pass, low_pass, self.sampling_period, me)

        self.bare = leadfield_unit is not None and not isinstance(L, u.Quantity | Mapping)
        self.L = u.Quantity(L, unit=leadfield_unit) if self.bare else L
        self.scale = scale

        if noise_cov is not None and snr_db is not None:
            raise ValueError(f'{me} takes noise_cov or snr_db, not both.')
        self.noise = SensorNoise(self.channels, reference, owner=me)
        if seed is not None:
            self.seed(seed)
        if snr_db is None:
            self.noise_cov = noise_cov
        else:
            self.snr_db = snr_db

    # -- made from a lead field of vertices -------------------------------------------------------------------------

    @classmethod
    def from_lead_field(
        cls,
        lead_field: LeadField,
        regions: Connectome,
        *,
        aggregate: str = 'density',
        missing: str = 'error',
        **options: Any,
    ) -> 'LeadFieldModel':
        """Sensors that see the regions of a connectome through the lead field of a cortex.

        Parameters
        ----------
        lead_field : LeadField
            Its sources belong to regions by ``sources.region_ids``; free orientations are taken along the normals.
        regions : Connectome
            The regions, by ``region_ids``, in the order of the network.
        aggregate : {'density', 'mean', 'sum'}
            What one number per region is: moment per area (nA m/mm2), moment of the whole region spread evenly over its
            area (nA m), or moment of every vertex (nA m). Folding cancels in all three.
        missing : {'error', 'zero'}
            A region without a source is an error, or is not seen.
        **options
            As for the model: ``scale`` (``dipole_scale`` for EEG and MEG), ``snr_db``, ``noise_cov``, ...

        Raises
        ------
        UnitError
            A scale whose unit does not fit the aggregate.
        ValueError
            A region without a source; a lead field without such sensors.
        """
        where = f'{cls.__name__}.from_lead_field'
        kinds = [kind for kind in lead_field.channels.kinds if kind in cls.kinds]
        if not kinds:
            raise ValueError(f'{where}(lead_field) has channels of type {" or ".join(cls.kinds)}; got {lead_field}.')
        lead_field = lead_field.pick(kinds)
        channels = lead_field.channels
        gain = region_lead_field(lead_field, regions, aggregate, missing, where)
        unit = AGGREGATES[aggregate]
        per_si = unit / nAm * u.amp * u.meter
        L = {k: u.Quantity(gain[:, channels.indices(k)], unit=SENSOR_UNITS[k] / per_si) for k in kinds}
        return cls(
            regions.n_regions,
            len(channels),
            L if channels.is_mixed else L[kinds[0]],
            dipole_unit=unit,
            channels=channels,
            head=lead_field.head,
            **options,
        )

    # -- what is checked ----------------------------------------------------------------------------------------------

    @property
    def sensor_unit(self) -> u.Unit:
        """The unit of the output; an error when there are several types of channel."""
        return self.channels.unit if self.channels.is_mixed else self.sensor_units[self.channels.kinds[0]]

    def _checked_lead_field(self, L: Any) -> Any:
        where, kinds = f'{type(self).__name__}.L', self.channels.kinds
        if not self.channels.is_mixed:
            return self._checked_block(L, kinds[0], where)
        if not isinstance(L, Mapping) or set(L) != set(kinds):
            got = ', '.join(L) if isinstance(L, Mapping) else type(L).__name__
            raise checks.UnitError(f'{where} is a dict of one Quantity for each of {", ".join(kinds)}; got {got}.')
        return {kind: self._checked_block(L[kind], kind, f'{where}[{kind!r}]') for kind in kinds}

    def _checked_block(self, L: Any, kind: str, where: str) -> u.Quantity:
        unit = self.sensor_units[kind] / self.dipole_unit
        L = constant(checks.quantity(L, unit, where, 'the lead field (regions, sensors)'))
        checks.shape_is(L, (*self.in_size, self.channels.types.count(kind)), where, '(regions, sensors)')
        checks.finite(L, where)
        if self.reference == 'average' and kind == 'eeg':
            index = self.channels.indices(kind)
            projector = average_reference(self.channels)[np.ix_(index, index)]
            L = u.Quantity(_product(L.mantissa, projector), unit=L.unit)
        return L

    @property
    def observable_unit(self) -> u.Unit:
        """The unit of what the network gives."""
        return self.dipole_unit if self.scale is None else self.dipole_unit / u.get_unit(self.scale)

    def _observed(self, x: Any, argument: str) -> jax.Array:
        """The numbers of the observable, in its unit."""
        where, unit = f'{type(self).__name__}.{argument}', self.observable_unit
        bare = not isinstance(x, u.Quantity)
        if bare and self.bare and not isinstance(self.scale, u.Quantity):
            numbers = x
        elif not bare and self.scale is None and not u.have_same_dim(x.unit, unit):
            raise checks.UnitError(
                f'{where} is the dipole moment of each region, in {unit}; got {x.unit}: make the model with a scale, '
                f'{self.scale_name}=1. * {checks.code(unit / x.unit)} for example.'
            )
        else:
            meaning = 'the dipole moment of each region' if self.scale is None else 'the observable of each region'
            numbers = u.get_mantissa(checks.quantity(x, unit, where, meaning))
        shape = np.shape(numbers)
        if shape[-1:] != self.in_size:
            raise checks.ShapeError(f'{where} has shape (..., {self.in_size[0]}) (..., regions); got {shape}.')
        if isinstance(numbers, jax.Array) and jnp.issubdtype(numbers.dtype, jnp.floating):
            return numbers
        return jnp.asarray(numbers, brainstate.environ.dftype())

    # -- the projection -----------------------------------------------------------------------------------------------

    def update(self, x: Any) -> Any:
        """What the sensors show for these values: projection, and a fresh draw of noise for every row. No filters.

        Parameters
        ----------
        x : Quantity
            (..., R): the observable that ``scale`` expects, or dipole moments in ``dipole_unit``. The axis before the
            regions is time, and axes before it members of a batch, each with noise of its own.

        Returns
        -------
        Quantity or ChannelGroups
            (..., M) in ``sensor_unit``.

        Raises
        ------
        UnitError, ShapeError
            An input in another unit, or with another last axis.
        RuntimeError
            With ``snr_db`` where `needs_pilot`; with noise inside ``jax.vmap``, which would repeat one draw.
        """
        x = self._observed(x, 'update(x)')
        return self._noisy(self._projected(x), self.noise.rows(x))

    def project(self, x: Any) -> Any:
        """What the sensors would show without noise."""
        return self._with_units(self._projected(self._observed(x, 'project(x)')))

    def _projected(self, x: jax.Array) -> dict[str, jax.Array]:
        if self.scale is not None:
            x = x * jnp.asarray(u.get_mantissa(self.scale), x.dtype)
        blocks = self.L if self.channels.is_mixed else {self.channels.kinds[0]: self.L}
        return {kind: _product(x, block.mantissa) for kind, block in blocks.items()}

    def _with_units(self, numbers: dict[str, jax.Array]) -> Any:
        groups = {kind: u.Quantity(value, unit=self.sensor_units[kind]) for kind, value in numbers.items()}
        return ChannelGroups(groups, self.channels) if self.channels.is_mixed else groups[self.channels.kinds[0]]

    def _noisy(self, numbers: dict[str, jax.Array], noise: jax.Array | None) -> Any:
        if noise is not None:
            for kind in numbers:
                part = u.Quantity(noise[..., self.channels.indices(kind)], unit=SENSOR_UNITS[kind])
                numbers[kind] = numbers[kind] + part.in_unit(self.sensor_units[kind]).mantissa
        return self._with_units(numbers)

    # -- noise --------------------------------------------------------------------------------------------------------

    @property
    def noise_cov(self) -> NoiseCovariance | None:
        """The covariance of the noise that is added; None for none. Setting it replaces ``snr_db``."""
        return self.noise.covariance()

    @noise_cov.setter
    def noise_cov(self, value: Any) -> None:
        if value is not None and not isinstance(value, NoiseCovariance):
            value = self._covariance(value)
        self.noise.set_covariance(value)

    def _covariance(self, value: Any) -> NoiseCovariance:
        where, m = f'{type(self).__name__}.noise_cov', len(self.channels)
        if self.channels.is_mixed:
            several = ', '.join(self.channels.kinds)
            raise checks.UnitError(f'{where} of {several} has no one unit: give a NoiseCovariance; got an array.')
        unit = self.sensor_unit**2
        if self.bare and not isinstance(value, u.Quantity):
            value = u.Quantity(checks.array(value, where), unit=unit)
        value = checks.quantity(value, unit, where, 'the covariance of the sensor noise')
        checks.shape_is(value, (m, m), where, '(sensors, sensors)')
        return NoiseCovariance.from_quantity(value, self.channels)

    @property
    def snr_db(self) -> float | None:
        """The signal-to-noise ratio asked for, in decibels; another one asks for a new pilot run."""
        return self.noise.snr_db

    @snr_db.setter
    def snr_db(self, value: float | None) -> None:
        self.noise.set_snr(value)

    @property
    def needs_pilot(self) -> bool:
        """Whether `fix_noise` has to come first: with ``snr_db``, before a pilot or after a change of the signal."""
        return self.noise.needs_pilot

    def fix_noise(self, pilot: Any) -> None:
        """Fix the noise that ``snr_db`` asks for, in place of what an earlier pilot fixed.

        Parameters
        ----------
        pilot : Quantity, ChannelGroups or Recording
            (T, M) samples without noise, in the band of the recording; see `silenced`.

        Raises
        ------
        ValueError
            Without ``snr_db``, or a pilot that shows no signal.
        """
        where = f'{type(self).__name__}.fix_noise(pilot)'
        if isinstance(pilot, Recording):
            pilot = pilot.data
        self.noise.fix(np.asarray(si(pilot, self.channels, where), np.float64), where)

    def silenced(self) -> contextlib.AbstractContextManager[None]:
        """A context in which the noise is zero, for a pilot run; what compiles is the same as with noise."""
        return self.noise.silenced()

    def seed(self, key: Any) -> None:
        """Set the random numbers of the noise: a JAX key, or a whole number.

        The noise of sample ``n`` is folded from (key, member, n); a run alone is member 0. A Simulator does it itself,
        from the seed of the run.
        """
        self.noise.seed(key)

    # -- in a simulation ----------------------------------------------------------------------------------------------

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Empty the filters. The random numbers go on; `seed` sets them."""
        shape = self.in_size if batch_size is None else (batch_size, *self.in_size)
        dtype = brainstate.environ.dftype()
        self.filtered = brainstate.ShortTermState(jnp.zeros(shape, dtype))
        if self.low_pass is not None:
            self.low_pass_state = brainstate.ShortTermState(self._low_pass_filter().initial(shape, dtype))
        if self.high_pass is not None:
            self.high_pass_state = brainstate.ShortTermState(self._high_pass_filter().initial(shape, dtype))

    def _low_pass_filter(self) -> Butterworth:
        return Butterworth('low', 4, self.low_pass)

    def _high_pass_filter(self) -> Butterworth:
        return Butterworth('high', 2, self.high_pass)

    def _require_states(self, what: str) -> None:
        if 'filtered' not in self.__dict__:
            raise RuntimeError(f'{type(self).__name__}.{what} has no states yet: call init_all_states() first.')

    def step(self, x: Any) -> None:
        """Take in the output of the network after one step of integration: (R,), or (batch, R)."""
        self._require_states('step(x)')
        where = f'{type(self).__name__}.step(x)'
        x = self._observed(x, 'step(x)').astype(self.filtered.value.dtype)
        checks.shape_is(x, self.filtered.value.shape, where, 'as set by init_all_states(batch_size)')
        dt = current_dt(where)
        if float(dt.mantissa) > float(self.sampling_period.mantissa) * (1 + 1e-6):
            raise ValueError(f'{where}: the sampling period, {self.sampling_period}, is shorter than dt, {dt}.')
        if self.low_pass is not None:
            self.low_pass_state.value, x = self._low_pass_filter()(self.low_pass_state.value, x, dt)
        self.filtered.value = x

    def sample(self) -> Any:
        """What the sensors show now, band-limited, with noise: (M,), or (batch, M). Once per sampling period."""
        self._require_states('sample()')
        x = self.filtered.value
        if self.high_pass is not None:
            state, x = self._high_pass_filter()(self.high_pass_state.value, x, self.sampling_period)
            self.high_pass_state.value = state
        return self._noisy(self._projected(x), self.noise.sample(x))

    def recording(self, values: Any, sampling_period: Any = None, start: Any = 0.0 * u.second) -> Recording:
        """The samples of a run, (T, M), as a Recording that knows its noise, its head and its band."""
        if sampling_period is not None:
            ratio = float(sampling_period / self.sampling_period)
            if abs(ratio - 1) > 1e-5:
                raise ValueError(
                    f'{type(self).__name__}.recording: filters for a sampling period of {self.sampling_period}; '
                    f'got samples every {sampling_period}: make the model with sampling_period={sampling_period}.'
                )
        return Recording.from_quantity(
            values,
            self.channels,
            self.sampling_period,
            start=start,
            noise_cov=self.noise_cov,
            head=self.head,
            band=tuple(None if edge is None else edge * u.Hz for edge in (self.high_pass, self.low_pass)),
        )

    def __repr__(self) -> str:
        parts = [f'{self.in_size[0]} regions -> {self.channels!r}']
        if self.scale is not None:
            scale = self.scale
            parts.append(
                f'{self.scale_name}={scale if np.ndim(u.get_mantissa(scale)) == 0 else f"<{u.get_unit(scale)}>"}'
            )
        if self.snr_db is not None:
            parts.append(f'snr_db={self.snr_db:g} {"before a" if self.needs_pilot else "by the last"} pilot run')
        edges = ['-' if edge is None else f'{edge:g}' for edge in (self.high_pass, self.low_pass)]
        parts.append(f'{edges[0]} to {edges[1]} Hz every {self.sampling_period}')
        return f'{type(self).__name__}({", ".join(parts)})'


def _product(a: Any, b: Any) -> Any:
    """``a @ b``, in NumPy for NumPy, else in JAX and the precision of ``a``."""
    if isinstance(a, np.ndarray):
        return a @ b
    # full precision: some accelerators multiply float32 with ten bits otherwise
    return jnp.matmul(a, jnp.asarray(b, a.dtype), precision=jax.lax.Precision.HIGHEST)


class _DipoleScaled(LeadFieldModel):
    """A model whose scale goes by the name of ``dipole_scale`` as well."""

    scale_name = 'dipole_scale'
    default_unit: ClassVar[u.Unit]

    def __init__(
        self, in_size: Any, out_size: Any, L: Any, *, dipole_scale: Any = None, scale: Any = None, **options: Any
    ):
        if dipole_scale is not None and scale is not None:
            raise ValueError(f'{type(self).__name__}: dipole_scale and scale are two names of one thing; got both.')
        if options.get('channels') is None and not isinstance(options.get('noise_cov'), NoiseCovariance):
            options.setdefault('sensor_unit', self.default_unit)
        super().__init__(in_size, out_size, L, scale=dipole_scale if scale is None else scale, **options)

    @property
    def dipole_scale(self) -> Any:
        """Dipole moment per unit of the observable."""
        return self.scale

    @dipole_scale.setter
    def dipole_scale(self, value: Any) -> None:
        self.scale = value


class EEGLeadFieldModel(_DipoleScaled):
    """EEG: a `LeadFieldModel` in V.

    Parameters
    ----------
    in_size, out_size : int
        Number of regions and of electrodes.
    L : Quantity
        (regions, electrodes), V/(nA m).
    dipole_scale : Quantity or float, optional
        As ``scale`` of `LeadFieldModel`. A positive moment points outward; where the observable is the depolarisation
        of apical dendrites, as in Jansen-Rit, the scale is negative.
    **options
        Those of `LeadFieldModel`.
    """

    kinds = ('eeg',)
    default_unit = u.volt

    @classmethod
    def from_lead_field(
        cls, lead_field: LeadField, regions: Connectome, *, reference: str | None = 'average', **options: Any
    ) -> 'EEGLeadFieldModel':
        """As `LeadFieldModel.from_lead_field`, in the average reference unless ``reference=None``."""
        return super().from_lead_field(lead_field, regions, reference=reference, **options)


class MEGLeadFieldModel(_DipoleScaled):
    """MEG: a `LeadFieldModel` in T (magnetometers), T/m (planar gradiometers), or both.

    Both together, as `from_lead_field` makes them from a helmet of 306, answer with `ChannelGroups`.

    Parameters
    ----------
    in_size, out_size : int
        Number of regions and of sensors.
    L : Quantity, or dict of Quantity per type
        (regions, sensors), T/(nA m); with ``sensor_unit=u.tesla / u.meter`` gradiometers, T/m/(nA m).
    dipole_scale : Quantity or float, optional
        As ``scale`` of `LeadFieldModel`.
    **options
        Those of `LeadFieldModel`.
    """

    kinds = ('mag', 'grad')
    default_unit = u.tesla
