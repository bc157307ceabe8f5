"""Sensor noise relative to the signal, from a pilot run."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf


@pytest.fixture(scope='module')
def recorded(network, eeg):
    """Two runs of one seed, with noise at 6 dB and without."""
    noisy, clean = eeg(noise_cov=None, snr_db=6.0), eeg(noise_cov=None)
    sim = bf.Simulator(network(), dt=0.5 * u.ms)
    runs = [sim.run(8 * u.second, monitors={'eeg': model}, transient=1 * u.second, seed=2) for model in (noisy, clean)]
    return noisy, *(run['eeg'] for run in runs)


def test_the_ratio_is_the_one_asked_for(recorded):
    _, noisy, clean = recorded
    noise = noisy.data_si - clean.data_si
    measured = 10 * np.log10(clean.data_si.var(axis=0).sum() / noise.var(axis=0).sum())
    # the pilot is 4 s of another stretch: its variance is that of a few hundred oscillations
    assert measured == pytest.approx(6.0, abs=0.7)


def test_the_noise_is_white_and_known(recorded):
    _, noisy, clean = recorded
    noise = noisy.data_si - clean.data_si
    n = len(noise)
    assert n == 4000
    covariance = noisy.noise_cov.matrix_si
    np.testing.assert_allclose(np.cov(noise.T), covariance, atol=5 * covariance.max() / np.sqrt(n))
    after = [np.corrcoef(noise[1:, i], noise[:-1, i])[0, 1] for i in range(3)]
    assert np.abs(after).max() < 4 / np.sqrt(n)
    # float32 samples of about 1 uV
    assert abs(noise.mean(axis=0)).max() < 5 * np.sqrt(covariance.max() / n)


def test_the_noise_stays_as_it_was_fixed(recorded, network):
    model, noisy, _ = recorded
    assert not model.needs_pilot
    sim = bf.Simulator(network(a=-0.5), dt=0.5 * u.ms)
    again = sim.run(100 * u.ms, monitors={'eeg': model}, seed=2)['eeg']
    np.testing.assert_array_equal(again.noise_cov.matrix_si, noisy.noise_cov.matrix_si)
    model.snr_db = 0.0
    assert model.needs_pilot


def test_a_pilot_that_diverges_says_so(eeg):
    node = bf.HopfOscillator(4, init_x=1e3)
    model = eeg(noise_cov=None, snr_db=6.0)
    with pytest.raises(bf.SimulationError, match='region 0 is not finite'):
        bf.Simulator(node, dt=1 * u.ms).run(20 * u.ms, monitors={'eeg': model})
