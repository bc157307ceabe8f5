"""A solver and its settings, to be fitted as scikit-learn does."""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from brainfwd.inverse.base import LinearInverse
from brainfwd.inverse.calibrain.problem import stated

__all__ = ['SourceEstimator']

_FUNCTIONS = 'gamma_map_sflex, gamma_lambda_map_sflex, BMN or BMN_joint'


class SourceEstimator:
    r"""A solver with its settings; ``fit(L, y).predict()`` has what it found.

    The noise has one of three modes. *Oracle*: ``noise_var`` is that of the noise which a simulation added. *Baseline*:
    that of data before the stimulus. *Adaptive joint learning*: ``noise_var=None``, and a solver that learns it.

    Parameters
    ----------
    solver : callable
        `gamma_map_sflex`, `gamma_lambda_map_sflex`, `BMN`, `BMN_joint`, or one of your own that takes ``L``, ``y``,
        ``n_orient``, the settings, and ``noise_var`` and ``logger`` where they are given.
    solver_params : dict, optional
        Its settings.
    noise_var : Quantity or float, optional
        Variance of the noise.
    n_orient : int
        Components of a moment: 1, 2 or 3.
    logger : logging.Logger, optional
        For the solver.

    Raises
    ------
    TypeError
        A solver that is no function; settings that are no dict.
    """

    def __init__(
        self,
        solver: Callable[..., Any],
        solver_params: Mapping[str, Any] | None = None,
        noise_var: Any = None,
        n_orient: int = 1,
        logger: logging.Logger | None = None,
    ):
        is_module = isinstance(solver, LinearInverse | type)
        if is_module or not callable(solver):
            name = solver.__name__ if isinstance(solver, type) else type(solver).__name__
            hint = f'{name} has a fit of its own, for records' if is_module else 'write the function, without quotes'
            raise TypeError(f'SourceEstimator(solver) is a function, {_FUNCTIONS}; got {solver!r}: {hint}.')
        if not isinstance(solver_params, Mapping | None):
            raise TypeError(f'SourceEstimator(solver_params=...) is a dict of settings; got {solver_params!r}.')
        self.solver = solver
        self.solver_params = solver_params
        self.noise_var = noise_var
        self.n_orient = n_orient
        self.logger = logger

    def __repr__(self) -> str:
        shown = [f'{name}={getattr(self, name)}' for name in ('noise_var', 'n_orient')]
        settings = ', '.join(self.solver_params or ())
        return f'SourceEstimator({self._name}, {", ".join(shown)}{settings and f"; {settings}"})'

    @property
    def _name(self) -> str:
        return getattr(self.solver, '__name__', type(self.solver).__name__)

    def fit(self, L: Any, y: Any) -> 'SourceEstimator':
        """Take the lead field and the data, as the solver does; returns the estimator.

        Raises
        ------
        UnitError, ShapeError, TypeError, ValueError
            Units, shapes or numbers that do not fit together; a variance of the noise for a solver that takes none, or
            none for one that needs it.
        """
        problem = stated('SourceEstimator.fit', L, y, self.n_orient, noise_var=self.noise_var)
        noise_var = inspect.signature(self.solver).parameters.get('noise_var')
        if noise_var is None and self.noise_var is not None:
            raise ValueError(
                f'{self._name} learns the noise; got noise_var={self.noise_var}: leave it out, or take '
                f'gamma_map_sflex or BMN.'
            )
        if noise_var is not None and noise_var.default is inspect.Parameter.empty:
            problem.known_noise()
        self.L_, self.y_ = L, y
        return self

    def predict(self, y: Any = None) -> Any:
        """What the solver finds in the data of ``fit``, or in ``y``; variances are learned from the same.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        UnitError, ShapeError, TypeError, ValueError
            What the solver raises.
        """
        if not hasattr(self, 'L_'):
            raise RuntimeError('SourceEstimator has nothing to estimate from: write .fit(L, y) first.')
        params = dict(self.solver_params or {})
        if 'noise_var' in inspect.signature(self.solver).parameters:
            params['noise_var'] = self.noise_var
        if self.logger is not None:
            params['logger'] = self.logger
        return self.solver(L=self.L_, y=self.y_ if y is None else y, n_orient=self.n_orient, **params)
