"""Sensor noise relative to the signal, from a pilot run."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

SNR = 6.0


def measured(noisy, clean):
    """In dB, in the band of the recording, with the mean removed."""
    noise = noisy.data_si - clean.data_si
    return 10 * np.log10(clean.data_si.var(axis=0).sum() / noise.var(axis=0).sum())


@pytest.fixture(scope='module')
def recorded(network, eeg):
    """Regions that oscillate, so that any stretch has the variance of any other; with noise and without."""
    noisy, clean = eeg(noise_cov=None, snr_db=SNR), eeg(noise_cov=None)
    sim = bf.Simulator(network(a=0.3), dt=0.5 * u.ms)
    runs = [sim.run(8 * u.second, monitors={'eeg': model}, transient=1 * u.second, seed=2) for model in (noisy, clean)]
    return sim, noisy, *(run['eeg'] for run in runs), runs[0]


def test_the_ratio_is_the_one_asked_for(recorded):
    _, _, noisy, clean, _ = recorded
    assert measured(noisy, clean) == pytest.approx(SNR, abs=0.3)


def test_the_noise_is_white_and_known(recorded):
    _, _, noisy, clean, _ = recorded
    noise = noisy.data_si - clean.data_si
    n = len(noise)
    assert n == 4000
    covariance = noisy.noise_cov.matrix_si
    np.testing.assert_allclose(np.cov(noise.T), covariance, atol=5 * covariance.max() / np.sqrt(n))
    after = [np.corrcoef(noise[1:, i], noise[:-1, i])[0, 1] for i in range(3)]
    assert np.abs(after).max() < 4 / np.sqrt(n)
    # float32 samples of about 1 uV
    assert abs(noise.mean(axis=0)).max() < 5 * np.sqrt(covariance.max() / n)


def test_the_same_seed_gives_the_same_noise(recorded):
    sim, model, noisy, _, _ = recorded
    again = sim.run(8 * u.second, monitors={'eeg': model}, transient=1 * u.second, seed=2)['eeg']
    np.testing.assert_array_equal(again.data_si, noisy.data_si)
    np.testing.assert_array_equal(again.noise_cov.matrix_si, noisy.noise_cov.matrix_si)


def test_a_run_that_goes_on_keeps_the_noise_and_a_new_run_fixes_it_anew(recorded, network):
    sim, model, noisy, _, run = recorded
    sim.network.node.a = 1.2
    louder = sim.run(2 * u.second, monitors={'eeg': model}, resume=run)['eeg']
    np.testing.assert_array_equal(louder.noise_cov.matrix_si, noisy.noise_cov.matrix_si)
    anew = sim.run(8 * u.second, monitors={'eeg': model}, transient=1 * u.second, seed=2)['eeg']
    # radius sqrt(a): the signal, and with it the noise, has four times the power
    ratio = np.trace(anew.noise_cov.matrix_si) / np.trace(noisy.noise_cov.matrix_si)
    assert ratio == pytest.approx(4, rel=0.15)
    sim.network.node.a = 0.3


def test_what_a_pilot_needs(network, eeg):
    sim = bf.Simulator(network(), dt=0.5 * u.ms)
    sim.network.coupling[0].conduction_speed = 10 * u.meter / u.second  # no delay is longer than so short a run
    with pytest.raises(ValueError, match="the noise of 'eeg' is relative to its signal, which takes two samples"):
        sim.run(2 * u.ms, monitors={'eeg': eeg(noise_cov=None, snr_db=SNR)})


def declared(result, clean):
    """The ratio of the signal to the covariance of the noise, which no draw of noise blurs."""
    noise = np.trace(result['eeg'].noise_cov.matrix_si)
    return 10 * np.log10(clean['eeg'].data_si.var(axis=0, ddof=1).sum() / noise)


def test_a_signal_that_comes_and_goes_counts_as_it_was_recorded(network, eeg):
    # at rest but for a push that is over by half time
    sim = bf.Simulator(network(), dt=0.5 * u.ms)
    run = {'inputs': {'x_inp': bf.stimuli.Pulse(1.0, onset=0.3 * u.second, duration=50 * u.ms)}, 'seed': 2}
    clean = sim.run(1 * u.second, monitors={'eeg': eeg(noise_cov=None)}, **run)
    noisy = sim.run(1 * u.second, monitors={'eeg': eeg(noise_cov=None, snr_db=SNR)}, **run)
    assert declared(noisy, clean) == pytest.approx(SNR, abs=1e-3)
    before = sim.run(1 * u.second, monitors={'eeg': eeg(noise_cov=None, snr_db=SNR)}, pilot=0.3 * u.second, **run)
    assert declared(before, clean) > SNR + 6
    with pytest.raises(ValueError, match='pilot'):
        sim.run(1 * u.second, pilot=0 * u.ms)


def test_a_pilot_that_diverges_says_so(eeg):
    node = bf.HopfOscillator(4, init_x=1e3)
    model = eeg(noise_cov=None, snr_db=SNR)
    with pytest.raises(bf.SimulationError, match='region 0 is not finite'):
        bf.Simulator(node, dt=1 * u.ms).run(20 * u.ms, monitors={'eeg': model})
