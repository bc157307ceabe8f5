"""What every stimulus shares: a place, a time course, regions, and how stimuli add up."""

import math
import numbers
from abc import abstractmethod
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, check_fits
from brainfwd._core.module import Module
from brainfwd.stimuli.clock import steps_of

__all__ = ['Amplitude', 'Constant', 'Product', 'Stimulus', 'Sum', 'TimeCourse']


class Amplitude(Parameter):
    """A parameter in the unit of what the stimulus feeds, which is known once it has its place.

    Parameters
    ----------
    series : bool
        Whether it is a series, (time,) or (time, regions), in place of a number or one per region.
    """

    def __init__(self, meaning: str, *, series: bool = False, optional: bool = False):
        super().__init__(None, meaning, per_region=False, optional=optional)
        self.series = series


class Stimulus(Module):
    r"""What is given to an input of a network, as a function of time and region.

    Stimuli add up and multiply: ``a + b``, ``2 * a``, ``envelope * carrier``, of which one at most has a unit, and
    ``a * weights`` with an array over regions. Time is counted in whole steps from the beginning of the simulation.
    Where a stimulus jumps, the edge is rounded to the nearest step and lies between two steps: n steps of a pulse
    deliver n dt times its amplitude with every scheme. Between the edges it is read at the times of the stages.
    """

    __array_ufunc__ = None  # an array times a stimulus is ours

    def __init__(self, *, name: str | None = None, **values: Any):
        super().__init__(1, name=name, **values)

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check every parameter against the input that is fed.

        Parameters
        ----------
        in_size : tuple of int
            The size of the network.
        field : Input
            What the stimulus feeds.
        where : str
            The stimulus as the user wrote it, for errors.
        """
        self.in_size = self.out_size = in_size
        for name, parameter in self.parameter_fields.items():
            value = getattr(self, name)
            if value is None:
                continue
            at = f'{where} {type(self).__name__}.{name}'
            if not isinstance(parameter, Amplitude):
                check_fits(value, in_size, at)
                continue
            value = checks.quantity(value, field.unit, at, f'the {parameter.meaning}')
            shape = np.shape(u.get_mantissa(value))
            if not parameter.series:
                check_fits(value, in_size, at)
            elif not shape or shape[1:] not in ((), in_size):
                raise checks.ShapeError(f'{at} is (time,) or {("time", *in_size)}; got shape {shape}.')
            setattr(self, name, value)

    @property
    @abstractmethod
    def unit(self) -> u.Unit:
        """The unit in which it was given."""

    @property
    def start(self) -> u.Quantity:
        """When it begins, in s."""
        return 0.0 * u.second

    @property
    def stop(self) -> u.Quantity | None:
        """When it ends, in s; None if it does not."""
        return None

    @property
    def shortest(self) -> u.Quantity | None:
        """The shortest time that matters to it, which a step must not exceed; None if there is none."""
        return None

    @abstractmethod
    def at(self, step: Any, fraction: float, dt: u.Quantity) -> Any:
        """The stimulus at a fraction of a step: a number, (regions,) or (batch, regions); pure.

        At fraction 1 it is what it is just before the end of the step.

        Parameters
        ----------
        step : int
            Steps since the beginning of the simulation.
        fraction : float
            From 0 to 1.
        dt : Quantity
            The time step; a number, not traced.
        """

    def check_duration(self, duration: u.Quantity, where: str) -> None:
        """Refuse what goes on after the end of a run, or begins there."""
        end = duration.in_unit(u.second).mantissa
        kind, start, stop = type(self).__name__, self.start.mantissa, self.stop
        if stop is not None and stop.mantissa > end * (1 + 1e-9):
            raise ValueError(
                f'{where}: this {kind} goes on until {stop.mantissa:g} s, and the run ends at {end:g} s: run for '
                'longer, or shorten it.'
            )
        if start >= end:
            raise ValueError(f'{where}: this {kind} begins at {start:g} s, and the run ends at {end:g} s.')

    def check_step(self, dt: u.Quantity, where: str) -> None:
        """Refuse what is too short for a step."""
        if self.shortest is not None and self.shortest < dt * (1 - 1e-6):
            raise ValueError(
                f'{where}: {type(self).__name__} has a time of {self.shortest}, shorter than a step of {dt}: take a '
                'smaller dt.'
            )

    def __add__(self, other: Any) -> 'Stimulus':
        other = _lifted(other)
        return other if other is NotImplemented else Sum(self, other)

    def __mul__(self, other: Any) -> 'Stimulus':
        other = _lifted(other)
        return other if other is NotImplemented else Product(self, other)

    __radd__ = __add__
    __rmul__ = __mul__


def _lifted(value: Any) -> Any:
    if isinstance(value, Stimulus):
        return value
    if isinstance(value, u.Quantity | np.ndarray | jax.Array | numbers.Real) and not isinstance(value, bool):
        return Constant(value)
    return NotImplemented


class Constant(Stimulus):
    """The same at all times: what a number or an array becomes in a sum or product.

    Parameters
    ----------
    amplitude : Quantity
        A number, or one per region.
    """

    amplitude = Amplitude('constant')

    def __init__(self, amplitude: Any, *, name: str | None = None):
        super().__init__(amplitude=amplitude, name=name)

    @property
    def unit(self) -> u.Unit:
        """That of the amplitude."""
        return u.get_unit(self.amplitude)

    def at(self, step: Any, fraction: float, dt: u.Quantity) -> Any:
        """The amplitude."""
        return self.amplitude


class TimeCourse(Stimulus):
    """A time course that begins at its onset, alike in all regions or weighted.

    Parameters
    ----------
    onset : Quantity
        When it begins, rounded to the nearest step; a number, or one per region.
    regions : array or list, optional
        Where: the indices of regions (integers), a mask (booleans), or a weight for every region (floats), which
        is kept as the parameter ``weights``. All regions alike by default.
    """

    onset = Parameter(0.0 * u.ms, 'onset', per_region=False)
    weights = Parameter(1.0, 'weight of each region', per_region=False)

    def __init__(self, *, regions: Any = None, name: str | None = None, **values: Any):
        super().__init__(name=name, **values)
        self._chosen: tuple[int, ...] | None = None
        if regions is None:
            return
        given = checks.quantity(regions, u.UNITLESS, f'{type(self).__name__}.regions')
        given = given if isinstance(given, jax.Array) else np.asarray(given)
        if np.issubdtype(given.dtype, np.integer):
            self._chosen = tuple(np.atleast_1d(given).tolist())
        else:
            self.weights = given

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check every parameter against the input that is fed, and the regions against the network."""
        at = f'{where} {type(self).__name__}'
        checks.non_negative(self.onset, f'{at}.onset')
        if self._chosen is not None and not np.ndim(self.weights):  # not resolved yet, nor replaced by the user
            n, chosen = in_size[-1], self._chosen
            if len(set(chosen)) < len(chosen) or not all(0 <= i < n for i in chosen):
                raise ValueError(f'{at}.regions are different indices from 0 to {n - 1}; got {list(chosen)}.')
            self.weights = np.isin(np.arange(n), chosen)
        super().bind(in_size, field, where)

    @property
    def unit(self) -> u.Unit:
        """That of the amplitude."""
        name = next(name for name, field in self.parameter_fields.items() if isinstance(field, Amplitude))
        return u.get_unit(getattr(self, name))

    @property
    def start(self) -> u.Quantity:
        """The first onset."""
        return _in_seconds(self.onset, np.min)

    def after(self, time: u.Quantity) -> u.Quantity:
        """The last of the regions, so long after the onset; in s."""
        return _in_seconds(self.onset + time, np.max)

    def at(self, step: Any, fraction: float, dt: u.Quantity) -> Any:
        """The time course, in the regions, from the onset on."""
        n = jnp.asarray(step, jnp.int32) - steps_of(self.onset, dt)
        return self.course(jnp.maximum(n, 0), fraction, dt) * (n >= 0) * self.weights

    @abstractmethod
    def course(self, n: jax.Array, fraction: float, dt: u.Quantity) -> Any:
        """The time course n steps and a fraction after the onset, n from 0."""


