"""What the data leave open about the sources, as an operator."""

import functools
from dataclasses import dataclass
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import in_double, inverse_factor, is_traced, symmetric_power, xp_of
from brainfwd._core.units import nAm

# of a variance of noise: what a source may be, by its prior, for a thousandth of the difference to be right
_MOST = 1e-3 / np.finfo(float).eps

__all__ = ['Posterior', 'inverse_root', 'projected', 'spread']


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    r"""A Gaussian over the moments of all sources: its mean for each sample of data, and one covariance for all.

    .. math:: s \,|\, y \sim \mathcal N\big(\bar s, \; B R^{1/2} (I - F^T F) R^{1/2} B^T\big), \qquad
        F = (X X^T + N)^{-1/2} X, \quad X = G B R^{1/2}

    of a prior covariance :math:`B R B^T`, seen in noise of covariance N. X is (directions, sources): variances, blocks,
    sums over regions and samples come from it, and the matrix of all sources by all sources is never formed unless
    `covariance` is called. Made by `LinearInverse.posterior`.

    Parameters
    ----------
    mean : Quantity
        (..., sources[, 3]), nA m.
    root : array
        (coefficients, K, K) :math:`R^{1/2}`, nA m.
    columns : array
        (directions, coefficients, K) X. Not F: rounded to float32, it would say nothing where data leave little open.
    noise : array, optional
        (directions, directions) N; without one the identity.
    basis : array or sparse matrix, optional
        (sources, coefficients) B; without one it is the identity.
    """

    mean: u.Quantity
    root: Any
    columns: Any
    noise: Any = None
    basis: Any = None

    def __repr__(self) -> str:
        return f'Posterior({self.n_sources} sources, mean of shape {self.mean.shape})'

    @property
    def n_sources(self) -> int:
        """How many sources, or regions, there are."""
        return len(self.root) if self.basis is None else self.basis.shape[0]

    @property
    def n_orientations(self) -> int:
        """1 or 3."""
        return self.root.shape[-1]

    @functools.cached_property
    def blocks(self) -> u.Quantity:
        """(sources, K, K) covariance of the components of each source, (nA m)2; K is 1 or 3."""
        return u.Quantity(in_double(self._blocks, self.root, self.columns, self.noise, either=True), unit=nAm**2)

    @functools.cached_property
    def variance(self) -> u.Quantity:
        """(sources[, 3]) variance of each moment, or of its components in x, y, z of the head frame, (nA m)2."""
        blocks = self.blocks.mantissa
        return u.Quantity(self._squeezed(xp_of(blocks).diagonal(blocks, axis1=1, axis2=2)), unit=nAm**2)

    @property
    def std(self) -> u.Quantity:
        """(sources[, 3]) standard deviation, nA m."""
        return u.math.sqrt(self.variance)

    def aggregate(self, weights: Any) -> 'Posterior':
        """Of weighted sums of sources, such as the means over regions, ``sources.mean_over(region_ids)``.

        Parameters
        ----------
        weights : array
            (sources, regions), without a unit.
        """
        where = 'Posterior.aggregate(weights)'
        weights = checks.array(weights, where)
        if np.ndim(weights) != 2 or len(weights) != self.n_sources:
            raise checks.ShapeError(f'{where} has shape ({self.n_sources}, regions); got {np.shape(weights)}.')
        fixed = self.n_orientations == 1
        mean = self.mean.mantissa
        mean = mean @ weights if fixed else (mean.swapaxes(-1, -2) @ weights).swapaxes(-1, -2)
        basis = weights.T if self.basis is None else weights.T @ self.basis
        return Posterior(u.Quantity(mean, unit=nAm), self.root, self.columns, self.noise, basis)

    def sample(self, n: int, seed: int = 0) -> u.Quantity:
        r"""(n, ..., sources[, 3]) draws, nA m: those of the mean, with spreads of the posterior.

        Each sample of the mean has its own. With z and e white,
        :math:`\bar s + B R^{1/2} (z - F^T (X X^T + N)^{-1/2} (X z + N^{1/2} e))`.
        """
        n = checks.positive_int(n, 'Posterior.sample(n)')
        shape = (n, *self.mean.shape[: self.mean.ndim - (1 if self.n_orientations == 1 else 2)])

        r, c, k = self.columns.shape
        # drawn here, as the generator of JAX does not compile for float64 within code for float32
        drawn = _normal(xp_of(self.root, self.columns, self.mean), seed, ((*shape, c * k), (*shape, r)))

        def compute(root: Any, columns: Any, noise: Any, mean: Any, z: Any, e: Any) -> Any:
            half, flat = inverse_root(columns, noise), columns.reshape(r, -1)
            data = z @ flat.T + (e if noise is None else e @ symmetric_power(noise, 0.5))
            left = z - data @ half.T @ (half @ flat)
            drawn = (left.reshape(*shape, c, 1, k) @ root)[..., 0, :]
            return mean + self._squeezed(spread(self.basis, drawn, -2))

        values = in_double(compute, self.root, self.columns, self.noise, self.mean.mantissa, *drawn, either=True)
        return u.Quantity(values, unit=nAm)

    def covariance(self) -> u.Quantity:
        """(sources, sources), or (sources, 3, sources, 3), of all sources with all others, (nA m)2: the dense matrix.

        Eight bytes times the square of the number of components: half a gigabyte for 8196.
        """

        def compute(root: Any, columns: Any, noise: Any) -> Any:
            xp, seen = xp_of(root, columns), self._seen(root, columns, noise)
            n, k, r = seen.shape
            across = xp.eye(n) if self.basis is None else _dense(self.basis, xp).T
            # (sources, K, K, sources)
            prior = spread(self.basis, (root @ root)[..., None] * across[:, None, None], 0)
            flat = seen.reshape(-1, r)
            return prior.swapaxes(2, 3) - (flat @ flat.T).reshape(n, k, n, k)

        dense = in_double(compute, self.root, self.columns, self.noise, either=True)
        return u.Quantity(dense[:, 0, :, 0] if self.n_orientations == 1 else dense, unit=nAm**2)

    def _blocks(self, root: Any, columns: Any, noise: Any) -> Any:
        c, k, _ = root.shape
        _check_digits(columns, noise)
        if self.basis is None:
            # R^(1/2) (I - F'F) R^(1/2), of each source
            by_source = projected(columns, noise).transpose(1, 0, 2)
            return root @ (xp_of(root, columns).eye(k) - by_source.swapaxes(1, 2) @ by_source) @ root
        prior = spread(self.basis, (root @ root).reshape(c, -1), 0, squared=True).reshape(-1, k, k)
        seen = self._seen(root, columns, noise)
        return prior - seen @ seen.swapaxes(1, 2)

    def _seen(self, root: Any, columns: Any, noise: Any) -> Any:
        """(sources, K, directions) what data take from the prior, B R^(1/2) F': the root of it."""
        return spread(self.basis, root @ projected(columns, noise).transpose(1, 2, 0), 0)

    def _squeezed(self, values: Any) -> Any:
        return values[..., 0] if self.n_orientations == 1 else values


