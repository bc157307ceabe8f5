"""Whether what was given is of the channels and the head that are due."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from brainfwd._core.checks import listed
from brainfwd.records.channels import Channels

if TYPE_CHECKING:
    from brainfwd.records.recording import Recording

__all__ = ['finite', 'no_inverse_crime', 'order_of']


def order_of(given: Channels, expected: Channels, where: str, whose: str) -> np.ndarray:
    """Where the expected channels stand among the given ones; empty when in the same places."""
    if given.same_sensors(expected):
        return np.array([], dtype=int)
    typed = dict(zip(given.names, given.types, strict=True))
    due = dict(zip(expected.names, expected.types, strict=True))
    problems = [
        ('lacks', [name for name in due if name not in typed]),
        ('has besides', [name for name in typed if name not in due]),
        ('has of another type', [name for name in due if name in typed and typed[name] != due[name]]),
    ]
    told = [f'{what} {listed(names)}' for what, names in problems if names]
    if told:
        raise ValueError(
            f'{where} is of the channels of {whose}, {expected}; it {" and ".join(told)}: .pick(...) the same.'
        )
    return np.array([given.names.index(name) for name in expected.names])


def finite(y: Any, channels: Channels, where: str) -> None:
    """Refuse NaN and infinity, by the names of the channels, which are the last axis."""
    if isinstance(y, jax.core.Tracer):
        return
    values = np.asarray(y)
    bad = ~np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
    if bad.any():
        names = [name for name, is_bad in zip(channels.names, bad, strict=True) if is_bad]
        raise ValueError(f'{where} must be finite; got NaN or infinity in {listed(names)}.')


def no_inverse_crime(recording: 'Recording', head: str | None, where: str, instead: str, call: str) -> None:
    """Refuse a recording that was simulated with the head that is to invert it."""
    if recording.head is not None and recording.head == head:
        raise ValueError(
            f'{where} was simulated with the head that is to invert it, {head!r}: an inverse crime. {instead}, or '
            f'write {call}(..., inverse_crime=True).'
        )
