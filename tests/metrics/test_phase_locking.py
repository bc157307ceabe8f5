"""Locking of phases, against oscillators whose difference of phase has a known distribution."""

import brainunit as u
import numpy as np
import pytest
from scipy import special

from brainfwd import metrics

plv, pli = metrics.phase_locking_value, metrics.phase_lag_index


def adler(coupling, noise, lag=0.0, n_times=200_000, dt=0.002, seed=0):
    r"""Phases of two oscillators at 10 Hz, coupled by the sine of their difference.

    The difference psi follows :math:`\dot\psi = -K \sin(\psi - \alpha) + \sqrt{4 D}\,\xi`, whose stationary density is
    von Mises around alpha with concentration K / (2 D).
    """
    xi = np.sqrt(2 * noise * dt) * np.random.default_rng(seed).normal(size=(n_times, 2))
    phase, phases = np.array([0.0, lag]), np.empty((n_times, 2))
    for i, kick in enumerate(xi):
        pull = 0.5 * coupling * np.sin(phase[1] - phase[0] - lag)
        phase = phase + dt * (2 * np.pi * 10 + np.array([pull, -pull])) + kick
        phases[i] = phase
    return phases


@pytest.fixture(scope='module')
def coupled():
    return adler(coupling=4.0, noise=1.0, lag=0.5)


def test_coupled_oscillators(coupled):
    expected = special.iv(1, 2.0) / special.iv(0, 2.0)
    assert plv(np.exp(1j * coupled))[0, 1] == pytest.approx(expected, abs=0.02)
    # from what a sensor sees of them
    band = (2 * u.Hz, 30 * u.Hz)
    assert plv(np.cos(coupled), 2 * u.ms, band=band)[0, 1] == pytest.approx(expected, abs=0.03)


def test_lag_index_of_coupled_oscillators(coupled):
    psi = np.linspace(-np.pi, np.pi, 20_001)
    density = np.exp(2.0 * np.cos(psi - 0.5))
    expected = (np.sign(np.sin(psi)) * density).sum() / density.sum()
    assert pli(np.exp(1j * coupled))[0, 1] == pytest.approx(expected, abs=0.03)


def test_a_constant_difference_is_full_locking_whatever_it_is():
    phases = 2 * np.pi * 10 * np.arange(1000)[:, None] / 500 + [0.0, 0.3, np.pi, -2.0]
    np.testing.assert_allclose(plv(np.cos(phases)), 1.0, atol=1e-12)
    expected = abs(np.sign(np.sin(phases[0][:, None] - phases[0]).round(12)))
    np.testing.assert_allclose(pli(np.cos(phases)), expected, atol=1e-12)


def test_independent_phases_are_locked_by_chance_alone():
    n = 400
    z = np.exp(2j * np.pi * np.random.default_rng(0).random((200, n, 2)))
    assert plv(z)[:, 0, 1].mean() == pytest.approx(np.sqrt(np.pi / (4 * n)), rel=0.1)
    # 40 s of a band of 5 Hz
    noise = np.random.default_rng(0).normal(size=(10_000, 20))
    by_chance = plv(noise, 4 * u.ms, band=(8 * u.Hz, 13 * u.Hz))[np.triu_indices(20, k=1)]
    assert by_chance.mean() == pytest.approx(np.sqrt(np.pi / (4 * 200)), rel=0.15)


def test_what_leaks_into_both_locks_phases_but_has_no_lag():
    x = np.random.default_rng(0).normal(size=(20_000, 2))
    leaked = x @ np.array([[1.0, 0.8], [0.8, 1.0]])
    band = (8 * u.Hz, 13 * u.Hz)
    assert plv(leaked, 4 * u.ms, band=band)[0, 1] > 0.8
    assert pli(leaked, 4 * u.ms, band=band)[0, 1] < 0.1
    # a copy has no lag at all, whatever rounding leaves
    assert (pli(x[:, [0, 0]] * [1, 3]) == 0).all()


def test_amplitude_and_order_do_not_matter():
    x = np.random.default_rng(0).normal(size=(2, 500, 3))
    for measure in (plv, pli):
        locked = measure(x)
        assert locked.shape == (2, 3, 3)
        np.testing.assert_allclose(locked, np.swapaxes(locked, 1, 2), atol=1e-14)
        np.testing.assert_allclose(measure(x[..., [2, 0, 1]] * [1e-15, 1, 1e6])[:, 0, 1], locked[:, 2, 0])
    np.testing.assert_allclose(np.diagonal(plv(x), axis1=1, axis2=2), 1.0)


def test_errors():
    z = np.exp(1j * np.arange(10.0))[:, None] * [1.0, 0.5]
    with pytest.raises(ValueError, match=r'phase_locking_value\(band=\.\.\.\) is for real data; got complex data'):
        plv(z, 4 * u.ms, band=(8 * u.Hz, 13 * u.Hz))
    with pytest.raises(ValueError, match=r'phase_lag_index\(data\) .* got an amplitude of 0 at region 1'):
        pli(z * [1, 0])
    with pytest.raises(ValueError, match=r'phase_locking_value\(data\) varies in time; got a constant at region 0'):
        plv(z.real * [0, 1])
