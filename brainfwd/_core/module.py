"""The module that every stateful part of brainfwd inherits."""

import inspect
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Field, Input, Parameter, Variable, VariableState, check_fits

__all__ = ['Module', 'current_dt', 'current_dtype', 'get_parameter', 'set_parameter']


def current_dt(where: str) -> u.Quantity:
    """The time step of the surrounding loop, from ``brainstate.environ``."""
    dt = brainstate.environ.get('dt', None)
    if dt is None:
        raise ValueError(
            f'{where} needs the time step: write brainstate.environ.set(dt=0.1 * u.ms), '
            'or run inside `with brainstate.environ.context(dt=0.1 * u.ms):`. A Simulator does it for you.'
        )
    return checks.quantity(dt, u.ms, 'brainstate.environ dt', 'the time step')


def current_dtype(where: str) -> Any:
    """The precision of states, from ``brainstate.environ``; JAX has to be set to the same."""
    dtype = brainstate.environ.dftype()
    if jax.config.read('jax_enable_x64') and jnp.dtype(dtype).itemsize < 8:
        raise ValueError(
            f'{where}: JAX computes in 64 bits and brainstate in {8 * jnp.dtype(dtype).itemsize}: write '
            'brainstate.environ.set(precision=64), which sets both.'
        )
    return dtype


def set_parameter(module: Any, name: str, value: Any) -> None:
    """Set a parameter of a module, or of a module inside it, by its dotted name.

    ``'a'``, ``'noise.p.mean'`` and ``'coupling.0.k'`` are such names.
    """
    owner, last = _owner(module, name)
    setattr(owner, last, value)


def get_parameter(module: Any, name: str, *, field: bool = False) -> Any:
    """The value of a parameter by its dotted name, or what was declared of it."""
    owner, last = _owner(module, name)
    return owner.parameter_fields[last] if field else getattr(owner, last)


def _owner(module: Any, name: str) -> tuple[Any, str]:
    *path, last = name.split('.')
    while path:
        if isinstance(module, dict):
            # a key may have dots: 'noise.cortex.p.mean'
            keys = ('.'.join(path[: n + 1]) for n in range(len(path)))
            key = next((each for each in keys if each in module), path[0])
            path = path[key.count('.') + 1 :]
            module = module[checks.choice(key, module, name)]
            continue
        key, *path = path
        if isinstance(module, list):
            module = module[int(checks.choice(key, map(str, range(len(module))), name))]
        else:
            module = getattr(module, checks.choice(key, _parts(module), name))
    fields = getattr(module, 'parameter_fields', {})
    if not fields:
        raise ValueError(f"{name!r} names no parameter: write 'node.a', 'coupling.0.k' or 'noise.p.mean', for example.")
    return module, checks.choice(last, fields, name)


def _parts(module: Any) -> list[str]:
    return [name for name, held in vars(module).items() if isinstance(held, brainstate.nn.Module | dict | list)]


