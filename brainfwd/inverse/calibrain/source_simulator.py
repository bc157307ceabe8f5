"""Evoked activity of a few sources."""

from collections.abc import Mapping
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.keys import as_seed
from brainfwd._core.units import nAm

__all__ = ['SourceSimulator']

# the default, and the unit
_NUMBERS: dict[str, tuple[Any, u.Unit]] = {
    'tmin': (-0.5, u.second),
    'tmax': (0.5, u.second),
    'stim_onset': (0.0, u.second),
    'sfreq': (250.0, u.Hz),
    'fmin': (1.0, u.Hz),
    'fmax': (5.0, u.Hz),
    'median': (20.0, nAm),
    'sigma': (0.2, u.UNITLESS),
    'clip': ((2.5, 50.0), nAm),
}
_OF_AMPLITUDE = ('median', 'sigma', 'clip')
_NAMES = ({*_NUMBERS} - {*_OF_AMPLITUDE}) | {'amplitude_distribution', 'random_erp_timing', 'erp_min_length'}
# coil types of FIFF: EEG; planar gradiometers and magnetometers, which are blind to radial moments
_COMPONENTS = {1: 3, 3012: 2, 3022: 2}
# samples that filtering forth and back needs
_PADDING = 27
_SEEDS = np.iinfo(np.int32).max


