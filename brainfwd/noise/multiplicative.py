r"""White noise whose size depends on the state.

.. math:: dx = f(x)\,dt + \sigma\,g(x)\,dW
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import brainunit as u
import jax
import numpy as np

from brainfwd._core import checks
from brainfwd._core.fields import Input, Variable, check_fits
from brainfwd.noise.base import NoiseParameter, WienerNoise

__all__ = ['MultiplicativeNoise']


class MultiplicativeNoise(WienerNoise):
    r"""White noise on a variable, of a size that follows the state; in the sense of Ito.

    .. math:: dx = f(x)\,dt + \sigma\,g(x)\,dW

    The increment is that of the state at the beginning of a step, :math:`\sigma\,g(x)\,\Delta W`, under every scheme:
    with ``'euler'`` this is the Euler-Maruyama scheme, with ``'heun'`` the drift is averaged over the step and the
    noise is not. Both converge to the Ito solution, with strong order 1/2 and weak order 1 (a Heun scheme that
    averages g as well converges to that of Stratonovich, which is the one of Ito with a drift of
    :math:`\sigma^2 g\,g'/2` more). ``milstein=True`` adds

    .. math:: \tfrac12\,\sigma^2\,g(x)\,g'(x)\,(\Delta W^2 - dt)

    for strong order 1, where g depends on the variable that the noise feeds, on parameters, and on variables without
    noise. It takes a derivative of g: not for one that is infinite in places, such as the square root at 0.

    Parameters
    ----------
    noise_amplitude : Quantity
        :math:`\sigma`, such that :math:`\sigma g` is in the unit of the variable per square root of a second; a number,
        or one per region.
    of : str or callable, optional
        g: the name of a variable, or a function of variables of the node, which it takes by name, region by region:
        ``lambda rE: rE * (1 - rE)``. The variable that the noise feeds by default.
    milstein : bool
        Whether to add the term above.

    References
    ----------
    Kloeden & Platen (1992), Numerical Solution of Stochastic Differential Equations, chapters 10 and 14.
    """

    noise_amplitude = NoiseParameter('amplitude of the noise, relative to what it is proportional to')

    def __init__(
        self,
        noise_amplitude: Any,
        of: str | Callable[..., Any] | None = None,
        *,
        milstein: bool = False,
        name: str | None = None,
    ):
        super().__init__(noise_amplitude=noise_amplitude, name=name)
        if not (of is None or isinstance(of, str) or callable(of)):
            raise TypeError(f'MultiplicativeNoise.of is the name of a variable or a function; got {type(of).__name__}.')
        self.of = of
        self.milstein = milstein

    def bind(
        self, in_size: tuple[int, ...], target: Variable | Input, where: str, state: Mapping[str, Any] | None = None
    ) -> None:
        """Take the size of the network, look at g, and check the amplitude against both."""
        if not isinstance(target, Variable):
            raise ValueError(
                f'MultiplicativeNoise feeds a variable; {target.name} is an input, which takes bf.noise.WhiteNoise.'
            )
        self._target = target.name
        state = dict(state or {})
        for name in self._arguments():
            checks.choice(name, state, f'{where} MultiplicativeNoise.of: a variable')
        jaxpr, size = jax.make_jaxpr(self._g, return_shape=True)(state)
        check_fits(size, in_size, f'{where} MultiplicativeNoise.of: what it gives')
        self._unit = u.get_unit(size)
        # compiled code knows a function by its identity, and would take one that closes over another value for the same
        seen = str(jaxpr), [np.asarray(constant).tobytes() for constant in jaxpr.consts]
        self._computes = hashlib.sha256(repr(seen).encode()).hexdigest()
        super().bind(in_size, target, where)

    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """X/sqrt(s) over the unit of g, on a variable in X."""
        return {'noise_amplitude': target.unit / u.second**0.5 / self._unit}

    def _arguments(self) -> list[str]:
        return list(inspect.signature(self.of).parameters) if callable(self.of) else [self.of or self._target]

    def _g(self, state: Mapping[str, Any]) -> Any:
        given = {name: state[name] for name in self._arguments()}
        return self.of(**given) if callable(self.of) else next(iter(given.values()))

    def increment(self, step: Any, dt: u.Quantity, state: Mapping[str, Any]) -> Any:
        """The integral of the noise over one step, by the state at its beginning."""
        dw = u.math.sqrt(dt) * self.normal(step)
        if not self.milstein:
            return self.noise_amplitude * self._g(state) * dw
        x = state[self._target]
        # region by region, so that one tangent of ones reads the whole diagonal
        size, slope = jax.jvp(lambda x: self._g({**state, self._target: x}), (x,), (u.math.ones_like(x),))
        slope = slope / u.Quantity(1.0, unit=u.get_unit(x))
        return self.noise_amplitude * size * (dw + self.noise_amplitude * slope * (dw * dw - dt) / 2)
