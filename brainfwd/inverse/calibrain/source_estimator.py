"""A solver and its settings, to be fitted as scikit-learn does."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brainfwd._core import checks

__all__ = ['SourceEstimator']


class SourceEstimator:
    r"""A solver with its settings; ``fit(L, y).predict()`` has what it found.

    The noise has one of three modes. *Oracle*: ``noise_var`` is that of the noise which a simulation added. *Baseline*:
    that of data before the stimulus. *Adaptive joint learning*: ``noise_var=None``, and a solver that learns it.

    Parameters
    ----------
    solver : callable
        `gamma_map_sflex`, `gamma_lambda_map_sflex`, `BMN`, `BMN_joint`, or one of your own that takes ``L``, ``y``,
        ``n_orient``, the settings, and ``noise_var`` where it is given.
    solver_params : dict, optional
        Its settings.
    noise_var : Quantity or float, optional
        Variance of the noise.
    n_orient : int
        Components of a moment: 1, 2 or 3.
    """

    def __init__(
        self,
        solver: Callable[..., Any],
        solver_params: Mapping[str, Any] | None = None,
        noise_var: Any = None,
        n_orient: int = 1,
    ):
        self.solver = solver
        self.solver_params = solver_params
        self.noise_var = noise_var
        self.n_orient = n_orient

    def fit(self, L: Any, y: Any) -> 'SourceEstimator':
        """Take the lead field and the data, as the solver does; returns the estimator.

        Raises
        ------
        ShapeError
            A lead field (n_sensors, n_sources, components) of another number of components than ``n_orient``.
        """
        if np.ndim(L) == 3 and np.shape(L)[2] != self.n_orient:
            raise checks.ShapeError(
                f'SourceEstimator.fit(L) has {self.n_orient} components of each source, by n_orient={self.n_orient}; '
                f'got {np.shape(L)}.'
            )
        self.L_, self.y_ = L, y
        return self

    def predict(self, y: Any = None) -> Any:
        """What the solver finds in the data of ``fit``, or in ``y``; variances are learned from the same.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            A variance of the noise for a solver that takes none; and what the solver raises.
        """
        if not hasattr(self, 'L_'):
            raise RuntimeError('SourceEstimator has nothing to estimate from: write .fit(L, y) first.')
        params = dict(self.solver_params or {})
        if 'noise_var' in inspect.signature(self.solver).parameters:
            params['noise_var'] = self.noise_var
        elif self.noise_var is not None:
            raise ValueError(
                f'{self.solver.__name__} learns the noise; got noise_var={self.noise_var}: leave it out, or take '
                f'gamma_map_sflex or BMN.'
            )
        return self.solver(L=self.L_, y=self.y_ if y is None else y, n_orient=self.n_orient, **params)
