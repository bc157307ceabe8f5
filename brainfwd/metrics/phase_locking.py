"""Whether phases keep a distance."""

from typing import Any

from brainfwd.metrics.analytic import rotations
from brainfwd.metrics.series import each, gram

__all__ = ['phase_lag_index', 'phase_locking_value']

# radian: what rounding leaves of no lag has no sign
_NO_LAG = 1e-6


def phase_locking_value(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    r"""How constant the difference of phase of two regions is (PLV).

    .. math:: P_{ij} = \big| \big\langle e^{i (\varphi_i - \varphi_j)} \big\rangle \big|

    over the times: 1 for any constant difference; around :math:`\sqrt{\pi / 4n}` for independent series, with n the
    duration times the width of the band. Source: Lachaux et al. (1999), Hum. Brain Mapp. 8, 194-208.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), or channels, or sources; what is complex is taken as an `analytic_signal`.
    sampling_period : Quantity, optional
        Time between samples; records bring their own. Not needed without a band.
    band : tuple of two Quantities, optional
        From and to, Hz, as in `analytic_signal`.

    Returns
    -------
    array
        (..., regions, regions) between 0 and 1.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `analytic_signal`; an amplitude of 0, which has no phase.
    """
    xp, z = rotations(data, sampling_period, band, 'phase_locking_value')
    return xp.clip(abs(gram(xp, z)) / z.shape[-2], 0.0, 1.0)


def phase_lag_index(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    r"""How constantly one region is ahead of another in phase (PLI).

    .. math:: L_{ij} = \big| \big\langle \mathrm{sign} \sin (\varphi_i - \varphi_j) \big\rangle \big|

    Sources that leak into two series at once do not count, as they have no lag. It counts signs, so that its gradient
    is zero. Source: Stam et al. (2007), Hum. Brain Mapp. 28, 1178-1193.

    Parameters
    ----------
    data : Recording, SourceEstimate, ChannelGroups, Quantity or array
        (..., times, regions), or channels, or sources; what is complex is taken as an `analytic_signal`.
    sampling_period : Quantity, optional
        Time between samples; records bring their own. Not needed without a band.
    band : tuple of two Quantities, optional
        From and to, Hz, as in `analytic_signal`.

    Returns
    -------
    array
        (..., regions, regions) between 0 and 1; 0 on the diagonal.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `phase_locking_value`.
    """
    xp, z = rotations(data, sampling_period, band, 'phase_lag_index')

    def to(seed: Any) -> Any:
        one = xp.take(z, seed, axis=-1)
        lag = (z * xp.conj(one)[..., None]).imag
        return abs(xp.where(abs(lag) > _NO_LAG, xp.sign(lag), 0.0).mean(axis=-2))

    return xp.moveaxis(each(xp, to, range(z.shape[-1])), 0, -2)
