"""A variance for each source: sparse Bayesian learning."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd.inverse.bayes.learned_prior import LearnedPrior

__all__ = ['Champagne', 'GammaMAP']

_GROUPS = ('source', 'component')


class GammaMAP(LearnedPrior):
    r"""A variance for each source, learned from the data; that of most goes to zero (nA m).

    .. math:: s_i \sim \mathcal N(0, \gamma_i R_i), \quad \gamma_i \leftarrow \gamma_i
        \sqrt{\frac{\mathrm{tr}(G_i^T S^{-1} C_y S^{-1} G_i)}{\mathrm{tr}(G_i^T S^{-1} G_i)}}

    by convex bounding, the update of Champagne; `learn` has the other, and `LearnedPrior` the rest. Correlated sources
    do not cancel one another, as they do in a beamformer.

    Parameters
    ----------
    groups : {'source', 'component'}
        Of orientations that are not fixed: whether the three components of a source have one variance, or each its
        own. Then the answer depends on the axes.
    sigma : Quantity, optional
        sFLEX: sources are sums of smooth patches, Gaussians of this width around each source, and it is these that are
        sparse (`spatial_basis`). Of a LeadField, which knows where its sources are.
    noise, update, orientation, loose, max_iter, tol, rank
        As for `LearnedPrior`.

    Source: Wipf & Nagarajan (2009), NeuroImage 44, 947-966; Wipf et al. (2010), NeuroImage 49, 641-655; Haufe et al.
    (2011), NeuroImage 54, 851-859 (sFLEX).
    """

    def __init__(self, *, groups: str = 'source', sigma: Any = None, **options: Any):
        super().__init__(**options)
        me = type(self).__name__
        self._groups = checks.choice(groups, _GROUPS, f'{me}(groups=...)')
        if sigma is not None:
            sigma = checks.quantity(sigma, u.mm, f'{me}(sigma=...)', 'the width of the patches')
            if not sigma.mantissa > 0:
                raise ValueError(f'{me}(sigma=...) is the width of the patches, above zero; got {sigma}.')
        self._sigma = sigma
        self._spatial: tuple[Any, Any] | None = None

    @property
    def groups(self) -> str:
        """Whether the components of a source share a variance."""
        return self._groups

    @property
    def sigma(self) -> u.Quantity | None:
        """Width of the patches, mm; None without."""
        return self._sigma

    def grouped(self, columns: Any) -> Any:
        return columns if self._groups == 'source' else columns.reshape(len(columns), -1, 1)

    def by_component(self, gamma: Any, shape: tuple[int, int]) -> Any:
        return gamma.reshape(shape[0], -1) * np.ones(shape[1] if self._groups == 'source' else 1)

    def _basis(self, positions: Any) -> Any:
        if self._sigma is None:
            return None
        if positions is None:
            raise TypeError(
                f'{type(self).__name__}.fit(lead_field) is a LeadField, which knows where its sources are, for '
                f'sigma=...; got a gain alone: give a LeadField, or leave sigma out.'
            )
        from brainfwd.inverse.bayes.spatial_basis import spatial_basis

        if self._spatial is None or self._spatial[0] is not positions:
            self._spatial = positions, spatial_basis(positions * u.meter, self._sigma)
        return self._spatial[1]

    def _shown(self) -> list[str]:
        shown = [] if self._groups == 'source' else [f'groups={self._groups!r}']
        return [*super()._shown(), *shown, *([] if self._sigma is None else [f'sigma={self._sigma}'])]


Champagne = GammaMAP
"""The name by which `GammaMAP` with its default update, convex bounding, is known."""
