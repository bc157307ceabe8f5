"""How much all regions are in phase, and how that comes and goes."""

from typing import Any

from brainfwd.metrics.analytic import rotations

__all__ = ['kuramoto_order_parameter', 'metastability', 'synchrony']


def kuramoto_order_parameter(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    r"""Length of the mean of all phases at each time.

    .. math:: R(t) = \Big| \frac1N \sum_{j=1}^{N} e^{i \varphi_j(t)} \Big|

    1 when all regions are in phase; around :math:`\sqrt{\pi / 4N}` for N independent ones. Source: Kuramoto (1984),
    Chemical Oscillations, Waves, and Turbulence, Springer.

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
        (..., times) between 0 and 1.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `analytic_signal`; an amplitude of 0, which has no phase.
    """
    return _order(data, sampling_period, band, 'kuramoto_order_parameter')


def synchrony(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    """Mean of the `kuramoto_order_parameter` over time, (...); parameters and errors are the same."""
    return _order(data, sampling_period, band, 'synchrony').mean(axis=-1)


def metastability(data: Any, sampling_period: Any = None, *, band: tuple[Any, Any] | None = None) -> Any:
    """Standard deviation of the `kuramoto_order_parameter` over time, (...); parameters and errors are the same.

    Large where regions fall in and out of phase; small when they never, or always, are. Source: Shanahan (2010), Chaos
    20, 013108, who takes the variance; the standard deviation as Deco et al. (2017), Sci. Rep. 7, 3095.
    """
    return _order(data, sampling_period, band, 'metastability').std(axis=-1)


def _order(data: Any, sampling_period: Any, band: Any, where: str) -> Any:
    _, z = rotations(data, sampling_period, band, where)
    return abs(z.mean(axis=-1))
