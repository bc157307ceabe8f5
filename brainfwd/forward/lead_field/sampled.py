"""Sensors in a simulation: band-limited, sampled, with noise."""

import contextlib
from abc import abstractmethod
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.module import current_dt
from brainfwd.forward.base import ForwardModel
from brainfwd.forward.lead_field.band import Butterworth, band_edges
from brainfwd.forward.lead_field.sensor_noise import SensorNoise
from brainfwd.forward.snr import band_in_hertz
from brainfwd.records import Channels, NoiseCovariance, Recording, reference_projector, si
from brainfwd.records.reference import Reference

__all__ = ['SampledSensors']


class SampledSensors(ForwardModel):
    """Sensors that low-pass what regions do at every step, and high-pass, project and add noise at every sample.

    Which sensors there are and how they see regions is the business of `LeadFieldModel`.
    """

    bare: bool = False
    """Whether bare arrays are taken in the units declared."""

    def __init__(
        self,
        in_size: Any,
        channels: Channels,
        sensor_units: dict[str, u.Unit],
        *,
        reference: Reference,
        sampling_period: Any,
        high_pass: Any,
        low_pass: Any,
        head: str | None,
        seed: int | None,
        name: str | None,
    ):
        super().__init__(in_size, name=name)
        me = type(self).__name__
        self.out_size = (len(channels),)
        self.channels, self.sensor_units, self.head = channels, sensor_units, head
        self.reference = reference if reference is None or isinstance(reference, str) else tuple(reference)
        period = checks.quantity(sampling_period, u.ms, f'{me}(sampling_period=...)', 'the time between samples')
        if not float(period.mantissa) > 0:
            raise ValueError(f'{me}(sampling_period=...) must be positive; got {sampling_period}.')
        self.sampling_period = u.Quantity(float(period.mantissa), unit=u.ms)
        self.high_pass, self.low_pass = band_edges(high_pass, low_pass, self.sampling_period, me)
        reference_projector(channels, self.reference, f'{me}(reference=...)')  # checks the names
        self.noise = SensorNoise(channels, sensor_units, self.reference, owner=me)
        if seed is not None:
            self.seed(seed)

    @abstractmethod
    def _observed(self, x: Any, argument: str) -> jax.Array:
        """The numbers of what regions do, checked."""

    @abstractmethod
    def _seen(self, x: jax.Array, noise: dict[str, jax.Array] | None) -> Any:
        """What sensors show of such numbers, with this noise, in its units."""

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
            raise checks.UnitError(
                f'{where} of {several} has no one unit: give a NoiseCovariance, NoiseCovariance.diagonal(...) for '
                'independent noise; got an array.'
            )
        unit = self.sensor_units[self.channels.kinds[0]] ** 2
        if self.bare and not isinstance(value, u.Quantity):
            value = u.Quantity(checks.array(value, where), unit=unit)
        value = checks.quantity(value, unit, where, 'the covariance of the sensor noise')
        if np.ndim(value.mantissa) < 2:
            if np.ndim(value.mantissa) == 1:
                checks.shape_is(value, (m,), where, '(sensors,), the variances of independent noise')
            value = u.Quantity(np.diag(np.broadcast_to(np.asarray(value.mantissa, np.float64), m)), unit=unit)
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
            (T, M) samples without noise, in the band of the recording; see `silenced`. Of a batch (batch, T, M): the
            noise is relative to the mean power of its members.

        Raises
        ------
        ValueError
            Without ``snr_db``, a pilot that shows no signal, or one so short that no frequency lies in ``snr_band``.
        """
        where = f'{type(self).__name__}.fix_noise(pilot)'
        if isinstance(pilot, Recording):
            pilot = pilot.data
        period = float(self.sampling_period.mantissa) / 1000
        self.noise.fix(np.asarray(si(pilot, self.channels, where), np.float64), period, self._snr_band, where)

    def _set_snr_band(self, band: Any) -> None:
        where = f'{type(self).__name__}(snr_band=...)'
        self._snr_band = band_in_hertz(band, float(self.sampling_period.mantissa) / 1000, where)

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
        return self._seen(x, self.noise.sample(x))

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
