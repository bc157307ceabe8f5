"""One equivalent dipole that explains what the sensors show."""

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from brainfwd._core import checks
from brainfwd.forward.heads.ball import Ball
from brainfwd.forward.heads.spherical_head import SphericalHead, compiled_gain
from brainfwd.records import Channels, NoiseCovariance, Recording, average_reference, si, values
from brainfwd.records.matching import finite, no_inverse_crime, order_of
from brainfwd.records.whitening import whitener

__all__ = ['DipoleFit', 'dipole_fit']

_WHERE = 'dipole_fit'
# of the largest singular value of a dipole's whitened field: a direction below it is silent, as a radial one is in MEG
_SILENT = 1e-6
# of whitened data, had nothing in them cancelled: below it is rounding
_ROUNDING = 1e-13
_TOLERANCES = {'xtol': 1e-10, 'ftol': 1e-14, 'gtol': 1e-14}
# of the radius, where starts lie, and where a position counts as pressed against the border
_START, _BORDER = 0.6, 0.9995


@dataclass(frozen=True, eq=False)
class DipoleFit:
    """What `dipole_fit` found."""

    position: Any
    """(3,) in the head frame, m."""
    moment: Any
    """(times, 3) along x, y, z, nA m; without what the sensors cannot see."""
    goodness_of_fit: float
    """How much of the whitened data, as a power, the dipole explains: 1 is all."""
    chi_square: float
    """The power of the whitened data that is left: of noise alone, it is about `degrees_of_freedom`."""
    degrees_of_freedom: int
    """Whitened data less the numbers fitted."""
    position_cov: Any = field(repr=False)
    """(3, 3) m2, the bound of Cramer and Rao: what noise of this covariance makes of the position."""
    residual: Any = field(repr=False)
    """(times, sensors) what the dipole leaves, EEG in the average reference; a Quantity, or `ChannelGroups`."""
    starts: Any = field(repr=False)
    """(starts, 3) m."""
    ends: Any = field(repr=False)
    """(starts, 3) where each start ended, m."""
    misfits: Any = field(repr=False)
    """(starts,) what each leaves of the whitened data, as a share of their power."""
    converged: bool = True
    """Whether the best ended in a minimum inside the innermost sphere, and not at its border or out of steps."""

    def __repr__(self) -> str:
        at = ', '.join(f'{x:.1f}' for x in 1e3 * self.position.mantissa)
        size = np.linalg.norm(self.moment.mantissa, axis=1).max()
        state = '' if self.converged else ', not converged'
        return f'DipoleFit(({at}) mm, {size:.3g} nA m, goodness of fit {self.goodness_of_fit:.1%}{state})'


