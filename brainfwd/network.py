"""Neural masses, coupled, and driven by noise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Variable
from brainfwd._core.keys import as_key, key_for
from brainfwd._core.module import Module, current_dt
from brainfwd.coupling.base import Coupling
from brainfwd.integrate import SCHEMES
from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.group import Group, modules_of
from brainfwd.noise.base import ProcessNoise, WienerNoise

__all__ = ['Network']


class Network(Module):
    r"""Neural masses that move forward together.

    .. math::
        \dot x = f\big(x,\; \underbrace{c(x, \text{past}) + \text{noise} + \text{given}}_{\text{inputs}}\big)
        + \text{white noise}

    An input is the sum of the noise and of what is given to it, or its default where neither is, plus coupling.
    Coupling is evaluated at every stage of the scheme: delayed totals come from history, the rest uses the stage.

    Parameters
    ----------
    node : NeuralMass or Group
        One model for every region, or several, each with regions of its own.
    coupling : Coupling or list of Coupling, optional
        Each reads what it calls its ``source`` and feeds what it calls its ``target``; the node says the defaults.
    noise : dict, optional
        Noise by the name of the input or variable that it feeds: ``{'p': bf.noise.OrnsteinUhlenbeck(...)}``.
    labels : sequence of str, optional
        Names of the regions, for errors.
    hold_coupling : bool
        Keep the coupling constant over a step, as The Virtual Brain does. Makes every scheme first order.
    """

    def __init__(
        self,
        node: NeuralMass | Group,
        coupling: Coupling | Sequence[Coupling] | None = None,
        noise: Mapping[str, ProcessNoise] | None = None,
        *,
        labels: Sequence[str] | None = None,
        hold_coupling: bool = False,
        name: str | None = None,
    ):
        if not isinstance(node, NeuralMass | Group):
            raise TypeError(f'Network(node) is a neural mass such as bf.JansenRitModel(68); got {checks.kind(node)}.')
        super().__init__(node.in_size, name=name)
        self.node = node
        self.coupling = [coupling] if isinstance(coupling, Coupling) else _listed(coupling)
        if not isinstance(noise, Mapping | None):
            raise TypeError(
                f'Network(noise) is a dict, {{{next(iter(node.inputs), "x")!r}: ...}}; got {checks.kind(noise)}.'
            )
        self.noise = dict(noise or {})
        # each has states of its own, which a second place would advance twice
        if len({id(each) for each in (*self.coupling, *self.noise.values())}) < len(self.coupling) + len(self.noise):
            raise ValueError('Network got one coupling or noise object in two places: make one for each.')
        self.labels = None if labels is None else tuple(labels)
        self.hold_coupling = hold_coupling
        self._check_node()
        self.bind()
        if self.labels is not None and len(self.labels) != self.in_size[-1]:
            raise checks.ShapeError(f'Network.labels names {self.in_size[-1]} regions; got {len(self.labels)} names.')

    # ---- what feeds what

    def bind(self) -> None:
        """Check every coupling and noise against the node, and give noise its size; before every run."""
        for each in self.coupling:
            self._check_coupling(each)
        for target, each in self.noise.items():
            self._check_noise(target, each)

    def _check_node(self) -> None:
        """Whether the node gives a rate for each of its variables, with a unit that fits, and holds no bare array."""
        node = self.node
        for model in modules_of(node):
            for name, held in vars(model).items():
                if isinstance(u.get_mantissa(held), np.ndarray | jax.Array):
                    raise TypeError(
                        f'{type(model).__name__}.{name} is an array, which compiled code would not notice to change: '
                        f'declare it, {name} = bf.Parameter(..., per_region=False).'
                    )
        where = f'{type(node).__name__}.derivative'
        state = {name: _initial(node, name) for name in node.variables}
        rates = node.derivative(**state, **{name: field.default for name, field in node.inputs.items()})
        if set(rates) != set(node.variables):
            raise ValueError(f'{where} gives the rate of each of {", ".join(node.variables)}; got {", ".join(rates)}.')
        for name, field in node.variables.items():
            checks.quantity(rates[name], field.unit / u.second, f'{where}[{name!r}]', f'the rate of change of {name}')

    def _ends(self, coupling: Coupling) -> tuple[str, str]:
        node = self.node
        target = coupling.target or node.coupling_target or next(iter(node.inputs), '')
        return coupling.source or node.coupling_source, target

    def _check_coupling(self, coupling: Coupling) -> None:
        node, where = self.node, type(coupling).__name__
        source, target = self._ends(coupling)
        checks.choice(source, node.readable, f'{where}.source')
        if not node.inputs:
            raise ValueError(f'{where} feeds an input; {type(node).__name__} has none.')
        checks.choice(target, node.inputs, f'{where}.target')
        for end in (source, target):
            owner, _ = node.part(end)
            if coupling.in_size != owner.in_size:
                raise checks.ShapeError(
                    f'{where}.conn couples {coupling.in_size[0]} regions; {type(owner).__name__} has {owner.in_size}.'
                )
        unit = u.get_unit(node.read(source, _ones_of(node)))
        feeds = node.inputs[target].unit
        model = type(node).__name__
        coupling.bind(unit, feeds, f'{source} of {model} ({unit}) into its input {target} ({feeds})')

    def _check_noise(self, target: str, noise: ProcessNoise) -> None:
        node = self.node
        where = f'Network(noise={{{target!r}: ...}})'
        checks.choice(target, [*node.inputs, *node.variables], f'what noise feeds in {type(node).__name__}')
        if not isinstance(noise, ProcessNoise):
            raise TypeError(f'{where} is a noise such as bf.noise.WhiteNoise(...); got {checks.kind(noise)}.')
        fed: Input | Variable = node.inputs[target] if target in node.inputs else node.variables[target]
        owner, _ = node.part(target)
        noise.bind(owner.in_size, fed, where, _ones_of(owner))
        if isinstance(noise, WienerNoise):
            if not SCHEMES[node.method].stochastic:
                able = ', '.join(repr(name) for name, scheme in SCHEMES.items() if scheme.stochastic)
                raise ValueError(
                    f'{where}: white noise needs a scheme among {able}; {type(node).__name__} has {node.method!r}.'
                )
            if target in node.inputs:
                _check_affine(node, target, f'{where}: {type(node).__name__}.derivative')

    # ---- states

    @brainstate.nn.call_order(1)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Begin at step 0, and give every noise a key of its own; after the states of node, coupling and noise."""
        self.step = brainstate.ShortTermState(jnp.zeros((), jnp.int32))
        self.seed(0)

    def init_all_states(self, batch_size: int | None = None) -> 'Network':
        """Begin: every variable at its initial value, no past, the noise of seed 0; returns the network."""
        self.bind()
        super().init_all_states(batch_size=batch_size)
        return self

    def seed(self, key: Any, begin: bool = True) -> None:
        """Give every noise its key, folded from this key or whole number and the name of what it feeds.

        Noise with memory begins anew, in its stationary distribution; or goes on from its value, if not ``begin``.
        """
        key = as_key(key, 'Network.seed(key)')
        for target, noise in self.noise.items():
            noise.seed(key_for(key, f'noise.{target}'), begin)

    # ---- forward in time

    def output(self) -> Any:
        """The output of the node now."""
        return self.read('output')

    def read(self, what: str) -> Any:
        """A variable, or a method of the node such as ``'firing_rate'``, now."""
        return self.node.read(what, self.node.values())

    def update(self, **inputs: Any) -> Any:
        """Step the whole network over one dt, and return the output of the node.

        Parameters
        ----------
        **inputs
            Added to what coupling and noise feed: a Quantity, (regions,) or (batch, regions), or a function of the
            fraction of the step that returns one.
        """
        dt = current_dt('Network.update')
        node = self.node
        for name in inputs:
            checks.choice(name, node.inputs, f'an input of {type(node).__name__}')
        state, step = node.values(), self.step.value
        for coupling in self.coupling:
            coupling.advance(node.read(self._ends(coupling)[0], state))
        drives, increments = self._draw(step, dt, state)

        def derivative(stage: dict[str, Any], fraction: float) -> dict[str, Any]:
            coupled = self._coupled(state if self.hold_coupling else stage, 0.0 if self.hold_coupling else fraction)
            given = [(name, drive(fraction)) for name, drive in drives]
            given += [(name, value(fraction) if callable(value) else value) for name, value in inputs.items()]
            return node.derivative(**stage, **self._summed(given, coupled))

        node.write(SCHEMES[node.method](derivative, state, dt, increments))
        self.step.value = step + 1
        return self.output()

    def _coupled(self, stage: dict[str, Any], fraction: float) -> list[tuple[str, Any]]:
        fed = []
        for coupling in self.coupling:
            source, target = self._ends(coupling)
            value = self.node.read(source, stage)
            fed.append((target, coupling.at(value, value, fraction)))
        return fed

    def _draw(
        self, step: Any, dt: u.Quantity, state: dict[str, Any]
    ) -> tuple[list[tuple[str, Callable]], dict[str, Any]]:
        """Noise of this step: on inputs, as functions of the fraction of the step; on variables, as increments."""
        drives: list[tuple[str, Callable]] = []
        increments: dict[str, Any] = {}
        for target, noise in self.noise.items():
            if isinstance(noise, WienerNoise):
                drawn = noise.increment(step, dt, _own(self.node, target, state))
                if target in self.node.variables:
                    increments[target] = drawn
                else:
                    drives.append((target, lambda fraction, held=drawn / dt: held))
            else:
                before = noise.value
                noise.advance(step, dt)
                drives.append((target, _between(before, noise.value)))
        return drives, increments

    def _summed(self, given: list[tuple[str, Any]], coupled: list[tuple[str, Any]]) -> dict[str, Any]:
        """Every input: what is given, or else its default; coupling comes on top, so that none is as k = 0."""
        inputs = {}
        for name, field in self.node.inputs.items():
            terms = [value for target, value in given if target == name and value is not None] or [field.default]
            terms += [value for target, value in coupled if target == name]
            where = f'{type(self.node).__name__}.{name}'
            terms = [self.node.checked_input(name, term, where) for term in terms]
            inputs[name] = sum(terms[1:], terms[0])
        return inputs

    def __repr__(self) -> str:
        parts = [repr(self.node), *map(repr, self.coupling), *(f'{k}: {v!r}' for k, v in self.noise.items())]
        return f'Network({", ".join(parts)})'


