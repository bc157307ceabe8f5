"""Dynamic imaging of coherent sources."""

from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import in_double
from brainfwd.inverse.beamformers.beamformer import Beamformer
from brainfwd.inverse.inputs import Covariance, Gain
from brainfwd.inverse.methods import of_a_solver
from brainfwd.records import CrossSpectrum, NoiseCovariance, Recording

__all__ = ['DICS']


class DICS(Beamformer):
    r"""Dynamic imaging of coherent sources: the beamformer of a band of frequencies (nA m; no unit when normalised).

    As `LCMV`, with the cross-spectrum S of the data in the place of their covariance:
    ``fit(lead_field, noise_cov, data_cov=metrics.cross_spectrum(recording, band))``. ``noise_cov`` may be the
    cross-spectrum of a segment without activity, too, of which the real part counts, and has to be for
    ``regularisation``, which compares the two: ``metrics.cross_spectrum(rest, band)``. The filters map power and
    coherence:

    .. math:: P_i = w_i S w_i^*, \qquad c_{ij} = \frac{w_i S w_j^*}{\sqrt{P_i P_j}}

    Parameters
    ----------
    real_filter : bool
        From the real part of the cross-spectrum: a dipole and the sensors that see it are in phase. Otherwise from all
        of it, and the filters are complex: then the direction of the most power is that of the best real one.
    reg, orientation, weight_norm, rank, regularisation
        As for `Beamformer`.

    Source: Gross et al. (2001), PNAS 98, 694-699.
    """

    data_record = CrossSpectrum

    def __init__(self, *, real_filter: bool = True, **options: Any):
        super().__init__(**options)
        self._real_filter = bool(real_filter)

    @property
    def real_filter(self) -> bool:
        """Whether the filters are made of the real part of the cross-spectrum."""
        return self._real_filter

    @of_a_solver
    def update(self, y: Any) -> Any:
        """As `LinearInverse.update`. Complex filters take Fourier coefficients instead of a Recording."""
        if not self.real_filter and isinstance(y, Recording):
            raise ValueError(
                'DICS.update(y) is a Recording for real filters: write DICS(real_filter=True), or give complex Fourier '
                'coefficients with their unit.'
            )
        return super().update(y)

    def covariance_of_interest(self, data_cov: Any) -> Any:
        return data_cov.real if self.real_filter else data_cov

    @of_a_solver
    def coherency(self, cross_spectrum: Any, reference: int | str) -> Any:
        r"""(sources,) complex coherency of each source with one of them, or with a sensor.

        Its absolute value squared is the coherence, 1 where two always keep their phase and the ratio of their
        amplitudes. Filters leak: around a reference source coherence is high without any coupling, and there it is
        real; an imaginary part takes a delay.

        Parameters
        ----------
        cross_spectrum : CrossSpectrum
            Of the same channels as were fitted.
        reference : int or str
            A source by its number, or a sensor by its name, as it was recorded.
        """
        where, where_reference = 'DICS.coherency', 'DICS.coherency(reference)'
        kernel, channels = self._fitted()
        if self.orientation == 'vector':
            raise ValueError(f"{where} is of one direction for each source: orientation='fixed' or 'free'.")
        data = self._data(cross_spectrum, f'{where}(cross_spectrum)')
        if isinstance(reference, str):
            row = np.eye(len(channels))[channels.names.index(checks.choice(reference, channels.names, where_reference))]
        else:
            row = kernel[_source(reference, len(kernel), where_reference)]

        def compute(kernel: Any, row: Any, values: Any) -> Any:
            spectrum = data.si(values)
            seen = spectrum @ row.conj()
            power = ((kernel @ spectrum) * kernel.conj()).real.sum(axis=-1)
            return (kernel @ seen) / (power * (row @ seen).real) ** 0.5

        return in_double(compute, kernel, row, data.values)

    def _shown(self) -> list[str]:
        return [*super()._shown(), *([] if self.real_filter else ['real_filter=False'])]

    def _fit(self, lead_field: Any, noise_cov: Any, data_cov: Any, nave: int, where: str) -> tuple[Gain, Any, dict]:
        if self.regularisation is not None:
            of_band = f'{where}(noise_cov) is noise in the band of data_cov, for regularisation={self.regularisation!r}'
            if isinstance(noise_cov, NoiseCovariance):
                raise TypeError(f'{of_band}; got a NoiseCovariance: write metrics.cross_spectrum(rest, band).')
            bands = [_hertz(cross) for cross in (noise_cov, data_cov)]
            if None not in bands and bands[0] != bands[1]:
                raise ValueError(f'{of_band}, {bands[1]}; got {bands[0]}.')
        return super()._fit(lead_field, noise_cov, data_cov, nave, where)

    def _noise(self, noise_cov: Any, gain: Gain, where: str) -> Covariance:
        return super()._noise(noise_cov.in_phase if isinstance(noise_cov, CrossSpectrum) else noise_cov, gain, where)


def _hertz(cross: Any) -> str | None:
    band = cross.band if isinstance(cross, CrossSpectrum) else None
    return None if band is None else '{:g} to {:g} Hz'.format(*(edge.mantissa for edge in band))


def _source(reference: Any, n_sources: int, where: str) -> int:
    if isinstance(reference, bool) or not isinstance(reference, int | np.integer):
        raise TypeError(f'{where} is the number of a source or the name of a sensor; got {checks.kind(reference)}.')
    if not 0 <= reference < n_sources:
        raise ValueError(f'{where} is the number of a source, 0 to {n_sources - 1}; got {reference}.')
    return int(reference)
