"""Parameters of a coupling: connections, and values whose unit depends on what it reads and feeds."""

from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from brainfwd._core import checks
from brainfwd._core.fields import Parameter, check_fits
from brainfwd.coupling import connections

__all__ = ['Connectivity', 'OfPairs', 'PortParameter', 'Speed', 'Strength', 'checked_bounds', 'rounded_out']


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


class Connectivity(Parameter):
    """(regions, regions), of either sign; a matrix, or a list of connections."""

    def _checked(self, instance: Any, value: Any) -> Any:
        where = self.where(instance)
        held = getattr(instance, self.name, None)
        if connections.is_sparse(held) and np.ndim(value) == 1:  # other weights of the same connections
            value = checks.array(value, where)
            checks.shape_is(value, held.data.shape, where, '(connections,)')
            value = BCOO((jnp.asarray(value, held.data.dtype), held.indices), shape=held.shape)
        value = connections.checked_connections(value, where)
        checks.shape_is(value, instance.in_size * 2, where, '[target, source]')
        if connections.is_sparse(value):
            checks.finite(value.data, where)
        else:
            value = super()._checked(instance, value)
        instance.new_connections(value)
        return value


class Strength(Parameter):
    """Its unit is known once the coupling has its place in a network."""

    by_region = True

    def _checked(self, instance: Any, value: Any) -> Any:
        if instance.turns is not None:
            unit, what = instance.turns
            value = checks.quantity(value, unit, self.where(instance), f'what turns {what}')
        check_fits(value, instance.in_size, self.where(instance))
        return super()._checked(instance, value)


class OfPairs(Parameter):
    """Not negative, in a unit: one for all, (regions, regions), or (connections,) of a sparse ``conn``."""

    def __init__(self, unit: u.Unit, meaning: str):
        super().__init__(None, meaning, per_region=False, optional=True)
        self.unit = unit

    def _checked(self, instance: Any, value: Any) -> Any:
        where, conn = self.where(instance), instance.conn
        value = self.check(value, where)
        listed = connections.is_sparse(conn) and np.shape(value) == conn.data.shape
        if np.ndim(value.mantissa) and not listed:
            checks.shape_is(value, instance.in_size * 2, where, '[target, source]')
        value = super()._checked(instance, value)
        checks.non_negative(value, where)
        return value


class Speed(Parameter):
    """One number above zero, within its bounds."""

    def _checked(self, instance: Any, value: Any) -> Any:
        where = self.where(instance)
        value = checks.quantity(value, u.meter / u.second, where, f'the {self.meaning}')
        checks.shape_is(value, (), where)
        checks.positive(value, where)
        value = super()._checked(instance, value)
        bounds = instance.speed_bounds
        if bounds is not None and not isinstance(value.mantissa, jax.core.Tracer):
            low, high = rounded_out(bounds)
            if not low <= float(value.mantissa) <= high:
                raise ValueError(
                    f'{where} is within speed_bounds, {low:.4g} to {high:.4g} m/s; got {float(value.mantissa):g} m/s: '
                    'make the coupling with wider bounds.'
                )
        return value


def rounded_out(bounds: tuple[Any, Any]) -> tuple[float, float]:
    """Bounds in m/s that hold a speed at one of them, whatever its rounding."""
    low, high = (float(bound.mantissa) for bound in bounds)
    return low * (1 - 1e-6), high * (1 + 1e-6)


def checked_bounds(bounds: Any, where: str) -> tuple[float, float]:
    """The slowest and the fastest speed in m/s."""
    where = f'{where}.speed_bounds'
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise ValueError(f'{where} are two speeds, (slowest, fastest); got {bounds!r}.')
    unit = u.meter / u.second
    low, high = (float(np.asarray(checks.quantity(b, unit, where, 'a conduction speed').mantissa)) for b in bounds)
    if not 0 < low <= high < np.inf:
        raise ValueError(f'{where} are (slowest, fastest), both above zero; got {low:g} and {high:g} m/s.')
    return low, high