class SourceSimulator:
    r"""Evoked activity of a few sources: band-passed noise under a Hann window, of log-normal peak.

    .. math:: x(t) = A \, \frac{w(t) \, (h * n)(t)}{\max_t |w \, (h * n)|}, \qquad
        A = \mathrm{clip}(m \, e^{\sigma z})

    with white noise n, a Butterworth band-pass h of order 4 that goes forth and back, and z standard normal. Zero
    before the stimulus.

    Parameters
    ----------
    ERP_config : dict, optional
        What differs from the defaults. In s: ``tmin`` (-0.5), ``tmax`` (0.5), ``stim_onset`` (0). In Hz: ``sfreq``
        (250), ``fmin`` (1), ``fmax`` (5). ``amplitude_distribution``: a dict of ``median`` (20 nA m), ``sigma`` (0.2)
        and ``clip``, the lowest and the highest (none; without the dict 2.5 and 50 nA m); None for 20 nA m always.
        ``random_erp_timing`` (True): whether length and onset are drawn, or all after the stimulus is filled.
        ``erp_min_length`` (82 samples). All bare numbers, or all Quantities: the answer has a unit then, too.

    Raises
    ------
    UnitError, ValueError
        Some Quantities and some bare numbers; a name that is none; times or a band that leave nothing to simulate.

    Notes
    -----
    The draws are those of CaliBrain 1.0.3 for the same seed, and so are the numbers as long as its filter is right.
    That is kept as two polynomials, which lose digits as the band becomes narrow beside the sampling frequency: 1e-5
    of the peak for 1-5 Hz at 250 Hz, a fifth at 1000 Hz. Where the loss is above 1e-3, second-order sections filter.
    As there, a sample that rounding puts before ``stim_onset`` counts as before it.
    """

    def __init__(self, ERP_config: Mapping[str, Any] | None = None):
        where = 'SourceSimulator(ERP_config'
        self.ERP_config = config = dict(ERP_config or {})
        number: dict[str, Any] = {name: default for name, (default, _) in _NUMBERS.items()}
        amplitude: Mapping[str, Any] = {}
        if 'amplitude_distribution' in config:
            amplitude = config['amplitude_distribution'] or {'sigma': 0.0}
            number['clip'] = None
        for names, allowed in ((config, _NAMES), (amplitude, _OF_AMPLITUDE)):
            for name in names:
                checks.choice(name, allowed, f'{where}), a name in it,')
        given = {
            name: value for name, value in {**config, **amplitude}.items() if name in _NUMBERS and value is not None
        }
        self._has_unit = any(isinstance(value, u.Quantity) for value in given.values())
        for name, value in given.items():
            at, unit = f'{where}[{name!r}])', _NUMBERS[name][1]
            if self._has_unit:
                value = u.get_mantissa(checks.quantity(value, unit, at))
            value = np.asarray(checks.array(value, at))
            checks.finite(value, at)
            checks.shape_is(value, (2,) if name == 'clip' else (), at, '(lowest, highest)' if name == 'clip' else '')
            number[name] = value if name == 'clip' else float(value)
        self._peak = {name: number[name] for name in _OF_AMPLITUDE}
        low, high = (1.0, 1.0) if number['clip'] is None else number['clip']
        if not (number['median'] > 0 and number['sigma'] >= 0 and 0 < low <= high):
            raise ValueError(
                f"{where}['amplitude_distribution']) has a positive median, a sigma that is not negative, and a "
                f'positive clip, lowest first; got {amplitude}.'
            )
        tmin, tmax, onset, sfreq, fmin, fmax = (number[name] for name in list(_NUMBERS)[:6])
        if not 0 < fmin < fmax < sfreq / 2:
            raise ValueError(f'{where}) has 0 < fmin < fmax < sfreq / 2; got {fmin:g}, {fmax:g}, {sfreq / 2:g} Hz.')
        if not tmin <= onset < tmax:
            raise ValueError(f'{where}) has tmin <= stim_onset < tmax; got {tmin:g}, {onset:g}, {tmax:g} s.')
        self._times = np.arange(tmin, tmax, 1.0 / sfreq)
        self._band = (2 * fmin / sfreq, 2 * fmax / sfreq)
        self._onset = int(np.searchsorted(self._times, onset))
        self._random = bool(config.get('random_erp_timing', True))
        least, after = config.get('erp_min_length'), len(self._times) - self._onset
        self._shortest = checks.positive_int(82 if least is None else least, f"{where}['erp_min_length'])")
        if after < self._shortest or (self._shortest if self._random else after) <= _PADDING:
            raise ValueError(
                f'{where}) leaves {after} samples after the stimulus; activity takes at least {self._shortest} '
                f"('erp_min_length'), and more than {_PADDING}, which the filter needs: raise tmax or sfreq, or change "
                f'erp_min_length.'
            )

    @property
    def times(self) -> Any:
        """(n_times,) s."""
        return self._times * u.second if self._has_unit else self._times

    def simulate(
        self,
        n_sources: int = 1284,
        nnz: int = 5,
        orientation_type: str = 'fixed',
        coil_type: int = 1,
        seed: int = 42,
    ) -> tuple[Any, np.ndarray]:
        """Activity of ``nnz`` sources out of ``n_sources``.

        Parameters
        ----------
        n_sources, nnz : int
            How many sources there are, and how many are active.
        orientation_type : {'fixed', 'free'}
            Free: each component has a time course of its own.
        coil_type : int
            The FIFF code of what is to see them: 1 for EEG, and 3 components; 3012 and 3022 for planar gradiometers and
            magnetometers, and 2.
        seed : int
            Of all draws.

        Returns
        -------
        x : array or Quantity
            (n_sources, n_times), or (n_sources, components, n_times): nA m.
        active : array
            (nnz,) indices of the active sources, in the order in which they were drawn.
        """
        where = 'SourceSimulator.simulate'
        n_sources = checks.positive_int(n_sources, f'{where}(n_sources=...)')
        nnz = checks.positive_int(nnz, f'{where}(nnz=...)')
        if nnz > n_sources:
            raise ValueError(f'{where}(nnz=...) is at most n_sources, {n_sources}; got {nnz}.')
        checks.choice(orientation_type, ('fixed', 'free'), f'{where}(orientation_type=...)')
        if coil_type not in _COMPONENTS:
            raise ValueError(f'{where}(coil_type=...) is 1 (EEG), 3012 or 3022 (MEG); got {coil_type!r}.')
        n_components = 1 if orientation_type == 'fixed' else _COMPONENTS[coil_type]
        rng = np.random.RandomState(as_seed(seed, f'{where}(seed=...)'))
        active = rng.choice(n_sources, size=nnz, replace=False)
        x = np.zeros((n_sources, n_components, len(self._times)))
        for source in active:
            first = int(rng.randint(0, _SEEDS))
            for k in range(n_components):
                x[source, k] = self._waveform((first + k * 104729) % _SEEDS)
        x = x[:, 0] if orientation_type == 'fixed' else x
        return (x * nAm if self._has_unit else x), active

    def _waveform(self, seed: int) -> np.ndarray:
        rng = np.random.RandomState(seed)
        start, length = self._onset, len(self._times) - self._onset
        if self._random:
            drawn = rng.randint(self._shortest, length + 1)
            start, length = start + rng.randint(0, length - drawn + 1), drawn
        activity = _band_passed(rng.randn(length), self._band) * np.hanning(length)
        peak = rng.lognormal(np.log(self._peak['median']), self._peak['sigma'])
        clip = self._peak['clip']
        waveform = np.zeros(len(self._times))
        waveform[start : start + length] = activity / abs(activity).max()
        return waveform * (peak if clip is None else np.clip(peak, *clip))


def _band_passed(noise: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    from scipy.signal import butter, filtfilt, sosfiltfilt

    by_sections = sosfiltfilt(butter(4, band, btype='band', output='sos'), noise)
    by_polynomials = filtfilt(*butter(4, band, btype='band'), noise)
    same = abs(by_polynomials - by_sections).max() <= 1e-3 * abs(by_sections).max()
    return by_polynomials if same else by_sections
