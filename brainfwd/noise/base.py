"""What every process noise shares: a size given by the network, and keys that do not depend on place or chunk."""

import zlib
from abc import abstractmethod
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, Variable, check_fits
from brainfwd._core.module import Module

__all__ = ['NoiseParameter', 'ProcessNoise', 'key_for']


def key_for(key: jax.Array, source: str) -> jax.Array:
    """The key of one source of randomness, by its name: adding another source changes nothing for this one."""
    return jax.random.fold_in(key, zlib.crc32(source.encode()))


class NoiseParameter(Parameter):
    """A parameter whose unit and shape are known once the noise has its place in a network."""

    def __init__(self, meaning: str):
        super().__init__(None, meaning, per_region=False)

    def _checked(self, instance: Any, value: Any) -> Any:
        if instance.place is not None:
            units, where = instance.place
            where = f'{where} {self.where(instance)}'
            value = checks.quantity(value, dict(units)[self.name], where, f'the {self.meaning}')
            check_fits(value, instance.in_size, where)
        return super()._checked(instance, value)


class ProcessNoise(Module):
    """Noise that feeds a variable or an input of a network.

    The network gives it its size and checks its units. The draw of a step is folded from (key, step) and from nothing
    else, so that it is the same alone, in a batch, and in chunks.
    """

    place: tuple[tuple[tuple[str, u.Unit], ...], str] | None = None
    """Units of the parameters, and the noise as the user wrote it; None before it is part of a network."""

    def __init__(self, *, name: str | None = None, **values: Any):
        super().__init__(1, name=name, **values)

    def bind(self, in_size: tuple[int, ...], target: Variable | Input, where: str) -> None:
        """Take the size of the network, and check every parameter against what the noise feeds.

        Parameters
        ----------
        in_size : tuple of int
            The size of the network.
        target : Variable or Input
            What the noise feeds; its unit fixes those of the parameters.
        where : str
            The noise as the user wrote it, for errors.
        """
        self.in_size = self.out_size = in_size
        self.place = (tuple(self.units(target).items()), where)
        for name, _ in self.place[0]:
            setattr(self, name, getattr(self, name))

    @abstractmethod
    def units(self, target: Variable | Input) -> dict[str, u.Unit]:
        """The unit of each parameter, for noise that feeds this variable or input."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the variables to their initial values, and the key to one of its own."""
        super().init_state(batch_size=batch_size)
        self.key = brainstate.ShortTermState(_keys(jax.random.key(0), batch_size))

    def seed(self, key: jax.Array, batch_size: int | None = None) -> None:
        """Set the key; each member of a batch gets its own."""
        self.key.value = _keys(key, batch_size)

    def normal(self, step: Any) -> jax.Array:
        """Standard normal numbers of this step, (regions,) or (batch, regions)."""
        dtype = brainstate.environ.dftype()

        def draw(key):
            return jax.random.normal(jax.random.fold_in(key, step), self.in_size, dtype)

        key = self.key.value
        return jax.vmap(draw)(key) if key.ndim else draw(key)


def _keys(key: jax.Array, batch_size: int | None) -> jax.Array:
    if batch_size is None:
        return key
    return jax.vmap(lambda member: jax.random.fold_in(key, member))(np.arange(batch_size))
