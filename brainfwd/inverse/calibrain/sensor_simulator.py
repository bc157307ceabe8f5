"""What sensors see of sources, in white noise of a given strength."""

from typing import Any, NamedTuple

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.keys import as_seed
from brainfwd.inverse.functions.arguments import unpack

__all__ = ['SensorSimulator', 'SimulatedSensors']

# by the codes of FIFF
_UNITS = {107: u.volt, 112: u.tesla, 201: u.tesla / u.meter}


class SimulatedSensors(NamedTuple):
    """What `SensorSimulator.simulate` answers; also a tuple of four."""

    y_clean: Any
    """(n_sensors, n_times) what the sensors see of the sources."""
    y_noisy: Any
    """(n_sensors, n_times) the same, and noise."""
    noise: Any
    """(n_sensors, n_times)."""
    eta: float
    """What the drawn noise was multiplied by."""


class SensorSimulator:
    r"""What sensors see of sources, in white noise, the same at every sensor.

    .. math:: y = L x + \eta \, \varepsilon, \qquad
        \eta = \frac{1 - \alpha}{\alpha} \frac{\|L x\|_F}{\|\varepsilon\|_F}, \qquad
        \mathrm{SNR} = 20 \log_{10} \frac{\alpha}{1 - \alpha} \ \mathrm{dB}

    For records, with noise of any covariance, see ``bf.forward``.

    Attributes
    ----------
    kind, units, unitmult, coil_type : int or None
        Codes of FIFF, as `set_sensor_metadata` was told; None before.
    """

    def __init__(self) -> None:
        self.kind: int | None = None
        self.units: int | None = None
        self.unitmult: int | None = None
        self.coil_type: int | None = None

    def set_sensor_metadata(
        self,
        *,
        kind: int | None = None,
        units: int | None = None,
        unitmult: int | None = None,
        coil_type: int | None = None,
    ) -> None:
        """Say what the sensors are, in codes of FIFF; what is left out stays.

        A label, which changes no number: bare arrays are in whatever unit they are. A lead field with a unit has to
        agree with ``units``.

        Raises
        ------
        ValueError
            ``units`` that are not V (107), T (112) or T/m (201).
        """
        if units is not None and units not in _UNITS:
            known = ', '.join(f'{code} ({unit})' for code, unit in _UNITS.items())
            raise ValueError(f'SensorSimulator.set_sensor_metadata(units=...) is one of {known}; got {units!r}.')
        told = {'kind': kind, 'units': units, 'unitmult': unitmult, 'coil_type': coil_type}
        for name, code in told.items():
            if code is not None:
                setattr(self, name, int(code))

    def simulate(
        self, x: Any, L: Any, alpha_SNR: float = 0.5, sensor_white_noise_std: Any = None, seed: int = 42
    ) -> SimulatedSensors:
        r"""Data of the sensors.

        Parameters
        ----------
        x : Quantity or array
            (n_sources, n_times) moments, or (n_sources, components, n_times).
        L : Quantity or array
            (n_sensors, n_sources) lead field, or (n_sensors, n_sources, components); bare where ``x`` is, as µV/(nA m)
            for nA m.
        alpha_SNR : float
            :math:`\alpha`, from 0 to 1: 0.5 is 0 dB, 0.7 is 7.36 dB. 1 is no noise; 0 is noise alone, of the norm of
            the signal.
        sensor_white_noise_std : Quantity or float, optional
            Standard deviation of :math:`\varepsilon`, 1 if left out. The noise does not depend on it, for
            :math:`\eta` divides by it again; only :math:`\eta` does.
        seed : int
            Of the noise.

        Returns
        -------
        SimulatedSensors
            ``y_clean``, ``y_noisy``, ``noise``, ``eta``; V, T or T/m where the arguments have units.

        Raises
        ------
        UnitError, ShapeError
            Units or shapes that do not fit together.
        ValueError
            A number out of range; sources whose field is zero, for which no ratio can be had.
        """
        where = 'SensorSimulator.simulate'
        given = {'L': L, 'x': x}
        if sensor_white_noise_std is not None:
            given['sensor_white_noise_std'] = sensor_white_noise_std
        units, arrays = unpack(where, **given)
        if (
            units.sensor is not None
            and self.units is not None
            and not u.have_same_dim(units.sensor, _UNITS[self.units])
        ):
            raise checks.UnitError(
                f'{where}(L) is of sensors in {_UNITS[self.units]}, as set_sensor_metadata(units={self.units}) says; '
                f'got one of sensors in {units.sensor}.'
            )
        L, x = (np.asarray(value) for value in arrays[:2])
        std = float(arrays[2]) if len(arrays) > 2 else 1.0
        checks.positive(std, f'{where}(sensor_white_noise_std=...)')
        alpha = checks.number(alpha_SNR, f'{where}(alpha_SNR=...)')
        seed = as_seed(seed, f'{where}(seed=...)')
        if not 0 <= alpha <= 1:
            raise ValueError(f'{where}(alpha_SNR=...) is from 0 to 1; got {alpha:g}.')
        if L.ndim not in (2, 3) or x.shape[:-1] != L.shape[1:]:
            raise checks.ShapeError(
                f'{where}(x, L) have shapes (n_sources[, components], n_times) and (n_sensors, n_sources[, '
                f'components]); got {x.shape} and {L.shape}.'
            )
        clean = L @ x if L.ndim == 2 else np.einsum('mnk,nkt->mt', L, x)
        size = np.linalg.norm(clean)
        if not size:
            raise ValueError(f'{where}(x, L) is to be seen by the sensors, or no noise has a ratio to it; got zeros.')
        eta, noise = 0.0, np.zeros_like(clean)
        if alpha < 1:
            drawn = np.random.RandomState(seed).normal(0.0, std, clean.shape)
            eta = float((1.0 if alpha == 0 else (1 - alpha) / alpha) * (size / np.linalg.norm(drawn)))
            noise = eta * drawn
        noisy = noise.copy() if alpha == 0 else clean + noise
        return SimulatedSensors(units.of(clean, 1, 0), units.of(noisy, 1, 0), units.of(noise, 1, 0), eta)
