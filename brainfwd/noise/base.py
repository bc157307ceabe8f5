"""What every process noise shares: a size given by the network, and keys that do not depend on place or chunk."""

from abc import abstractmethod
from typing import Any

import brainstate
import brainunit as u
import jax

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, Variable, check_fits
from brainfwd._core.keys import as_key, member_keys
from brainfwd._core.module import Module, current_dtype

__all__ = ['NoiseParameter', 'ProcessNoise']


class NoiseParameter(Parameter):
    """A parameter whose unit and shape are known once the noise has its place in a network."""

    def __init__(self, meaning: str, *, positive: bool = False):
        super().__init__(None, meaning, per_region=False, positive=positive)

    def _checked(self, instance: Any, value: Any) -> Any:
        if instance.place is not None:
            units, where = instance.place
            where = f'{where} {self.where(instance)}'
            value = checks.quantity(value, dict(units)[self.name], where, f'the {self.meaning}')
            check_fits(value, instance.in_size, where)
        return super()._checked(instance, value)


class ProcessNoise(Module):
    """Noise that feeds a variable or an input of a network.

    The network gives it its size and checks its units. The draw of a step is folded from (key, member, step) and from
    nothing else, so that it is the same in chunks, in a batch, and alone, which is member 0.
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
        place = (tuple(self.units(target).items()), where)
        if self.place is not None and (self.place, self.in_size) != (place, in_size):
            raise ValueError(f'{where}: this {type(self).__name__} feeds {self.place[1]} already: make one for each.')
        self.in_size = self.out_size = in_size
        self.place = place
        for name, _ in place[0]:
            setattr(self, name, getattr(self, name))

    @abstractmethod
    def units(self, target: Variable | Input) -> dict[str, u.Unit]:
        """The unit of each parameter, for noise that feeds this variable or input."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the variables to their initial values, and the key to one of its own."""
        super().init_state(batch_size=batch_size)
        key = as_key(0, 'key')
        self.key = brainstate.ShortTermState(member_keys(key, batch_size))

    def seed(self, key: Any) -> None:
        """Set the key, or the whole number it is made from; each member of a batch gets its own."""
        key = as_key(key, f'{type(self).__name__}.seed(key)')
        self.key.value = member_keys(key, len(self.key.value) if self.key.value.ndim else None)

    def normal(self, step: Any) -> jax.Array:
        """Standard normal numbers of this step, (regions,) or (batch, regions)."""
        dtype = current_dtype(type(self).__name__)

        def draw(key):
            return jax.random.normal(jax.random.fold_in(key, step), self.in_size, dtype)

        key = self.key.value
        return jax.vmap(draw)(key) if key.ndim else draw(key)
