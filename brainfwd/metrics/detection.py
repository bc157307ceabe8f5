"""How well a map tells active from silent sources."""

from typing import Any

import numpy as np

from brainfwd.metrics.maps import magnitudes, true_sources

__all__ = ['auc']


def auc(estimate: Any, truth: Any) -> Any:
    r"""Area under the receiver operating characteristic, exactly, from ranks.

    .. math:: \mathrm{AUC} = P(|\hat s_i| > |\hat s_j|) + \tfrac12 P(|\hat s_i| = |\hat s_j|)

    for an active source i and a silent source j: 1 when every active source is above every silent one, 0.5 by chance.
    It depends on the order of the magnitudes alone, not on their unit. Source: Hanley & McNeil (1982), Radiology 143,
    29-36.

    Parameters
    ----------
    estimate : SourceEstimate, Quantity or array
        (..., sources) one map, or several.
    truth : int or array of bool
        The one active source by its index, or (sources,) True for those of the driven region.

    Returns
    -------
    float or array
        (...) between 0 and 1.

    Raises
    ------
    ShapeError, ValueError
        A map that is not finite or does not fit ``truth``; no active or no silent source.
    """
    scores = magnitudes(estimate, 'auc(estimate)')
    active = true_sources(truth, scores.shape[-1], 'auc(truth)')
    if active.all():
        raise ValueError('auc(truth) has at least one silent source; got none.')
    silent = np.sort(scores[..., ~active], axis=-1)
    areas = [
        # half of those below, and half of those below or equal: ties count one half
        (np.searchsorted(low, high, side='left') + np.searchsorted(low, high, side='right')).mean() / 2 / low.size
        for low, high in zip(
            silent.reshape(-1, silent.shape[-1]), scores[..., active].reshape(-1, int(active.sum())), strict=True
        )
    ]
    return np.reshape(areas, scores.shape[:-1])[()]