def projected(columns: Any, noise: Any) -> Any:
    """(directions, coefficients, K) F."""
    return (inverse_root(columns, noise) @ columns.reshape(len(columns), -1)).reshape(columns.shape)


def inverse_root(columns: Any, noise: Any) -> Any:
    r""":math:`(X X^T + N)^{-1/2}`: what whitens the data."""
    flat = columns.reshape(len(columns), -1)
    # where compiled code keeps rows without noise, the identity stands for itself
    return inverse_factor(flat @ flat.T + (xp_of(columns).eye(len(flat)) if noise is None else noise))[0]


def _check_digits(columns: Any, noise: Any) -> None:
    """Refuse data so much stronger than the noise that the difference to the prior has no digits left."""
    if is_traced((columns, noise)):
        return
    half = None if noise is None else inverse_factor(np.asarray(noise, float))[0]
    flat = np.asarray(columns, float).reshape(len(columns), -1)
    strongest = np.square(flat if half is None else half @ flat).sum(axis=0).max(initial=0.0)
    if strongest > _MOST:
        raise ValueError(
            f'a posterior variance has no digits in float64 where a source is {strongest:.0e} times as strong as the '
            f'noise, by the prior: write a lower snr, or a noise_cov that is not too small.'
        )


def spread(basis: Any, values: Any, axis: int, *, squared: bool = False) -> Any:
    """What coefficients, along an axis, are at the sources; ``basis`` None is the identity, and may be sparse."""
    if basis is None:
        return values
    xp = xp_of(values)
    values = xp.moveaxis(values, axis, 0)
    if squared:
        basis = basis.power(2) if hasattr(basis, 'power') else basis**2
    out = _in_kind(basis, xp) @ values.reshape(len(values), -1)
    return xp.moveaxis(out.reshape(-1, *values.shape[1:]), 0, axis)


def _in_kind(basis: Any, xp: Any) -> Any:
    """A basis as NumPy, or JAX, multiplies with it."""
    if xp is np:
        return basis
    if hasattr(basis, 'toarray'):
        from jax.experimental.sparse import BCOO

        return BCOO.from_scipy_sparse(basis.tocoo())
    return xp.asarray(basis)


def _dense(basis: Any, xp: Any) -> Any:
    return xp.asarray(basis.toarray() if hasattr(basis, 'toarray') else basis)


def _normal(xp: Any, seed: int, shapes: tuple) -> list[Any]:
    """Standard normal numbers of these shapes."""
    if xp is np:
        rng = np.random.default_rng(seed)
        return [rng.normal(size=shape) for shape in shapes]
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    return [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