def _between(before: Any, after: Any) -> Callable[[float], Any]:
    return lambda fraction: (
        before if fraction == 0 else after if fraction == 1 else before + fraction * (after - before)
    )


def _listed(coupling: Any) -> list[Coupling]:
    each = list(coupling) if isinstance(coupling, Sequence) else [] if coupling is None else [coupling]
    for one in each:
        if not isinstance(one, Coupling):
            raise TypeError(
                f'Network(coupling) is a coupling such as bf.DiffusiveCoupling(...); got {checks.kind(one)}.'
            )
    return each


def _initial(node: NeuralMass | Group, name: str) -> Any:
    """The initial value of a variable, (regions,); of the first member, where they differ."""
    model, inner = node.part(name)
    value = getattr(model, f'init_{inner}')
    numbers = np.asarray(u.get_mantissa(value))
    numbers = np.broadcast_to(numbers[0] if numbers.ndim > len(model.in_size) else numbers, model.in_size)
    return u.Quantity(numbers, unit=value.unit) if isinstance(value, u.Quantity) else numbers


def _ones(shape: tuple[int, ...], unit: u.Unit) -> Any:
    return np.ones(shape) if unit.is_unitless else u.Quantity(np.ones(shape), unit=unit)


def _ones_of(node: NeuralMass | Group) -> dict[str, Any]:
    """Every variable of a node, 1 in its unit."""
    return {name: _ones(node.part(name)[0].in_size, field.unit) for name, field in node.variables.items()}


