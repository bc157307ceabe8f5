"""Powers of sources learned from a covariance."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR, solve_positive, symmetric_power
from brainfwd.inverse.bayes.evidence import learn
from brainfwd.inverse.bayes.products import model_cov
from brainfwd.inverse.functions.arguments import (
    compiled_in_double,
    concrete,
    covariance,
    matrix,
    seen_by_sensors,
    unpack,
)

__all__ = ['champagne_solver']


def champagne_solver(
    cov: Any, gain: Any, noise_cov: Any = None, max_iter: int = 20, tol: float = 1e-4
) -> tuple[Any, Any]:
    r"""Powers of sources that make the covariance of the data likely (sparse Bayesian learning), and their filter.

    .. math:: S = G \, \mathrm{diag}(\gamma) \, G^T + N, \qquad
        \gamma_i \leftarrow \gamma_i \sqrt{\frac{g_i^T S^{-1} C S^{-1} g_i}{g_i^T S^{-1} g_i}}, \qquad
        W = \mathrm{diag}(\gamma) \, G^T S^{-1}

    The update by convex bounding: :math:`\log \det S + \mathrm{tr}\, S^{-1} C` falls at every step, and powers that are
    not needed go to zero. Correlated sources do not cancel one another, as they do in a beamformer. Twenty steps show
    where the sources are; a sharp answer takes hundreds.

    Parameters
    ----------
    cov : Quantity or array
        (n_sensors, n_sensors) covariance of the data, V2, T2 or (T/m)2.
    gain : Quantity or array
        (n_sensors, n_sources) lead field; bare where ``cov`` is.
    noise_cov : Quantity or array, optional
        (n_sensors, n_sensors) covariance of the noise. Directions without noise are left out of the data and the gain.
        Without one, noise is taken to be white, and its variance is learned with the powers, by the same update; half
        the mean variance of a direction to begin with. (An identity would be 1 V2.) What ``cov`` does not vary in, as
        after an average reference, is left out then: take more samples than there are sensors.
    max_iter : int
        Steps at most.
    tol : float
        Stop where the slope of the logarithm of the likelihood is below this for each direction, as `GammaMAP` does.

    Returns
    -------
    gamma : Quantity or array
        (n_sources,) powers, (nA m)2; 0 of those that are seen only in what was left out.
    weights : Quantity or array
        (n_sources, n_sensors) filter, the mean of the sources given the data: ``weights @ data``.

    Raises
    ------
    UnitError, ShapeError
        Units or shapes that do not fit together.
    ValueError
        What is no covariance, values that are not finite, a number out of range, a source that no sensor sees;
        without ``noise_cov`` also a ``cov`` that varies in one direction only, where source and noise are alike.

    Warns
    -----
    UserWarning
        The powers have not settled. Not in compiled code.

    Notes
    -----
    In float64, by JAX; differentiable through the steps. Wipf & Nagarajan (2009), NeuroImage 44, 947-966; Wipf, Owen,
    Attias, Sekihara & Nagarajan (2010), NeuroImage 49, 641-655; Cai et al. (2021), NeuroImage 225, 117411 (noise).
    """
    where = 'champagne_solver'
    max_iter = checks.positive_int(max_iter, f'{where}(max_iter=...)')
    given = {'cov': cov, 'gain': gain} | ({} if noise_cov is None else {'noise_cov': noise_cov})
    units, arrays = unpack(where, **given)
    matrix(arrays[1], f'{where}(gain)')
    for name, value in zip(given, arrays, strict=True):
        if name != 'gain':
            covariance(value, len(arrays[1]), f'{where}({name})')
    seen_by_sensors(arrays[1], f'{where}(gain)')
    # of the largest eigenvalue: what is below is rounding, which float32 has more of
    floor = max(FLOOR, *(float(jnp.finfo(value.dtype).eps) for value in arrays[::2]))
    if noise_cov is None and (known := concrete(arrays[0])) is not None:
        values = np.linalg.eigvalsh(known)
        if (values > floor * values[-1]).sum() == 1:
            raise ValueError(
                f'{where}(cov) varies in at least 2 directions, or sources cannot be told from noise; got one of rank '
                f'1: take more samples, or give noise_cov=....'
            )
    tol = checks.array(tol, f'{where}(tol=...)')
    checks.non_negative(tol, f'{where}(tol=...)')
    learned = functools.partial(_learned, max_iter=max_iter, floor=floor)
    gamma, weights, slope = compiled_in_double(learned, tol, *arrays)
    if (last := concrete(slope)) is not None and not last <= concrete(tol):
        warnings.warn(
            f'{where} has not settled: after max_iter={max_iter} steps the evidence has a slope of {last:.1e} for each '
            f'direction, more than tol={float(tol):g}. Write a larger max_iter, or a larger tol.',
            stacklevel=2,
        )
    return units.of(gamma, 0, 2), units.of(weights, -1, 1)


@functools.partial(jax.jit, static_argnames=('max_iter', 'floor'))
def _learned(tol: Any, cov: Any, gain: Any, noise_cov: Any = None, *, max_iter: int, floor: float) -> tuple[Any, ...]:
    identity = jnp.eye(len(gain))
    # what has no noise is gone from gain and data; the identity then stands there for itself
    if noise_cov is None:
        inside = symmetric_power(cov, 0.0, floor)
        whitener = inside / jnp.sqrt(cov.trace() / inside.trace())
        # the least there is, for data without noise
        known, parts, level = identity - (1 - floor) * inside, inside[:, None, :], jnp.full(1, 0.5)
    else:
        whitener = symmetric_power(noise_cov, -0.5, floor)
        known, parts, level = identity, jnp.zeros((len(gain), 0, 1)), jnp.zeros(0)
    white, gain = whitener @ cov @ whitener, whitener @ gain
    strength = jnp.square(gain).sum(axis=0)
    visible = strength > FLOOR**2 * strength.max()
    gain = jnp.where(visible, gain, 0.0)
    # sources of equal power that together are as strong as the data
    start = jnp.where(visible, white.trace() / jnp.square(gain).sum(), 0.0)
    given = {'noise': known, 'parts': parts, 'start': (start, level), 'max_iter': max_iter, 'tol': tol}
    found = learn(gain[:, :, None], white, **given)
    total = model_cov(gain[:, :, None], found.gamma) + known + model_cov(parts, found.noise)
    return found.gamma, found.gamma[:, None] * solve_positive(total, gain).T @ whitener, found.slope