class Module(brainstate.nn.Module):
    """A brainstate module whose parameters, variables and inputs are declared as fields.

    Declared fields give the constructor (keyword arguments, checked), the states, the signature and the repr. A
    variable ``x`` also gives the parameter ``init_x``, its initial value.

    Parameters
    ----------
    in_size : int or tuple of int
        How many regions (or sources, or sensors).
    name : str, optional
        A name for repr.
    **values
        Parameters and initial values by name, each with its unit.
    """

    parameter_fields: ClassVar[dict[str, Parameter]] = {}
    variables: ClassVar[dict[str, Variable]] = {}
    inputs: ClassVar[dict[str, Input]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, field in list(vars(cls).items()):
            if isinstance(field, Variable):
                initial = field.initial()
                setattr(cls, f'init_{name}', initial)
                initial.__set_name__(cls, f'init_{name}')
        cls.parameter_fields = _declared(cls, Parameter)
        cls.variables = _declared(cls, Variable)
        cls.inputs = _declared(cls, Input)
        cls.__signature__ = _signature(cls)

    def __init__(self, in_size: Any, *, name: str | None = None, **values: Any):
        super().__init__(name=name)
        self.in_size = self._size(in_size)
        self.out_size = self.in_size
        self._set_parameters(values)

    def _size(self, in_size: Any) -> tuple[int, ...]:
        sizes = in_size if isinstance(in_size, tuple | list) else (in_size,)
        return tuple(checks.positive_int(n, f'{type(self).__name__}.in_size') for n in sizes)

    def _set_parameters(self, values: dict[str, Any]) -> None:
        for given in values:
            checks.choice(given, self.parameter_fields, f'a parameter of {type(self).__name__}')
        for field_name, field in self.parameter_fields.items():
            if field_name in values or field.default is not None:
                value = values.get(field_name, field.default)
                if value is None and not field.optional:
                    field.check(value, field.where(self))
                setattr(self, field_name, value)
            else:  # not given: optional, or set by the constructor of the class
                self.__dict__[field_name] = None

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set every variable to its initial value; with ``batch_size``, one row per member."""
        batch = () if batch_size is None else (batch_size,)
        for name, field in self.variables.items():
            value = _filled(getattr(self, f'init_{name}'), (*batch, *self.in_size), current_dtype(field.where(self)))
            setattr(self, name, VariableState(value, field.unit, field.where(self)))

    def init_all_states(self, batch_size: int | None = None) -> 'Module':
        """Set the states of this module, and of all it is made of, to their initial values; returns the module."""
        brainstate.nn.init_all_states(self, batch_size=batch_size)
        return self

    def values(self) -> dict[str, Any]:
        """The current value of every variable, by name."""
        return {name: getattr(self, name).value for name in self.variables}

    def checked_inputs(self, given: dict[str, Any]) -> dict[str, Any]:
        """The inputs with their units; the default where nothing was given."""
        where = f'{type(self).__name__}.update'
        for name in given:
            checks.choice(name, self.inputs, f'an input of {where}')
        return {
            name: self.checked_input(name, given[name], f'{where}({name}=...)')
            if given.get(name) is not None
            else field.default
            for name, field in self.inputs.items()
        }

    def checked_input(self, name: str, value: Any, where: str) -> Any:
        """A value for an input, in its unit."""
        value = self.inputs[name].check(value, where)
        check_fits(value, self.in_size, where)
        return value

    def usual(self, name: str) -> Any:
        """The value of a parameter that repr need not show."""
        return self.parameter_fields[name].default

    def __repr__(self) -> str:
        shown = [str(self.in_size[0] if len(self.in_size) == 1 else self.in_size)]
        for name in self.parameter_fields:
            value = getattr(self, name)
            if not _same(value, self.usual(name)):
                shown.append(f'{name}={_brief(value)}')
        return f'{type(self).__name__}({", ".join(shown)})'


def _declared(cls: type, kind: type[Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update({name: field for name, field in vars(base).items() if isinstance(field, kind)})
    return {name: field for name, field in found.items() if isinstance(getattr(cls, name, None), kind)}


def _signature(cls: type[Module]) -> inspect.Signature:
    """The signature of the constructor, with the declared parameters in place of ``**values``."""
    given = _taken(cls)
    kept = [p for p in given if p.name != 'values']
    if len(kept) < len(given):
        taken = {p.name for p in kept}
        kept += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
            for name, field in cls.parameter_fields.items()
            if name not in taken
        ]
    return inspect.Signature(kept)


def _taken(cls: type) -> list[inspect.Parameter]:
    """What the constructor takes; ``**options`` are what that of the class above takes."""
    owner = next(c for c in cls.__mro__ if '__init__' in vars(c))
    given = [p for p in inspect.signature(vars(owner)['__init__']).parameters.values() if p.name != 'self']
    kept = [p for p in given if p.name != 'options']
    if len(kept) < len(given):
        names = {p.name for p in kept}
        kept += [p for p in _taken(owner.__mro__[1]) if p.name not in names]
    return kept


def _filled(value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    mantissa = jnp.broadcast_to(jnp.asarray(u.get_mantissa(value), dtype=dtype), shape)
    return u.Quantity(mantissa, unit=value.unit) if isinstance(value, u.Quantity) else mantissa


def _same(value: Any, default: Any) -> bool:
    if value is None or default is None:
        return value is default
    # brainunit refuses to compare what has different units
    return np.ndim(u.get_mantissa(value)) == 0 and u.have_same_dim(value, default) and bool(value == default)


def _brief(value: Any) -> str:
    if np.ndim(u.get_mantissa(value)) == 0:
        return str(value)
    unit = u.get_unit(value)
    return f'<{"" if unit.is_unitless else f"{unit} "}array {np.shape(value)}>'