def _own(node: NeuralMass | Group, name: str, state: dict[str, Any]) -> dict[str, Any]:
    """The variables of the model that has this one, by their names there."""
    owner, _ = node.part(name)
    parts = {each: node.part(each) for each in state}
    return {inner: state[each] for each, (model, inner) in parts.items() if model is owner}


def _check_affine(node: NeuralMass | Group, target: str, where: str) -> None:
    """Refuse white noise on an input, unless the derivative is affine in it with one slope in every state.

    Seen in several states, because a response that is saturated in one of them looks flat.
    """
    ones = _ones_of(node)
    rest = {name: field.default for name, field in node.inputs.items() if name != target}
    scale = node.inputs[target].default
    scale = scale if np.all(u.get_mantissa(scale) != 0) else _ones((), node.inputs[target].unit)

    def at(x: float, shift: float) -> np.ndarray:
        state = {name: _initial(node, name) + shift * one for name, one in ones.items()}
        rates = node.derivative(**state, **rest, **{target: x * scale})
        # a row for each member of a batch, where their parameters differ
        rows = [np.asarray(u.get_mantissa(rates[name]), float) + np.zeros(np.shape(one)) for name, one in ones.items()]
        members = np.broadcast_shapes(*(row.shape[:-1] for row in rows))
        return np.concatenate([np.broadcast_to(row, (*members, row.shape[-1])) for row in rows], axis=-1)

    slopes = []
    for shift in (0.0, 0.1, 1.0):
        low, middle, high = (at(x, shift) for x in (0.5, 1.0, 1.5))
        size = np.abs(np.stack([low, middle, high])).max(axis=0)
        if (np.abs(low - 2 * middle + high) > 1e-5 * size).any():
            raise ValueError(
                f'{where} is not affine in {target}, so that white noise on it has no meaning: '
                'use bf.noise.OrnsteinUhlenbeck, or feed a variable.'
            )
        slopes.append((high - low, size))
    for slope, size in slopes[1:]:
        if (np.abs(slope - slopes[0][0]) > 1e-5 * np.maximum(size, slopes[0][1])).any():
            raise ValueError(
                f'{where} multiplies {target} by a variable, so that white noise on it means one thing to Euler and '
                'another to Heun: feed the variable, with bf.noise.MultiplicativeNoise.'
            )
