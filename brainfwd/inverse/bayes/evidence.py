"""Variances of a prior, and of noise, that make the covariance of the data most likely."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core.linear_algebra import inverse_factor, symmetric_power, xp_of
from brainfwd.inverse.bayes.products import explained, model_cov

__all__ = ['SILENT', 'STEPS', 'UPDATES', 'Learned', 'beginning', 'learn', 'n_columns']

SILENT = 1e-12
"""Of the power of the data, or of the strongest group at the sensors: what is weaker is 0, and stays so."""


class Learned(NamedTuple):
    """What `learn` finds."""

    gamma: Any
    """(groups,) variance of the prior of each group."""
    noise: Any
    """(parts,) variance of each part of the noise."""
    nll: Any
    """(max_iter + 1,) what is minimised, at the start and after each step; NaN after the last."""
    n_iter: Any
    """How many steps were made."""
    slope: Any
    """That of what is minimised in the logarithms of the variances, for each direction, before the last step."""


def learn(
    gain: Any,
    data_cov: Any,
    *,
    noise: Any,
    parts: Any = None,
    start: tuple[Any, Any] | None = None,
    update: str = 'convex-bounding',
    max_iter: int,
    tol: Any,
) -> Learned:
    r"""Minimise the negative logarithm of the marginal likelihood, by type II maximum likelihood.

    .. math:: \log \det S + \mathrm{tr}(S^{-1} C), \qquad
        S = \sum_g \gamma_g G_g G_g^T + N + \sum_p \lambda_p B_p B_p^T

    where C is the covariance of the data, without their mean taken away; times half the number of samples this is the
    logarithm of their density, up to a constant. With
    :math:`a_g = \mathrm{tr}(G_g^T S^{-1} C S^{-1} G_g)` and :math:`b_g = \mathrm{tr}(G_g^T S^{-1} G_g)`, all variances
    change at once,

    .. math::

        \text{convex bounding:} &\quad \gamma_g \leftarrow \gamma_g \sqrt{a_g / b_g} \\
        \text{EM:} &\quad \gamma_g \leftarrow \gamma_g + \gamma_g^2 (a_g - b_g) / k

    and the parts of the noise likewise. Neither raises it. What at the sensors is below 1e-12 of the data or of the
    strongest, and does not grow, is 0. Where :math:`\sum_g \gamma_g |a_g - b_g|`, the slope in the logarithms of the
    variances, of the noise too, is 0 for each direction of the sensors, the minimum is reached.

    Derivatives are those of the steps that were made (unrolled, each computed again for the memory).

    Parameters
    ----------
    gain : array
        (n, groups, k) gain of groups of k columns that have one variance.
    data_cov : array
        (n, n) C.
    noise : array
        (n, n) N, what is known of the noise.
    parts : array, optional
        (n, parts, l) B, what of the noise is learned.
    start : tuple of two arrays, optional
        Where to begin; otherwise half of the power of the data is noise, if it is learned, and all groups are alike.
    update : str
        One of `UPDATES`.
    max_iter : int
        Steps at most.
    tol : float
        Stop where the slope is below this for each direction.

    Source: Wipf & Nagarajan (2009), NeuroImage 44, 947-966; Wipf et al. (2010), NeuroImage 49, 641-655; Cai et al.
    (2021), NeuroImage 225, 117411 (noise).
    """
    xp = xp_of(gain, data_cov, noise, parts, start, tol)
    parts = xp.zeros((len(gain), 0, 1)) if parts is None else parts
    data = data_cov, symmetric_power(data_cov, 0.5)
    strength, noise_strength = ((x**2).sum(axis=(0, 2)) for x in (gain, parts))
    power = xp.trace(data_cov)
    start = beginning(power, strength, noise_strength, xp) if start is None else start
    step, k, noise_k = STEPS[update], n_columns(gain), n_columns(parts)
    # rows of zeros, which compiled code keeps, do not count
    n = (gain != 0).any(axis=(1, 2)).sum()

    def advanced(gain: Any, strength: Any, gamma: Any, level: Any) -> tuple[Any, Any, Any, Any]:
        nll, half, here = _evidence(gain, data, noise, parts, gamma, level)
        forms = explained(gain, half, here)
        slope = slope_of(gamma, forms)
        new = kept(step(gamma, *forms, k), gamma, strength, power)
        if parts.shape[1]:
            forms = explained(parts, half, here)
            slope = slope + slope_of(level, forms)
            level = step(level, *forms, noise_k)
        return new, level, nll, slope / n

    drive = _stepped if xp is np else _compiled
    gamma, level, nll, n_iter, slope = drive(advanced, gain, strength, *start, max_iter, tol)
    last = _evidence(gain, data, noise, parts, gamma, level)[0]
    nll = xp.where(np.arange(max_iter + 1) == n_iter, last, nll)
    return Learned(gamma, level, nll, n_iter, slope)


def beginning(power: Any, strength: Any, noise_strength: Any, xp: Any) -> tuple[Any, Any]:
    """Variances of groups and of parts of the noise to begin with, of data of this power."""
    learned = noise_strength.sum()
    # of the noise that is known there is as much as there is
    level = power / 2 / xp.where(learned > 0, learned, 1.0)
    return power / 2 / strength.sum() * xp.ones(strength.shape), level * xp.ones(noise_strength.shape)


def _evidence(gain: Any, data: tuple, noise: Any, parts: Any, gamma: Any, level: Any) -> tuple[Any, Any, Any]:
    r"""The negative log likelihood, :math:`L^{-1}`, and :math:`L^{-1} C L^{-T}`, for C and its root."""
    total = model_cov(gain, gamma) + noise
    if parts.shape[1]:
        total = total + model_cov(parts, level)
    half, log_det = inverse_factor(total)
    here = data_within(half, *data)
    return log_det + xp_of(here).trace(here), half, here


def data_within(half: Any, cov: Any, root: Any) -> Any:
    r""":math:`L^{-1} C L^{-T}`, by way of the root of C: where S is all but singular, C itself has too few digits."""
    within = half @ root
    within = within @ within.T
    if xp_of(within) is np:
        return within
    # the root has no derivative where data vary in fewer directions than there are
    sloped = half @ cov @ half.T
    return jax.lax.stop_gradient(within - sloped) + sloped


def slope_of(variance: Any, forms: tuple[Any, Any]) -> Any:
    """Of what is minimised, in the logarithms of variances (..., groups): the sum of the magnitudes."""
    seen, data = forms
    return (variance * abs(data - seen)).sum(axis=-1)


def n_columns(gain: Any) -> Any:
    """How many columns a group has; those of zeros, which compiled code keeps, do not count."""
    return (gain != 0).any(axis=0).sum(axis=1).max(initial=0)


def _convex_bounding(gamma: Any, seen: Any, data: Any, k: Any) -> Any:
    xp = xp_of(gamma, seen, data)
    # the root of 0 has no derivative
    there = (gamma > 0) & (data > 0) & (seen > 0)
    return gamma * xp.where(there, xp.sqrt(xp.where(there, data, 1.0) / xp.where(there, seen, 1.0)), 0.0)


def _expectation_maximisation(gamma: Any, seen: Any, data: Any, k: Any) -> Any:
    # gamma seen is at most k, but for rounding
    return gamma * abs(1 + gamma * (data - seen) / k)


STEPS: dict[str, Callable] = {'convex-bounding': _convex_bounding, 'em': _expectation_maximisation}
"""What a step makes of variances, of the two quadratic forms of their groups, and of the columns that a group has."""

UPDATES = tuple(STEPS)
"""The names of the updates."""


def kept(new: Any, gamma: Any, strength: Any, data: Any) -> Any:
    """Variances (..., groups) after a step, without what is too small to matter for data of this power, and shrinks."""
    xp = xp_of(new, strength)
    power = new * strength
    least = SILENT * xp.maximum(power.max(axis=-1, initial=0.0), data)
    return xp.where((power > xp.expand_dims(least, -1)) | (new > gamma), new, 0.0)


def _stepped(advanced: Callable, gain: Any, strength: Any, gamma: Any, level: Any, max_iter: int, tol: Any) -> tuple:
    """One step after the other, of what is left of the sources."""
    nll, n_iter, slope = np.full(max_iter + 1, np.nan), 0, np.inf
    here, found = np.arange(len(gamma)), np.zeros(len(gamma))
    while n_iter < max_iter and not slope <= tol:
        gamma, level, nll[n_iter], slope = advanced(gain, strength, gamma, level)
        n_iter += 1
        left = gamma > 0
        # copying costs about as much as a step
        if left.sum() < 0.7 * len(left):
            here, gain, strength, gamma = here[left], gain[:, left], strength[left], gamma[left]
    found[here] = gamma
    return found, level, nll, n_iter, slope


def _compiled(advanced: Callable, gain: Any, strength: Any, gamma: Any, level: Any, max_iter: int, tol: Any) -> tuple:
    """As many steps as there may be, for reverse mode; those after it has settled cost nothing."""

    def step(carry: Any) -> tuple[Any, Any]:
        gamma, level, n_iter, _ = carry
        gamma, level, nll, slope = advanced(gain, strength, gamma, level)
        return (gamma, level, n_iter + 1, jax.lax.stop_gradient(slope)), nll

    def keep(carry: Any, _: None) -> tuple[Any, Any]:
        return jax.lax.cond(carry[3] <= tol, lambda done: (done, jnp.nan), step, carry)

    start = (gamma, level, jnp.asarray(0.0), jnp.asarray(jnp.inf))
    (gamma, level, n_iter, slope), nll = jax.lax.scan(jax.checkpoint(keep), start, None, length=max_iter)
    return gamma, level, jnp.append(nll, jnp.nan), n_iter, slope
