"""Whether amplitudes rise and fall together."""

from typing import Any

import numpy as np

from brainfwd.metrics.analytic import oscillations
from brainfwd.metrics.series import each, gram, standardised

__all__ = ['envelope_correlation']

# relative to the amplitude: what rounding leaves of a series orthogonalised to a multiple of itself
_NOTHING = 1e-12


def envelope_correlation(
    data: Any,
    sampling_period: Any = None,
    *,
    band: tuple[Any, Any] | None = None,
    orthogonalize: bool = False,
    log: bool = False,
) -> Any:
    r"""Correlation of the amplitudes of each two regions in a band.

    With ``orthogonalize``, what one has in phase with the other is taken away first,

    .. math:: A_{j \perp i}(t) = \Big| \mathrm{Im}\Big( z_j(t)\, \frac{\bar z_i(t)}{|z_i(t)|} \Big) \Big|, \qquad
        E_{ij} = \tfrac12 \big( \mathrm{corr}(A_i, A_{j \perp i}) + \mathrm{corr}(A_j, A_{i \perp j}) \big)

    so that sources which leak into both do not count: for series estimated from sensors. Real coupling without lag is
    lost as well, and what remains is smaller than the correlation of the amplitudes. Source: Hipp et al. (2012), Nat.
    Neurosci. 15, 884-890, who take logarithms of power.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), or channels, or sources; what is complex is taken as an `analytic_signal`.
    sampling_period : Quantity, optional
        Time between samples; records bring their own. Not needed without a band.
    band : tuple of two Quantities, optional
        From and to, Hz, as in `analytic_signal`.
    orthogonalize : bool
        Each pair, both ways, as above.
    log : bool
        Logarithms of power in place of amplitudes.

    Returns
    -------
    array
        (..., regions, regions) between -1 and 1; the diagonal is 1, or 0 with ``orthogonalize``.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `analytic_signal`; amplitudes that are constant; with ``orthogonalize``, a region that is a multiple of
        another; with ``log``, an amplitude of 0.
    """
    where = 'envelope_correlation'
    xp, z = oscillations(data, sampling_period, band, where)
    amplitude = abs(z)
    if xp is np and (orthogonalize or log) and not amplitude.all():
        region = int(np.argwhere(amplitude == 0)[0][-1])
        raise ValueError(f'{where}(data) has amplitudes above 0; got 0 at region {region}.')

    def scaled(envelope: Any) -> Any:
        return standardised(xp, 2 * xp.log(envelope) if log else envelope, f'{where}: the amplitude')

    own = scaled(amplitude)
    if not orthogonalize:
        return xp.clip(gram(xp, own), -1.0, 1.0)
    itself = np.eye(z.shape[-1], dtype=bool)

    def to(seed: Any) -> Any:
        direction = xp.conj(xp.take(z, seed, axis=-1) / xp.take(amplitude, seed, axis=-1))[..., None]
        # nothing is orthogonal to itself: something that varies stands in, and is taken away below
        rest = xp.where(xp.take(itself, seed, axis=0), amplitude, abs((z * direction).imag))
        if xp is np and (rest.max(axis=-2) <= _NOTHING * amplitude.max(axis=-2)).any():
            raise ValueError(
                f'{where}(data) has regions of which something is orthogonal to the others; got one that is region '
                f'{seed} times a number.'
            )
        return (scaled(rest) * xp.take(own, seed, axis=-1)[..., None]).sum(axis=-2)

    correlation = xp.moveaxis(each(xp, to, range(z.shape[-1])), 0, -2)
    return xp.where(itself, 0.0, xp.clip((correlation + xp.swapaxes(correlation, -1, -2)) / 2, -1.0, 1.0))
