"""Exact low-resolution electromagnetic tomography."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core.linear_algebra import solve_positive, symmetric_power
from brainfwd._core.units import nAm
from brainfwd.inverse.minimum_norm.weighted import WeightedMinimumNorm
from brainfwd.inverse.problem import WhitenedProblem

__all__ = ['ELORETA']

# relative change of the prior at which it has settled, and how often it may change: those of MNE-Python
_SETTLED, _ROUNDS = 1e-6, 20
# of the best seen direction of a source, as power: a worse one counts as not seen at all
_UNSEEN = 1e-7


class ELORETA(WeightedMinimumNorm):
    r"""Minimum norm under the prior with which a single source is found without error (nA m).

    .. math:: R_i \propto \left( G_i^T (G R G^T + \lambda^2 I)^{-1} G_i \right)^{-1/2}

    for each source i, scaled so that :math:`\mathrm{tr}(G R G^T)` is the rank. Found by iteration from equal priors,
    until they change by less than 1e-6 of their size, or 20 times.

    The map of a single source, fixed or free, peaks exactly at it; so does the mean power of the map when there is
    noise besides, of the covariance assumed, :math:`C + G R G^T / \lambda^2`. With ``'loose'`` the prior of the
    orientations is applied again at each step, as in MNE-Python, and then it need not. There is no ``depth``: the
    iteration would undo it. With ``regularisation`` the rule is applied to the equal priors.

    Warns
    -----
    UserWarning
        The prior has not settled. In compiled code, which always runs the 20 steps and disregards those after it has
        settled, there is no warning.

    Source: Pascual-Marqui (2007), arXiv:0710.3341.
    """

    unit = nAm

    depth = None

    def prior(self, problem: WhitenedProblem) -> Any:
        """(sources, K, K) prior from which the iteration starts: sources are equal."""
        root = self.orientation_root(problem)
        return root @ root

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        root, xp = self.orientation_root(problem), problem.xp
        # (sources, K, directions), for products by source
        leads = root @ xp.moveaxis(problem.gain, 0, -1)
        identity = xp.eye(leads.shape[-1])

        def normalised(prior: Any) -> tuple[Any, Any]:
            model_cov = _stacked(leads).T @ _stacked(prior @ leads)
            scale = problem.rank / xp.trace(model_cov)
            return prior * scale, model_cov * scale

        def step(_: Any, model_cov: Any) -> tuple[Any, Any]:
            inverse = solve_positive(model_cov + lambda2 * identity, identity)
            seen = (_stacked(leads) @ inverse).reshape(leads.shape) @ leads.swapaxes(-1, -2)
            return normalised(root @ symmetric_power(seen, -0.5, _UNSEEN) @ root)

        start = normalised(self.prior(problem))
        lambda2 = self.lambda2_of(problem, start[1])
        prior, _ = (_settled if xp is np else _settled_compiled)(step, start)
        return self.regularised(problem, prior, lambda2)[0]


def _stacked(leads: Any) -> Any:
    return leads.reshape(-1, leads.shape[-1])


def _change(new: Any, old: Any, xp: Any) -> Any:
    return xp.linalg.norm((new - old).ravel()) / xp.linalg.norm(old.ravel())


def _settled(step: Callable, state: tuple[Any, Any]) -> tuple[Any, Any]:
    for _ in range(_ROUNDS):
        old, state = state, step(*state)
        change = _change(state[0], old[0], np)
        if change < _SETTLED:
            return state
    warnings.warn(
        f'ELORETA.fit: the prior of the sources still changed by {change:.1e} of its size after {_ROUNDS} steps, so '
        'that single sources are found with an error. A lower snr settles sooner.',
        stacklevel=9,
    )
    return state


def _settled_compiled(step: Callable, state: tuple[Any, Any]) -> tuple[Any, Any]:
    """The same in as many steps as there may be, for reverse mode; computed again there, for the memory."""

    def advanced(carry: Any) -> Any:
        state, _ = carry
        new = step(*state)
        return new, _change(*jax.lax.stop_gradient((new[0], state[0])), jnp) >= _SETTLED

    def keep(carry: Any, _: None) -> tuple[Any, None]:
        # what has settled costs nothing more
        return jax.lax.cond(carry[1], advanced, lambda settled: settled, carry), None

    return jax.lax.scan(jax.checkpoint(keep), (state, True), None, length=_ROUNDS)[0][0]
