"""Frequencies given as angular ones."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks

__all__ = ['with_frequency']


def with_frequency(values: dict[str, Any], omega: Any, where: str) -> dict[str, Any]:
    """``values`` with ``frequency`` in Hz in place of ``omega`` in rad/s, where that was given.

    Raises
    ------
    UnitError
        ``omega`` in Hz, which brainunit takes for rad/s.
    """
    if omega is None:
        return values
    if 'frequency' in values:
        raise ValueError(f'{where} takes frequency or omega = 2 pi frequency; got both.')
    if 'Hz' in str(u.get_unit(omega)):
        raise checks.UnitError(f'{where}.omega is angular, in rad/s; got Hz: write frequency=... instead.')
    omega = checks.quantity(omega, u.radian / u.second, f'{where}.omega', 'the angular frequency 2 pi f')
    return {**values, 'frequency': u.Quantity(omega.mantissa / (2 * np.pi), unit=u.Hz)}
