"""What every solver shares, linear or not: checks, whitening, units, and what it takes and gives back."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import brainstate
import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import ParameterState
from brainfwd._core.linear_algebra import in_double, is_traced, xp_of
from brainfwd._core.module import Module
from brainfwd.inverse.inputs import FROM_RECORDING, NOISE_FROM, Covariance, Gain, covariance_of, gain_of
from brainfwd.inverse.methods import of_a_solver
from brainfwd.inverse.problem import WhitenedProblem, check_seen, whitened
from brainfwd.inverse.regularisation import RULES
from brainfwd.inverse.setting import Setting
from brainfwd.records import Channels, NoiseCovariance, Recording, SourceEstimate, si
from brainfwd.records.matching import finite, no_inverse_crime, order_of
from brainfwd.records.noise_covariance import checked_rank
from brainfwd.records.whitening import check_noisy, white_map

__all__ = ['InverseSolver']


class _Given(NamedTuple):
    """What a solver is fitted to."""

    gain: Gain
    noise: Covariance
    data: Covariance | None
    rank: dict[str, int]

    @property
    def values(self) -> tuple[Any, Any, Any]:
        """The numbers of each, which may be traced."""
        return self.gain.values, self.noise.values, None if self.data is None else self.data.values


class InverseSolver(Module, abc.ABC):
    """What every solver shares, linear or not: checks, whitening, units, and what `update` takes and gives back."""

    unit: u.Unit
    orientations: ClassVar[tuple[str, ...]] = ('fixed', 'free')
    data_record: ClassVar[type] = NoiseCovariance
    """What ``data_cov`` is a record of."""
    needs_data: ClassVar[bool] = False
    """Whether it is made from ``data_cov``; without, only ``regularisation`` is."""
    counts_nave: ClassVar[bool] = False
    """Whether ``nave`` changes the kernel: the answer is in units of the noise in an average."""
    loose: Any
    """Of solvers with an orientation of that name: the variance of tangential components."""
    strength: ClassVar[tuple[str, ...]] = ()
    """The settings that say how much to regularise, one of which, or ``regularisation``, is given."""

    def __init__(
        self,
        *,
        orientation: str = 'fixed',
        rank: Mapping[str, int] | None = None,
        regularisation: str | None = None,
        name: str | None = None,
        **values: Any,
    ):
        brainstate.nn.Module.__init__(self, name=name)
        # what `update` applies: a kernel, or what else is known before there are data
        self._kernel = ParameterState(None)
        self._notes = ParameterState(None)
        self._gain: Gain | None = None
        self._forbidden_head: str | None = None
        self._nave = 1
        me = type(self).__name__
        rules = [name for name in self.strength if values.get(name) is not None]
        rules += [] if regularisation is None else ['regularisation']
        if len(rules) > 1:
            allowed = ', '.join((*self.strength, 'regularisation'))
            raise ValueError(f'{me} takes one of {allowed}; got {", ".join(rules)}.')
        for given in values:
            checks.choice(given, self._arguments(), f'an argument of {me}')
        self._set_parameters(values)
        self._check_settings()
        self._orientation = checks.choice(orientation, self.orientations, f'{me}(orientation=...)')
        if rank is not None and not isinstance(rank, Mapping):
            raise TypeError(f"{me}(rank=...) is a dict, as {{'meg': 66, 'eeg': 59}}; got {checks.kind(rank)}.")
        self._rank = rank or {}
        if regularisation is not None:
            checks.choice(regularisation, RULES, f'{me}(regularisation=...)')
        self._regularisation = regularisation

    @classmethod
    def _arguments(cls) -> list[str]:
        """Names that the constructor knows: settings, and what is given by name."""
        constructors = (vars(base)['__init__'] for base in cls.__mro__ if '__init__' in vars(base))
        named = {
            p.name
            for each in constructors
            for p in inspect.signature(each).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        }
        return sorted({*cls.parameter_fields, *named})

    @property
    def orientation(self) -> str:
        """Which directions a dipole may have."""
        return self._orientation

    @property
    def regularisation(self) -> str | None:
        """The rule by which the regularisation is chosen from the data; None when it is given."""
        return self._regularisation

    @abc.abstractmethod
    def _prepared(self, problem: WhitenedProblem) -> Any:
        """What `update` applies to SI numbers: one array, or a tree of them."""

    @abc.abstractmethod
    def _applied(self, prepared: Any, y: Any) -> Any:
        """(..., sources) numbers in `unit`, of data (..., sensors) in SI."""

    @of_a_solver
    def fit(
        self,
        lead_field: Any,
        noise_cov: Any = None,
        *,
        data_cov: Any = None,
        nave: int = 1,
        inverse_crime: bool = False,
    ) -> Self:
        """Make the kernel, in float64; returns the solver.

        Parameters
        ----------
        lead_field : LeadField, or Quantity
            Of any types of channel; of free orientation unless the solver is ``'fixed'``. Of a free one ``'fixed'``
            takes the moments along the normals, with a depth weighting that does not depend on them, as in MNE-Python.
            Also a gain (sensors, sources[, 3]) with its unit, or a dict of them by type, as `LeadField.gain` is: for
            solvers within compiled code.
        noise_cov : NoiseCovariance, or Quantity
            Of the same channels, in any order, of a single repetition. Noise is all that is not to be explained by
            sources: the covariance of an undriven segment holds the brain's background too. A Quantity is (sensors,
            sensors), or a dict by pair of types, as `NoiseCovariance.matrix` is.
        data_cov : NoiseCovariance, or Quantity
            Of what is to be explained, for beamformers and for ``regularisation``: ``recording.covariance()``.
        nave : int
            Of how many repetitions the data will be an average. It counts where the answer is in units of the noise in
            that, in `DSPM` and `SLORETA`; beamformers, as those of MNE-Python, are in units of a single repetition's.
        inverse_crime : bool
            Allow data simulated with the head of this very lead field: the results are better than they can be in life.

        Raises
        ------
        TypeError
            No lead field, no noise covariance, no ``data_cov`` where one is needed, one where none is.
        UnitError, ShapeError, ValueError
            Units that do not fit together, channels that do not match, a channel without noise, a source that no sensor
            sees, a fixed lead field where a free one is needed, normals asked of a volume, a parameter out of range.
        """
        gain, kernel, notes = self._fit(lead_field, noise_cov, data_cov, nave, f'{type(self).__name__}.fit')
        # a State can be new in compiled code, or change there, but not come to life
        made_outside = self._kernel.stack_level < ParameterState(None).stack_level
        if is_traced(kernel) and self._gain is None and made_outside:
            raise RuntimeError(
                f'{type(self).__name__}.fit within compiled code is of a solver that was made there, or fitted before: '
                f'make it there, fit it once outside, or take kernel_for.'
            )
        return self._keep(gain, kernel, notes, nave, inverse_crime)

    def _keep(self, gain: Gain, kernel: Any, notes: dict, nave: int, inverse_crime: bool) -> Self:
        self._kernel.value, self._notes.value = kernel, notes
        self._gain = gain
        self._forbidden_head = None if inverse_crime else gain.head
        self._nave = nave
        self.in_size, self.out_size = (len(gain.channels),), (gain.n_sources,)
        return self

    def _fit(self, lead_field: Any, noise_cov: Any, data_cov: Any, nave: int, where: str) -> tuple[Gain, Any, dict]:
        given = self._given(lead_field, noise_cov, data_cov, nave, where)
        settings = {n: getattr(self, n) for n in self.parameter_fields if getattr(self, n) is not None}

        def compute(settings: dict, gain: Any, noise: Any, data: Any) -> tuple[Any, dict]:
            # solvers go by it, whatever is traced
            xp = xp_of(settings, gain, noise, data)
            problem = self._problem(given, gain, noise, data, nave, where, xp)
            return self._with_settings(settings)._prepared(problem), problem.notes

        kernel, notes = in_double(compute, settings, *given.values, either=True)
        return given.gain, kernel, notes

    def _given(self, lead_field: Any, noise_cov: Any, data_cov: Any, nave: int, where: str) -> '_Given':
        """What is to be fitted to, checked."""
        self._check_settings()
        checks.positive_int(nave, f'{where}(nave=...)')
        named = next((cov.channels for cov in (noise_cov, data_cov) if hasattr(cov, 'channels')), None)
        gain = gain_of(lead_field, f'{where}(lead_field)', named)
        self._check_gain(gain, f'{where}(lead_field)')
        noise = self._noise(noise_cov, gain, f'{where}(noise_cov)')
        rank = {**(noise.rank or {}), **checked_rank(self._rank, gain.channels, f'{type(self).__name__}(rank=...)')}
        data, uses_data = None, self.needs_data or self.regularisation is not None
        if data_cov is not None:
            if not uses_data:
                if not self.strength:
                    raise TypeError(f'{where}(data_cov=...) is for solvers that are made from it: leave it out.')
                raise TypeError(
                    f"{where}(data_cov=...) is for regularisation='evidence', for example, which this solver was not "
                    f'made with: write {type(self).__name__}(regularisation=...), or leave it out.'
                )
            data = covariance_of(data_cov, self.data_record, gain.channels, f'{where}(data_cov=...)')
        elif uses_data:
            why = '' if self.needs_data else f' for regularisation={self.regularisation!r}'
            made = FROM_RECORDING[self.data_record]
            raise TypeError(
                f'{where}(data_cov=...) is the covariance of the data{why}; got None: write data_cov={made}.'
            )
        return _Given(gain, noise, data, rank)

    def _problem(
        self, given: '_Given', gain: Any, noise: Any, data: Any, nave: int, where: str, xp: Any = np
    ) -> WhitenedProblem:
        """The whitened problem of these numbers, which stand for those given."""
        white = xp.asarray(white_map(given.noise.si(noise), given.gain.channels, given.rank, given.noise.floor))
        data_cov = None if given.data is None else white @ given.data.si(data) @ white.T
        fixed = self.orientation == 'fixed'
        problem = whitened(given.gain, given.gain.si(gain), white, fixed, data_cov=data_cov, nave=nave)
        if not is_traced((problem.seen, white)):
            check_seen(problem, f'{where}(lead_field)')
        return problem

    def _noise(self, noise_cov: Any, gain: Gain, where: str) -> Covariance:
        """What `fit` was given as noise; a solver that can do without overrides it."""
        if noise_cov is None:
            raise TypeError(f'{where} is the covariance of the noise; got None: write {NOISE_FROM}.')
        return covariance_of(noise_cov, NoiseCovariance, gain.channels, where, check_noisy)

    def _check_gain(self, gain: Gain, where: str) -> None:
        if 0 in np.shape(gain.values):
            raise checks.ShapeError(f'{where} has sensors and sources; got shape {np.shape(gain.values)}.')
        if self.orientation != 'fixed' and gain.is_fixed:
            raise ValueError(
                f'{where} is of free orientation, (sensors, sources, 3), for orientation={self.orientation!r}; got a '
                f"fixed one: take the free one, or write orientation='fixed'."
            )
        by_normals = ('fixed', 'loose')
        if gain.is_fixed or self.orientation not in by_normals:
            return
        if gain.sources is not None and gain.sources.kind == 'volume':
            others = ' or '.join(f'orientation={other!r}' for other in self.orientations if other not in by_normals)
            raise ValueError(
                f'{where} has sources on the cortex, along its normals, for orientation={self.orientation!r}; got a '
                f'volume, where there are none: write {others}, or give lead_field.fixed() where its normals mean '
                f'something.'
            )
        if gain.sources is None:
            raise TypeError(
                f'{where} is a LeadField, which knows the normals, for orientation={self.orientation!r}; got a gain '
                f"alone: give a LeadField, a gain of shape (sensors, sources), or write orientation='free'."
            )

    def _with_settings(self, settings: dict) -> Self:
        """A copy that holds these numbers: those of one trace, which must not stay in this solver."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.__dict__.update({name: ParameterState(value) for name, value in settings.items()})
        return copied

    @of_a_solver
    def update(self, y: Any) -> Any:
        """What the data say about the sources.

        Parameters
        ----------
        y : Recording, ChannelGroups, Quantity or dict of Quantity
            Sensors last, (..., sensors): one sample in a loop, a series, a batch. A Quantity where there is one type of
            channel; a dict has one for each type. NumPy data are computed with in float64, JAX data in their own
            precision.

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
            one that averages other than ``nave`` repetitions where they count.
        UnitError, ShapeError
            A wrong unit or number of sensors.
        """
        where = f'{type(self).__name__}.update(y)'
        kernel, values = self._numbers(y, where)
        answer = self._in_unit(self._applied(kernel, values))
        if not isinstance(y, Recording):
            return answer
        assert self._gain is not None
        if self._gain.sources is None:
            raise TypeError(
                f'{where} is a Quantity for a solver that was fitted to a gain alone; got a Recording: write '
                f'recording.data.'
            )
        # handed over, not copied: maps of thousands of sources in time are large
        u.get_mantissa(answer).setflags(write=False)
        return SourceEstimate(answer, self._gain.sources, y.sampling_period, y.start, type(self).__name__)

    def _numbers(self, y: Any, where: str) -> tuple[Any, Any]:
        """The kernel, and SI numbers of data in the order of its sensors."""
        kernel, channels = self._fitted()
        if not isinstance(y, Recording):
            numbers = si(y, channels, where)
            finite(numbers, channels, where)
            return kernel, numbers
        if is_traced(kernel):
            raise TypeError(f'{where} is a Quantity in compiled code; got a Recording: write recording.data.')
        other = "datasets.load_lead_field('eeg', head='second')"
        if channels.kinds != ('eeg',):
            other = 'SphericalHead.around(places_on_the_head).lead_field(channels, sources)'
        instead = f'Fit the lead field of another head, as {other} is'
        no_inverse_crime(y, self._forbidden_head, where, instead, 'fit')
        if self.counts_nave:
            self._check_nave(y, where)
        order = order_of(y.channels, channels, where, 'the lead field')
        numbers = y.data_si[:, order] if len(order) else y.data_si
        finite(numbers, channels, where)
        return jax.tree.map(np.asarray, kernel), numbers

    def _check_nave(self, y: Recording, where: str) -> None:
        # 1 may also mean that nobody said so
        if y.nave not in (1, self._nave):
            raise ValueError(
                f'{where} is an average of {y.nave} repetitions; fitted for {self._nave}: '
                f'write fit(..., nave={y.nave}).'
            )

    def __repr__(self) -> str:
        state = 'not fitted'
        if self._kernel.value is not None and self._gain is not None:
            state = f'{self._gain.n_sources} sources from {self._gain.channels}'
        return f'{type(self).__name__}({", ".join(self._shown())}): {state}'

    def _shown(self) -> list[str]:
        """What differs from the defaults, as it would be written."""
        shown = [] if self.orientation == 'fixed' else [f'orientation={self.orientation!r}']
        for name, field in self.parameter_fields.items():
            value = getattr(self, name)
            if value is not None and value != field.default:
                shown.append(f'{name}={float(value):g}')
        if self.regularisation is not None:
            shown.append(f'regularisation={self.regularisation!r}')
        return shown

    def _check_settings(self) -> None:
        for name, field in self.parameter_fields.items():
            value = getattr(self, name)
            if value is None and field.default is None:
                continue
            where = field.where(self)
            value = checks.quantity(value, u.UNITLESS, where, field.meaning)
            if value is None or np.ndim(value):
                raise checks.ShapeError(f'{where} is one number; got {value!r}.')
            if isinstance(value, jax.core.Tracer):
                continue
            zero, most = (field.zero, field.most) if isinstance(field, Setting) else (False, None)
            if value < 0 or (value == 0 and not zero):
                least = 'not negative' if zero else 'positive'
                raise ValueError(f'{where} is {field.meaning}, and {least}; got {float(value):g}.')
            if most is not None and value > most:
                raise ValueError(f'{where} is at most {most:g}: it is {field.meaning}; got {float(value):g}.')

    def orientation_root(self, problem: WhitenedProblem) -> Any:
        """(sources, K, K) root of the covariance of the components of each source, 1 along the normal."""
        return problem.orientation_root(self.loose if self.orientation == 'loose' else 1.0)

    def _fitted(self) -> tuple[Any, Channels]:
        kernel = self._kernel.value
        if kernel is None or self._gain is None:
            data = ', data_cov=...' if self.needs_data else ''
            raise RuntimeError(
                f'{type(self).__name__} has no kernel: write .fit(lead_field, noise_cov{data}) first, '
                f'and again after a parameter was changed.'
            )
        return kernel, self._gain.channels

    def _in_unit(self, answer: Any) -> Any:
        return answer if self.unit.is_unitless else u.Quantity(answer, unit=self.unit)
