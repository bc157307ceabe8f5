"""What a lead-field model is made with: the lead field and the scale, and how they are checked."""

from collections.abc import Mapping
from typing import Any

import brainstate
import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Parameter, constant
from brainfwd.forward.lead_field.product import product
from brainfwd.forward.regions.parcellate import check_scale_unit
from brainfwd.records import Channels, LeadField, reference_projector

__all__ = ['LAYOUTS', 'LeadFieldParameter', 'ScaleParameter', 'arranged', 'sizes_of']

LAYOUTS = {'regions_sensors': '(regions, sensors)', 'sensors_regions': '(sensors, regions)'}


class _SizeOfSignal(Parameter):
    """A parameter that says how large the signal is: noise relative to it has to be fixed again."""

    def __set__(self, instance: Any, value: Any) -> None:
        # not when the model is built, by its constructor or by brainstate
        changes = {self.name, 'noise'} <= instance.__dict__.keys() and not isinstance(value, brainstate.State)
        super().__set__(instance, value)
        # a pure function of the parameters has no pilot: its noise was fixed before
        if changes and not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            instance.noise.forget_signal()


class LeadFieldParameter(_SizeOfSignal):
    """The lead field: its unit is that of the sensors over that of the dipoles; its electrodes have the reference."""

    def _checked(self, instance: Any, value: Any) -> Any:
        where, kinds = self.where(instance), instance.channels.kinds
        if not instance.channels.is_mixed:
            return self._block(instance, value, kinds[0], where)
        _check_kinds(value, kinds, where)
        return {kind: self._block(instance, value[kind], kind, f'{where}[{kind!r}]') for kind in kinds}

    def _block(self, instance: Any, value: Any, kind: str, where: str) -> u.Quantity:
        if instance.leadfield_unit is not None and not isinstance(value, u.Quantity):
            value = u.Quantity(checks.array(value, where), unit=instance.leadfield_unit)
        unit = instance.sensor_units[kind] / instance.dipole_unit
        value = constant(checks.quantity(value, unit, where, f'the {self.meaning} (regions, sensors)'))
        checks.shape_is(value, (*instance.in_size, instance.channels.types.count(kind)), where, '(regions, sensors)')
        checks.finite(value, where)
        if instance.reference is not None and kind == 'eeg':
            index = instance.channels.indices(kind)
            projector = reference_projector(instance.channels, instance.reference)[np.ix_(index, index)]
            value = u.Quantity(product(value.mantissa, projector.T), unit=value.unit)
        return value


class ScaleParameter(_SizeOfSignal):
    """The scale: its unit says what the observable is in, and must leave one that exists."""

    def _checked(self, instance: Any, value: Any) -> Any:
        value = super()._checked(instance, value)
        check_scale_unit(u.get_unit(value), instance.dipole_unit, type(instance).__name__, instance.scale_name)
        return value


def sizes_of(L: Any, layout: str, owner: str) -> tuple[int, int]:
    """How many regions and sensors a lead field is of; a dict has its sensors in several blocks."""
    if isinstance(L, LeadField):
        raise TypeError(
            f'{owner}(L=...) is an array {LAYOUTS[layout]}; got a LeadField: write '
            f'{owner}.from_lead_field(lead_field, regions).'
        )
    shapes = [np.shape(u.get_mantissa(block)) for block in (L.values() if isinstance(L, Mapping) else [L])]
    if not shapes or any(len(shape) != 2 for shape in shapes):
        got = ' and '.join(map(str, shapes)) if shapes and shapes[0] else type(L).__name__
        raise checks.ShapeError(f'{owner}(L=...) is the lead field, {LAYOUTS[layout]}; got {got}.')
    region, sensor = (0, 1) if layout == 'regions_sensors' else (1, 0)
    return shapes[0][region], sum(shape[sensor] for shape in shapes)


def _check_kinds(L: Any, kinds: tuple[str, ...], where: str) -> None:
    if not isinstance(L, Mapping) or set(L) != set(kinds):
        got = ', '.join(map(repr, L)) if isinstance(L, Mapping) else type(L).__name__
        raise checks.UnitError(
            f'{where} is a dict of one Quantity for each of {", ".join(kinds)}; got {got or "none"}.'
        )


def arranged(L: Any, layout: str, n_regions: int, channels: Channels, owner: str) -> Any:
    """(regions, sensors), or a dict of such by type of channel, from either layout or a function of the shape."""
    where = f'{owner}(L=...)'
    if isinstance(L, Mapping):
        _check_kinds(L, channels.kinds, where)
        count = channels.types.count
        return {k: _turned(block, layout, (n_regions, count(k)), f'{where}[{k!r}]') for k, block in L.items()}
    shape = (n_regions, len(channels))
    if callable(L):
        L = L(shape if layout == 'regions_sensors' else shape[::-1])
    # one array for several types is an error of its own
    return L if channels.is_mixed else _turned(L, layout, shape, where)


def _turned(L: Any, layout: str, shape: tuple[int, int], where: str) -> Any:
    given, as_told = np.shape(u.get_mantissa(L)), layout == 'regions_sensors'
    expected = shape if as_told else shape[::-1]
    if given != expected:
        other = 'sensors_regions' if as_told else 'regions_sensors'
        n_sensors, (regions, sensors) = shape[1], (0, 1) if as_told else (1, 0)
        is_turned = len(given) == 2 and given[regions] == n_sensors != given[sensors]
        hint = f': write layout={other!r}' if is_turned else ''
        raise checks.ShapeError(f'{where} has shape {expected} {LAYOUTS[layout]}; got {given}{hint}.')
    if as_told:
        return L
    return u.Quantity(L.mantissa.T, unit=L.unit) if isinstance(L, u.Quantity) else np.transpose(L)
