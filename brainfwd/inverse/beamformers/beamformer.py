"""What the beamformers share: one filter for each source, from the covariance of the data."""

import abc
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.linear_algebra import FLOOR, in_double, solve_positive, symmetric_power
from brainfwd._core.units import nAm
from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.beamformers.directions import largest_ratio, upwards
from brainfwd.inverse.inputs import NOISE_FROM, Covariance, Gain, covariance_of
from brainfwd.inverse.methods import of_a_solver
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.regularisation import choose_lambda2
from brainfwd.inverse.setting import Setting

__all__ = ['Beamformer']

_NORMS = ('unit-noise-gain-invariant', 'unit-noise-gain', 'unit-gain', 'nai')


class Beamformer(LinearInverse):
    r"""A filter for each source that lets it through and as little else as possible.

    .. math:: W_i = \arg\min_{W} \; \mathrm{tr}(W C W^T) \;\; \text{with} \;\; W G_i = I
        \quad\Rightarrow\quad W_i = (G_i^T C^{-1} G_i)^{-1} G_i^T C^{-1}

    with :math:`G_i` the whitened gain of source i alone and C the whitened covariance of the data, of which ``reg``
    times the mean over all sensors has been added to the diagonal. Other sources are not looked at: what is silenced of
    them is what C holds of them. Two sources that vary together silence each other.

    Parameters
    ----------
    reg : float
        What is added to C, as a share of the mean power of its sensors. 0 needs a covariance of full rank.
    orientation : {'fixed', 'free', 'vector'}
        ``'fixed'``: along the normals of the cortex. ``'free'``: along the direction in which each source shows the
        most power, its sign that of the normal; `directions` holds them. ``'vector'``: all three components; the answer
        is the length. The answers of the first two have a sign.
    weight_norm : {'unit-noise-gain-invariant', 'unit-noise-gain', 'unit-gain', 'nai'}
        How long a filter is. ``'unit-gain'``: as above, and the answer is a moment; noise is the larger the deeper the
        source. ``'unit-noise-gain'``: noise passes with variance 1. ``'nai'``, the neural activity index: that, over
        the root of how strong noise is in the data: the larger of what was added to C and its smallest eigenvalue. Of
        three components these two scale each by itself, along x, y and z of the head frame, so that the length depends
        on the axes; ``'unit-noise-gain-invariant'`` scales them together,
        :math:`(G^T C^{-2} G)^{-1/2} G^T C^{-1}`, and it does not.
    rank
        As for `LinearInverse`.
    regularisation : {'evidence', 'gcv', 'discrepancy'}, optional
        Instead of ``reg``: the rule chooses lambda2 as for all solvers, for sources of equal power. The share of noise
        in the power of the data is then ``lambda2 / (1 + lambda2)``, of its mean over the directions in which there is
        noise; as a share of the mean over all sensors, `chosen_reg` is larger where these are more.
    """

    orientations = ('fixed', 'free', 'vector')
    needs_data = True
    strength = ('reg',)

    reg = Setting(0.05, 'loading of the diagonal, as a share of the mean power', zero=True)

    def __init__(self, *, weight_norm: str = _NORMS[0], **options: Any):
        super().__init__(**options)
        self._weight_norm = checks.choice(weight_norm, _NORMS, f'{type(self).__name__}(weight_norm=...)')

    @property
    def weight_norm(self) -> str:
        """How long the filters are."""
        return self._weight_norm

    @property
    def unit(self) -> u.Unit:
        """nA m for unit gain, none for the others."""
        return nAm if self.weight_norm == 'unit-gain' else u.UNITLESS

    @property
    def directions(self) -> Any:
        """(sources, 3) unit vectors: along which each source is looked at, where the orientation is ``'free'``.

        Of a LeadField they point out of the cortex. A gain alone has no normals: there the largest component is
        positive, and so directions, and answers, may have the other sign.
        """
        self._fitted()
        if self.orientation != 'free':
            raise ValueError(
                f"{type(self).__name__}.directions are those of the most power, of orientation='free'; this one has "
                f'orientation={self.orientation!r}.'
            )
        return self._notes.value['directions']

    @property
    def chosen_reg(self) -> float:
        """``reg`` of the last fit: as given, or as the rule chose it from the data."""
        self._fitted()
        return float(self._notes.value['reg'])

    def _axes(self) -> Any:
        return self.directions if self.orientation == 'free' else super()._axes()

    @abc.abstractmethod
    def covariance_of_interest(self, data_cov: Any) -> Any:
        """What of the whitened covariance of the data the filters are made from."""

    @of_a_solver
    def power(self, data_cov: Any) -> Any:
        """(sources,) power of each source in data of this covariance, the sum of that of its components.

        Of ``data_cov`` as `fit` takes it, of the same channels; in the square of `unit`.
        """
        kernel, _ = self._fitted()
        data = self._data(data_cov, f'{type(self).__name__}.power(data_cov)')

        def compute(kernel: Any, values: Any) -> Any:
            rows = kernel.reshape(-1, kernel.shape[-1])
            power = ((rows @ data.si(values)) * rows.conj()).real.sum(axis=-1)
            return power.reshape(len(kernel), -1).sum(axis=-1)

        power = in_double(compute, kernel, data.values)
        return power if self.unit.is_unitless else u.Quantity(power, unit=self.unit**2)

    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        gain, (_, n, k) = problem.gain, problem.gain.shape
        loaded, floor = self._loaded(problem)
        # rows of C^-1 G, and G' C^-1 G, G' C^-2 G of each source
        rows = solve_positive(loaded, gain.reshape(len(gain), -1)).T.conj().reshape(n, k, -1)
        inner = rows @ gain.swapaxes(0, 1)
        spread = rows @ rows.conj().swapaxes(1, 2)
        if self.orientation == 'free':
            if self.weight_norm == 'unit-gain':
                directions = largest_ratio(np.broadcast_to(np.eye(k), inner.shape), inner.real)
            else:
                directions = largest_ratio(inner.real, spread.real)
            directions = problem.notes['directions'] = upwards(directions, problem.normals)
            along = directions[:, None, :]
            rows, inner, spread = along @ rows, *(along @ m @ along.swapaxes(1, 2) for m in (inner, spread))
        if self.weight_norm == 'unit-noise-gain-invariant':
            return symmetric_power(spread, -0.5) @ rows
        weights = symmetric_power(inner, -1.0) @ rows
        if self.weight_norm == 'unit-gain':
            return weights
        weights = _unit_rows(weights, problem.xp)
        return weights / floor**0.5 if self.weight_norm == 'nai' else weights

    def _shown(self) -> list[str]:
        return [*super()._shown(), *([] if self.weight_norm == _NORMS[0] else [f'weight_norm={self.weight_norm!r}'])]

    def _loaded(self, problem: WhitenedProblem) -> tuple[Any, Any]:
        """The covariance of the data with its diagonal loaded, and how strong noise is in it."""
        xp, covariance = problem.xp, self.covariance_of_interest(problem.data_cov)
        reg = self.reg
        if self.regularisation is not None:
            flat = problem.gain.reshape(len(problem.gain), -1)
            model_cov = flat @ flat.T
            model_cov = model_cov * (problem.rank / xp.trace(model_cov))
            where = f'{type(self).__name__}(regularisation={self.regularisation!r})'
            lambda2 = choose_lambda2(self.regularisation, model_cov, covariance.real, problem.rank, where, 'reg')
            reg = lambda2 / (1 + lambda2) * problem.n_sensors / problem.rank
        problem.notes['reg'] = reg
        load = reg * xp.trace(covariance).real / problem.n_sensors
        values = xp.linalg.eigvalsh(covariance)
        # by a mask: code compiled in another precision takes no index that is computed
        smallest = xp.where(np.arange(len(values)) >= len(values) - problem.rank, values, np.inf).min()
        if not isinstance(values[0] + load, jax.core.Tracer):
            self._check_invertible(values, smallest, int(problem.rank), load)
        # rows of zeros, which compiled code keeps, would make it singular
        empty = (problem.white == 0).all(axis=1)
        return covariance + xp.eye(len(covariance)) * (load + empty), xp.maximum(smallest, load)

    def _check_invertible(self, values: Any, smallest: Any, n: int, load: Any) -> None:
        where = f'{type(self).__name__}.fit(data_cov=...)'
        if values[-1] <= 0:
            raise ValueError(f'{where} is zero in all directions in which there is noise: there is nothing to filter.')
        if smallest + load <= FLOOR * values[-1]:
            rank = int((values > FLOOR * values[-1]).sum())
            raise ValueError(
                f'{where} varies in {rank} of the {n} directions in which there is noise, and '
                f'reg={float(self.reg):g} leaves it singular: write reg=0.05, for example, or take more samples.'
            )

    def _data(self, data_cov: Any, where: str) -> Covariance:
        _, channels = self._fitted()
        return covariance_of(data_cov, self.data_record, channels, where)

    def _noise(self, noise_cov: Any, gain: Gain, where: str) -> Covariance:
        if noise_cov is not None:
            return super()._noise(noise_cov, gain, where)
        channels = gain.channels
        why = None
        if channels.is_mixed:
            why = f'to compare {", ".join(channels.kinds)}'
        elif self.regularisation is not None:
            why = f'for regularisation={self.regularisation!r}'
        elif self.weight_norm not in ('unit-gain', 'nai'):
            why = f'for weight_norm={self.weight_norm!r}, which is in units of it'
        if why is not None:
            raise TypeError(
                f"{where} is the covariance of the noise, {why}; got None: write {NOISE_FROM}; weight_norm='unit-gain' "
                f"and 'nai' can do without where there is one type of channel."
            )
        # alike and independent on all sensors: how strong it is cancels
        return Covariance(np.eye(len(channels)), np.ones(()))


def _unit_rows(weights: Any, xp: Any) -> Any:
    """Rows of length 1; those of directions that no sensor sees, of length 0."""
    squares = (abs(weights) ** 2).sum(axis=-1, keepdims=True)
    seen = squares > FLOOR * squares.max(axis=1, keepdims=True)
    return xp.where(seen, weights / xp.where(seen, squares, 1.0) ** 0.5, 0.0)
