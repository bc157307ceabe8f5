r"""What every background of sensors shares: a stationary process, drawn in the frequency domain.

.. math:: x_t = \operatorname{irfft}\big(H(f)\,\operatorname{rfft}(w)\big)_t, \qquad w \sim N(0, 1)

on more samples than asked for, of which the first are kept: the ends do not join.
"""

import abc
import functools
from typing import TYPE_CHECKING, Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.keys import as_key, key_for
from brainfwd.forward.snr import band_in_hertz
from brainfwd.records import Channels, NoiseCovariance

__all__ = ['Background', 'Band', 'band_pass', 'coloured', 'corners', 'fft_length', 'inverse', 'white']

Band = tuple[float | None, float | None]

_COLUMNS = 16
"""How many are transformed at a time, which bounds the memory that it takes."""


class Background(abc.ABC):
    """Noise that sensors see beside the signal: zero mean, stationary, the same for the same key.

    To add one, inherit, give it ``channels``, and write `draw`, `covariance_si` and `check_period`.
    """

    if TYPE_CHECKING:  # a field of some, a property of others

        @property
        def channels(self) -> Channels: ...

    @abc.abstractmethod
    def draw(self, key: jax.Array, n_times: int, seconds: float, passed: Band) -> jax.Array:
        """(times, sensors) SI numbers, in pure JAX; ``passed`` are the corners of the filters of the recording, Hz."""

    @abc.abstractmethod
    def covariance_si(self, seconds: float, passed: Band, within: tuple[float, float]) -> np.ndarray:
        """(sensors, sensors) SI numbers: what is expected of the frequencies ``within``, Hz."""

    @abc.abstractmethod
    def check_period(self, seconds: float, where: str) -> None:
        """Refuse a sampling period at which there is no such noise."""

    def own(self, key: jax.Array) -> jax.Array:
        """The key folded with the names of the sensors: EEG and MEG draw other numbers from one seed."""
        return key_for(key, f'{self.channels.names}')

    def sample(self, key: Any, n_times: int, sampling_period: Any, passed: Any = None) -> jax.Array:
        """A draw: (times, sensors) SI numbers, each column in the unit of its channel.

        Pure JAX: under ``jit`` and ``vmap`` over keys it is the same as in a loop. In the precision of the environment;
        draws in single and double precision are different ones.

        Parameters
        ----------
        key : int or key
            A seed, or a threefry key.
        n_times : int
            How many samples.
        sampling_period : Quantity
            Time between them.
        passed : tuple of two Quantities, optional
            High-pass and low-pass frequency of the amplifier the noise goes through, None for none, Hz: as
            `Recording.band` has them. Butterworth filters of second and fourth order, as in `LeadFieldModel`.

        Raises
        ------
        ValueError, UnitError
            A sampling period or a filter that is out of range.
        """
        where = f'{type(self).__name__}.sample'
        n_times = checks.positive_int(n_times, f'{where}(n_times)')
        seconds = self._period(sampling_period, where)
        return self.draw(as_key(key, f'{where}(key)'), n_times, seconds, corners(passed, where))

    def covariance(self, sampling_period: Any, passed: Any = None, within: Any = None) -> NoiseCovariance:
        """The covariance that is expected of a long draw.

        Parameters
        ----------
        sampling_period, passed
            As in `sample`.
        within : tuple of two Quantities, optional
            Only what lies at these frequencies, Hz.
        """
        where = f'{type(self).__name__}.covariance'
        seconds = self._period(sampling_period, where)
        edges = band_in_hertz(within, seconds, f'{where}(within=...)') or (0.0, 0.5 / seconds)
        return NoiseCovariance(self.covariance_si(seconds, corners(passed, where), edges), self.channels)

    def _period(self, sampling_period: Any, where: str) -> float:
        period = checks.quantity(sampling_period, u.second, f'{where}(sampling_period)', 'the time between samples')
        checks.positive(period, f'{where}(sampling_period)')
        seconds = float(period.mantissa)
        self.check_period(seconds, where)
        return seconds


@functools.partial(jax.jit, static_argnums=(1, 2))
def coloured(key: jax.Array, columns: int, n_times: int, gain: Any) -> jax.Array:
    """(columns, times) numbers of variance ``mean(gain**2)`` over all frequencies, positive and negative.

    ``gain`` is the amplitude at each frequency of ``rfft``, of an even number of samples, more than ``n_times``.
    """
    n = 2 * (len(gain) - 1)

    def column(key: jax.Array) -> jax.Array:
        white = jax.random.normal(key, (n,))
        return jnp.fft.irfft(jnp.fft.rfft(white) * jnp.asarray(gain, white.dtype), n)[:n_times]

    return jax.lax.map(column, jax.random.split(key, columns), batch_size=_COLUMNS)


@functools.partial(jax.jit, static_argnums=(1, 2))
def white(key: jax.Array, columns: int, n_times: int) -> jax.Array:
    """(columns, times) independent numbers of variance 1."""
    keys = jax.random.split(key, columns)
    return jax.lax.map(lambda key: jax.random.normal(key, (n_times,)), keys, batch_size=_COLUMNS)


@functools.partial(jax.jit, static_argnums=(1, 2))
def inverse(spectrum: jax.Array, n: int, n_times: int) -> jax.Array:
    """(columns, times), the first of the ``n`` numbers to which (frequencies, columns) of ``rfft`` belong."""
    return jax.lax.map(lambda x: jnp.fft.irfft(x, n)[:n_times], spectrum.T, batch_size=_COLUMNS)


def fft_length(n_times: int, memory: float) -> int:
    """An even number of samples that transforms fast: ``n_times``, and after them as many as the noise remembers."""
    from scipy.fft import next_fast_len

    return 2 * next_fast_len(int(np.ceil((n_times + memory) / 2)), real=True)


def band_pass(hertz: np.ndarray, passed: Band) -> np.ndarray:
    """What filters of second order (high-pass) and fourth order (low-pass) leave of the power at each frequency."""
    high_pass, low_pass = passed
    left = np.ones_like(hertz)
    if high_pass is not None:
        left *= hertz**4 / (hertz**4 + high_pass**4)
    if low_pass is not None:
        left /= 1 + (hertz / low_pass) ** 8
    return left


def corners(passed: Any, where: str) -> Band:
    """High-pass and low-pass frequency in Hz, None for none."""
    if passed is None:
        return None, None
    high_pass, low_pass = (
        None if edge is None else float(u.get_mantissa(checks.quantity(edge, u.Hz, f'{where}(passed=...)')))
        for edge in passed
    )
    for edge in (high_pass, low_pass):
        if edge is not None:
            checks.positive(edge, f'{where}(passed=...)')
    return high_pass, low_pass
