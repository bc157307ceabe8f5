"""Mixed-norm estimates: few sources, each with a time course."""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import in_double, is_traced
from brainfwd._core.units import nAm
from brainfwd.inverse.functions.group_lasso import back, dual_norm, minimum
from brainfwd.inverse.methods import of_a_solver
from brainfwd.inverse.mixed_norm.debiased import factors, factors_in_compiled_code
from brainfwd.inverse.mixed_norm.newton import lengths, sparse_sources
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.setting import Setting
from brainfwd.inverse.solver import InverseSolver

__all__ = ['MixedNorm']

_TO_NAM = 1e9
_ONLY_LINEAR = ('kernel', 'kernel_for', 'whitened_kernel', 'resolution_matrix')
_ONLY_GAUSSIAN = ('model', 'posterior', 'posterior_variance')


class MixedNorm(InverseSolver):
    r"""The dipole moments of few sources, each with a time course (nA m): all others are exactly zero.

    .. math:: \hat S = R^{1/2} \arg\min_X \tfrac12 \|W (Y - G R^{1/2} X)\|_F^2
        + \tfrac{\alpha}{100} \lambda_{max} \sum_i \|X_i\|_F

    with W the whitener, R the prior covariance (depth, orientation) and :math:`X_i` all components of source i at all
    times; :math:`\lambda_{max}` is the least that leaves no source. It is not linear, and has no kernel: `update` takes
    a series (..., times, sensors) as one problem, a single sample as a series of one, and a batch one by one. Sources
    are chosen for the whole of a series, so that what one calls a series matters: a response, not an hour.

    The noise covariance says how sensors compare; its size, and ``nave``, make no difference. There is no posterior: of
    a Gaussian model that is as sparse see `GammaMAP`.

    Parameters
    ----------
    alpha : float
        How sparse, in percent of what leaves no source: above 0, at most 100.
    depth : float
        Exponent of the depth weighting: the variance of source i is :math:`\|W G_i\|_F^{-2 \cdot depth}`, 0 for none.
    orientation : str
        ``'fixed'``: along the normals of the cortex, and the answer has a sign. ``'free'``: any direction, and
        ``'loose'``: mostly along the normals; the answer is the length of the vector, and the lead field must be of
        free orientation.
    loose : float
        With ``'loose'``: variance of each tangential component, relative to that of the normal one, 0 < loose <= 1.
    debias : bool
        Give back the size that the penalty takes: each source times one factor, at least 1, by which all of them
        explain the data best. Without, the answer is the minimum above.
    tol : float
        Stop where the duality gap is below this share of :math:`\|W Y\|_F^2 / 2`, the objective without sources.
    max_iter : int
        Steps at most: tens or hundreds of Newton's outside of compiled code, many more of the plain method within.
    rank : dict of str to int, optional
        As for `LinearInverse`.

    Raises
    ------
    ValueError
        A parameter out of range.

    Notes
    -----
    Outside of compiled code the minimum is sought among the sources that see more than they may, by Newton's method on
    the dual, and the gap is checked over all. `gap`, `n_iter`, `converged` and `stopped` tell of the last such
    `update`, which warns when it did not converge. In compiled code all sources are iterated by the method of
    `solve_inverse_admm`: for small problems, and for gradients, which are those of the minimum (implicit
    differentiation), right while the same sources stay active. Nothing can warn there.

    Gramfort, Kowalski & Hämäläinen (2012), Phys. Med. Biol. 57, 1937-1961; Strohmeier et al. (2016), IEEE Trans. Med.
    Imaging 35, 2218-2228 (depth, debiasing).
    """

    unit = nAm
    orientations = ('fixed', 'loose', 'free')

    alpha = Setting(50.0, 'sparsity, in percent of what leaves no source', most=100.0)
    depth = Setting(0.8, 'exponent of the depth weighting', zero=True)
    loose = Setting(0.2, 'variance of tangential components relative to the normal one', most=1.0)
    tol = Setting(1e-6, 'duality gap at which to stop')

    def __init__(self, *, debias: bool = True, max_iter: int = 3000, **options: Any):
        if 'regularisation' in options:
            raise TypeError('MixedNorm(regularisation=...) is for linear solvers: write MixedNorm(alpha=...).')
        super().__init__(**options)
        if not isinstance(debias, bool | np.bool_):
            raise TypeError(f'MixedNorm(debias=...) is True or False; got {debias!r}.')
        self._debias = bool(debias)
        self._max_iter = checks.positive_int(max_iter, 'MixedNorm(max_iter=...)')
        self._last: tuple[float, int, bool] | None = None

    @property
    def debias(self) -> bool:
        """Whether the size that the penalty takes is given back."""
        return self._debias

    @property
    def max_iter(self) -> int:
        """Steps at most."""
        return self._max_iter

    @property
    def gap(self) -> float:
        """The duality gap of the last update outside of compiled code, the largest of a batch; see ``tol``."""
        return self._of_last()[0]

    @property
    def n_iter(self) -> int:
        """Steps of the last update outside of compiled code, the most of a batch."""
        return self._of_last()[1]

    @property
    def converged(self) -> bool:
        """Whether the gap of the last update outside of compiled code came below ``tol``."""
        return self.gap <= self.tol

    @property
    def stopped(self) -> str:
        """Why the last update outside of compiled code stopped."""
        reached = f'after {self.n_iter} steps the duality gap is {self.gap:.2g} of the objective without sources'
        why = (
            'converged' if self.converged else 'at the limit of rounding' if self._of_last()[2] else 'out of iterations'
        )
        return f'{why}: {reached}'

    @of_a_solver
    def vectors(self, y: Any) -> Any:
        """(..., times, sources, 3) components in x, y, z of the head frame; their length is what `update` answers."""
        where = f'{type(self).__name__}.vectors(y)'
        if self.orientation == 'fixed':
            raise ValueError(f'{where} is of a solver whose answer is a vector; this one answers along one direction.')
        return self._in_unit(self._moments(*self._numbers(y, where), as_lengths=False))

    def _prepared(self, problem: WhitenedProblem) -> Any:
        strength = (problem.gain**2).sum(axis=(0, 2))
        root = self.orientation_root(problem)
        root = root * ((strength / strength.max()) ** (-self.depth / 2))[:, None, None]
        gain = problem.xp.einsum('mnk,nkl->mnl', problem.gain, root) / _TO_NAM
        return {'white': problem.white, 'gain': gain, 'root': root}

    def _applied(self, prepared: Any, y: Any) -> Any:
        return self._moments(prepared, y, as_lengths=True)

    def _moments(self, prepared: dict, y: Any, *, as_lengths: bool) -> Any:
        """(..., times, sources, 3), or (..., times, sources): with a sign, or lengths."""
        if np.iscomplexobj(y):
            raise TypeError(f'{type(self).__name__}.update(y) is of real data; got complex numbers.')
        series = y.reshape(math.prod(y.shape[:-2]), *y.shape[-2:-1] or (1,), y.shape[-1])
        if is_traced((prepared, series)):
            moments = in_double(self._in_compiled_code, self._settings(), prepared, series)
        else:
            moments = self._outside(prepared, np.asarray(series, float))
        if moments.shape[-1] == 1:
            moments = moments[..., 0]
        elif as_lengths:
            moments = _lengths(moments)
        moments = moments.reshape(*y.shape[:-1], *moments.shape[2:])
        return moments if isinstance(y, np.ndarray) else jnp.asarray(moments, jnp.result_type(y, 1.0))

    def _settings(self) -> dict:
        return {'alpha': self.alpha, 'tol': self.tol}

    def _outside(self, prepared: dict, series: np.ndarray) -> np.ndarray:
        white, gain, root = (np.ascontiguousarray(prepared[name], float) for name in ('white', 'gain', 'root'))
        alpha, tol = float(self.alpha), float(self.tol)
        moments, reports = np.zeros((*series.shape[:2], *root.shape[:2])), []
        for one, answer in zip(series, moments, strict=True):
            # turning the times changes no length: as many are left as there are directions
            left, sizes, right = np.linalg.svd(white @ one.T, full_matrices=False)
            data = left * sizes
            largest = lengths(back(gain, data)).max()
            if largest == 0:
                continue
            found = sparse_sources(data, gain * (100 / largest), alpha, tol, self.max_iter)
            reports.append(found[1:])
            active = np.flatnonzero(found.sources.any(axis=(1, 2)))
            x = found.sources[active] * (100 / largest)
            if self.debias:
                x = x * factors(data, gain[:, active], x)[:, None, None]
            answer[:, active] = (root[active] @ (x @ right)).transpose(2, 0, 1)
        gap, n_iter, rounded = max(reports, default=(0.0, 0, False))
        self._last = gap, max((report[1] for report in reports), default=0), rounded
        if not self.converged:
            after, write = f'max_iter={self.max_iter}', ': write a larger max_iter, alpha or tol'
            if rounded:
                after, write = str(n_iter), ', and rounding leaves no less: write a larger tol'
            warnings.warn(
                f'MixedNorm.update: after {after} steps the duality gap is {gap:.1e}, more than tol={tol:g}{write}.',
                stacklevel=6,
            )
        return moments

    def _in_compiled_code(self, settings: dict, prepared: dict, series: Any) -> Any:
        gain, root = prepared['gain'], prepared['root']

        def one(y: Any) -> Any:
            data = prepared['white'] @ y.T
            equal = jnp.ones(gain.shape[1])
            largest = dual_norm(back(gain, data), equal, (1, 2)).max()
            scale = 100 / jnp.where(largest > 0, largest, 1.0)
            x, _, _, _ = minimum(data, gain * scale, settings['alpha'] * equal, settings['tol'], (1, 2), self.max_iter)
            x = x * scale
            if self.debias:
                x = x * factors_in_compiled_code(data, gain, x)[:, None, None]
            return (root @ x).transpose(2, 0, 1)

        return jax.lax.map(one, series)

    def _of_last(self) -> tuple[float, int, bool]:
        if self._last is None:
            raise RuntimeError('MixedNorm has seen no data outside of compiled code: write .update(y) first.')
        return self._last

    def _shown(self) -> list[str]:
        return [*super()._shown(), *([] if self.debias else ['debias=False'])]

    def __getattr__(self, name: str) -> Any:
        if name in _ONLY_LINEAR:
            raise AttributeError(f'MixedNorm.{name} is of linear solvers; this one is not linear in the data.')
        if name in _ONLY_GAUSSIAN:
            raise AttributeError(
                f'MixedNorm.{name} is of solvers with a Gaussian model; this one has none: take bf.inverse.GammaMAP, '
                f'which is as sparse.'
            )
        raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')


def _lengths(vectors: Any) -> Any:
    """Of the last axis; the gradient at zero is zero."""
    if isinstance(vectors, np.ndarray):
        return np.linalg.norm(vectors, axis=-1)
    power = jnp.square(vectors).sum(axis=-1)
    return jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)
