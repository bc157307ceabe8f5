r"""From regions to EEG and MEG sensors.

.. math:: y(t) = s(t)\,L + \varepsilon(t), \qquad s = \text{scale} \cdot x, \qquad \varepsilon \sim N(0, C)
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.units import nAm
from brainfwd.forward.lead_field.parameters import LAYOUTS, LeadFieldParameter, ScaleParameter, arranged, sizes_of
from brainfwd.forward.lead_field.product import scaled_product
from brainfwd.forward.lead_field.sampled import SampledSensors
from brainfwd.forward.lead_field.sensors import sensors
from brainfwd.forward.regions.compress import compress_vertex_leadfield
from brainfwd.forward.regions.parcellate import AGGREGATES, build_fixed_orientation_weights, region_lead_field
from brainfwd.records import SENSOR_UNITS, ChannelGroups, Channels, Connectome, LeadField, NoiseCovariance
from brainfwd.records.reference import Reference

__all__ = ['LeadFieldModel']


class LeadFieldModel(SampledSensors):
    r"""Sensors that see regions through a lead field.

    .. math:: y = s\,L + F n, \qquad s = \text{scale} \cdot x, \qquad F F^T = C, \qquad n \sim N(0, 1)

    `update` is this equation for the values it is given. A simulation calls `step` and `sample` instead: there the
    regions are low-passed at every step of integration (Butterworth, fourth order), high-passed at the sampling rate
    (second order), projected, and noise is added at the sampling rate. Both filters are causal and start at their
    steady state for the first value they see.

    Parameters
    ----------
    in_size, out_size : int, optional
        Number of regions, R, and of sensors, M; those of ``L`` when left out.
    L : Quantity
        (R, M) lead field, in ``sensor_unit / dipole_unit``. For sensors of several types a dict of one per type, its
        last axis the channels of that type. A bare array needs ``leadfield_unit``. A function of the shape, as
        initialisers are, is called with it. ``model.L`` reads in the reference of the model.
    layout : {'regions_sensors', 'sensors_regions'}
        Of the axes of ``L`` as it is given here, (R, M) or (M, R); ``model.L`` is (R, M).
    sensor_unit : Unit
        Of the output: V, T or T/m, or a multiple. Left out when ``channels`` are of several types: each is then in SI.
    dipole_unit : Unit
        Of one number per region: nA m, or nA m/mm2 for a lead field summed over area.
    scale, dipole_scale : Quantity or float, optional
        Two names of what turns the observable of the network into ``dipole_unit``, as -50 nA m/mV; its unit says which
        observable is expected. A number, or one per region. Without it the input is in ``dipole_unit``.
    leadfield_unit : Unit, optional
        The unit of a bare ``L``. Then bare inputs are taken in ``dipole_unit`` too (unless the scale has a unit), and a
        bare ``noise_cov`` in ``sensor_unit**2``.
    noise_cov : Quantity or NoiseCovariance, optional
        Covariance of the sensor noise: (M, M), full or of lower rank; variances (M,), or one, of independent noise.
    snr_db : float, optional
        Instead of ``noise_cov``: white noise per type of channel, so that tr C_signal / tr C_noise, in the reference of
        the model and with the mean removed, is this many decibels. The noise is fixed by the last pilot run
        (`fix_noise`), which a Simulator makes before every run that does not continue another: what is recorded from
        the end of the transient, 10 s of it at most, without the noise. In a batch the noise is one for all members,
        relative to the mean power of their signals. A new ``L``, scale or ``snr_db`` needs another pilot.
    snr_band : tuple of two Quantities, optional
        The frequencies that ``snr_db`` counts, of the signal and of the noise; all up to half the sampling rate when
        left out.
    sampling_period : Quantity
        Time between samples.
    high_pass : Quantity or None
        Corner frequency; None for none.
    low_pass : Quantity, 'auto' or None
        Corner frequency of the filter against aliasing, below half the sampling rate; ``'auto'`` is 0.4 of the sampling
        rate, None is none.
    reference : 'average', str, sequence of str, or None
        What the lead field and the noise of EEG are measured against: all electrodes, one, several, or as they come.
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
        Units and shapes that do not fit, a band that is empty or beyond half the sampling rate, an electrode that is
        not there, both ``noise_cov`` and ``snr_db``.
    """

    kinds: ClassVar[tuple[str, ...]] = tuple(SENSOR_UNITS)
    """The types of channel it takes."""
    scale_name: ClassVar[str] = 'scale'
    """What users call the scale."""
    default_unit: ClassVar[u.Unit | None] = None
    """The unit of sensors of which nothing is said."""

    L = LeadFieldParameter(None, 'lead field', per_region=False)
    scale = ScaleParameter(None, 'dipole moment per unit of the observable', optional=True)

    build_fixed_orientation_weights = staticmethod(build_fixed_orientation_weights)
    compress_vertex_leadfield = staticmethod(compress_vertex_leadfield)

    def __init__(
        self,
        in_size: Any = None,
        out_size: Any = None,
        L: Any = None,
        *,
        layout: str = 'regions_sensors',
        sensor_unit: u.Unit | None = None,
        dipole_unit: u.Unit = nAm,
        scale: Any = None,
        dipole_scale: Any = None,
        leadfield_unit: u.Unit | None = None,
        noise_cov: Any = None,
        snr_db: float | None = None,
        snr_band: tuple[Any, Any] | None = None,
        sampling_period: u.Quantity = 2.0 * u.ms,
        high_pass: Any = 0.5 * u.Hz,
        low_pass: Any = 'auto',
        reference: Reference = None,
        channels: Channels | None = None,
        head: str | None = None,
        seed: int | None = None,
        name: str | None = None,
    ):
        me = type(self).__name__
        checks.choice(layout, LAYOUTS, f'{me}(layout=...)')
        if scale is not None and dipole_scale is not None:
            raise ValueError(f'{me}: dipole_scale and scale are two names of one thing; got both.')
        if noise_cov is not None and snr_db is not None:
            raise ValueError(f'{me} takes noise_cov or snr_db, not both.')
        if snr_band is not None and snr_db is None:
            raise ValueError(f'{me}(snr_band=...) is that of snr_db, which was left out.')
        if out_size is None and channels is not None:
            out_size = len(channels)
        if in_size is None or out_size is None or isinstance(L, LeadField):
            n_rows, n_columns = sizes_of(L, layout, me)
            in_size, out_size = n_rows if in_size is None else in_size, n_columns if out_size is None else out_size
        regions, n_sensors = self._size(in_size), self._size(out_size)
        if len(regions) != 1 or len(n_sensors) != 1:
            raise checks.ShapeError(f'{me}: in_size and out_size are numbers; got {in_size} and {out_size}.')
        if channels is None:
            if isinstance(noise_cov, NoiseCovariance):
                channels = noise_cov.channels
            elif isinstance(L, Mapping):
                raise ValueError(
                    f'{me}(L=...) of several types of channel needs channels=..., which say the type of each.'
                )
            elif sensor_unit is None:
                sensor_unit = self.default_unit
        channels, units = sensors(n_sensors[0], channels, sensor_unit, self.kinds, me)
        super().__init__(
            regions,
            channels,
            units,
            reference=reference,
            sampling_period=sampling_period,
            high_pass=high_pass,
            low_pass=low_pass,
            head=head,
            seed=seed,
            name=name,
        )
        self.dipole_unit, self.leadfield_unit = dipole_unit, leadfield_unit
        if leadfield_unit is not None and isinstance(L, u.Quantity):
            L = checks.quantity(L, leadfield_unit, f'{me}(L=...)', 'the lead field')
        self.bare = leadfield_unit is not None and not isinstance(L, u.Quantity | Mapping)
        self.L = arranged(L, layout, regions[0], channels, me)
        self.scale = dipole_scale if scale is None else scale
        self._set_snr_band(snr_band)
        if snr_db is None:
            self.noise_cov = noise_cov
        else:
            self.snr_db = snr_db

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

    @property
    def sensor_unit(self) -> u.Unit:
        """The unit of the output; an error when there are several types of channel."""
        return self.channels.unit if self.channels.is_mixed else self.sensor_units[self.channels.kinds[0]]

    @property
    def dipole_scale(self) -> Any:
        """The scale, by its other name."""
        return self.scale

    @dipole_scale.setter
    def dipole_scale(self, value: Any) -> None:
        self.scale = value

    @property
    def observable_unit(self) -> u.Unit:
        """The unit of what the network gives."""
        return self.dipole_unit / u.get_unit(self.scale) if isinstance(self.scale, u.Quantity) else self.dipole_unit

    def _observed(self, x: Any, argument: str) -> jax.Array:
        """The numbers of the observable, in its unit."""
        where, unit = f'{type(self).__name__}.{argument}', self.observable_unit
        bare = not isinstance(x, u.Quantity)
        if bare and self.bare and not isinstance(self.scale, u.Quantity):
            numbers = x
        elif not bare and not isinstance(self.scale, u.Quantity) and not u.have_same_dim(x.unit, unit):
            made = 'make the model with a scale,' if self.scale is None else 'the scale has no unit: write'
            like = checks.spell(1.0 if self.scale is None else self.scale, unit / x.unit)
            raise checks.UnitError(
                f'{where} is the dipole moment of each region, in {unit}; got {x.unit}: {made} '
                f'{self.scale_name}={like} for example.'
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

    def update(self, x: Any) -> Any:
        """What the sensors show for these values: projection, and a fresh draw of noise for every row. No filters.

        Parameters
        ----------
        x : Quantity
            (..., R): the observable that ``scale`` expects, or dipole moments in ``dipole_unit``. The axis before the
            regions is time, and axes before it members of a batch, each with noise of its own; so are the rows that
            ``jax.vmap`` maps over.

        Returns
        -------
        Quantity or ChannelGroups
            (..., M) in ``sensor_unit``.

        Raises
        ------
        UnitError, ShapeError
            An input in another unit, or with another last axis.
        RuntimeError
            With ``snr_db`` where `needs_pilot`.
        """
        x = self._observed(x, 'update(x)')
        return self._seen(x, self.noise.rows(x))

    def project(self, x: Any) -> Any:
        """What the sensors would show without noise."""
        return self._seen(self._observed(x, 'project(x)'), None)

    def _seen(self, x: jax.Array, noise: dict[str, jax.Array] | None) -> Any:
        blocks = self.L if self.channels.is_mixed else {self.channels.kinds[0]: self.L}
        groups = {}
        for kind, block in blocks.items():
            value = scaled_product(x, None if self.scale is None else u.get_mantissa(self.scale), block.mantissa)
            groups[kind] = u.Quantity(value if noise is None else value + noise[kind], unit=self.sensor_units[kind])
        return ChannelGroups(groups, self.channels) if self.channels.is_mixed else groups[self.channels.kinds[0]]

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
