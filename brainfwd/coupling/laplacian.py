"""Diffusion on the graph of connections."""

from typing import Any

import jax.numpy as jnp

from brainfwd._core import checks
from brainfwd.coupling import connections
from brainfwd.coupling.base import Coupling

__all__ = ['LaplacianCoupling']


class LaplacianCoupling(Coupling):
    r"""Diffusion by the Laplacian of the graph, as it is or normalised.

    .. math::
        c_i(t) = k \Big(\sum_j \tilde w_{ij}\, x_j(t - d_{ij}) - \tilde d_i\, x_i(t)\Big), \qquad d_i = \sum_j w_{ij}

    ============= ===================================== ==========================================
    ``normalize`` weights                               without delays, :math:`k \tilde L x`
    ============= ===================================== ==========================================
    ``None``      :math:`w_{ij}`                        :math:`W - D`; that of `DiffusiveCoupling`
    ``'rw'``      :math:`w_{ij} / d_i`                  :math:`D^{-1} W - 1`, of a random walk
    ``'sym'``     :math:`w_{ij} / \sqrt{d_i d_j}`       :math:`D^{-1/2} W D^{-1/2} - 1`
    ============= ===================================== ==========================================

    Normalised, every region is pulled equally hard, and :math:`\tilde d_i` is 1; a region onto which nothing projects
    receives nothing. Weights are not negative.

    Parameters
    ----------
    normalize : {None, 'rw', 'sym'}
        Which Laplacian.
    """

    def __init__(
        self,
        conn: Any,
        k: Any = 1.0,
        tract_lengths: Any = None,
        conduction_speed: Any = None,
        delays: Any = None,
        *,
        normalize: str | None = None,
        **values: Any,
    ):
        super().__init__(conn, k, tract_lengths, conduction_speed, delays, **values)
        if normalize is not None:
            checks.choice(normalize, ('rw', 'sym'), f'{type(self).__name__}.normalize, where it is given,')
        self.normalize = normalize

    def new_connections(self, conn: Any) -> None:
        """Refuse negative weights."""
        checks.non_negative(conn.data if connections.is_sparse(conn) else conn, f'{type(self).__name__}.conn')
        super().new_connections(conn)

    def pre(self, source: Any) -> Any:
        """The source, over the root of its strength for ``'sym'``."""
        return source * self._inverse_strength(0.5) if self.normalize == 'sym' else source

    def post(self, total: Any, target: Any) -> Any:
        """The total of the differences."""
        if self.normalize is None:
            return total - self.in_strength * target
        total = total * self._inverse_strength(0.5 if self.normalize == 'sym' else 1.0)
        return total - (self.in_strength > 0) * target

    def _inverse_strength(self, power: float) -> Any:
        strength = self.in_strength
        return jnp.where(strength > 0, jnp.where(strength > 0, strength, 1.0) ** -power, 0.0)