def dipole_fit(
    data: Any,
    head: SphericalHead,
    *,
    noise_cov: NoiseCovariance | None = None,
    channels: Channels | None = None,
    starts: Any = 12,
    max_steps: int = 100,
    inverse_crime: bool = False,
) -> DipoleFit:
    r"""The place and moments of the one dipole that explains the data best.

    .. math:: \min_{r, q} \sum_t \big| W (y_t - G(r)\,q_t) \big|^2

    with W the whitener of the noise, the average reference of EEG in it. The place is the same at all times, the moment
    free at each. For a place the best moments are those of linear least squares, so that only the place is searched
    (variable projection; Golub & Pereyra, 1973): by the method of Levenberg and Marquardt with exact derivatives, in
    coordinates :math:`z` that reach no farther than the border of the innermost sphere,
    :math:`r = c + R z / \sqrt{1 + |z|^2}`, from several starts, of which the best counts. In double precision.

    Parameters
    ----------
    data : Recording, Quantity or ChannelGroups
        (times, sensors), or (sensors,) of one time. A few samples around a peak; more where one place is at work.
    head : SphericalHead
        The head, which also says where a dipole may lie.
    noise_cov : NoiseCovariance, optional
        Of a single repetition, of the same channels, in any order. That of the recording by default.
    channels : Channels, optional
        The sensors with their places, where ``data`` are no Recording.
    starts : int or Quantity
        How many places to start from, evenly around the centre at 0.6 of the innermost radius; or the places,
        (starts, 3) m.
    max_steps : int
        Evaluations per start.
    inverse_crime : bool
        Allow data simulated with this very head: the place is found better than it can be in life.

    Returns
    -------
    DipoleFit

    Raises
    ------
    TypeError, UnitError, ShapeError
        No head, data without units or of another shape, starts without a unit.
    ValueError
        No noise covariance or no channels, channels that do not match, data that are not finite or all zero, fewer
        whitened data than numbers to fit, a start outside the innermost sphere, a recording simulated with this head.

    Notes
    -----
    In MEG a radial moment is silent, and none is answered. Golub & Pereyra (1973), The differentiation of
    pseudo-inverses and nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10, 413-432;
    Mosher, Lewis & Leahy (1992), Multiple dipole modeling and localization from spatio-temporal MEG data, IEEE Trans.
    Biomed. Eng. 39, 541-557.
    """
    from scipy.optimize import least_squares

    if not isinstance(head, SphericalHead):
        raise TypeError(f'{_WHERE}(head) is a SphericalHead; got {type(head).__name__}.')
    max_steps = checks.positive_int(max_steps, f'{_WHERE}(max_steps=...)')
    if isinstance(data, Recording) and not inverse_crime:
        instead = 'Fit in another head, as SphericalHead.around(electrodes) is'
        no_inverse_crime(data, head.description, f'{_WHERE}(data)', instead, _WHERE)
    y, channels, noise_cov, nave = _checked(data, channels, noise_cov)
    whiten = whitener(noise_cov, f'{_WHERE}(noise_cov=...)') * math.sqrt(nave)
    n_times, rank = len(y), len(whiten)
    if rank * n_times < 3 + 3 * n_times:
        raise ValueError(
            f'{_WHERE}(data) has as many whitened numbers as are fitted, 3 and 3 for each time, or more: {n_times} '
            f'time(s) of {rank} directions with noise are {rank * n_times} for {3 + 3 * n_times}.'
        )
    white = whiten @ y.T
    power = float(np.square(white).sum())
    if not power > (_ROUNDING * np.linalg.norm(abs(whiten) @ abs(y.T))) ** 2:
        raise ValueError(f'{_WHERE}(data) show no signal: they are zero, after the average reference of EEG.')
    # times enter by what they share: as many columns as there are directions do for any number of them
    left, singular, _ = np.linalg.svd(white / math.sqrt(power), full_matrices=False)
    compressed = left * singular

    ball = Ball(head.centre.mantissa, float(head.radii.to_decimal(u.meter)[0]))
    begin = _starts(starts, head, ball)
    with jax.enable_x64(True):

        def misfit(z: np.ndarray) -> np.ndarray:
            return np.asarray(_misfit(ball.place(z), head, channels, whiten, compressed))

        def slope(z: np.ndarray) -> np.ndarray:
            return np.asarray(_slope(ball.place(z), head, channels, whiten, compressed)) @ ball.slope(z)

        fits = [
            least_squares(misfit, ball.coordinates(start), slope, method='lm', max_nfev=max_steps, **_TOLERANCES)
            for start in begin
        ]
        best = min(fits, key=lambda fit: fit.cost)
        place = ball.place(best.x)
        gain = np.asarray(compiled_gain(place[None], head, channels))[:, 0]
        by_place = math.sqrt(power) * np.asarray(_slope(place, head, channels, whiten, compressed))

    moments, _, seen, _ = np.linalg.lstsq(whiten @ gain, white, rcond=_SILENT)
    chi_square = float(np.square(white - whiten @ gain @ moments).sum())
    return DipoleFit(
        position=u.Quantity(place, unit=u.meter),
        moment=u.Quantity(1e9 * moments.T, unit=u.nA * u.meter),
        goodness_of_fit=1 - chi_square / power,
        chi_square=chi_square,
        degrees_of_freedom=rank * n_times - 3 - int(seen) * n_times,
        position_cov=u.Quantity(np.linalg.pinv(by_place.T @ by_place, hermitian=True), unit=u.meter**2),
        residual=values((y - moments.T @ gain.T) @ average_reference(channels).T, channels),
        starts=u.Quantity(begin, unit=u.meter),
        ends=u.Quantity(np.array([ball.place(fit.x) for fit in fits]), unit=u.meter),
        misfits=np.array([2 * fit.cost for fit in fits]),
        converged=bool(best.status > 0 and ball.reach(place) < _BORDER),
    )


