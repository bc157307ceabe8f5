"""How much of a source is lost because others vary along with it."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.metrics.series import numbers, standardised, unpack

__all__ = ['cancellation']

# relative to an answer that follows the truth: below it, an answer is rounding
_NOTHING = 1e-12


def cancellation(together: Any, alone: Any, truth: Any) -> Any:
    r"""Share of each source that an estimate loses when all sources are active, against each being active alone.

    .. math:: 1 - \frac{\mathrm{cov}(\hat s^{\,together}_b, s_b)}{\mathrm{cov}(\hat s^{\,alone}_b, s_b)}

    0 when nothing is lost, 1 when the source has vanished; below 0 when others add to it. Covariances with the truth
    count only what follows it, not the noise in an estimate. LCMV loses the square of the correlation of two sources
    where there is little noise: a filter may use what comes from elsewhere to reduce its output. `leakage` tells what
    came from where. Source: Sekihara et al. (2002), IEEE Trans. Biomed. Eng. 49, 1534-1546.

    Parameters
    ----------
    together : SourceEstimate, Quantity or array
        (..., times, sources) estimated at the true sources, from data in which all of them are active.
    alone : SourceEstimate, Quantity or array
        (..., times, sources), for each source from data in which no other one is active, by a solver fitted to these;
        in the unit of ``together``.
    truth : SourceEstimate, Quantity or array
        (..., times, sources) the true time courses, the same in both; their unit does not matter.

    Returns
    -------
    float or array
        (..., sources), without a unit.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that differ; values that are not finite; a source that is constant in truth; one whose estimate
        does not follow the truth even alone.
    """
    where = 'cancellation'
    together, alone, truth = (unpack(value, None, where)[0] for value in (together, alone, truth))
    alone = checks.quantity(alone, u.get_unit(together), f'{where}(alone)', 'as together')
    xp, a, b, true = numbers({
        f'{where}(together)': together, f'{where}(alone)': alone, f'{where}(truth)': truth,
    })  # fmt: skip
    if true.ndim < 2 or true.shape[-2] < 2:
        raise checks.ShapeError(
            f'{where}(truth) has shape (..., times, sources), at least 2 times; got {tuple(true.shape)}.'
        )
    for name, x in (('together', a), ('alone', b)):
        checks.shape_is(x, true.shape, f'{where}({name})', 'of the truth')
    course = standardised(xp, true, f'{where}(truth)', of='source')
    a, b = (x - x.mean(axis=-2, keepdims=True) for x in (a, b))
    of_a, of_b = ((x * course).sum(axis=-2) for x in (a, b))
    silent = abs(of_b) <= _NOTHING * abs(b).max(axis=-2)
    if xp is np and silent.any():
        source = int(np.argwhere(silent)[0][-1])
        raise ValueError(f'{where}(alone) follows the truth; got source {source}, which does not: it has none to lose.')
    return (1 - of_a / of_b)[()]
