"""What every process noise shares: a size given by the network, and keys that do not depend on place or chunk."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp

from brainfwd._core import checks
from brainfwd._core.fields import Input, Parameter, Variable, check_fits
from brainfwd._core.keys import as_key, member_keys
from brainfwd._core.module import Module, current_dtype

__all__ = ['CorrelatedNoise', 'NoiseParameter', 'ProcessNoise', 'WienerNoise']


class NoiseParameter(Parameter):
    """A parameter whose unit and shape are known once the noise has its place in a network."""

    by_region = True

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

    def bind(
        self, in_size: tuple[int, ...], target: Variable | Input, where: str, state: Mapping[str, Any] | None = None
    ) -> None:
        """Take the size of the network, and check every parameter against what the noise feeds.

        Parameters
        ----------
        in_size : tuple of int
            The size of the network.
        target : Variable or Input
            What the noise feeds; its unit fixes those of the parameters.
        where : str
            The noise as the user wrote it, for errors.
        state : dict, optional
            Every variable of the node, with values of no meaning: for noise that depends on them.
        """
        place = (tuple(self.units(target, state or {}).items()), where)
        if self.place is not None and (self.place, self.in_size) != (place, in_size):
            raise ValueError(f'{where}: this {type(self).__name__} feeds {self.place[1]} already: make one for each.')
        self.in_size = self.out_size = in_size
        self.place = place
        for name, _ in place[0]:
            setattr(self, name, getattr(self, name))

    @abstractmethod
    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """The unit of each parameter, for noise that feeds this variable or input of a node with these variables."""

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the variables to their initial values, and the key to one of its own."""
        super().init_state(batch_size=batch_size)
        key = as_key(0, 'key')
        self.key = brainstate.ShortTermState(member_keys(key, batch_size))

    def seed(self, key: Any, begin: bool = True) -> None:
        """Set the key, or the whole number it is made from; each member of a batch gets its own, or the one given."""
        key = as_key(key, f'{type(self).__name__}.seed(key)')
        self.key.value = member_keys(key, len(self.key.value) if self.key.value.ndim else None)

    def normal(self, step: Any, n: int | None = None) -> jax.Array:
        """Standard normal numbers of a step, (regions,) or (batch, regions); with ``n`` rows, (batch, n, regions)."""
        dtype = current_dtype(type(self).__name__)
        shape = self.in_size if n is None else (n, *self.in_size)

        def draw(key):
            return jax.random.normal(jax.random.fold_in(key, step), shape, dtype)

        key = self.key.value
        return jax.vmap(draw)(key) if key.ndim else draw(key)


class WienerNoise(ProcessNoise):
    """Noise without memory: the increment of a step adds to a variable, or to the integral of an input."""

    @abstractmethod
    def increment(self, step: Any, dt: u.Quantity, state: Mapping[str, Any]) -> Any:
        """The integral of the noise over one step that begins in ``state``."""


class CorrelatedNoise(ProcessNoise):
    """Noise with memory, which feeds an input: a mean, and fluctuations that begin in their stationary distribution."""

    mean = NoiseParameter('mean of the noise')
    std = NoiseParameter('stationary standard deviation')

    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """Mean and spread in the unit of the input; a variable is an error."""
        if isinstance(target, Variable):
            raise ValueError(
                f'{type(self).__name__} feeds an input; {target.name} is a variable, which takes bf.noise.WhiteNoise.'
            )
        return {'mean': target.unit, 'std': target.unit}

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Begin in the stationary distribution."""
        super().init_state(batch_size=batch_size)
        self.eta = brainstate.ShortTermState(self._first())

    def seed(self, key: Any, begin: bool = True) -> None:
        """Set the key, and to ``begin`` draw the first value from the stationary distribution."""
        super().seed(key)
        if begin:
            self.eta.value = self._first()

    def _first(self) -> jax.Array:
        return self.draw(jnp.iinfo(jnp.int32).max)  # a step that no run reaches

    def draw(self, step: Any) -> jax.Array:
        """The normal numbers that a step takes, in the shape of the state."""
        return self.normal(step)

    @abstractmethod
    def relaxation(self, dt: u.Quantity) -> Any:
        """One step over the time constant of each process; no unit."""

    @property
    def value(self) -> Any:
        """The noise now, in the unit of what it feeds."""
        return self.mean + self.std * self.mixed(self.eta.value)

    def mixed(self, eta: jax.Array) -> jax.Array:
        """The fluctuation of unit variance that the processes make."""
        return eta

    def advance(self, step: Any, dt: u.Quantity) -> None:
        """Step the processes over one dt, exactly."""
        eta = self.eta.value
        x = jnp.asarray(self.relaxation(dt), eta.dtype)
        # expm1, or a long memory loses its digits
        self.eta.value = eta + jnp.expm1(-x) * eta + jnp.sqrt(-jnp.expm1(-2 * x)) * self.draw(step)