@functools.partial(jax.jit, static_argnums=(1, 2))
def _misfit(place: jax.Array, head: SphericalHead, channels: Channels, whiten: Any, data: Any) -> jax.Array:
    """What the best moments at a place leave of whitened data."""
    seen = whiten @ compiled_gain(place[None], head, channels)[:, 0]
    normal = seen.T @ seen
    # a silent direction has no best moment: far below any noise, and above rounding, the smallest is taken
    normal += _SILENT**2 * jnp.trace(normal) * jnp.eye(3)
    return (data - seen @ jnp.linalg.solve(normal, seen.T @ data)).ravel()


_slope = jax.jit(jax.jacfwd(_misfit), static_argnums=(1, 2))


def _starts(starts: Any, head: SphericalHead, ball: Ball) -> np.ndarray:
    """(starts, 3) m."""
    where = f'{_WHERE}(starts=...)'
    if not isinstance(starts, u.Quantity) and np.ndim(starts) == 0:
        n = checks.positive_int(starts, where)
        # points on a spiral from pole to pole, a golden angle apart
        height = 1 - (2 * np.arange(n) + 1) / n
        angle = np.pi * (3 - math.sqrt(5)) * np.arange(n)
        around = np.sqrt(1 - height**2)
        directions = np.stack([around * np.cos(angle), around * np.sin(angle), height], axis=1)
        return ball.centre + _START * ball.radius * directions
    places = np.asarray(checks.quantity(starts, u.meter, where, 'places in the head frame').mantissa, float)
    checks.shape_is(places, (*places.shape[:1], 3), where, '(starts, 3)')
    checks.finite(places, where)
    outside = np.flatnonzero(~np.asarray(head.inside(starts)))
    if len(outside) or not len(places):
        raise ValueError(f'{where} are one or more, all in the innermost sphere; got {len(outside)} outside.')
    return places


def _checked(data: Any, channels: Channels | None, noise_cov: NoiseCovariance | None) -> tuple:
    """(times, sensors) SI numbers, the channels, their covariance and the number of repetitions averaged."""
    where, nave = f'{_WHERE}(data)', 1
    if isinstance(data, Recording):
        if channels is not None:
            raise ValueError(f'{_WHERE}(channels=...) are those of the recording: leave them out.')
        y, channels, nave = data.data_si, data.channels, data.nave
        noise_cov = data.noise_cov if noise_cov is None else noise_cov
    else:
        if channels is None:
            raise ValueError(f'{_WHERE}(channels=...) are needed where data are no Recording.')
        y = np.asarray(si(data, channels, where), float)
        finite(y, channels, where)
        if y.ndim > 2 or not y.size:
            raise checks.ShapeError(f'{where} has shape (times, sensors) or (sensors,); got {y.shape}.')
        y = np.atleast_2d(y)
    if not isinstance(noise_cov, NoiseCovariance):
        what = 'none, and the recording has none' if noise_cov is None else type(noise_cov).__name__
        raise TypeError(
            f'{_WHERE}(noise_cov=...) is a NoiseCovariance: it says how much each sensor counts; got {what}.'
        )
    order = order_of(noise_cov.channels, channels, f'{_WHERE}(noise_cov=...)', 'the data')
    if len(order):
        matrix = noise_cov.matrix_si[np.ix_(order, order)]
        noise_cov = NoiseCovariance(matrix, channels, noise_cov.n_samples, noise_cov.rank)
    return y, channels, noise_cov, nave
