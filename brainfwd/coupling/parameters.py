"""Parameters of a coupling whose unit depends on what it reads and feeds."""

from collections.abc import Callable
from typing import Any

import brainunit as u

from brainfwd._core import checks
from brainfwd._core.fields import Parameter

__all__ = ['PortParameter']


class PortParameter(Parameter):
    """A parameter whose unit is known once the coupling has its place in a network; until then it may have any.

    Parameters
    ----------
    default, meaning, **how
        As of a `Parameter`.
    unit : callable
        The unit, from the coupling: ``lambda coupling: coupling.reads``.
    """

    def __init__(self, default: Any, meaning: str, unit: Callable[[Any], u.Unit], **how: Any):
        super().__init__(default, meaning, **how)
        self._unit_of = unit

    def check(self, value: Any, where: str) -> Any:
        """``value`` as it is, if it is a number."""
        return checks.quantity(value, u.get_unit(value), where, f'the {self.meaning}')

    def _checked(self, instance: Any, value: Any) -> Any:
        if instance.turns is not None and value is not None:
            meaning = f'the {self.meaning}, from {instance.turns[1]}'
            value = checks.quantity(value, self._unit_of(instance), self.where(instance), meaning)
        return super()._checked(instance, value)
