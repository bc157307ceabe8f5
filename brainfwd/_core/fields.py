"""What a module declares: parameters, variables and inputs.

Each states its default and its meaning once; the default fixes the unit. :class:`~brainfwd._core.module.Module` does
the rest.
"""

from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks

__all__ = [
    'Field',
    'FixedState',
    'Input',
    'Parameter',
    'ParameterState',
    'Variable',
    'VariableState',
    'check_fits',
    'constant',
]


class ParameterState(brainstate.State):
    """Holds a parameter, so that compiled code takes it as an input: a new value does not compile again."""


class FixedState(ParameterState):
    """Holds what is worked out from parameters before a run, and cannot be given in their place."""


class VariableState(brainstate.HiddenState):
    """Holds a variable in its declared unit and shape, whatever unit a step of integration leaves behind."""

    def __init__(self, value: Any, unit: u.Unit, where: str, **metadata: Any):
        super().__init__(value, unit=unit, where=where, **metadata)

    def _write_value(self, v: Any) -> None:
        v = checks.quantity(v, self.unit, self.where)
        if np.shape(u.get_mantissa(v)) != np.shape(u.get_mantissa(self._value)):
            checks.shape_is(v, np.shape(u.get_mantissa(self._value)), self.where)
        super()._write_value(v)


def constant(value: Any) -> Any:
    """A value as given by the user, kept in NumPy float64 (JAX arrays as they are).

    NumPy arrays take the precision of the computation they enter, and never the weak type of a Python number, which
    would compile a second time. They are copies: the user may write into an array, and JAX takes one array for the same
    value in both precisions.
    """
    mantissa = u.get_mantissa(value)
    if not isinstance(mantissa, jax.Array):
        mantissa = np.array(mantissa, dtype=np.float64)
    return u.Quantity(mantissa, unit=value.unit) if isinstance(value, u.Quantity) else mantissa


class Field:
    """A default, which fixes the unit, and a meaning."""

    def __init__(self, default: Any, meaning: str):
        self.default = default
        self.meaning = meaning
        self.unit = u.get_unit(default)
        self.name = ''
        self.owner = ''

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.owner = name, owner.__name__

    def where(self, instance: Any) -> str:
        """Where the field stands, as an error names it."""
        return f'{type(instance).__name__}.{self.name}'

    def check(self, value: Any, where: str) -> Any:
        """``value`` in the unit of the field."""
        return checks.quantity(value, self.unit, where, f'the {self.meaning}')

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.default!r}, {self.meaning!r})'


class Parameter(Field):
    """A constant of a module: reads as its value, and is checked whenever it is set.

    Parameters
    ----------
    default : float, array or Quantity
        Fixes the unit. ``None``: the parameter has no default and any unit; the module checks it where it meets others.
    meaning : str
        What it is, in a few words.
    per_region : bool
        Whether it is a number or an array that fits the size of the module (the default), or of a shape of its own.
    positive : bool
        Whether it must be above zero.
    optional : bool
        Whether it may be None.
    fraction : bool
        Whether it must be between 0 and 1.
    unit : Unit, optional
        Of a parameter without a default, if it is not any.
    """

    def __init__(
        self,
        default: Any,
        meaning: str,
        *,
        per_region: bool = True,
        positive: bool = False,
        optional: bool = False,
        fraction: bool = False,
        unit: u.Unit | None = None,
    ):
        super().__init__(default, meaning)
        self.unit = self.unit if unit is None else unit
        self.any_unit = default is None and unit is None
        self.per_region = per_region
        self.positive = positive
        self.optional = optional
        self.fraction = fraction

    @property
    def by_region(self) -> bool:
        """Whether it fits the regions of a network, so that a batch may stand before them."""
        return self.per_region

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            held = instance.__dict__[self.name]
        except KeyError:
            # brainstate takes modules apart and builds them again attribute by attribute
            raise AttributeError(f'{self.where(instance)} has not been set.') from None
        return None if held is None else held.value

    def __set__(self, instance: Any, value: Any) -> None:
        held = instance.__dict__.get(self.name)
        if isinstance(value, brainstate.State) and not isinstance(value, ParameterState):
            value = value.value
        # None is held as it is: the loops of brainstate take no State without a value; and when brainstate builds a
        # module again, attribute by attribute, it sets what was held
        building = self.name not in instance.__dict__
        if isinstance(value, ParameterState) or (value is None and (self.optional or building)):
            instance.__dict__[self.name] = value
        elif held is None:
            instance.__dict__[self.name] = ParameterState(self._checked(instance, value))
        else:
            held.value = self._checked(instance, value)

    def _checked(self, instance: Any, value: Any) -> Any:
        where = self.where(instance)
        if value is None or not self.any_unit:
            value = self.check(value, where)
        try:
            value = constant(value)
        except (TypeError, ValueError) as error:
            raise checks.ShapeError(f'{where} is a number or an array of numbers; got {value!r}.') from error
        checks.finite(value, where)
        if self.positive:
            checks.positive(value, where)
        if self.fraction:
            checks.fraction(value, where)
        if self.per_region:
            check_fits(value, instance.in_size, where)
        return value


class Variable(Field):
    """What a module integrates; on an instance, a brainstate State whose ``value`` is a Quantity.

    The default is the initial value, set for an instance as the parameter ``init_<name>``.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            return instance.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f'{self.where(instance)} has no value yet: call {type(instance).__name__}.init_all_states() first.'
            ) from None

    def __set__(self, instance: Any, value: Any) -> None:
        if not isinstance(value, brainstate.State):
            raise AttributeError(f'{self.where(instance)} is a state: write .{self.name}.value = ... instead.')
        instance.__dict__[self.name] = value

    def initial(self) -> Parameter:
        """The parameter that holds the initial value."""
        return Parameter(self.default, f'initial value: {self.meaning}')


class Input(Field):
    """What feeds a module at every step: what noise and the caller give, or else the default; plus coupling."""

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(
            f'{self.where(instance)} is an input: pass {self.name}=... to update() or to the Simulator.'
        )


def check_fits(value: Any, in_size: tuple[int, ...], where: str) -> None:
    """Refuse what is no number, and no array over the regions of a module; a batch may stand before them.

    ``(members, 1)`` is one number per member of a batch.
    """
    shape = np.shape(u.get_mantissa(value))
    last = shape[-len(in_size) :]
    if shape != () and not all(n in (1, size) for n, size in zip(last, in_size[-len(last) :], strict=True)):
        raise checks.ShapeError(f'{where} is a number or an array that fits {tuple(in_size)}; got shape {shape}.')
