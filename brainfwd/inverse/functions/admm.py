"""Sparse sources, by the alternating direction method of multipliers."""

import functools
from typing import Any, NamedTuple

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.inverse.functions.arguments import Units, compiled_in_double, matrix, seen_by_sensors, unpack
from brainfwd.inverse.functions.group_lasso import back, dual_norm, minimum, objective, seen

__all__ = ['InverseResult', 'lambda_max', 'solve_inverse_admm']

# axes of (sources, 3, times) over which a group goes, whose length is penalised
_GROUPS = {'l1': (1,), 'l21': (1, 2)}


class InverseResult(NamedTuple):
    """What `solve_inverse_admm` found."""

    sources: Any
    """(n_sources, n_times), or (n_sources, 3, n_times): nA m. Exactly 0 where nothing was found."""
    residuals: Any
    """(n_sensors, n_times) data less what these sources explain."""
    objective: Any
    """The objective after every 10 iterations; NaN where they were not needed."""
    gap: Any
    """How far the objective may at most be above the lowest there is, relative to that of no sources at all."""
    n_iter: Any
    """Iterations made."""
    converged: Any
    """Whether the gap came below ``tol``."""

    @property
    def stopped(self) -> str:
        """Why it stopped; of results that are not traced."""
        n, gap = int(self.n_iter), float(self.gap)
        if self.converged:
            return f'converged: after {n} iterations the duality gap is {gap:.2g} of the objective without sources'
        return (
            f'out of iterations: after {n} the duality gap is still {gap:.2g} of the objective without sources; '
            f'raise maxiter, or tol'
        )


def solve_inverse_admm(
    data: Any,
    gain: Any,
    lambda_reg: Any,
    maxiter: int = 1000,
    *,
    penalty: str = 'l1',
    depth: float = 0.0,
    tol: float = 1e-6,
) -> InverseResult:
    r"""Sources that explain the data, few of them.

    .. math:: \min_X \tfrac12 \|Y - G X\|_F^2 + \lambda \sum_i w_i \sum_t \|x_{it}\|
        \qquad \text{or} \qquad
        \min_X \tfrac12 \|Y - G X\|_F^2 + \lambda \sum_i w_i \|X_i\|_F

    The first, ``'l1'``, chooses sources anew at every time. The second, ``'l21'``, chooses them once for all times, so
    that each has a time course: the mixed norm of MNE-Python. :math:`x_{it}` is a number, or of a gain of free
    orientation the vector of three, whose length does not depend on the axes.

    Parameters
    ----------
    data : Quantity or array
        (n_sensors, n_times), sensors first; whitened, if the sensors are not equally noisy.
    gain : Quantity or array
        (n_sensors, n_sources), or (n_sensors, n_sources, 3); bare where ``data`` are.
    lambda_reg : Quantity or float
        :math:`\lambda`, V2/(A m) and the like; bare where ``data`` are. It scales with both the gain and the data: a
        share of `lambda_max`, ``0.1 * lambda_max(data, gain)``, means the same in every unit.
    maxiter : int
        Iterations at most.
    penalty : str
        ``'l1'`` or ``'l21'``.
    depth : float
        Exponent of the depth weighting, :math:`w_i = (\|g_i\| / \max_j \|g_j\|)^{depth}`: deep sources, which sensors
        see less, are penalised less. 0 for none; that of MNE-Python is 0.8. Of free orientation
        :math:`\|g_i\|` is the gain along the direction that is seen best.
    tol : float
        Stop where the duality gap is below this share of :math:`\|Y\|^2 / 2`, the objective without sources.

    Returns
    -------
    InverseResult
        ``sources``, ``residuals``, ``objective``, ``gap``, ``n_iter``, ``converged``, and ``stopped``, why it did.

    Raises
    ------
    UnitError, ShapeError
        Units or shapes that do not fit together.
    ValueError
        Values that are not finite, a source that no sensor sees, a number out of range.

    Notes
    -----
    In float64, by JAX. The step of the method is that of Boyd et al. with over-relaxation, its penalty parameter is
    adapted until primal and dual residuals are alike relative to their variables. The gap is that of Gramfort et al.
    (2012): a dual point from the residuals, scaled until it is feasible.

    Gradients are those of the minimum, by the implicit function theorem: right once it has converged, as long as the
    same sources stay active. Those that are 0 have none. All of ``objective`` has that of its last; ``gap`` is a
    constant.

    Boyd et al. (2011), Found. Trends Mach. Learn. 3, 1-122; Gramfort, Kowalski & Hämäläinen (2012), Phys. Med. Biol.
    57, 1937-1961; Wohlberg (2017), arXiv:1704.06209 (relative residuals).
    """
    where = 'solve_inverse_admm'
    maxiter = checks.positive_int(maxiter, f'{where}(maxiter=...)')
    penalty = checks.choice(penalty, _GROUPS, f'{where}(penalty=...)')
    if not u.get_unit(gain).is_unitless and u.get_unit(lambda_reg).is_unitless:
        raise checks.UnitError(
            f'{where}(lambda_reg) has the unit of the data times that of the gain; got a bare number: write '
            f'0.1 * bf.inverse.lambda_max(data, gain), for example, a tenth of what leaves no source.'
        )
    units, (data, gain, lambda_reg) = _checked(where, data=data, gain=gain, lambda_reg=lambda_reg)
    depth, tol = _number(depth, f'{where}(depth=...)'), _number(tol, f'{where}(tol=...)')
    checks.shape_is(lambda_reg, (), f'{where}(lambda_reg)', 'one number')
    checks.positive(lambda_reg, f'{where}(lambda_reg)')
    checks.positive(tol, f'{where}(tol=...)')
    solve = functools.partial(_solved, penalty=penalty, maxiter=maxiter)
    sources, residuals, objective, gap, n_iter, converged = compiled_in_double(
        solve, data, gain, lambda_reg, depth, tol
    )
    return InverseResult(
        units.of(sources if np.ndim(gain) == 3 else sources[:, 0], 0, 1),
        units.of(residuals, 1, 0),
        units.of(objective, 2, 0),
        gap,
        n_iter.astype(int),
        converged > 0,
    )


