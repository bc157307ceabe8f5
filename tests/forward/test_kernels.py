"""Kernels against the formulas of their sources, and integrals against quadrature."""

import brainunit as u
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from brainfwd.forward import KERNELS, DoubleGamma, Gamma, Volterra
from brainfwd.forward.blood.kernels import Kernel

T = np.linspace(0, 30, 301)


def spm(t):
    return (gamma.pdf(t, 6) - gamma.pdf(t, 16) / 6) / (5 / 6)


def glover(t):
    """Up to a factor."""
    return (t / 5.4) ** 6 * np.exp(-(t - 5.4) / 0.9) - 0.35 * (t / 10.8) ** 12 * np.exp(-(t - 10.8) / 0.9)


def boynton(t):
    x = np.maximum(t - 2.05, 0) / 1.08
    return x**2 * np.exp(-x) / (1.08 * 2)


def friston(t):
    """Damped, as The Virtual Brain has it, up to a factor."""
    omega = np.sqrt(1 / 0.4 - 1 / (4 * 0.8**2))
    return np.exp(-0.5 * t / 0.8) * np.sin(omega * t) / omega


@pytest.mark.parametrize(
    ('name', 'formula'), [('spm12', spm), ('glover1999', glover), ('boynton1996', boynton), ('friston2000', friston)]
)
def test_published_kernels(name, formula):
    kernel, area = KERNELS[name](), quad(formula, 0, 60, limit=200, epsabs=1e-12)[0]
    np.testing.assert_allclose(kernel.density(T), formula(T) / area, atol=1e-9)


@pytest.mark.parametrize('name', KERNELS)
def test_integrals(name):
    kernel = KERNELS[name]()
    for t in (0.7, 3.0, 11.0):
        assert kernel.integral(t) == pytest.approx(quad(kernel.density, 0, t, epsabs=1e-12)[0], abs=1e-9)
    assert kernel.integral(0.0) == 0
    assert kernel.integral(kernel.duration) == pytest.approx(1, abs=1e-6)
    assert abs(kernel.integral(kernel.duration - 0.2) - 1) > 1e-7
    # whatever the grid
    for width in (0.01, 0.7, 5.0):
        n = int(np.ceil(kernel.duration / width))
        assert kernel.weights(width, n).sum() == pytest.approx(1, abs=2e-6)


@pytest.mark.parametrize(
    'kernel',
    [
        Gamma(3.0, 200 * u.second, 0 * u.second),
        DoubleGamma((6.0, 30 * u.second), (16.0, 30 * u.second)),
        Gamma(3.0, 5 * u.ms, 0 * u.second),
        # at the end of the first grid it is passing through 1
        DoubleGamma((2.0, 100 * u.second), (9.0, 85 * u.second), ratio=0.24),
    ],
    ids=str,
)
def test_any_length(kernel):
    assert abs(kernel.integral(kernel.duration * np.linspace(1, 4, 100)) - 1).max() < 1e-6
    assert abs(kernel.integral(kernel.duration - max(0.1, 0.01 * kernel.duration)) - 1) > 1e-7


def test_a_kernel_without_an_end():
    class Flat(Kernel):
        def density(self, t):
            return 0.5 * (t < 1)

        def integral(self, t):
            return 0.5 * np.minimum(t, 1)

    with pytest.raises(ValueError, match=r'Flat.integral\(t\) goes to 1; it is 0\.5'):
        Flat().duration  # noqa: B018


def test_where_they_peak():
    t = np.arange(0, 20, 1e-3)
    # a gamma density peaks at (n - 1) tau; the undershoot of the canonical one does not reach its peak
    assert t[KERNELS['spm12']().density(t).argmax()] == pytest.approx(5.0, abs=0.01)
    assert t[KERNELS['boynton1996']().density(t).argmax()] == pytest.approx(2.05 + 2 * 1.08, abs=2e-3)


def test_the_undershoot_of_a_double_gamma_has_its_area():
    kernel = DoubleGamma((4.0, 1.5 * u.second), (20.0, 800 * u.ms), ratio=0.3)
    np.testing.assert_allclose(
        0.7 * kernel.density(T), gamma.pdf(T, 4, scale=1.5) - 0.3 * gamma.pdf(T, 20, scale=0.8), atol=1e-12
    )


@pytest.mark.parametrize(
    ('make', 'says'),
    [
        (lambda: Gamma(tau=1.2), r'Gamma\(tau\) is in s; got a bare number: write 1.2 \* u.second'),
        (lambda: Gamma(n=0), r'Gamma\(n\) must be above zero'),
        (lambda: Gamma(delay=-1 * u.second), r'Gamma\(delay\) must not be negative'),
        (lambda: DoubleGamma(ratio=1.5), r'DoubleGamma\(ratio\) is a fraction, between 0 and 1; got 1.5'),
        (lambda: Volterra(tau_s=0.3 * u.second), r'4 tau_s\^2 is above tau_f'),
    ],
)
def test_bad_input(make, says):
    with pytest.raises(ValueError, match=says):
        make()
