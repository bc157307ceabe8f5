"""What the four solvers take, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR
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
        return self.variances['noise_var'][None]

    def check_directions(self, learns: str) -> None:
        """Refuse data that vary in too few directions to learn the noise, ``'level'`` or ``'sensors'``, from them."""
        varies, n = np.linalg.matrix_rank(self.data, rtol=FLOOR**0.5), len(self.gain)
        if learns == 'level' and varies == 1:
            raise ValueError(
                f'{self.where}(y) varies in one direction, where source and noise are alike: take more samples, or '
                f'write learn_noise=False and give noise_var.'
            )
        if learns == 'sensors' and varies < n:
            raise ValueError(
                f'{self.where}(y) varies in {varies} directions, too few to learn the noise of each of {n} sensors: '
                f'take more samples, or write gamma_map_sflex(noise_var=...).'
            )

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
    if isinstance(given.get('noise_var'), str):
        raise TypeError(
            f'{where}(noise_var=...) is a variance, not the name of a mode; got {given["noise_var"]!r}: write '
            f'np.var(noise) of what a simulation added, np.var(y[:, before]) of a baseline, or None for a solver that '
            f'learns it.'
        )
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
        if name == 'noise_var':
            checks.shape_is(value, (), f'{where}(noise_var=...)', 'one number')
        checks.positive(value, f'{where}({name}=...)')
    return Problem(where, units, gain, data, {name: np.asarray(value) for name, value in zip(given, rest, strict=True)})
