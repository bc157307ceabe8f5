"""The inverse problem as a solver sees it: white noise, no units."""

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brainfwd._core.checks import listed
from brainfwd._core.linear_algebra import xp_of
from brainfwd.inverse.depth import DEPTH_KINDS, depth_prior
from brainfwd.inverse.inputs import Gain
from brainfwd.inverse.orientation import orientation_root

__all__ = ['WhitenedProblem', 'check_seen', 'whitened']

# relative to the best seen source: below it, a gain is rounding
_SILENT = 1e-12


@dataclass(frozen=True, eq=False)
class WhitenedProblem:
    r"""Find s in :math:`y = G s + n` where n is white, of variance 1 in each of ``rank`` directions.

    K is 1 for fixed orientations, 3 (x, y, z of the head frame) for others. Arrays are NumPy's, or JAX's in compiled
    code; ``xp`` is the module that computes with them.

    Parameters
    ----------
    seen : array
        (sensors, sources, K) gain before whitening, SI.
    white : array
        (directions, sensors) whitener.
    rank : int
        In how many directions there is noise. In compiled code ``white`` has rows of zeros besides.
    unwhitened : array
        (channels, sources[, 3]) gain of the channels that tell the depth of a source, in all orientations there are.
    normals : array, optional
        (sources, 3) outward normals.
    positions : array, optional
        (sources, 3) places, m; a gain alone does not know.
    data_cov : array, optional
        (directions, directions) whitened covariance of the data, as of a single repetition: the noise in it is 1.
    nave : int
        Of how many repetitions the data are an average.
    notes : dict
        What a solver writes down for the user besides its kernel, by name.
    """

    seen: Any
    white: Any
    rank: Any
    unwhitened: Any = None
    normals: np.ndarray | None = None
    positions: np.ndarray | None = None
    data_cov: Any = None
    nave: int = 1
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def xp(self) -> Any:
        """``numpy`` or ``jax.numpy``."""
        return xp_of(self.seen, self.white)

    @functools.cached_property
    def gain(self) -> Any:
        """(directions, sources, K) whitened gain, per A m."""
        n, *rest = self.seen.shape
        return (self.white @ self.seen.reshape(n, -1)).reshape(-1, *rest)

    @property
    def n_sensors(self) -> int:
        """How many channels there were before whitening."""
        return len(self.seen)

    @property
    def n_orientations(self) -> int:
        """1 or 3."""
        return self.seen.shape[2]

    def assume(self, prior: Any, noise: Any = None) -> None:
        """Write down the model behind a kernel: (coefficients, K, K) prior covariance, (A m)2, and that of the noise.

        The noise is whitened, (directions, directions), and the identity if left out; both of a single repetition.
        """
        # in (nA m)2, which float32 holds
        self.notes['prior'] = prior * 1e18
        if noise is not None:
            self.notes['noise_cov'] = noise

    def depth_prior(self, exponent: Any) -> Any:
        """(sources,) variance of each source for a depth weighting, 1 for the deepest."""
        return depth_prior(self.unwhitened, exponent)

    def orientation_root(self, loose: Any) -> Any:
        """(sources, K, K) symmetric root of the covariance of the components, 1 along the normal."""
        if self.n_orientations == 1:
            return np.ones((self.seen.shape[1], 1, 1))
        if self.normals is None:
            return np.broadcast_to(np.eye(3), (self.seen.shape[1], 3, 3))
        return orientation_root(self.normals, loose)


def whitened(gain: Gain, gain_si: Any, white: Any, fixed: bool, **more: Any) -> WhitenedProblem:
    """The problem behind a whitener, of dipoles ``fixed`` along the normals or in all directions of the gain."""
    kind = next(k for k in DEPTH_KINDS if k in gain.channels.kinds)
    seen = gain.along_normals(gain_si) if fixed and not gain.is_fixed else gain_si
    return WhitenedProblem(
        seen=seen.reshape(len(seen), gain.n_sources, -1),
        white=white,
        rank=len(white) if isinstance(white, np.ndarray) else (white != 0).any(axis=1).sum(),
        unwhitened=gain_si[gain.channels.indices(kind)],
        normals=None if gain.sources is None else gain.sources.normals,
        positions=None if gain.sources is None else gain.sources.positions.mantissa,
        **more,
    )


def check_seen(problem: WhitenedProblem, where: str) -> None:
    """Refuse sources that no sensor sees, by number."""
    strength = np.sqrt(np.square(np.asarray(problem.gain)).sum(axis=(0, 2)))
    silent = np.flatnonzero(strength <= _SILENT * strength.max())
    if len(silent):
        raise ValueError(f'{where} has sources that no sensor sees, {listed(silent)}: leave them out.')
