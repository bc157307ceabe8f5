r"""Noise of the sensors.

.. math:: \varepsilon = F n, \qquad F F^T = C, \qquad n \sim N(0, 1)
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.covariance import directions
from brainfwd._core.fields import FixedState
from brainfwd._core.keys import as_key, key_for, member_keys
from brainfwd.forward.lead_field.product import product
from brainfwd.forward.lead_field.white_noise import white_at_snr
from brainfwd.records import SENSOR_UNITS, Channels, NoiseCovariance
from brainfwd.records.channels import check_same_sensors
from brainfwd.records.reference import Reference

__all__ = ['SensorNoise', 'factor_of']


class SensorNoise(brainstate.nn.Module):
    """Gaussian noise, independent from sample to sample, of a given covariance or to a signal-to-noise ratio.

    The factor of the covariance is computed once, in float64, and held in a State: compiled code takes it as an input.

    The noise of sample n of member m of a batch is drawn from (key, m, n) and nothing else; a run alone is member 0.

    Parameters
    ----------
    channels : Channels
        The sensors.
    units : dict of str to Unit
        In which each type of channel answers.
    reference : 'average', str, sequence of str, or None
        What the noise of EEG is measured against; it loses one rank.
    owner : str
        The model it belongs to, for errors.
    """

    def __init__(self, channels: Channels, units: dict[str, u.Unit], reference: Reference, owner: str):
        super().__init__()
        self.channels, self.units, self.reference, self.owner = channels, units, reference, owner
        self.snr_db: float | None = None
        self.signal_known = False
        # no State without a value: brainstate's loops take none
        self.factor: FixedState | None = None
        self.key = brainstate.ShortTermState(as_key(np.random.SeedSequence().generate_state(2), f'{owner}(seed=...)'))
        self.n_draws = brainstate.ShortTermState(np.zeros((), np.int32))

    @property
    def needs_pilot(self) -> bool:
        """Whether the noise is relative to a signal that is not known, or not known any more."""
        return self.snr_db is not None and not self.signal_known

    def forget_signal(self) -> None:
        """The signal has another size from here on: noise relative to it needs another pilot."""
        self.signal_known = False

    def covariance(self) -> NoiseCovariance | None:
        """The covariance of the noise, None for none; an error before it is known."""
        self._require_known('noise_cov')
        if self.factor is None:
            return None
        factor = np.asarray(self.factor.value, np.float64)
        return NoiseCovariance(factor @ factor.T, self.channels)

    def set_covariance(self, covariance: NoiseCovariance | None) -> None:
        """Noise of this covariance; None for none."""
        self.snr_db = None
        if covariance is None:
            self._set_factor(None)
            return
        check_same_sensors(covariance.channels, self.channels, f'{self.owner}.noise_cov', 'the model')
        self._set_factor(factor_of(covariance.referenced(self.reference).matrix_si))

    def set_snr(self, snr_db: float | None) -> None:
        """Noise to this signal-to-noise ratio, once `fix` knows the signal; None for no noise."""
        if snr_db is not None:
            snr_db = checks.number(snr_db, f'{self.owner}(snr_db=...)')
        self.snr_db = snr_db
        self.forget_signal()
        self._set_factor(None)

    def fix(self, pilot: np.ndarray, seconds: float, band: tuple[float, float] | None, where: str) -> None:
        """Take the signal from samples without noise, ([batch,] times, sensors) SI numbers; in place of an earlier one.

        They are ``seconds`` apart, and what counts of them is in a ``band`` in Hz, or all. Of a batch the mean power.
        """
        if self.snr_db is None:
            raise ValueError(f'{where} is for a model made with snr_db.')
        if pilot.ndim not in (2, 3) or pilot.shape[-2] < 2:
            raise checks.ShapeError(
                f'{where} has shape ([batch,] times, sensors), two times at least; got {pilot.shape}.'
            )
        checks.finite(pilot, where)
        members = pilot.reshape(-1, *pilot.shape[-2:])
        each = [white_at_snr(one, self.channels, self.snr_db, self.reference, seconds, band) for one in members]
        self._set_factor(factor_of(np.mean([one.matrix_si for one in each], axis=0)))
        self.signal_known = True

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Noise of zero meanwhile; then what it was before, unless it was fixed anew."""
        before, known = None if self.factor is None else self.factor.value, self.signal_known
        if before is not None or self.snr_db is not None:
            self._set_factor(np.zeros((len(self.channels),) * 2))
            self.signal_known = True
        try:
            yield
        finally:
            if self.factor is not None and not np.any(self.factor.value):
                self._set_factor(before)
                self.signal_known &= known

    def seed(self, key: Any) -> None:
        """A threefry key, or a whole number, which is folded with the names of the sensors: EEG and MEG differ."""
        given = as_key(key, f'{self.owner}.seed(key)')
        if isinstance(key, int | np.integer):
            given = key_for(given, f'{self.owner} {self.channels.names}')
        self.key.value = given  # one, or one per member
        self.n_draws.value = jnp.zeros((), jnp.int32)

    def rows(self, x: jax.Array) -> dict[str, jax.Array] | None:
        """Noise, per type of channel, for each row of ``x``, (..., times, regions).

        Axes before time are members of a batch, and so is what ``jax.vmap`` maps over.
        """
        leading = x.shape[:-1]
        n_times = leading[-1] if leading else 1

        def normal(key, n_members, first):
            return self._normal(jax.random.wrap_key_data(key, impl='threefry2x32'), n_members, first, n_times, x.dtype)

        draw = _by_signal(normal, int(np.prod(leading[:-1])))
        signal = jax.lax.stop_gradient(x)
        return self._noise(lambda key, first: draw(jax.random.key_data(key), first, signal), x, n_times, 'update(x)')

    def sample(self, x: jax.Array) -> dict[str, jax.Array] | None:
        """Noise, per type of channel, of one sample: of each member of a batch where ``x`` has a leading axis.

        Under ``jax.vmap`` members with one key have the same noise: random numbers in common.
        """
        n_members = x.shape[0] if x.ndim > 1 else 1
        return self._noise(lambda key, first: self._normal(key, n_members, first, 1, x.dtype), x, 1, 'sample()')

    def _normal(self, key: jax.Array, n_members: int, first: Any, n_times: int, dtype: Any) -> jax.Array:
        """(members, times, sensors) standard normal numbers; the key is one, or one per member."""

        def one(key, index):
            return jax.random.normal(jax.random.fold_in(key, index), (len(self.channels),), dtype)

        by_time = jax.vmap(one, in_axes=(None, 0))
        return jax.vmap(by_time, in_axes=(0, None))(member_keys(key, n_members), first + jnp.arange(n_times))

    def _noise(self, draw: Callable, x: jax.Array, n_times: int, what: str) -> dict[str, jax.Array] | None:
        self._require_known(what)
        if self.factor is None:
            return None
        first = jnp.asarray(self.n_draws.value)
        normal = draw(self.key.value, first).reshape(*x.shape[:-1], -1)
        self.n_draws.value = first + n_times
        noise = {}
        for kind, unit in self.units.items():
            to_unit = SENSOR_UNITS[kind].magnitude / unit.magnitude
            noise[kind] = product(normal, to_unit * self.factor.value[self.channels.indices(kind)].T)
        return noise

    def _require_known(self, what: str) -> None:
        if self.needs_pilot:
            raise RuntimeError(
                f'{self.owner}.{what}: snr_db={self.snr_db:g} is relative to a signal that is not known: there was no '
                'pilot run yet, or none since L, the scale or snr_db were set. Run without noise first, inside `with '
                f'model.silenced():`, and give the samples to {self.owner}.fix_noise(pilot); Simulator.run does it for '
                'you. Or give noise_cov instead.'
            )

    def _set_factor(self, factor: Any) -> None:
        if factor is None or self.factor is None:
            self.factor = None if factor is None else FixedState(factor)
        else:
            self.factor.value = factor


