"""How methods of a solver are called: of an object, and by name what has one."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from brainfwd._core import checks
from brainfwd._core.module import Module

__all__ = ['of_a_solver']

_Method = TypeVar('_Method', bound=Callable)


def of_a_solver(method: _Method) -> _Method:
    """``method``, with errors that say what to write where it is called of the class, or by place instead of name."""
    parameters = inspect.signature(method).parameters.values()
    placed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = [f'{p.name}=...' for p in parameters if p.kind is p.KEYWORD_ONLY]

    @functools.wraps(method)
    def called(*args: Any, **options: Any) -> Any:
        if not args or not isinstance(args[0], Module):
            raise TypeError(
                f'{method.__name__} is of a solver, MinimumNorm().{method.__name__}(...), for example; got '
                f'{checks.kind(args[0]) if args else "none"} in its place: write the parentheses after the name of the '
                f'class.'
            )
        if named and len(args) > len(placed):
            raise TypeError(
                f'{type(args[0]).__name__}.{method.__name__} takes {", ".join(placed[1:])} by place and all else by '
                f'name; got {len(args) - 1} positional arguments: write {method.__name__}({", ".join(placed[1:])}, '
                f'...) with {", ".join(named)} as needed.'
            )
        return method(*args, **options)

    return cast(_Method, called)
