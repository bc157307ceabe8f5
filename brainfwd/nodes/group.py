"""A model per region."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, Variable, check_fits
from brainfwd._core.module import Module
from brainfwd.nodes.base import NeuralMass

__all__ = ['Group', 'modules_of']


class _Scale(Parameter):
    """Any unit at first, and that one from then on."""

    def where(self, instance: Any) -> str:
        """Where the scale stands, as an error names it."""
        return f'{instance.where}.scale'

    def _checked(self, instance: Any, value: Any) -> Any:
        held = getattr(instance, self.name, None)
        if held is not None:
            value = checks.quantity(value, u.get_unit(held), self.where(instance), f'the {self.meaning}')
        return super()._checked(instance, value)


class _Port(Module):
    """What a model gives to the group or takes from it, and what it is multiplied by."""

    scale = _Scale(None, 'scale', optional=True)

    def __init__(self, in_size: Any, given: Any, options: list[str], where: str):
        self.where = where
        what, scale = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        super().__init__(in_size, scale=scale)
        self.what = checks.choice(what, options, where)

    def scaled(self, value: Any) -> Any:
        return value if self.scale is None else self.scale * value


class Group(brainstate.nn.Module):
    """Models that share a network, each with regions of its own: stands where a node stands.

    What a model has goes by its name: the variable ``'cortex.y0'``, the input ``'cortex.p'``, the parameter
    ``group.cortex.A``. Coupling acts over all regions: it reads ``'output'``, to which every model gives one of its
    observables, and feeds ``'input'``, which is added to one input of every model, on top of its default.

    Parameters
    ----------
    models : dict
        Neural masses by a name of your own: ``{'cortex': bf.JansenRitModel(60), 'thalamus': bf.WilsonCowanModel(8)}``.
    regions : dict, optional
        The regions of each model, by their index; one model after the other by default.
    source : dict, optional
        What each model gives to the output: a name, or a name and a scale, ``('rE', 100 * u.Hz)``. By default what
        coupling reads of it. All in one unit.
    target : dict, optional
        The input of each model that the input of the group feeds: a name, or a name and a scale,
        ``('rE_inp', 0.01 / u.Hz)``. By default the one that coupling feeds. All in one unit, before the scale.
    name : str, optional
        A name for repr.

    Raises
    ------
    UnitError
        Outputs or inputs whose units differ: give ``source`` or ``target`` with scales.
    """

    coupling_source: ClassVar[str] = 'output'
    coupling_target: ClassVar[str] = 'input'

    def __init__(
        self,
        models: Mapping[str, NeuralMass],
        regions: Mapping[str, Sequence[int]] | None = None,
        *,
        source: Mapping[str, Any] | None = None,
        target: Mapping[str, Any] | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name)
        _check_models(models)
        for key, model in models.items():
            setattr(self, key, model)
        self._regions = _checked_regions(models, regions)
        self.in_size = self.out_size = (sum(len(index) for _, index in self._regions),)
        for given, where in ((source, 'Group.source'), (target, 'Group.target')):
            for key in given or {}:
                checks.choice(key, models, where)
        self.source = {
            key: _Port(
                model.in_size, (source or {}).get(key, model.coupling_source), model.readable, f'Group.source[{key!r}]'
            )
            for key, model in models.items()
        }
        self.target = {
            key: _Port(
                model.in_size,
                (target or {}).get(key, model.coupling_target or next(iter(model.inputs), None)),
                list(model.inputs),
                f'Group.target[{key!r}]',
            )
            for key, model in models.items()
        }
        self._units = self._common_units()

    def _common_units(self) -> tuple[u.Unit, u.Unit]:
        """The units of output and input."""
        found: tuple[dict[str, u.Unit], dict[str, u.Unit]] = ({}, {})
        for key, model in self.models.items():
            ones = {name: _one(field.unit) for name, field in model.variables.items()}
            source, target = self.source[key], self.target[key]
            found[0][f'{key}.{source.what}'] = u.get_unit(source.scaled(model.read(source.what, ones)))
            scale = 1.0 if target.scale is None else target.scale
            found[1][f'{key}.{target.what}'] = u.get_unit(_one(model.inputs[target.what].unit) / scale)
        for units, which, example in zip(
            found, ('source', 'target'), ("('rE', 100 * u.Hz)", "('rE_inp', 0.01 / u.Hz)"), strict=True
        ):
            first = next(iter(units.values()))
            if not all(u.have_same_dim(unit, first) for unit in units.values()):
                shown = ', '.join(f'{name} ({unit})' for name, unit in units.items())
                raise checks.UnitError(
                    f'Group.{which} has one unit over all regions; got {shown}: choose others, or give scales that '
                    f'turn one into the other, {which}={{..., {list(self.models)[-1]!r}: {example}}}, for example.'
                )
        output, feeds = (next(iter(units.values())) for units in found)
        return output, feeds

    # ---- what a network relies on

    @property
    def models(self) -> dict[str, NeuralMass]:
        """The models by name."""
        return {key: getattr(self, key) for key, _ in self._regions}

    @property
    def regions(self) -> dict[str, np.ndarray]:
        """The regions of each model, by their index."""
        return {key: np.array(index) for key, index in self._regions}

    @property
    def method(self) -> str:
        """The scheme of integration, which is that of all models."""
        methods = {key: model.method for key, model in self.models.items()}
        if len(set(methods.values())) > 1:
            raise ValueError(f'Group.method is the same for all models; got {methods}.')
        return next(iter(methods.values()))

    @method.setter
    def method(self, name: str) -> None:
        for model in self.models.values():
            model.method = name

    @property
    def variables(self) -> dict[str, Variable]:
        """The variables of all models."""
        return {f'{key}.{name}': field for key, model in self.models.items() for name, field in model.variables.items()}

    @property
    def inputs(self) -> dict[str, Input]:
        """The input of the group, and those of all models."""
        shared = Input(0.0 * _one(self._units[1]), 'input to every region')
        shared.name = 'input'
        named = {f'{key}.{name}': field for key, model in self.models.items() for name, field in model.inputs.items()}
        return {'input': shared, **named}

    @property
    def readable(self) -> list[str]:
        """What can be read by name: the output of the group, variables and observables of all models.

        And ``'activity'``, which blood follows, where every model has one.
        """
        every = ['activity'] if all(model.activity_source for model in self.models.values()) else []
        return ['output', *every, *(f'{key}.{name}' for key, model in self.models.items() for name in model.readable)]

    def part(self, name: str) -> tuple[Any, str]:
        """The model that has a variable, input or observable of this name, and its name there; or the group itself."""
        key, _, rest = name.partition('.')
        return (getattr(self, key), rest) if rest else (self, name)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set every variable to its initial value."""
        for model in self.models.values():
            model.init_state(batch_size=batch_size)

    def values(self) -> dict[str, Any]:
        """The current value of every variable, by name."""
        return {f'{key}.{name}': value for key, model in self.models.items() for name, value in model.values().items()}

    def write(self, state: dict[str, Any]) -> None:
        """Set the variables."""
        for key, model in self.models.items():
            model.write({name: state[f'{key}.{name}'] for name in model.variables})

    def size(self) -> Any:
        """How large each region is, whatever the units; not finite where one of its variables is not."""
        return self.joined({key: model.size() for key, model in self.models.items()})

    def checked_input(self, name: str, value: Any, where: str) -> Any:
        """A value for an input, in its unit."""
        model, inner = self.part(name)
        if model is not self:
            return model.checked_input(inner, value, where)
        value = self.inputs[name].check(value, where)
        check_fits(value, self.in_size, where)
        return value

    def read(self, what: str, state: dict[str, Any]) -> Any:
        """The output or the activity of all regions, or what a model has, evaluated on ``state``."""
        key, _, inner = what.partition('.')
        if inner:
            return self._read(key, inner, state)
        if what == 'activity':
            return self._activity(state)
        given = {
            key: checks.quantity(
                port.scaled(self._read(key, port.what, state)), self._units[0], f'Group.source[{key!r}]'
            )
            for key, port in self.source.items()
        }
        return self.joined(given)

    def _activity(self, state: dict[str, Any]) -> Any:
        each = {key: self._read(key, 'activity', state) for key in self.models}
        if len({u.get_unit(value).dim for value in each.values()}) > 1:
            units = ', '.join(f'{key}.{self.models[key].activity_source} ({u.get_unit(x)})' for key, x in each.items())
            raise checks.UnitError(
                f'Group: activity has one unit over all regions; got {units}: make each relative to its rest, '
                'bf.Monitor(BOLDSignal(...), source=lambda net: net.node.joined({'
                + ', '.join(f"{key!r}: net.read('{key}.activity') / {key}_at_rest - 1" for key in each)
                + '})).'
            )
        return self.joined(each)

    def _read(self, key: str, what: str, state: dict[str, Any]) -> Any:
        model = getattr(self, key)
        return model.read(what, {name: state[f'{key}.{name}'] for name in model.variables})

    def derivative(self, **values: Any) -> dict[str, Any]:
        """The time derivative of every variable, by name, from variables and inputs by name; pure."""
        rates = {}
        shared = self.split(values['input'])
        for key, model in self.models.items():
            own = {name: values[f'{key}.{name}'] for name in (*model.variables, *model.inputs)}
            port = self.target[key]
            unit = model.inputs[port.what].unit
            own[port.what] = own[port.what] + checks.quantity(
                port.scaled(shared[key]), unit, f'Group.target[{key!r}]', f'the input that feeds {port.what}'
            )
            rates.update({f'{key}.{name}': rate for name, rate in model.derivative(**own).items()})
        return rates

    # ---- over regions

    def joined(self, values: Mapping[str, Any]) -> Any:
        """Values over all regions, (..., regions), from those of each model: a number, or (..., its regions)."""
        if set(values) != set(self.models):
            raise ValueError(f'Group.joined takes values of {", ".join(self.models)}; got {", ".join(values)}.')
        first = next(iter(values.values()))
        unit = u.get_unit(first)
        numbers = [u.get_mantissa(checks.quantity(values[key], unit, f'Group.joined({key!r})')) for key in self.models]
        order = np.argsort(np.concatenate([index for _, index in self._regions]))
        batch = np.broadcast_shapes(*(np.shape(x)[:-1] for x in numbers))
        full = [jnp.broadcast_to(x, (*batch, len(index))) for x, (_, index) in zip(numbers, self._regions, strict=True)]
        joined = jnp.concatenate(full, axis=-1)[..., _as_slice(order)]
        return joined if unit.is_unitless else u.Quantity(joined, unit=unit)

    def split(self, value: Any) -> dict[str, Any]:
        """The values of each model, from a number or values over all regions, (..., regions)."""
        shape = np.shape(u.get_mantissa(value))
        if not shape or shape[-1] != self.in_size[0]:
            return dict.fromkeys(self.models, value)
        return {key: value[..., _as_slice(index)] for key, index in self.regions.items()}

    def __repr__(self) -> str:
        return f'Group({", ".join(f"{key}={model!r}" for key, model in self.models.items())})'


