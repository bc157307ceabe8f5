"""Linearly constrained minimum variance."""

from typing import Any

from brainfwd.inverse.beamformers.beamformer import Beamformer

__all__ = ['LCMV']


class LCMV(Beamformer):
    r"""Linearly constrained minimum variance: the beamformer of time series (nA m; no unit when normalised).

    .. math:: w_i = \frac{g_i^T C^{-1}}{g_i^T C^{-1} g_i}, \qquad
        w_i^{noise} = \frac{g_i^T C^{-1}}{\sqrt{g_i^T C^{-2} g_i}}, \qquad
        w_i^{nai} = w_i^{noise} / \sqrt{\sigma^2}

    for one direction, with g the whitened gain and C the whitened, loaded covariance of the data; `Beamformer` has the
    parameters. ``fit(lead_field, noise_cov, data_cov=recording.covariance())``. Without ``noise_cov``, noise is taken
    to be alike and independent on all sensors; that is enough for unit gain and the neural activity index where there
    is one type of channel.

    Sources: Van Veen et al. (1997), IEEE Trans. Biomed. Eng. 44, 867-880; Sekihara & Nagarajan (2008), Adaptive spatial
    filters for electromagnetic brain imaging, Springer (directions, norms).
    """

    def covariance_of_interest(self, data_cov: Any) -> Any:
        return data_cov