def lambda_max(data: Any, gain: Any, *, penalty: str = 'l1', depth: float = 0.0) -> Any:
    r"""The smallest ``lambda_reg`` of `solve_inverse_admm` at which no source is left.

    .. math:: \lambda_{max} = \max_{i, t} \|g_i^T y_t\| / w_i \qquad \text{or} \qquad
        \lambda_{max} = \max_i \|g_i^T Y\|_F / w_i

    MNE-Python's ``alpha`` is in percent of it.

    Parameters
    ----------
    data, gain, penalty, depth
        As for `solve_inverse_admm`.

    Returns
    -------
    Quantity or float
        V2/(nA m) and the like.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `solve_inverse_admm`.
    """
    where = 'lambda_max'
    penalty = checks.choice(penalty, _GROUPS, f'{where}(penalty=...)')
    units, (data, gain) = _checked(where, data=data, gain=gain)
    largest = functools.partial(_lambda_max, penalty=penalty)
    return units.of(compiled_in_double(largest, data, gain, _number(depth, f'{where}(depth=...)')), 2, -1)


@functools.partial(jax.jit, static_argnames=('penalty', 'maxiter'))
def _solved(data: Any, gain: Any, lambda_reg: Any, depth: Any, tol: Any, *, penalty: str, maxiter: int) -> tuple:
    gain = _three_axes(gain)
    threshold, group = lambda_reg * _depth_weights(gain, depth), _GROUPS[penalty]
    sources, history, gap, n_iter = minimum(data, gain, threshold, tol, group, maxiter)
    # at the minimum it does not change with the sources, so that its derivative is that of the rest
    last = objective(data, gain, threshold, jax.lax.stop_gradient(sources), group)
    history = history + (last - jax.lax.stop_gradient(last))
    converged = jnp.where(gap <= tol, 1.0, 0.0)
    return sources, data - seen(gain, sources), history, gap, n_iter, converged


@functools.partial(jax.jit, static_argnames=('penalty',))
def _lambda_max(data: Any, gain: Any, depth: Any, *, penalty: str) -> Any:
    gain = _three_axes(gain)
    return dual_norm(back(gain, data), _depth_weights(gain, depth), _GROUPS[penalty]).max()


def _three_axes(gain: Any) -> Any:
    return gain if gain.ndim == 3 else gain[:, :, None]


def _depth_weights(gain: Any, depth: Any) -> Any:
    """(sources,) at most 1."""
    gram = jnp.einsum('mnk,mnl->nkl', gain, gain)
    power = jnp.linalg.eigvalsh(gram)[:, -1]
    return (power / power.max()) ** (depth / 2)


def _checked(where: str, **arguments: Any) -> tuple[Units, list[Any]]:
    units, arrays = unpack(where, **arguments)
    data, gain = arrays[:2]
    if gain.ndim == 3:
        checks.shape_is(gain, (*gain.shape[:2], 3), f'{where}(gain)', '(n_sensors, n_sources, 3)')
    else:
        matrix(gain, f'{where}(gain)')
    matrix(data, f'{where}(data)', '(n_sensors, n_times)', rows=len(gain))
    seen_by_sensors(gain, f'{where}(gain)')
    return units, arrays


def _number(value: Any, where: str) -> Any:
    value = checks.array(value, where)
    checks.shape_is(value, (), where, 'one number')
    checks.non_negative(value, where)
    return value