def _as_slice(index: np.ndarray) -> Any:
    """A slice where that is the same: cheaper than to gather."""
    return slice(index[0], index[-1] + 1) if (np.diff(index) == 1).all() else index


def modules_of(node: NeuralMass | Group) -> list[Module]:
    """Everything of a node that has parameters."""
    if not isinstance(node, Group):
        return [node]
    return [*node.models.values(), *node.source.values(), *node.target.values()]


def _one(unit: u.Unit) -> Any:
    return 1.0 if unit.is_unitless else u.Quantity(1.0, unit=unit)


def _check_models(models: Any) -> None:
    if not isinstance(models, Mapping) or not models:
        raise TypeError("Group(models) is a dict of neural masses, {'cortex': bf.JansenRitModel(60), ...}.")
    for key, model in models.items():
        if not isinstance(key, str) or not key.isidentifier() or hasattr(Group, key):
            raise ValueError(f'Group(models): a name is one word, and none that a group has already; got {key!r}.')
        if not isinstance(model, NeuralMass) or len(model.in_size) != 1:
            raise TypeError(f'Group(models={{{key!r}: ...}}) is a neural mass over regions; got {model!r}.')
    if len({id(model) for model in models.values()}) < len(models):
        raise ValueError('Group got one model twice: make one for each name.')


def _checked_regions(
    models: Mapping[str, NeuralMass], regions: Mapping[str, Sequence[int]] | None
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    sizes = {key: model.in_size[0] for key, model in models.items()}
    if regions is None:
        ends = np.cumsum(list(sizes.values()))
        return tuple((key, tuple(range(end - size, end))) for (key, size), end in zip(sizes.items(), ends, strict=True))
    if set(regions) != set(models):
        raise ValueError(f'Group.regions names the regions of {", ".join(models)}; got {", ".join(regions)}.')
    chosen = {key: np.asarray(regions[key]) for key in models}
    for key, index in chosen.items():
        if index.shape != (sizes[key],) or not np.issubdtype(index.dtype, np.integer):
            raise checks.ShapeError(
                f'Group.regions[{key!r}] are {sizes[key]} whole numbers, one per region of {models[key]!r}; '
                f'got shape {index.shape} of {index.dtype}.'
            )
    every = np.concatenate(list(chosen.values()))
    if not np.array_equal(np.sort(every), np.arange(len(every))):
        raise ValueError(f'Group.regions has each of the {len(every)} regions once, from 0 to {len(every) - 1}.')
    return tuple((key, tuple(map(int, index))) for key, index in chosen.items())
