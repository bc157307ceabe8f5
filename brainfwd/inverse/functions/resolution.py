"""What a kernel makes of each source."""

from typing import Any

from brainfwd._core.linear_algebra import in_double
from brainfwd.inverse.functions.arguments import matrix, unpack

__all__ = ['compute_resolution_matrix']


def compute_resolution_matrix(gain: Any, K: Any) -> Any:
    r"""What comes back of each source without noise, :math:`R = K G`: the identity, were the kernel perfect.

    Column j is the point spread of source j: where its activity is seen. Row i is the cross talk of estimate i: which
    sources it holds. No kernel has :math:`R = I` for more sources than sensors, as R has their rank at most.

    Parameters
    ----------
    gain : Quantity or array
        (n_sensors, n_sources) lead field.
    K : Quantity or array
        (n_sources, n_sensors) kernel of any linear solver, complex where that is (`DICS` with ``real_filter=False``);
        bare where ``gain`` is.

    Returns
    -------
    Quantity or array
        (n_sources, n_sources), complex where ``K`` is; without a unit for kernels that answer with moments; per nA m
        for those that answer in units of noise.

    Raises
    ------
    UnitError, ShapeError, TypeError, ValueError
        Units or shapes that do not fit together, records or several types of channel, or values that are not finite.
    """
    where = 'compute_resolution_matrix'
    units, (gain, K) = unpack(where, gain=gain, K=K)
    matrix(gain, f'{where}(gain)')
    matrix(K, f'{where}(K)', '(n_sources, n_sensors)', rows=gain.shape[1])
    matrix(K.T, f'{where}(K).T', '(n_sensors, n_sources)', rows=len(gain))
    return units.of(in_double(lambda g, k: k @ g, gain, K), 0, units.moment - 1)
