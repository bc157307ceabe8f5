"""What the four solvers take, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd.inverse.functions.arguments import Units, matrix, seen_by_sensors, unpack

__all__ = ['Problem', 'stated']


@dataclass(frozen=True)
class Problem:
    """Arguments that fit together, as numbers: SI, or bare as they came."""

    where: str
    units: Units
    gain: np.ndarray
    """(n_sensors, n_sources, components)."""
    data: np.ndarray
    """(n_sensors, n_times)."""
    variances: dict[str, np.ndarray]
    """``noise_var``, ``init_gamma`` and ``init_lambda``, those that were given."""

    def known_noise(self) -> np.ndarray:
        """(1,) its variance."""
        if 'noise_var' not in self.variances:
            raise ValueError(
                f'{self.where}(noise_var=...) is the variance of the noise, as of data before a stimulus; got none: '
                f'give it, or learn it by gamma_lambda_map_sflex or BMN_joint.'
            )
        checks.shape_is(self.variances['noise_var'], (), f'{self.where}(noise_var=...)', 'one number')
        return self.variances['noise_var'][None]

    def start(self, n_gammas: int, n_noises: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Where the variances begin, if it was said."""
        sizes = {'init_gamma': n_gammas} | ({'init_lambda': n_noises} if n_noises else {})
        given = [name for name in sizes if name in self.variances]
        if not given:
            return None
        if len(given) < len(sizes):
            raise ValueError(f'{self.where} takes both init_gamma and init_lambda, or neither; got {given[0]}.')
        for name, size in sizes.items():
            if self.variances[name].shape not in ((), (size,)):
                raise checks.ShapeError(
                    f'{self.where}({name}=...) is one number, or has shape ({size},); got {self.variances[name].shape}.'
                )
        gamma = np.broadcast_to(self.variances['init_gamma'], (n_gammas,)).copy()
        return gamma, np.broadcast_to(self.variances.get('init_lambda', 0.0), (n_noises,)).copy()


def stated(where: str, L: Any, y: Any, n_orient: int, **variances: Any) -> Problem:
    """Check what all solvers take: the lead field, the data, and how many components a moment has.

    Raises
    ------
    UnitError, ShapeError, ValueError
    """
    if n_orient not in (1, 2, 3):
        raise ValueError(f'{where}(n_orient=...) is 1, 2 or 3; got {n_orient!r}.')
    y = y[:, None] if np.ndim(y) == 1 else y
    given = {name: value for name, value in variances.items() if value is not None}
    units, (gain, data, *rest) = unpack(where, L=L, y=y, **given)
    gain, data = np.asarray(gain, float), np.asarray(data, float)
    shape = gain.shape
    if len(shape) == 2 and shape[1] % n_orient == 0:
        gain = gain.reshape(shape[0], -1, n_orient)
    if gain.ndim != 3 or not gain.size or gain.shape[2] != n_orient:
        flat = '' if n_orient == 1 else f'{n_orient} * '
        raise checks.ShapeError(
            f'{where}(L) has shape (n_sensors, {flat}n_sources) or (n_sensors, n_sources, {n_orient}), as '
            f'n_orient={n_orient} says; got {shape}.'
        )
    matrix(data, f'{where}(y)', '(n_sensors, n_times)', rows=len(gain))
    seen_by_sensors(gain, f'{where}(L)')
    if not data.any():
        raise ValueError(f'{where}(y) is zero throughout: nothing can be learned from it.')
    for name, value in zip(given, rest, strict=True):
        checks.positive(value, f'{where}({name}=...)')
    return Problem(where, units, gain, data, {name: np.asarray(value) for name, value in zip(given, rest, strict=True)})
