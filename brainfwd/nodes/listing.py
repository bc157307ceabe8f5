"""What models there are."""

import inspect
from dataclasses import dataclass, fields
from typing import Any

import brainunit as u

from brainfwd.nodes.base import NeuralMass

__all__ = ['ModelInfo', 'Models', 'list_models']


@dataclass(frozen=True)
class ModelInfo:
    """A neural mass model in one line."""

    name: str
    """The name of its class in ``brainfwd``."""
    output: str
    """The unit of its output, ``'1'`` without one."""
    variables: tuple[str, ...]
    inputs: tuple[str, ...]
    meaning: str
    """What it is, and who proposed it."""


class Models(tuple[ModelInfo, ...]):
    """Models, shown as a table."""

    def __repr__(self) -> str:
        names = [field.name for field in fields(ModelInfo)]
        rows = [names, *([_shown(getattr(each, name)) for name in names] for each in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return '\n'.join('  '.join(map(str.ljust, row, widths)).rstrip() for row in rows)


def list_models() -> Models:
    """The neural mass models of the package, by name.

    Returns
    -------
    Models
        A tuple of :class:`ModelInfo`, one per class, that prints as a table.
    """
    ours = [cls for cls in _finished(NeuralMass) if cls.__module__.startswith(f'{__package__}.')]
    return Models(_described(cls) for cls in sorted(ours, key=lambda cls: cls.__name__))


def _finished(cls: Any) -> set[type[NeuralMass]]:
    below = {each for sub in cls.__subclasses__() for each in _finished(sub)}
    return below if inspect.isabstract(cls) else {cls} | below


def _described(cls: type[NeuralMass]) -> ModelInfo:
    output = cls(1).read('output', {name: field.default for name, field in cls.variables.items()})
    unit = u.get_unit(output)
    return ModelInfo(
        name=cls.__name__,
        output='1' if unit.is_unitless else str(unit),
        variables=tuple(cls.variables),
        inputs=tuple(cls.inputs),
        meaning=(cls.__doc__ or '').strip().splitlines()[0],
    )


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ' '.join(value)
