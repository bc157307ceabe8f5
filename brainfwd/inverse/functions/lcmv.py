"""Beamformers as functions: the joint filter, what it passes, and what noise it passes."""

from typing import Any

import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR, in_double, solve_positive, xp_of
from brainfwd.inverse.functions.arguments import concrete, covariance, matrix, unpack

__all__ = ['apply_lcmv', 'lcmv_power_map', 'make_lcmv_filter', 'neural_activity_index', 'unit_noise_gain']

# of unit columns: below it, one of them is what the others make
_DEPENDENT = 1e-10


def make_lcmv_filter(cov: Any, gain: Any, reg: float = 0.05) -> Any:
    r"""The joint minimum-variance filter, which passes each source and blocks all the others.

    .. math:: W = (G^T \tilde C^{-1} G)^{-1} G^T \tilde C^{-1}, \qquad
        \tilde C = C + \mathrm{reg} \, \frac{\mathrm{tr}\, C}{n_{sensors}} \, I

    so that :math:`W G = I`: of all filters that do so it passes the least variance. Blocking takes a sensor for every
    source, so that there can be no more sources than sensors. `LCMV` is the filter of Van Veen et al., one for each
    source, which passes that source, blocks none in particular, and exists for any number of them.

    Parameters
    ----------
    cov : Quantity or array
        (n_sensors, n_sensors) covariance of the data, V2, T2 or (T/m)2.
    gain : Quantity or array
        (n_sensors, n_sources) lead field, V/(A m), T/(A m) or T/m/(A m); bare where ``cov`` is.
    reg : float
        Diagonal loading, relative to the mean eigenvalue of ``cov``.

    Returns
    -------
    Quantity or array
        (n_sources, n_sensors), nA m per unit of the sensors. Computed in float64, by NumPy or, of JAX arrays, by JAX.

    Raises
    ------
    UnitError, ShapeError, TypeError
        Units or shapes that do not fit together; records, complex numbers, or several types of channel.
    ValueError
        More sources than sensors, or than the ranks of ``gain`` and of the loaded covariance; what is no covariance,
        not finite, or a negative ``reg``.

    Notes
    -----
    Van Veen, van Drongelen, Yuchtman & Suzuki (1997), IEEE Trans. Biomed. Eng. 44, 867-880: eq. 16 for several
    sources at once.
    """
    where = 'make_lcmv_filter'
    units, (cov, gain, reg) = _checked(cov, gain, reg, where)
    return units.of(in_double(_filter, cov, gain, reg), -1, 1)


def apply_lcmv(data: Any, weights: Any) -> Any:
    """Sources from data, ``weights @ data``.

    Parameters
    ----------
    data : Quantity or array
        (n_sensors, n_times), sensors first.
    weights : Quantity or array
        (n_sources, n_sensors) of `make_lcmv_filter`, or of `unit_noise_gain`; bare where ``data`` are.

    Returns
    -------
    Quantity or array
        (n_sources, n_times), nA m; without a unit where the filter answers in units of its noise.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that do not fit together, or values that are not finite.
    """
    where = 'apply_lcmv'
    units, (data, weights) = unpack(where, data=data, weights=weights)
    matrix(weights, f'{where}(weights)', '(n_sources, n_sensors)')
    matrix(data, f'{where}(data)', '(n_sensors, n_times)', rows=weights.shape[1])
    return units.of(in_double(lambda y, w: w @ y, data, weights), 0, units.moment)


def lcmv_power_map(cov: Any, gain: Any, reg: float = 0.05) -> Any:
    r"""Power of each source behind the joint filter, :math:`\mathrm{diag}(W C W^T)`.

    The mean square of `apply_lcmv` over the data that ``cov`` is the mean product of. It holds the noise that the
    filter lets through, which is largest for the sources that sensors see least: where they lie deep, power is no sign
    of activity. Divide it by the squared `neural_activity_index`.

    Parameters
    ----------
    cov, gain, reg
        As for `make_lcmv_filter`.

    Returns
    -------
    Quantity or array
        (n_sources,), (nA m)2.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `make_lcmv_filter`.
    """
    units, (cov, gain, reg) = _checked(cov, gain, reg, 'lcmv_power_map')
    return units.of(in_double(lambda c, g, r: _passed(_filter(c, g, r), c), cov, gain, reg), 0, 2)