def factor_of(covariance: np.ndarray) -> np.ndarray:
    r"""An :math:`F` with :math:`F F^T = C`, from the correlations.

    .. math::
        F = D\,V \operatorname{diag}(\sqrt\lambda)\,V^T, \qquad D^{-1} C D^{-1} = V \operatorname{diag}(\lambda)\,V^T

    with :math:`D` the standard deviations: magnetometers and gradiometers are treated alike whatever their units, and
    one relative floor tells a lost rank from rounding. :math:`V^T` makes it independent of the signs of eigenvectors.
    """
    std, values, vectors = directions(covariance)
    return std[:, None] * ((vectors * np.sqrt(values)) @ vectors.T)


def _by_signal(normal: Callable, n_members: int) -> Callable:
    """``draw(key, first, signal)``: the (members, ...) of ``normal(key, members, first)``.

    ``jax.vmap`` over signals alone draws for each of them, as for the members of a batch, where it would repeat one
    draw. The rule acts where JAX maps, so that it also holds through ``jit``, ``grad`` and ``scan``.
    """

    @jax.custom_batching.custom_vmap
    def draw(key, first, signal):
        return normal(key, n_members, first)

    @draw.def_vmap
    def rule(axis_size, batched, key, first, signal):
        *keys_batched, _ = batched
        if any(keys_batched):
            axes = tuple(0 if is_batched else None for is_batched in keys_batched)

            def mapped(key, n_members, first):
                return jax.vmap(lambda k, f: normal(k, n_members, f), axes, axis_size=axis_size)(key, first)

            # one draw per key; whatever maps over the signals again comes after
            return _by_signal(mapped, n_members)(key, first, signal), True
        drawn = _by_signal(normal, axis_size * n_members)(key, first, signal)
        members = drawn.reshape(*drawn.shape[:-3], axis_size, n_members, *drawn.shape[-2:])
        return jnp.moveaxis(members, -4, 0), True

    return draw