def _in_seconds(time: u.Quantity, of: Any) -> u.Quantity:
    return u.Quantity(float(of(time.in_unit(u.second).mantissa)), unit=u.second)


class Sum(Stimulus):
    """The sum of stimuli, all in one unit."""

    def __init__(self, *terms: Stimulus, name: str | None = None):
        super().__init__(name=name)
        self.terms: list[Stimulus] = [
            part for term in terms for part in (term.terms if isinstance(term, Sum) else [term])
        ]

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check every term against the input that is fed."""
        self.in_size = self.out_size = in_size
        for term in self.terms:
            term.bind(in_size, field, where)

    @property
    def unit(self) -> u.Unit:
        """That of the first term."""
        return self.terms[0].unit

    @property
    def start(self) -> u.Quantity:
        """When the first one begins."""
        return min(term.start for term in self.terms)

    @property
    def stop(self) -> u.Quantity | None:
        """When the last one ends."""
        stops = [term.stop for term in self.terms]
        return max((stop for stop in stops if stop is not None), default=None) if None not in stops else None

    def check_duration(self, duration: u.Quantity, where: str) -> None:
        """Refuse any term that goes on after the end of a run, or begins there."""
        for term in self.terms:
            term.check_duration(duration, where)

    def check_step(self, dt: u.Quantity, where: str) -> None:
        """Refuse any term that is too short for a step."""
        for term in self.terms:
            term.check_step(dt, where)

    def at(self, step: Any, fraction: float, dt: u.Quantity) -> Any:
        """The sum."""
        first, *others = (term.at(step, fraction, dt) for term in self.terms)
        return sum(others, first)

    def __repr__(self) -> str:
        return ' + '.join(map(repr, self.terms))


class Product(Stimulus):
    """The product of stimuli, one of which at most has a unit."""

    def __init__(self, *factors: Stimulus, name: str | None = None):
        super().__init__(name=name)
        self.factors: list[Stimulus] = [
            part for f in factors for part in (f.factors if isinstance(f, Product) else [f])
        ]

    def bind(self, in_size: tuple[int, ...], field: Input, where: str) -> None:
        """Check the factor with a unit against the input that is fed, and that the others have none."""
        self.in_size = self.out_size = in_size
        carrier = next((i for i, factor in enumerate(self.factors) if not factor.unit.is_unitless), 0)
        for i, factor in enumerate(self.factors):
            factor.bind(in_size, field if i == carrier else Input(1.0, 'factor of a product'), where)

    @property
    def unit(self) -> u.Unit:
        """The product of all units."""
        return math.prod((factor.unit for factor in self.factors), start=u.UNITLESS)

    @property
    def start(self) -> u.Quantity:
        """When all have begun."""
        return max(factor.start for factor in self.factors)

    @property
    def stop(self) -> u.Quantity | None:
        """When the first one ends."""
        return min((factor.stop for factor in self.factors if factor.stop is not None), default=None)

    def check_step(self, dt: u.Quantity, where: str) -> None:
        """Refuse any factor that is too short for a step."""
        for factor in self.factors:
            factor.check_step(dt, where)

    def at(self, step: Any, fraction: float, dt: u.Quantity) -> Any:
        """The product."""
        first, *others = (factor.at(step, fraction, dt) for factor in self.factors)
        for other in others:
            first = first * other
        return first

    def __repr__(self) -> str:
        return ' * '.join(f'({f!r})' if isinstance(f, Sum) else repr(f) for f in self.factors)
