"""Runs over a grid of parameters."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.module import get_parameter, set_parameter
from brainfwd.simulator.result import SimulationError
from brainfwd.simulator.simulator import Simulator

__all__ = ['Sweep', 'sweep']


@dataclass(frozen=True, eq=False)
class Sweep(Mapping):
    """What the monitors recorded at each point of a grid, by name.

    Arrays have the axes of the grid first, in the order of ``axes``, then time and regions; recordings of sensors are
    an object array over the grid.

    Attributes
    ----------
    axes : dict
        The values of each parameter, and of ``'seed'``.
    """

    axes: dict[str, Any]
    records: dict[str, Any]
    sample_times: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid."""
        return tuple(len(u.get_mantissa(values)) for values in self.axes.values())

    def times_of(self, name: str) -> Any:
        """Times of the samples of one monitor, in s since the simulation began."""
        return self.sample_times[name]

    def __repr__(self) -> str:
        axes = ', '.join(f'{name}: {n}' for name, n in zip(self.axes, self.shape, strict=True))
        return f'Sweep({axes}; {", ".join(self.records)})'


def sweep(
    simulator: Simulator,
    duration: u.Quantity,
    over: Mapping[str, Any],
    *,
    seed: int | Sequence[int] = 0,
    batch_size: int = 64,
    **given: Any,
) -> Sweep:
    """Run a network at every point of a grid of parameters, many points at once.

    Every point is the run that ``simulator.run(..., seed=seed)`` gives with these parameters, with the same noise.

    Parameters
    ----------
    simulator : Simulator
        Its network keeps the parameters that it has.
    duration : Quantity
        Of each run.
    over : dict
        Values, in the unit of the parameter, by its name: ``'node.a'``, ``'coupling.0.k'``, ``'noise.p.mean'``. The
        first axis is that of the grid: (values,), or (values, regions). Connections, lengths, delays and conduction
        speed are the same for all members of a batch, so that each of their values is a batch of its own; a conduction
        speed within ``speed_bounds`` does not compile again.
    seed : int or list of int
        With a list, an axis ``'seed'`` of the grid comes last.
    batch_size : int
        Points that run together, at most.
    **given
        Other arguments of `Simulator.run`: ``monitors``, ``transient``, ``inputs``, ``sampling_period``.

    Raises
    ------
    SimulationError
        When a point leaves the finite numbers; it names the point.
    """
    if not isinstance(simulator, Simulator):
        raise TypeError(f'sweep(simulator) is a bf.Simulator; got {type(simulator).__name__}.')
    if not isinstance(over, Mapping) or not all(isinstance(name, str) for name in over):
        raise TypeError(f"sweep(over) is a dict by the name of a parameter, {{'node.a': values}}; got {over!r}.")
    batch_size = checks.positive_int(batch_size, 'sweep(batch_size)')
    over = {name: _values(simulator, name, values) for name, values in over.items()}
    seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed]
    axes = {**over, 'seed': seeds} if isinstance(seed, Sequence | np.ndarray) else dict(over)
    if not axes or not seeds:
        raise ValueError('sweep(over) is empty: name a parameter, or give a list of seeds.')
    try:
        simulator._check_batch(None)
    except checks.ShapeError as error:
        raise checks.ShapeError(
            f'sweep: every point is one run, and the network has a parameter with rows for a batch: {error}'
        ) from error
    apart = [name for name in over if not _by_region(simulator, name)]
    together = [name for name in over if name not in apart]
    shape = (*(len(u.get_mantissa(values)) for values in over.values()), len(seeds))
    points = list(np.ndindex(*shape))
    place = {name: i for i, name in enumerate(over)}

    def fixed(point: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(point[place[name]] for name in apart)

    before = {name: get_parameter(simulator.network, name) for name in over}
    found: dict[tuple[int, ...], dict[str, Any]] = {}
    try:
        for index, of_index in itertools.groupby(sorted(points, key=fixed), key=fixed):
            for name, i in zip(apart, index, strict=True):
                set_parameter(simulator.network, name, over[name][i])
            batched = list(of_index)
            for some in (batched[i : i + batch_size] for i in range(0, len(batched), batch_size)):
                # the last batch is filled up with its last point, so that it does not compile again
                filled = some + some[-1:] * (min(batch_size, len(batched)) - len(some))
                for name in together:
                    rows = over[name][np.array([point[place[name]] for point in filled])]
                    set_parameter(simulator.network, name, rows if rows.ndim > 1 else rows[:, None])
                try:
                    result = simulator.run(duration, seed=[seeds[point[-1]] for point in filled], **given)
                except SimulationError as error:
                    raise SimulationError(
                        f'sweep at {_said(over, seeds, filled[error.member or 0])}: {error}', error.result, error.member
                    ) from error
                for member, point in enumerate(some):
                    found[point] = {name: record[member] for name, record in result.items()}
                times = {name: result.times_of(name) for name in result}
    finally:
        for name, value in before.items():
            set_parameter(simulator.network, name, value)
    grid = shape if 'seed' in axes else shape[:-1]
    records = {name: _gathered([found[point][name] for point in points], grid) for name in times}
    return Sweep(axes, records, times)


def _said(over: Mapping[str, Any], seeds: Sequence[int], point: tuple[int, ...]) -> str:
    values = [f'{name}={values[i]}' for (name, values), i in zip(over.items(), point[:-1], strict=True)]
    return ', '.join([*values, f'seed={seeds[point[-1]]}'])


def _values(simulator: Simulator, name: str, values: Any) -> Any:
    where = f'sweep(over={{{name!r}: ...}})'
    if isinstance(values, list | tuple):
        unit = next((value.unit for value in values if isinstance(value, u.Quantity)), u.UNITLESS)
        values = [u.get_mantissa(checks.quantity(value, unit, where)) for value in values]
        values = np.asarray(values) if unit.is_unitless else u.Quantity(np.asarray(values), unit=unit)
    if np.ndim(u.get_mantissa(values)) < 1 or not len(u.get_mantissa(values)):
        raise checks.ShapeError(f'{where} is a list of values, one per point of the grid; got {values!r}.')
    held = get_parameter(simulator.network, name)
    return values if held is None else checks.quantity(values, u.get_unit(held), where)


def _by_region(simulator: Simulator, name: str) -> bool:
    return get_parameter(simulator.network, name, field=True).by_region


def _gathered(each: list[Any], grid: tuple[int, ...]) -> Any:
    """The records of all points, one after the other, as an array over the grid."""
    if not isinstance(each[0], u.Quantity | np.ndarray | jax.Array):
        objects = np.empty(len(each), object)
        objects[:] = each
        return objects.reshape(grid)
    stacked = np.stack([u.get_mantissa(one) for one in each])
    stacked = stacked.reshape(*grid, *stacked.shape[1:])
    return u.Quantity(stacked, unit=each[0].unit) if isinstance(each[0], u.Quantity) else stacked
