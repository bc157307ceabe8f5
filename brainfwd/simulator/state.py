"""Where a simulation stands: what it takes to go on from there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any
from zipfile import BadZipFile

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from brainstate.graph import update_states

from brainfwd.nodes.group import Group
from brainfwd.simulator.loop import Run, taken_apart
from brainfwd.simulator.monitors import Monitor

__all__ = ['SimulationState', 'load_state']

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class SimulationState:
    """Every state of a network and its monitors at the end of a run; ``Simulator.run(..., resume=state)`` goes on.

    Attributes
    ----------
    arrays : dict
        The arrays of each state, by its path: ``'network.node.y0'``.
    model : str
        What was simulated: the kinds of its parts. Parameters may change before a run goes on.
    dt : Quantity
        Step of integration.
    n_steps : int
        Steps since the beginning.
    seed : int or list of int
        Of all noise.
    batch_size : int, optional
        Members of the batch; None for a single run.
    connections : tuple of str
        A digest of the weights and delays of each coupling: what they were in the last steps acts for a while.
    """

    arrays: Mapping[str, list[Any]]
    model: str
    dt: u.Quantity
    n_steps: int
    seed: Any
    batch_size: int | None = None
    connections: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, run: Run, states: Any, dt: u.Quantity, n_steps: int, seed: Any, batch_size: int | None
    ) -> 'SimulationState':
        """The state of a run, from its states."""
        arrays = {_dotted(path): jax.tree.leaves(state.value) for path, state in states.to_flat().items()}
        connections = tuple(coupling.digest() for coupling in run.network.coupling)
        return cls(arrays, described(run), dt, n_steps, seed, batch_size, connections)

    def save(self, path: str | PathLike) -> None:
        """Write an ``.npz`` file, which `load_state` reads."""
        about = {'format': _FORMAT, 'model': self.model, 'dt_ms': float(self.dt.mantissa), 'n_steps': self.n_steps}
        about['connections'] = list(self.connections)
        arrays: dict[str, Any] = {
            f'{name}/{i}': _plain(x) for name, each in self.arrays.items() for i, x in enumerate(each)
        }
        with open(path, 'wb') as file:  # noqa: PTH123 - np.savez adds an ending of its own to a name
            np.savez(file, about=json.dumps({**about, 'seed': self.seed, 'batch_size': self.batch_size}), **arrays)

    def check_model(self, run: Run, batch_size: int | None, where: str) -> None:
        """Refuse another model, and another size of a batch.

        Raises
        ------
        ValueError
            Which says what the state is of.
        """
        if self.model != described(run):
            raise ValueError(f'{where} is a state of\n  {self.model}\nand this is\n  {described(run)}')
        if self.batch_size != batch_size:
            ours, theirs = (
                'one run' if size is None else f'a batch of {size}' for size in (batch_size, self.batch_size)
            )
            raise ValueError(f'{where} is a state of {theirs}, and this is {ours}.')

    def restore(self, run: Run, where: str) -> None:
        """Put a run, whose states were made, into this state.

        Raises
        ------
        ValueError
            When the state is of another size or in another precision.
        """
        states = taken_apart(run)[2]
        ours = {_dotted(path): state for path, state in states.to_flat().items()}
        shapes = {name: [_shape(x) for x in jax.tree.leaves(state.value)] for name, state in ours.items()}
        theirs = {name: [_shape(x) for x in each] for name, each in self.arrays.items()}
        if shapes != theirs:
            differ = sorted(name for name in {*shapes, *theirs} if shapes.get(name) != theirs.get(name))
            longer = any(name.endswith('.history') for name in differ)
            hint = ' A longer delay needs a longer history: make the coupling with speed_bounds.' if longer else ''
            raise ValueError(
                f'{where} needs the same network and monitors, in one precision; these states differ: '
                f'{", ".join(differ)}.{hint}'
            )
        for name, state in ours.items():
            leaves, tree = jax.tree.flatten(state.value)
            given = [_like(x, leaf) for x, leaf in zip(self.arrays[name], leaves, strict=True)]
            state.value = jax.tree.unflatten(tree, given)
        update_states(run, states)
        for coupling, digest in zip(run.network.coupling, self.connections, strict=True):
            if coupling.digest() != digest:  # otherwise a run in two pieces is one to the last bit
                coupling.read_again()

    def __repr__(self) -> str:
        return f'SimulationState({self.model}, at {(self.n_steps * self.dt).in_unit(u.second)}, seed={self.seed})'


def load_state(path: str | PathLike) -> SimulationState:
    """Read a state that `SimulationState.save` wrote.

    Raises
    ------
    ValueError
        When the file is none, or was written in another format.
    """
    try:
        with np.load(path) as file:
            held = {name: file[name] for name in file.files}
        about = json.loads(str(held.pop('about')))
        version = about['format']
    except FileNotFoundError:
        raise
    except (KeyError, TypeError, ValueError, EOFError, OSError, BadZipFile) as error:
        raise ValueError(f'{path} is no state of a simulation: SimulationState.save writes them.') from error
    if version != _FORMAT:
        raise ValueError(
            f'{path} has format {version} and this version of brainfwd reads {_FORMAT}: simulate it anew, or '
            'read it with the version that wrote it.'
        )
    arrays: dict[str, list[Any]] = {}
    for key in held:  # in the order in which they were written
        arrays.setdefault(key.rpartition('/')[0], []).append(held[key])
    dt, seed = about['dt_ms'] * u.ms, about['seed']
    connections = tuple(about['connections'])
    return SimulationState(arrays, about['model'], dt, about['n_steps'], seed, about['batch_size'], connections)


def described(run: Run) -> str:
    """The kinds of all parts of a run, without their parameters."""
    network = run.network
    node = network.node
    kinds = (
        [f'{name}: {_kind(model)}' for name, model in node.models.items()] if isinstance(node, Group) else [_kind(node)]
    )
    parts = [*kinds, *map(_kind, network.coupling)]
    parts += [f'{name}: {_kind(noise)}' for name, noise in network.noise.items()]
    monitors = ', '.join(f'{name}: {_reads(monitor)}' for name, monitor in run.monitors.items())
    return f'{", ".join(parts)}; {network.in_size[-1]} regions; monitors {monitors}'


def _kind(part: Any) -> str:
    return type(part).__name__


def _reads(monitor: Monitor) -> str:
    if isinstance(monitor.what, str):
        return monitor.what
    return 'a function' if monitor.forward is None else _kind(monitor.forward)


def _dotted(path: tuple) -> str:
    return '.'.join(map(str, path))


def _is_key(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _plain(x: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(x) if _is_key(x) else x)


def _shape(x: Any) -> tuple:
    x = jax.random.key_data(x) if _is_key(x) else x
    return (np.shape(x), str(x.dtype))


def _like(x: Any, leaf: Any) -> Any:
    if _is_key(leaf) and not _is_key(x):
        return jax.random.wrap_key_data(jnp.asarray(x), impl=jax.random.key_impl(leaf))
    return jnp.asarray(x)
