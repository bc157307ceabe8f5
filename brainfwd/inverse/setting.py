"""A number that a solver is fitted with."""

from typing import Any

import brainstate

from brainfwd._core.fields import Parameter

__all__ = ['Setting']


class Setting(Parameter):
    """A number that `fit` reads, above zero: a new value makes the kernel out of date, which is then dropped.

    Parameters
    ----------
    default : float, optional
        None: it may be left out.
    meaning : str
        What it is, in a few words.
    zero : bool
        Whether it may be 0, too.
    most : float, optional
        The largest that makes sense.
    """

    def __init__(self, default: float | None, meaning: str, *, zero: bool = False, most: float | None = None):
        super().__init__(default, meaning, per_region=False, optional=default is None)
        self.zero = zero
        self.most = most

    def __set__(self, instance: Any, value: Any) -> None:
        # not when the module is built, by its constructor or by brainstate
        changes = self.name in instance.__dict__ and not isinstance(value, brainstate.State)
        super().__set__(instance, value)
        if changes:
            instance._kernel.value = None
