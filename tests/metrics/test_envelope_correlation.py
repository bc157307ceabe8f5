"""Correlation of amplitudes, against noise and modulations whose correlation is known."""

import brainunit as u
import numpy as np
import pytest
from scipy import special

from brainfwd import metrics

envelope_correlation = metrics.envelope_correlation


def gaussian(n_times, mixing, seed=0):
    """Complex Gaussian noise, mixed."""
    rng = np.random.default_rng(seed)
    n = len(mixing)
    z = rng.normal(size=(n_times, n)) + 1j * rng.normal(size=(n_times, n))
    return z @ np.asarray(mixing).T


def modulated(n_times=200_000, depth=0.5, seed=0):
    """One log-normal amplitude for two, whose phases are independent."""
    rng = np.random.default_rng(seed)
    amplitude = np.exp(depth * rng.normal(size=(n_times, 1)))
    return amplitude * np.exp(2j * np.pi * rng.random((n_times, 2)))


def test_noise_of_known_coherence():
    r"""Amplitudes of coherence g have :math:`\langle A_1 A_2 \rangle \propto {}_2F_1(-1/2, -1/2; 1; g^2)`."""
    coherence = 0.8
    z = gaussian(200_000, [[1.0, 0.0], [coherence * np.exp(0.7j), np.sqrt(1 - coherence**2)]])
    hypergeometric = special.hyp2f1(-0.5, -0.5, 1, coherence**2)
    expected = np.pi / 4 * (hypergeometric - 1) / (1 - np.pi / 4)
    assert envelope_correlation(z)[0, 1] == pytest.approx(expected, abs=0.01)


def test_one_amplitude_for_two_carriers():
    rng = np.random.default_rng(0)
    t = np.arange(20_000)[:, None] / 250
    slow = np.exp(0.5 * np.cos(2 * np.pi * 0.1 * t + 1))
    x = slow * np.cos(2 * np.pi * np.array([10.0, 11.0]) * t + rng.random(2))
    correlation = envelope_correlation(x * u.mV, 4 * u.ms, band=(7 * u.Hz, 14 * u.Hz))
    np.testing.assert_allclose(correlation, 1.0, atol=1e-2)


def test_orthogonalised_of_one_amplitude():
    r"""Against :math:`A |\sin\psi|` with a uniform angle, whose moments are 2 / pi and 1 / 2."""
    z = modulated()
    amplitude = abs(z[:, 0])
    variance, square = amplitude.var(), (amplitude**2).mean()
    expected = (2 / np.pi) * np.sqrt(variance / (square / 2 - (2 / np.pi * amplitude.mean()) ** 2))
    correlation = envelope_correlation(z, orthogonalize=True)
    assert correlation[0, 1] == pytest.approx(expected, abs=0.01)
    assert (np.diag(correlation) == 0).all()
    assert envelope_correlation(z)[0, 1] == pytest.approx(1)


def test_orthogonalised_of_one_amplitude_in_logarithms():
    r"""The logarithm of :math:`\sin^2\psi` has variance :math:`\pi^2 / 3`, and that of power here 1."""
    correlation = envelope_correlation(modulated(), orthogonalize=True, log=True)
    assert correlation[0, 1] == pytest.approx(1 / np.sqrt(1 + np.pi**2 / 3), abs=0.01)


@pytest.mark.parametrize('log', [False, True])
def test_what_leaks_into_both_counts_unless_orthogonalised(log):
    z = gaussian(100_000, [[1.0, 0.6], [0.6, 1.0]])
    assert envelope_correlation(z, log=log)[0, 1] > 0.6
    assert envelope_correlation(z, log=log, orthogonalize=True)[0, 1] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize('orthogonalize', [False, True])
def test_scale_order_and_batches(orthogonalize):
    x = np.random.default_rng(0).normal(size=(2, 400, 3))
    options = {'band': (8 * u.Hz, 13 * u.Hz), 'orthogonalize': orthogonalize}
    correlation = envelope_correlation(x, 4 * u.ms, **options)
    assert correlation.shape == (2, 3, 3)
    np.testing.assert_allclose(correlation, np.swapaxes(correlation, 1, 2), atol=1e-14)
    moved = envelope_correlation(x[1][:, [2, 0, 1]] * [1e-15, -1, 1e6] * u.volt, 4 * u.ms, **options)
    np.testing.assert_allclose(moved, correlation[1][np.ix_([2, 0, 1], [2, 0, 1])], atol=1e-12)


def test_errors():
    z = gaussian(100, np.eye(2))
    with pytest.raises(ValueError, match='the amplitude varies in time; got a constant at region 1'):
        envelope_correlation(z / np.stack([np.ones(100), abs(z[:, 1])], axis=1))
    for factor in (1, 3, 0.1j + 1e-14):
        copied = z[:, [0, 0]] * [1, abs(factor)]
        with pytest.raises(ValueError, match='got one that is region 0 times a number'):
            envelope_correlation(copied, orthogonalize=True)
    z[3, 1] = 0
    assert np.isfinite(envelope_correlation(z)).all()
    for options in ({'log': True}, {'orthogonalize': True}):
        with pytest.raises(ValueError, match='amplitudes above 0; got 0 at region 1'):
            envelope_correlation(z, **options)