def neural_activity_index(weights: Any, noise_cov: Any) -> Any:
    r"""How much noise each filter lets through, as an amplitude: what the neural activity index is divided by.

    .. math:: a_i = \sqrt{w_i^T N w_i}

    The factors of normalisation, not the index itself, which is the ratio of powers

    .. math:: \frac{w_i^T C w_i}{w_i^T N w_i} = \frac{p_i}{a_i^2}

    ``lcmv_power_map(cov, gain) / neural_activity_index(weights, noise_cov) ** 2``: 1 where there is noise alone.

    Parameters
    ----------
    weights : Quantity or array
        (n_sources, n_sensors) of `make_lcmv_filter`.
    noise_cov : Quantity or array
        (n_sensors, n_sensors) covariance of the noise; bare where ``weights`` are.

    Returns
    -------
    Quantity or array
        (n_sources,), nA m.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Units or shapes that do not fit together; what is no covariance; a filter that no noise passes.

    Notes
    -----
    Van Veen et al. (1997), IEEE Trans. Biomed. Eng. 44, 867-880, eq. 27.
    """
    units, (weights, noise_cov) = _with_noise(weights, noise_cov, 'neural_activity_index')
    return units.of(in_double(_noise_amplitude, weights, noise_cov), 0, units.moment)


def unit_noise_gain(weights: Any, noise_cov: Any) -> Any:
    r"""The filters scaled so that noise comes out of each with variance 1, :math:`w_i / \sqrt{w_i^T N w_i}`.

    Parameters
    ----------
    weights, noise_cov
        As for `neural_activity_index`.

    Returns
    -------
    Quantity or array
        (n_sources, n_sensors), per unit of the sensors: what comes out is in units of its noise.

    Raises
    ------
    UnitError, ShapeError, ValueError
        As `neural_activity_index`.

    Notes
    -----
    Sekihara, Nagarajan, Poeppel, Marantz & Miyashita (2001), IEEE Trans. Biomed. Eng. 48, 760-771.
    """
    units, (weights, noise_cov) = _with_noise(weights, noise_cov, 'unit_noise_gain')
    return units.of(in_double(lambda w, n: w / _noise_amplitude(w, n)[:, None], weights, noise_cov), -1, 0)


def _filter(cov: Any, gain: Any, reg: Any) -> Any:
    seen = solve_positive(_loaded(cov, reg), gain)
    return solve_positive(gain.T @ seen, seen.T)


def _loaded(cov: Any, reg: Any) -> Any:
    n = len(cov)
    return cov + reg * cov.trace() / n * xp_of(cov).eye(n)


def _passed(weights: Any, cov: Any) -> Any:
    """(n_sources,) variance of what comes out of each filter."""
    return ((weights @ cov) * weights).sum(axis=1)


def _noise_amplitude(weights: Any, noise_cov: Any) -> Any:
    return xp_of(weights, noise_cov).sqrt(_passed(weights, noise_cov))


def _checked(cov: Any, gain: Any, reg: Any, where: str) -> tuple[Any, list[Any]]:
    units, (cov, gain) = unpack(where, cov=cov, gain=gain)
    matrix(gain, f'{where}(gain)')
    n_sensors, n_sources = gain.shape
    covariance(cov, n_sensors, f'{where}(cov)')
    reg = checks.array(reg, f'{where}(reg)')
    checks.shape_is(reg, (), f'{where}(reg)', 'one number')
    checks.non_negative(reg, f'{where}(reg)')
    instead = 'the filter of each source on its own is bf.inverse.LCMV'
    if n_sources > n_sensors:
        raise ValueError(
            f'{where}(gain) has at most as many sources as sensors, as each source is to block all others; got '
            f'{n_sources} sources and {n_sensors} sensors: {instead}.'
        )
    if (known := concrete(gain)) is not None:
        length = np.linalg.norm(known, axis=0)
        rank = np.linalg.matrix_rank(known / np.where(length > 0, length, 1.0), tol=_DEPENDENT)
        if rank < n_sources:
            raise ValueError(
                f'{where}(gain) has linearly independent columns, as a source that is a sum of others cannot pass '
                f'while they are blocked; got {n_sources} columns of rank {rank}: {instead}.'
            )
    if (known := concrete(cov)) is not None and (loading := concrete(reg)) is not None:
        values = np.linalg.eigvalsh(_loaded(known, loading))
        if values[0] <= FLOOR * values[-1]:
            rank = int((values > FLOOR * values[-1]).sum())
            raise ValueError(
                f'{where}(cov) has rank {rank} of {n_sensors}, and cannot be inverted with reg={float(loading):g}: '
                f'write reg=0.05, for example, or take more samples.'
            )
    return units, [cov, gain, reg]


def _with_noise(weights: Any, noise_cov: Any, where: str) -> tuple[Any, list[Any]]:
    units, (weights, noise_cov) = unpack(where, weights=weights, noise_cov=noise_cov)
    matrix(weights, f'{where}(weights)', '(n_sources, n_sensors)')
    covariance(noise_cov, weights.shape[1], f'{where}(noise_cov)')
    if (w := concrete(weights)) is not None and (n := concrete(noise_cov)) is not None:
        passed, largest = _passed(w, n), np.square(w).sum(axis=1) * abs(n).max()
        silent = np.flatnonzero(passed <= FLOOR * largest)
        if len(silent):
            raise ValueError(f'{where}: no noise passes the filters of sources {checks.listed(silent)}.')
    return units, [weights, noise_cov]
