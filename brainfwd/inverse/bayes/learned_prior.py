"""What the solvers share whose prior is learned from the data."""

import abc
import dataclasses
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

import brainunit as u
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import ParameterState
from brainfwd._core.linear_algebra import FLOOR, inverse_factor, is_traced, xp_of
from brainfwd._core.units import nAm
from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.bayes.evidence import UPDATES, Learned, learn
from brainfwd.inverse.bayes.many import learn_each
from brainfwd.inverse.bayes.products import model_cov
from brainfwd.inverse.inputs import Covariance, Gain, covariance_of
from brainfwd.inverse.methods import of_a_solver
from brainfwd.inverse.model import coefficients_gain, unwhitener
from brainfwd.inverse.posterior import spread
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.setting import Setting
from brainfwd.records import NoiseCovariance

__all__ = ['LearnedPrior']

_MAX_ITER = 1000
_NOISES = ('known', 'level', 'sensors')
# of the noise: what sources that explain nothing are left with where the fit stops
_NOTHING = 1e-3


class LearnedPrior(LinearInverse):
    r"""A Gaussian prior whose variances, and the noise's if wanted, make the data most likely (empirical Bayes).

    .. math:: \min_{\gamma, \lambda} \; \log \det S + \mathrm{tr}(S^{-1} C_y), \qquad
        S = \sum_g \gamma_g G_g G_g^T + N(\lambda)

    with :math:`C_y` the covariance of the data, their mean not taken away, since the moments have mean 0 and what is
    constant in the data is to be explained too:
    ``fit(lead_field, noise_cov, data_cov=recording.covariance(centred=False))``. The answer is the mean of the moments
    under that prior, :math:`\Gamma G^T S^{-1} y`; `posterior` has what is left open, under the same variances. These
    are taken for certain: intervals are too narrow where data are few.

    Parameters
    ----------
    noise : {'known', 'level', 'sensors'}
        ``'known'``: N is ``noise_cov``. ``'level'``: it is ``noise_cov`` times a number that is learned. ``'sensors'``:
        independent, with a variance learned for each sensor. Where something is learned and there is one type of
        channel, ``noise_cov`` may be left out: sensors are then alike and independent, to begin with.
    update : {'convex-bounding', 'em'}
        How variances change in a step, as in `learn`. Expectation maximisation takes many more steps.
    orientation : {'fixed', 'loose', 'free'}
        As for `WeightedMinimumNorm`; directions have the prior that it has.
    loose : float
        With ``'loose'``: variance of each tangential component, relative to that of the normal one, 0 < loose <= 1.
    max_iter : int
        Steps at most; in compiled code, which then computes nothing more, the number that is reserved.
    tol : float
        Stop where the slope of the evidence, in the logarithms of the variances, is below this for each direction of
        the sensors: so much the evidence may still gain, in nats for each sample, times a few tens.
    rank
        As for `LinearInverse`.

    Warns
    -----
    UserWarning
        The variances have not settled after ``max_iter`` steps (`converged` says so, too); noise is learned from fewer
        samples than there are sensors. Not in compiled code.

    Notes
    -----
    A derivative of the kernel is that of the steps that were made (unrolled). `jax.vmap` of `kernel_for` over
    ``data_cov`` is a batch of data sets, one after the other; `fit_each` is for those that are at hand.
    """

    unit = nAm
    orientations = ('fixed', 'loose', 'free')
    needs_data = True
    warns_of_few: ClassVar[bool] = True
    """Whether few samples make a learned level of the noise come out low."""

    tol = Setting(1e-4, 'slope of the evidence at which it stops', zero=True)
    loose = Setting(0.2, 'variance of tangential components relative to the normal one', most=1.0)

    def __init__(self, *, noise: str = 'known', update: str = UPDATES[0], max_iter: int = _MAX_ITER, **options: Any):
        me = type(self).__name__
        if options.get('regularisation') is not None:
            raise TypeError(f'{me} learns its prior from the data: leave regularisation out.')
        super().__init__(**options)
        self._noise_model = checks.choice(noise, _NOISES, f'{me}(noise=...)')
        self._update = checks.choice(update, UPDATES, f'{me}(update=...)')
        self._max_iter = checks.positive_int(max_iter, f'{me}(max_iter=...)')

    @of_a_solver
    def fit_each(
        self,
        lead_field: Any,
        noise_cov: Any = None,
        *,
        data_covs: Iterable[Any],
        nave: int = 1,
        inverse_crime: bool = False,
    ) -> list[Self]:
        """`fit` to each of many data sets, sooner than one after the other: a solver for each, and this one as it was.

        All share a lead field, and the noise as far as it is known. Where orientations are free this takes a fraction
        of the time; with few cores and fixed ones it gains little. Memory is that of the kernels.

        Parameters
        ----------
        lead_field, noise_cov, nave, inverse_crime
            As for `fit`.
        data_covs : iterable of NoiseCovariance, or of Quantity
            A ``data_cov`` for each.

        Raises
        ------
        TypeError
            Arrays of JAX: in compiled code, `jax.vmap` of `kernel_for`.
        TypeError, UnitError, ShapeError, ValueError
            As for `fit`.
        """
        where = f'{type(self).__name__}.fit_each'
        if not isinstance(data_covs, Iterable):
            raise TypeError(
                f'{where}(data_covs=...) is a list of covariances; got {checks.kind(data_covs)}: write [it].'
            )
        covs = list(data_covs)
        if xp_of(lead_field, noise_cov, covs) is not np:
            raise TypeError(
                f'{where} takes records, or Quantities of NumPy; got arrays of JAX: write jax.vmap of kernel_for, or '
                f'fit outside of compiled code.'
            )
        if not covs:
            return []
        given = self._given(lead_field, noise_cov, covs[0], nave, where)
        problem = self._problem(given, *given.values, nave, where)
        columns, problems = self._columns(problem), []
        for i, cov in enumerate(covs):
            here = f'{where}(data_covs=...)[{i}]'
            data = covariance_of(cov, self.data_record, given.gain.channels, here)
            white = problem.white @ data.si(data.values) @ problem.white.T
            problems.append(dataclasses.replace(problem, data_cov=white, notes={}))
            self._check_data(problems[-1], here)
        learned = self._learn(learn_each, columns, self._noise_parts(problem), [each.data_cov for each in problems])
        solvers = []
        for each, found in zip(problems, learned, strict=True):
            solver = self._alone()
            each.notes['learned'] = found
            kernel = solver._prepared(each)
            solvers.append(solver._keep(given.gain, kernel, each.notes, nave, inverse_crime))
        return solvers

    def _alone(self) -> Self:
        """A copy that shares nothing that changes."""
        copied = self._with_settings({name: getattr(self, name) for name in self.parameter_fields})
        copied.__dict__.update(_kernel=ParameterState(None), _notes=ParameterState(None))
        return copied

    @property
    def noise(self) -> str:
        """What of the noise is learned."""
        return self._noise_model

    @property
    def max_iter(self) -> int:
        """Steps at most."""
        return self._max_iter

    @property
    def gamma(self) -> u.Quantity:
        """The variances of the prior, (nA m)2, of the moments in the data (of an average, an average's)."""
        return u.Quantity(self._learned('gamma') / self._nave, unit=nAm**2)

    @property
    def nll(self) -> Any:
        """(steps + 1,) what was minimised, at the start and after each step; in compiled code NaN follows."""
        nll, n_iter = self._learned('nll'), self._learned('n_iter')
        return nll if is_traced(n_iter) else np.asarray(nll)[: int(n_iter) + 1]

    @property
    def n_iter(self) -> int:
        """How many steps were made."""
        n_iter = self._learned('n_iter')
        return n_iter if is_traced(n_iter) else int(n_iter)

    @property
    def converged(self) -> bool:
        """Whether the variances settled, to within ``tol``."""
        settled = self._learned('slope') <= self.tol
        return settled if is_traced(settled) else bool(settled)

    @property
    def stopped(self) -> str:
        """Why the fit stopped, in words."""
        ended = 'settled after ' if self.converged else 'stopped after max_iter='
        return f'{ended}{self.n_iter} steps, at a slope of {float(self._learned("slope")):.1e} for each direction'

    @property
    def noise_cov(self) -> NoiseCovariance:
        """The noise of a single repetition, as it was given or learned; of average reference where there is EEG."""
        self._fitted()
        notes = self._notes.value
        back = unwhitener(np.asarray(notes['white'], float))
        noise = np.asarray(notes['noise_cov'], float) if 'noise_cov' in notes else np.eye(back.shape[1])
        matrix = back @ noise @ back.T
        assert self._gain is not None
        return NoiseCovariance((matrix + matrix.T) / 2, self._gain.channels)

    def _learned(self, name: str) -> Any:
        self._fitted()
        return self._notes.value[name]

    @abc.abstractmethod
    def grouped(self, columns: Any) -> Any:
        """(directions, groups, k) of the columns (directions, coefficients, K): those of a group have one variance."""

    @abc.abstractmethod
    def by_component(self, gamma: Any, shape: tuple[int, int]) -> Any:
        """(coefficients, K) the variance of each, of those of the groups."""

    def prior_root(self, problem: WhitenedProblem) -> Any:
        """(coefficients, K, K) root of the prior covariance for variances of 1."""
        return self.orientation_root(problem)

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        root = self.prior_root(problem)
        basis = self._basis(problem.positions)
        columns = self._columns(problem)
        rest, parts = self._noise_parts(problem)
        learned = problem.notes.pop('learned', None)
        if learned is None:
            self._check_data(problem)
            learned = self._learn(learn, columns, (rest, parts), problem.data_cov)
        # (nA m)2, as float32 holds it
        problem.notes.update(learned._asdict() | {'gamma': learned.gamma * 1e18})
        noise = rest if parts is None else rest + model_cov(parts, learned.noise)
        if not is_traced(learned.slope):
            self._check_found(learned, columns, noise)
        variance = self.by_component(learned.gamma, columns.shape[1:])
        problem.assume((root * variance[:, None, :]) @ root, None if parts is None else noise)
        n = len(columns)
        half, _ = inverse_factor((columns * variance).reshape(n, -1) @ columns.reshape(n, -1).T + noise)
        weighted = ((columns * variance).transpose(1, 0, 2) @ root).transpose(0, 2, 1)
        coefficients = (weighted.reshape(-1, n) @ half.T @ half).reshape(*weighted.shape[:2], n)
        return spread(basis, coefficients, 0)

    def _columns(self, problem: WhitenedProblem) -> Any:
        """(directions, coefficients, K) whitened gain of coefficients whose prior variance is 1."""
        seen = coefficients_gain(problem.gain, self._basis(problem.positions))
        return (seen.swapaxes(0, 1) @ self.prior_root(problem)).swapaxes(0, 1)

    def _learn(self, how: Callable, columns: Any, noise: tuple[Any, Any], data: Any) -> Any:
        """What `learn` finds for one covariance, or `learn_each` for many."""
        try:
            return how(
                self.grouped(columns),
                data,
                noise=noise[0],
                parts=noise[1],
                update=self._update,
                max_iter=self._max_iter,
                tol=self.tol,
            )
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f'{type(self).__name__}.fit(data_cov=...) is of data without noise, or nearly so, beside what sources '
                f"explain: there is no level of it to learn. Give noise_cov and write noise='known'."
            ) from error

    def _noise_parts(self, problem: WhitenedProblem) -> tuple[Any, Any]:
        """What of the whitened noise is known, (directions, directions), and what is learned, or None."""
        xp, white = problem.xp, problem.white
        identity = xp.eye(len(white))
        if self._noise_model == 'known':
            return identity, None
        # rows without noise, which compiled code keeps, stand for themselves
        alive = (white != 0).any(axis=1)
        if self._noise_model == 'level':
            return identity * ~alive, (identity * alive)[:, None, :]
        # in units of what each sensor has to begin with
        std = (unwhitener(white) ** 2).sum(axis=1) ** 0.5
        return identity * ~alive, (white * std)[:, :, None]

    def _check_data(self, problem: WhitenedProblem, where: str = '') -> None:
        if is_traced((problem.data_cov, problem.white)):
            return
        where = where or f'{type(self).__name__}.fit(data_cov=...)'
        values = np.linalg.eigvalsh(np.asarray(problem.data_cov))
        if values[-1] <= 0:
            raise ValueError(f'{where} is zero in all directions in which there is noise: there is nothing to explain.')
        varies, n = int((values > FLOOR * values[-1]).sum()), int(problem.rank)
        if self._noise_model == 'level' and varies == 1:
            raise ValueError(
                f"{where} varies in one direction, where source and noise are alike, for noise='level': take more "
                f"samples, or write noise='known' and give noise_cov."
            )
        if self._noise_model == 'sensors' and varies < n:
            raise ValueError(
                f'{where} varies in {varies} of {n} directions, too few to tell the noise of each sensor: take many '
                f"times {n} samples, or write noise='level'."
            )
        if self._noise_model == 'level' and varies < n and self.warns_of_few:
            warnings.warn(
                f'{where} varies in {varies} of {n} directions: from fewer samples than there are sensors the level '
                f'of the noise comes out low, and intervals too narrow. Take more samples, or give noise_cov and write '
                f"noise='known'.",
                stacklevel=9,
            )

    def _check_found(self, learned: Learned, columns: Any, noise: Any) -> None:
        explained = np.square(columns * self.by_component(learned.gamma, columns.shape[1:]) ** 0.5).sum()
        if explained < _NOTHING * np.trace(noise):
            warnings.warn(
                f'{type(self).__name__}.fit finds no source: the data are no stronger than the noise. Check that '
                f'noise_cov and data_cov are in the same units and of one repetition each.',
                stacklevel=9,
            )
        if not learned.slope <= self.tol:
            warnings.warn(
                f'{type(self).__name__}.fit has not settled: after max_iter={self._max_iter} steps the evidence has a '
                f'slope of {float(learned.slope):.1e} for each direction, more than tol={float(self.tol):g}: write a '
                f'larger max_iter, or a larger tol.',
                stacklevel=9,
            )

    def _noise(self, noise_cov: Any, gain: Gain, where: str) -> Covariance:
        if noise_cov is None and self._noise_model != 'known' and not gain.channels.is_mixed:
            # alike and independent: how strong it is, is learned
            return Covariance(np.eye(len(gain.channels)), np.ones(()))
        return super()._noise(noise_cov, gain, where)

    def _shown(self) -> list[str]:
        chosen = {'noise': self._noise_model, 'update': self._update, 'max_iter': self._max_iter}
        usual = {'noise': _NOISES[0], 'update': UPDATES[0], 'max_iter': _MAX_ITER}
        return [*super()._shown(), *(f'{name}={value!r}' for name, value in chosen.items() if value != usual[name])]
