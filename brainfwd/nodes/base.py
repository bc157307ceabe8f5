"""What every neural mass inherits."""

import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import brainunit as u

from brainfwd._core import checks
from brainfwd._core.module import Module, current_dt
from brainfwd.integrate import SCHEMES

__all__ = ['NeuralMass']


class NeuralMass(Module):
    """A neural mass per region: declare parameters, variables and inputs, write ``derivative`` and ``output``.

    Parameters
    ----------
    in_size : int or tuple of int
        Number of regions.
    method : {'heun', 'euler', 'rk4', 'exponential_euler'}
        Scheme of integration.
    name : str, optional
        A name for repr.
    **values
        Parameters, and initial values as ``init_<variable>``; each a number or one per region, with its unit.
    """

    observables: ClassVar[tuple[str, ...]] = ('output',)
    """Methods of the variables alone that can be read: by coupling, by monitors."""
    coupling_source: ClassVar[str] = 'output'
    """What coupling reads unless told otherwise: ``'output'``, a variable, or a method such as ``'firing_rate'``."""
    coupling_target: ClassVar[str] = ''
    """The input that coupling feeds unless told otherwise; the first one declared by default."""
    activity_source: ClassVar[str] = ''
    """What blood follows, read as ``'activity'``: a variable or method that grows with activity, such as a rate.

    Empty where a model has nothing of the kind.
    """

    def __init__(self, in_size: Any, *, method: str = 'heun', name: str | None = None, **values: Any):
        super().__init__(in_size, name=name, **values)
        self.method = method

    @property
    def method(self) -> str:
        """The scheme of integration, by name."""
        return self._method

    @method.setter
    def method(self, name: str) -> None:
        self._method = checks.choice(name, SCHEMES, f'{type(self).__name__}.method')

    @abstractmethod
    def derivative(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The time derivative of every variable, by name, from variables and inputs by name; pure."""

    @abstractmethod
    def output(self, *args: Any, **kwargs: Any) -> Any:
        """What ``update`` returns and coupling reads, from the variables it names; pure."""

    def read(self, what: str, state: dict[str, Any]) -> Any:
        """A variable, or a method such as ``output``, evaluated on ``state``."""
        if what in self.variables:
            return state[what]
        if what == 'activity' and self.activity_source:
            return self.read(self.activity_source, state)
        method = getattr(self, what)
        return method(**{name: state[name] for name in _arguments(getattr(type(self), what))})

    @property
    def readable(self) -> list[str]:
        """What can be read by name: the variables and the observables."""
        return [*self.variables, *self.observables, *(['activity'] if self.activity_source else [])]

    def part(self, name: str) -> tuple[Any, str]:
        """The model that has a variable, input or observable of this name, and its name there: of a group, one of many.

        Here the neural mass itself.
        """
        return self, name

    def size(self) -> Any:
        """How large each region is, whatever the units; not finite where one of its variables is not."""
        return sum(abs(u.get_mantissa(value)) for value in self.values().values())

    def update(self, **inputs: Any) -> Any:
        """Step every variable over one dt, and return the output.

        Parameters
        ----------
        **inputs
            Inputs by name, each with its unit; what is not given takes its default.

        Returns
        -------
        Quantity
            The output after the step, (regions,) or (batch, regions).
        """
        dt = current_dt(f'{type(self).__name__}.update')
        inputs = self.checked_inputs(inputs)
        state = SCHEMES[self.method](lambda stage, _: self.derivative(**stage, **inputs), self.values(), dt)
        self.write(state)
        return self.read('output', self.values())

    def write(self, state: dict[str, Any]) -> None:
        """Set the variables."""
        for name, value in state.items():
            getattr(self, name).value = value


@functools.cache
def _arguments(method: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(method).parameters)[1:]
