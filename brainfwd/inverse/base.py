"""What every linear solver shares: a kernel, and the Gaussian model that it stands for."""

import abc
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core.linear_algebra import is_traced, xp_of
from brainfwd._core.units import nAm
from brainfwd.inverse.applied import applied, components
from brainfwd.inverse.inputs import factor
from brainfwd.inverse.methods import of_a_solver
from brainfwd.inverse.model import GaussianModel
from brainfwd.inverse.posterior import Posterior
from brainfwd.inverse.problem import WhitenedProblem
from brainfwd.inverse.solver import InverseSolver
from brainfwd.records import SENSOR_UNITS, Channels, Recording

__all__ = ['LinearInverse']


class LinearInverse(InverseSolver):
    r"""A linear inverse solver: ``fit`` once, then ``update`` as often as there are data.

    The base whitens the gain with the noise covariance (average reference of EEG included) and puts the units back; a
    solver is the kernel of the whitened problem that is left:

    .. math:: \hat s = \underbrace{k(W G)}_{\text{solver}} W y

    To add one, inherit, set ``unit`` and write `whitened_kernel`; numbers that it takes are declared as `Setting`. The
    conventions are those of MNE-Python, and so are the numbers.

    Parameters
    ----------
    orientation : str
        One of ``orientations``. ``'fixed'``: along the normals of the cortex, and the answer has a sign. Others need a
        lead field of free orientation.
    rank : dict of str to int, optional
        In how many directions there is noise, of ``'meg'`` and ``'eeg'``, instead of `NoiseCovariance.rank`.
    regularisation : {'evidence', 'gcv', 'discrepancy'}, optional
        The rule by which ``fit`` chooses the regularisation from ``data_cov``; left out, it is as the settings say.

    Attributes
    ----------
    unit : Unit
        The unit of the answer.
    """

    _made: tuple[Any, GaussianModel] | None = None

    @abc.abstractmethod
    def whitened_kernel(self, problem: WhitenedProblem) -> Any:
        """(sources, K, directions) from whitened data to what the solver says about each source.

        In A m when the answer is a dipole moment, without a unit otherwise. With K = 1 the answer has a sign, with
        K = 3 it is the length of a vector. Written for ``problem.xp``, it also runs in compiled code.
        """

    def _prepared(self, problem: WhitenedProblem) -> Any:
        kernel, white = self.whitened_kernel(problem), problem.white
        # in one product: one for each source is slow
        kernel = (kernel.reshape(-1, len(white)) @ white).reshape(*kernel.shape[:2], -1)
        if not self.unit.is_unitless:
            kernel = kernel * factor(u.amp * u.meter, self.unit)
        if 'prior' in problem.notes:
            problem.notes['white'] = white
        return kernel[:, 0] if kernel.shape[1] == 1 else kernel

    def _applied(self, kernel: Any, y: Any) -> Any:
        return applied(kernel, y)

    @of_a_solver
    def kernel_for(self, lead_field: Any, noise_cov: Any = None, *, data_cov: Any = None, nave: int = 1) -> Any:
        """The kernel that `fit` would make, which it leaves alone: what to ``jit``, ``vmap`` and differentiate.

        Arguments are those of `fit`, and what is traced is a Quantity. Computed in float64, also where JAX is not; but
        of a covariance in float32, eigenvalues below 1e-7 of the largest are rounding and count as 0.

        Returns
        -------
        Quantity or dict of Quantity
            As `kernel`.
        """
        gain, kernel, _ = self._fit(lead_field, noise_cov, data_cov, nave, f'{type(self).__name__}.kernel_for')
        return self._with_units(kernel, gain.channels)

    @of_a_solver
    def vectors(self, y: Any) -> Any:
        """(..., sources, 3) components in x, y, z of the head frame; their length is what `update` answers.

        For data as `update` takes them; of a solver that leaves the direction open.
        """
        where = f'{type(self).__name__}.vectors(y)'
        kernel, numbers = self._numbers(y, where)
        if kernel.ndim == 2:
            raise ValueError(f'{where} is of a solver whose answer is a vector; this one answers along one direction.')
        return self._in_unit(components(kernel, numbers))

    @property
    def model(self) -> GaussianModel:
        """The Gaussian model behind the kernel: draws of sources and data, and what data leave open.

        Raises
        ------
        TypeError
            Of a solver that is a filter and no model, as the beamformers are.
        RuntimeError
            Before ``fit``.
        """
        kernel, channels = self._fitted()
        notes, gain = self._notes.value, self._gain
        if 'prior' not in notes:
            raise TypeError(
                f'{type(self).__name__} filters the data and says nothing of how likely sources are, so that it has no '
                f'posterior: take MinimumNorm, ELORETA, GammaMAP or BayesianMinimumNorm, for example.'
            )
        if self._made is not None and self._made[0] is kernel:
            return self._made[1]
        assert gain is not None
        seen = gain.si(gain.values)
        if self.orientation == 'fixed' and not gain.is_fixed:
            seen = gain.along_normals(seen)
        seen = seen.reshape(*seen.shape[:2], -1)
        basis, noise = (
            self._basis(None if gain.sources is None else gain.sources.positions.mantissa),
            notes.get('noise_cov'),
        )
        model = GaussianModel(seen, notes['white'], notes['prior'], channels, noise, basis, self._nave)
        # what is traced must not outlive its trace
        self._made = None if is_traced((kernel, seen)) else (kernel, model)
        return model

    def _basis(self, positions: np.ndarray | None) -> Any:
        """(sources, coefficients) of a prior that is one of coefficients; None where it is one of sources."""
        return None

    @of_a_solver
    def posterior(self, y: Any) -> Posterior:
        """What the data say about the dipole moments, and what they leave open: of data as `update` takes them.

        Of the moments in nA m under the Gaussian model behind the kernel, also where `update` answers with a map that
        has no unit.

        Raises
        ------
        TypeError
            Of a solver that is a filter and no model, as the beamformers are.
        RuntimeError, ValueError, UnitError, ShapeError
            As for `update`.
        """
        model, where = self.model, f'{type(self).__name__}.posterior(y)'
        # the mean does not depend on it, but what is left open does
        if isinstance(y, Recording):
            self._check_nave(y, where)
        _, numbers = self._numbers(y, where)
        return model.posterior(numbers)

    @property
    def posterior_variance(self) -> u.Quantity:
        """(sources[, 3]) variance that data leave open of each component, (nA m)2: the same for all data."""
        return self.model.variance

    @property
    def kernel(self) -> Any:
        """(sources, sensors), or (sources, 3, sensors) in x, y, z of the head frame where the answer is a length.

        In `unit` per unit of the sensors; a dict of one per type, sorted, when there are several types of channel.
        """
        return self._with_units(*self._fitted())

    @of_a_solver
    def resolution_matrix(self) -> Any:
        r"""What the solver makes of one dipole at each source, without noise: :math:`K G`, in `unit` per nA m.

        (sources, sources): rows are the cross talk of an estimate, columns the point spread of a source, of dipoles
        along the direction in which the solver looks. With vectors, (sources, 3, sources, 3). For many sources see
        ``bf.metrics.resolution``, which never holds all of it.

        Raises
        ------
        RuntimeError
            Before ``fit``, or after a fit within compiled code.
        """
        kernel, _ = self._fitted()
        assert self._gain is not None
        if isinstance(self._gain.values, jax.core.Tracer):
            raise RuntimeError(f'{type(self).__name__}.resolution_matrix() needs a fit outside of compiled code.')
        gain = self._gain.si(self._gain.values)
        if kernel.ndim == 2 and not self._gain.is_fixed:
            gain = (gain * self._axes()).sum(axis=-1)
        matrix = xp_of(kernel, gain).tensordot(kernel, gain, axes=1)
        per_moment = u.Quantity(matrix, unit=self.unit / (u.amp * u.meter))
        return per_moment.in_unit(nAm**-1) if self.unit.is_unitless else per_moment.to_decimal(u.UNITLESS)

    def _axes(self) -> Any:
        """(sources, 3) direction of each source in an answer that has a sign."""
        assert self._gain is not None
        assert self._gain.sources is not None
        return self._gain.sources.normals

    def _with_units(self, kernel: Any, channels: Channels) -> Any:
        # without a unit times 1/V is 1/V, but prints as a product of base units
        units = {k: unit**-1 if self.unit.is_unitless else self.unit / unit for k, unit in SENSOR_UNITS.items()}
        if not channels.is_mixed:
            return u.Quantity(kernel, unit=units[channels.kinds[0]])
        # in the order in which JAX hands dicts back
        return {k: u.Quantity(kernel[..., channels.indices(k)], unit=units[k]) for k in sorted(channels.kinds)}
