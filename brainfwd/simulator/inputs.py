"""What is given to a run: inputs and seeds."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import constant
from brainfwd._core.keys import as_seed
from brainfwd.nodes.base import NeuralMass
from brainfwd.nodes.group import Group
from brainfwd.stimuli import Stimulus

__all__ = ['Inputs', 'checked_inputs', 'checked_seed']


class Inputs(NamedTuple):
    """Inputs by name, by how they change in time."""

    stimuli: dict[str, Stimulus]
    fixed: dict[str, Any]
    """(regions,), or (batch, regions)."""
    series: dict[str, Any]
    """(steps, [batch,] regions)."""
    functions: tuple[tuple[str, Callable], ...]
    """Of the time in s."""


def checked_inputs(
    inputs: dict[str, Any], node: NeuralMass | Group, dt: u.Quantity, n_steps: int, batch_size: int | None, begin: int
) -> Inputs:
    """Inputs of a run by the name of an input of the node, each of the kind that it is.

    Raises
    ------
    TypeError, UnitError, ShapeError, ValueError
        An input that the node does not have, in another unit, of another shape, or not finite; a stimulus that does not
        fit the run.
    """
    members = () if batch_size is None else (batch_size,)
    stimuli, fixed, series, functions = {}, {}, {}, []
    if not isinstance(inputs, Mapping):
        raise TypeError(f'Simulator.run(inputs) is a dict by the name of an input; got {type(inputs).__name__}.')
    for name, value in inputs.items():
        checks.choice(name, node.inputs, 'Simulator.run(inputs)')
        where = f'Simulator.run(inputs={{{name!r}: ...}})'
        in_size = node.part(name)[0].in_size
        if isinstance(value, Stimulus):
            value.bind(in_size, node.inputs[name], where)
            value.check_step(dt, where)
            value.check_duration((begin + n_steps) * dt, where)
            now = brainstate.transform.eval_shape(lambda value=value: value.at(0, 0.0, dt))
            checks.members(now, in_size, batch_size, where)
            stimuli[name] = value
            continue
        if callable(value):
            functions.append((name, value))
            continue
        if isinstance(u.get_mantissa(value), Stimulus):
            raise TypeError(f'{where} is a stimulus inside a Quantity; write stimulus * (2 * u.Hz), for example.')
        value = constant(node.inputs[name].check(value, where))
        checks.finite(value, where)
        shape = np.shape(u.get_mantissa(value))
        fits, leading = not shape or shape[-1] in (1, in_size[-1]), shape[:-1]
        if leading == (n_steps,) == members and n_steps > 1:
            raise checks.ShapeError(
                f'{where} is {shape}, a row for every step or for every member of the batch: write '
                f'{(n_steps, *members, *in_size)} (steps, batch, regions).'
            )
        if fits and leading in ((n_steps,), (n_steps, *members)):
            series[name] = value
        elif fits and leading in ((), members):
            fixed[name] = value
        else:
            several = f', {(*members, *in_size)} (batch, regions)' if members else ''
            raise checks.ShapeError(
                f'{where} is a number, {in_size} (regions,){several}, or {(n_steps, *members, *in_size)} '
                f'(steps, {"batch, " if members else ""}regions); got {shape}.'
            )
    return Inputs(stimuli, fixed, series, tuple(functions))


def checked_seed(seed: Any, batch_size: int | None) -> tuple[Any, int | None]:
    """The seed, or a list of one for every member, and how many members there are."""
    where = 'Simulator.run(seed)'
    if not isinstance(seed, list | tuple | np.ndarray | range):
        return as_seed(seed, where), batch_size
    seeds = [as_seed(each, where) for each in seed]
    if not seeds:
        raise ValueError(f'{where} is one seed, or a list with one for each member of a batch; got an empty one.')
    if batch_size not in (None, len(seeds)):
        raise ValueError(f'{where} is one seed, or one for each of batch_size={batch_size} members; got {len(seeds)}.')
    return seeds, len(seeds)
