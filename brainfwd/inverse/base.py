"""What every linear solver shares: checks, whitening, weighting, and units."""

import abc
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Parameter, ParameterState
from brainfwd._core.module import Module
from brainfwd.inverse.depth import depth_prior
from brainfwd.inverse.orientation import ORIENTATIONS, magnitude, orientation_root
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.records import SENSOR_UNITS, Channels, LeadField, NoiseCovariance, Recording, SourceEstimate, si
from brainfwd.records.matching import finite, no_inverse_crime, order_of
from brainfwd.records.whitening import whitener

__all__ = ['LinearInverse']

# relative to the best seen source: below it, a gain is rounding
_SILENT = 1e-12


class Setting(Parameter):
    """A parameter that `fit` reads: a new value makes the kernel out of date, which is then dropped."""

    def __init__(self, default: Any, meaning: str):
        super().__init__(default, meaning, per_region=False, optional=default is None)

    def __set__(self, instance: Any, value: Any) -> None:
        # not when the module is built, by its constructor or by brainstate
        changes = self.name in instance.__dict__ and not isinstance(value, brainstate.State)
        super().__set__(instance, value)
        if changes:
            instance._kernel.value = None


class LinearInverse(Module, abc.ABC):
    r"""A linear inverse solver: ``fit`` once, then ``update`` as often as there are data.

    The base whitens the gain with the noise covariance (average reference of EEG included), weights the sources by
    depth and orientation, and puts the units back; a solver is the kernel of the whitened problem that is left:

    .. math:: \hat s = \underbrace{k(W G)}_{\text{solver}} W y

    To add one, inherit, set ``unit`` and write `whitened_kernel`. The conventions are those of MNE-Python, and so are
    the numbers.

    Parameters
    ----------
    snr : float
        Amplitude ratio of signal to noise, averaged over the whitened sensors: ``lambda2 = 1 / snr**2``. 3 is usual for
        averaged responses, 1 for single trials. Not in dB.
    lambda2 : float, optional
        The regularisation itself, instead of ``snr``.
    depth : float
        Exponent of the depth weighting; 0 for none.
    orientation : str
        ``'fixed'``: along the normals of the cortex, and the answer has a sign. ``'free'``: any direction, and
        ``'loose'``: mostly along the normals; the answer is the length of the vector, and the lead field must be of
        free orientation.
    loose : float
        With ``'loose'``: variance of each tangential component, relative to that of the normal one, 0 < loose <= 1.

    Attributes
    ----------
    unit : Unit
        The unit of the answer.
    """

    unit: ClassVar[u.Unit]

    snr = Setting(3.0, 'amplitude ratio of signal to noise')
    lambda2 = Setting(None, 'regularisation, instead of snr')
    depth = Setting(0.8, 'exponent of the depth weighting')
    loose = Setting(0.2, 'variance of tangential components relative to the normal one')

    def __init__(self, *, orientation: str = 'fixed', name: str | None = None, **values: Any):
        brainstate.nn.Module.__init__(self, name=name)
        # (sources[, 3], sensors), the unit of the answer per SI unit of each sensor
        self._kernel = ParameterState(None)
        self._channels: Channels | None = None
        self._sources: Any = None
        self._forbidden_head: str | None = None
        self._nave = 1
        self._set_parameters(values)
        self._check_parameters()
        self._orientation = checks.choice(orientation, ORIENTATIONS, f'{type(self).__name__}(orientation=...)')

    @property
    def orientation(self) -> str:
        """``'fixed'``, ``'loose'`` or ``'free'``."""
        return self._orientation

    @abc.abstractmethod
    def whitened_kernel(self, problem: WhitenedProblem) -> np.ndarray:
        """(sources, K, rank) from whitened data to what the solver says about each source.

        In A m when the answer is a dipole moment, without a unit otherwise.
        """

    def fit(
        self, lead_field: LeadField, noise_cov: NoiseCovariance, *, nave: int = 1, inverse_crime: bool = False
    ) -> 'LinearInverse':
        """Make the kernel, in float64; returns the solver.

        Parameters
        ----------
        lead_field : LeadField
            Of any types of channel; of free orientation for ``'loose'`` and ``'free'``. Of a free one ``'fixed'`` takes
            the moments along the normals, with a depth weighting that does not depend on them, as in MNE-Python.
        noise_cov : NoiseCovariance
            Of the same channels, in any order, of a single repetition. Noise is all that is not to be explained by
            sources: the covariance of an undriven segment holds the brain's background too.
        nave : int
            Of how many repetitions the data will be an average.
        inverse_crime : bool
            Allow data simulated with the head of this very lead field: the results are better than they can be in life.

        Raises
        ------
        TypeError
            No lead field, or no noise covariance.
        ValueError
            Channels that do not match, a channel without noise, a source that no sensor sees, a fixed lead field where
            a free one is needed, a parameter out of range.
        """
        where = f'{type(self).__name__}.fit'
        _instance(lead_field, LeadField, f'{where}(lead_field)')
        _instance(noise_cov, NoiseCovariance, f'{where}(noise_cov)')
        nave = checks.positive_int(nave, f'{where}(nave=...)')
        self._check_parameters()
        order = order_of(noise_cov.channels, lead_field.channels, f'{where}(noise_cov)', 'the lead field')
        if len(order):
            matrix = noise_cov.matrix_si[np.ix_(order, order)]
            noise_cov = NoiseCovariance(matrix, lead_field.channels, noise_cov.n_samples, noise_cov.rank)
        if self.orientation != 'fixed' and lead_field.orientation == 'fixed':
            raise ValueError(
                f'{where}(lead_field) is of free orientation, (sensors, sources, 3), for orientation='
                f"{self.orientation!r}; got a fixed one: take the free one, or write orientation='fixed'."
            )
        white = whitener(noise_cov, f'{where}(noise_cov)')
        seen = lead_field.fixed() if self.orientation == 'fixed' else lead_field
        gain = np.tensordot(white, seen.gain_si, axes=1).reshape(len(white), seen.n_sources, -1)
        _check_seen(gain, f'{where}(lead_field)')
        root = self._prior_root(lead_field)
        power = np.square(np.einsum('rnk,nkl->rnl', gain, root, optimize=True)).sum()
        lambda2 = float(self.snr) ** -2 if self.lambda2 is None else float(self.lambda2)
        problem = WhitenedProblem(gain, root * np.sqrt(len(white) / power), lambda2, nave)
        kernel = self.whitened_kernel(problem) @ white
        if not self.unit.is_unitless:
            kernel *= _in_unit(u.amp * u.meter, self.unit)
        self._kernel.value = kernel[:, 0] if self.orientation == 'fixed' else kernel
        self._channels, self._sources = lead_field.channels, lead_field.sources
        self._forbidden_head = None if inverse_crime else lead_field.head
        self._nave = nave
        self.in_size, self.out_size = (len(self._channels),), (self._sources.n_sources,)
        return self

    def update(self, y: Any) -> Any:
        """What the data say about the sources.

        Parameters
        ----------
        y : Recording, ChannelGroups or Quantity
            Sensors last, (..., sensors): one sample in a loop, a series, a batch. A Quantity where there is one type of
            channel. NumPy data are computed with in float64, JAX data in their own precision.

        Returns
        -------
        SourceEstimate, Quantity or array
            A SourceEstimate for a Recording; else (..., sources), in `unit`, a plain array where it has none.

        Raises
        ------
        RuntimeError
            Before ``fit``, or after a parameter was changed.
        ValueError
            Other channels than those fitted, NaN, a recording simulated with the lead field that is to invert it, or
            one that averages other than ``nave`` repetitions.
        UnitError, ShapeError
            A wrong unit or number of sensors.
        """
        where = f'{type(self).__name__}.update(y)'
        kernel, channels = self._fitted()
        if not isinstance(y, Recording):
            return self._answer(kernel, channels, si(y, channels, where), where)
        instead = "Fit the lead field of another head, as datasets.load_lead_field('eeg', head='second') is"
        no_inverse_crime(y, self._forbidden_head, where, instead, 'fit')
        # 1 may also mean that nobody said so
        if y.nave not in (1, self._nave):
            raise ValueError(
                f'{where} is an average of {y.nave} repetitions; fitted for {self._nave}: '
                f'write fit(..., nave={y.nave}).'
            )
        order = order_of(y.channels, channels, where, 'the lead field')
        data = self._answer(kernel, channels, y.data_si[:, order] if len(order) else y.data_si, where)
        # handed over, not copied: maps of thousands of sources in time are large
        u.get_mantissa(data).setflags(write=False)
        return SourceEstimate(data, self._sources, y.sampling_period, y.start, type(self).__name__)

    @property
    def kernel(self) -> Any:
        """(sources, sensors), or (sources, 3, sensors) in x, y, z of the head frame when the orientation is not fixed.

        In `unit` per unit of the sensors; a dict of one per type when there are several types of channel.
        """
        kernel, channels = self._fitted()
        by_kind = {
            kind: u.Quantity(kernel[..., channels.indices(kind)], unit=self.unit * SENSOR_UNITS[kind] ** -1)
            for kind in channels.kinds
        }
        return by_kind if channels.is_mixed else by_kind[channels.kinds[0]]

    def __repr__(self) -> str:
        shown = [] if self.orientation == 'fixed' else [f'orientation={self.orientation!r}']
        for name, field in self.parameter_fields.items():
            value = getattr(self, name)
            if value is not None and value != field.default:
                shown.append(f'{name}={float(value):g}')
        state = (
            f'{self._sources.n_sources} sources from {self._channels}'
            if self._kernel.value is not None
            else 'not fitted'
        )
        return f'{type(self).__name__}({", ".join(shown)}): {state}'

    def _check_parameters(self) -> None:
        for name, field in self.parameter_fields.items():
            value = getattr(self, name)
            if value is None and field.default is None:
                continue
            where = field.where(self)
            value = checks.quantity(value, u.UNITLESS, where, field.meaning)
            if value is None or np.ndim(value):
                raise checks.ShapeError(f'{where} is one number; got {value!r}.')
            if value < 0 or (value == 0 and name != 'depth'):
                raise ValueError(f'{where} is {field.meaning}, and positive; got {float(value):g}.')
        if self.loose > 1:
            raise ValueError(f'{type(self).__name__}.loose is at most 1, which is free; got {float(self.loose):g}.')

    def _prior_root(self, lead_field: LeadField) -> np.ndarray:
        """(sources, K, K) root of the prior covariance of each source, by depth and orientation."""
        variance = depth_prior(lead_field, float(self.depth)) if self.depth else np.ones(lead_field.n_sources)
        root = np.sqrt(variance)[:, None, None]
        if self.orientation == 'fixed':
            return root
        return root * orientation_root(
            lead_field.sources.normals, 1.0 if self.orientation == 'free' else float(self.loose)
        )

    def _fitted(self) -> tuple[Any, Channels]:
        kernel = self._kernel.value
        if kernel is None or self._channels is None:
            raise RuntimeError(
                f'{type(self).__name__} has no kernel: write .fit(lead_field, noise_cov) first, '
                f'and again after a parameter was changed.'
            )
        return kernel, self._channels

    def _answer(self, kernel: Any, channels: Channels, y: Any, where: str) -> Any:
        finite(y, channels, where)
        if not (isinstance(kernel, np.ndarray) and isinstance(y, np.ndarray)):
            y = jnp.asarray(y)
            y = y if jnp.issubdtype(y.dtype, jnp.floating) else y.astype(brainstate.environ.dftype())
            kernel = jnp.asarray(kernel, dtype=y.dtype)
        rows = kernel.reshape(-1, kernel.shape[-1])
        # some accelerators multiply in fewer digits than float32 has unless told not to
        answer = y @ rows.T if isinstance(y, np.ndarray) else jnp.matmul(y, rows.T, precision='highest')
        if self.orientation != 'fixed':
            answer = magnitude(answer.reshape(*answer.shape[:-1], *kernel.shape[:-1]))
        return answer if self.unit.is_unitless else u.Quantity(answer, unit=self.unit)


def _instance(value: Any, kind: type, where: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f'{where} is a brainfwd.records.{kind.__name__}; got {type(value).__name__}.')


def _in_unit(unit: u.Unit, other: u.Unit) -> float:
    return float(u.Quantity(np.float64(1.0), unit=unit).to_decimal(other))


def _check_seen(gain: np.ndarray, where: str) -> None:
    strength = np.sqrt(np.square(gain).sum(axis=(0, 2)))
    silent = np.flatnonzero(strength <= _SILENT * strength.max())
    if len(silent):
        raise ValueError(f'{where} has sources that no sensor sees, {checks.listed(silent)}: leave them out.')
