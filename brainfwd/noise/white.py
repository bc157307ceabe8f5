r"""White noise.

.. math:: dx = f(x)\,dt + \sigma\,dW
"""

from collections.abc import Mapping
from typing import Any

import brainunit as u

from brainfwd._core.fields import Input, Variable
from brainfwd.noise.base import NoiseParameter, WienerNoise

__all__ = ['WhiteNoise']


class WhiteNoise(WienerNoise):
    r"""White noise of ``noise_amplitude`` :math:`\sigma`, in units of what it feeds per square root of time.

    On a variable in X, the amplitude is in X/sqrt(s): one step adds :math:`\sigma \sqrt{dt}\,N(0, 1)`, so that the
    spread at a fixed time does not depend on dt. On an input in X, it is in X sqrt(s) (the integral of the input over
    time is a Wiener process); allowed only where the derivative is affine in that input, with a slope that does not
    depend on the variables. It has no mean, and as any noise it takes the place of the default of that input: give the
    mean beside it, ``inputs={'p': 220 * u.Hz}``.

    Parameters
    ----------
    noise_amplitude : Quantity
        A number, or one per region.
    """

    noise_amplitude = NoiseParameter('amplitude of the white noise')

    def __init__(self, noise_amplitude: Any, *, name: str | None = None):
        super().__init__(noise_amplitude=noise_amplitude, name=name)

    def units(self, target: Variable | Input, state: Mapping[str, Any]) -> dict[str, u.Unit]:
        """X/sqrt(s) on a variable in X, X sqrt(s) on an input in X."""
        root = u.second**0.5
        return {'noise_amplitude': target.unit / root if isinstance(target, Variable) else target.unit * root}

    def increment(self, step: Any, dt: u.Quantity, state: Mapping[str, Any]) -> Any:
        """The integral of the noise over one step."""
        return self.noise_amplitude * u.math.sqrt(dt) * self.normal(step)
