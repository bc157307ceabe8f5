"""What two sources share that is not simultaneous."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import in_double, xp_of
from brainfwd.inverse.functions.arguments import concrete, matrix

__all__ = ['imaginary_coherence']

_WHERE = 'imaginary_coherence'


def imaginary_coherence(source_data: Any, ref_idx: int) -> Any:
    r"""Imaginary part of the coherency of each source with a reference.

    .. math:: I_i = \mathrm{Im} \frac{\langle z_i \, \bar z_{ref} \rangle}
        {\sqrt{\langle |z_i|^2 \rangle \langle |z_{ref}|^2 \rangle}}

    over the times. Positive where source i is ahead. What sources share without a lag, as leakage and volume
    conduction are, adds to the real part alone: a lag is needed for the imaginary part not to vanish, though leakage
    still makes it smaller, and lets neighbours of two sources with a lag show one too.

    Parameters
    ----------
    source_data : Quantity or array
        (n_sources, n_times) complex analytic signals of any unit, sources first, in a band: the transpose of
        `metrics.analytic_signal`.
    ref_idx : int
        Which source is the reference.

    Returns
    -------
    array
        (n_sources,) between -1 and 1; 0 at the reference.

    Raises
    ------
    ShapeError, TypeError, ValueError
        Another shape, real data, an index out of range, values that are not finite, a source that is silent.

    Notes
    -----
    Nolte et al. (2004), Clin. Neurophysiol. 115, 2292-2307.
    """
    z = u.get_mantissa(source_data)
    xp = xp_of(z)
    z = xp.asarray(z)
    matrix(z, f'{_WHERE}(source_data)', '(n_sources, n_times)')
    if not xp.iscomplexobj(z):
        raise TypeError(
            f'{_WHERE}(source_data) is complex, as real series have no imaginary part: write '
            f'bf.metrics.analytic_signal(x.T, sampling_period, band=...).T.'
        )
    known = concrete(abs(z))
    if known is not None:
        checks.finite(known, f'{_WHERE}(source_data)')
        silent = np.flatnonzero(~known.any(axis=1))
        if len(silent):
            raise ValueError(f'{_WHERE}(source_data) varies at every source; got zeros at {checks.listed(silent)}.')
    index = concrete(ref_idx)
    if index is not None and (index.shape or index != int(index) or not 0 <= index < len(z)):
        raise ValueError(f'{_WHERE}(ref_idx) is a source, from 0 to {len(z) - 1}; got {ref_idx!r}.')

    def coherency(z: Any) -> Any:
        # relative to the largest value, or squares of small numbers are lost
        z = z / abs(z).max(axis=1, keepdims=True)
        z = z / xp.sqrt((z * z.conj()).real.sum(axis=1, keepdims=True))
        return (z * xp.take(z, ref_idx, axis=0).conj()).sum(axis=1).imag

    return in_double(coherency, z)
