"""A network with all that a run can have: delays, two kinds of noise, sensors with noise, slow and fast monitors."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

MOMENT = u.nA * u.meter
LABELS = ('frontal', 'parietal', 'temporal', 'occipital')


def _network(seed=0, **parameters):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(size=(4, 4)) * (1 - np.eye(4))
    lengths = rng.uniform(2, 12, (4, 4))
    return bf.Network(
        bf.HopfOscillator(4, **{'a': -0.1, 'frequency': 15.0 * u.Hz, 'tau': 5.0 * u.ms, **parameters}),
        bf.DiffusiveCoupling(weights, k=0.1, tract_lengths=lengths * u.mm, conduction_speed=2.0 * u.meter / u.second),
        noise={
            'x_inp': bf.noise.OrnsteinUhlenbeck(0.02, 0.05, 10.0 * u.ms),
            'y': bf.noise.WhiteNoise(0.1 / u.second**0.5),
        },
        labels=LABELS,
    )


def _far(**options):
    """Delays of 3 to 110 steps of 0.5 ms, with all that the sum treats apart: below 16 steps, below 64, and beyond."""
    rng = np.random.default_rng(2)
    steps = np.array([[0, 3, 20, 110], [9, 0, 70, 40], [90, 15, 0, 16], [63, 64, 5, 0]])
    options = {'conn': rng.uniform(size=(4, 4)) * (1 - np.eye(4)), 'delays': 0.5 * steps * u.ms, **options}
    return bf.Network(
        bf.HopfOscillator(4, a=-0.1, frequency=15.0 * u.Hz, tau=5.0 * u.ms),
        bf.DiffusiveCoupling(k=0.2, **options),
        noise={
            'x_inp': bf.noise.OrnsteinUhlenbeck(0.02, 0.05, 10.0 * u.ms),
            'y': bf.noise.WhiteNoise(0.1 / u.second**0.5),
        },
        labels=LABELS,
    )


def _eeg(**options):
    L = np.random.default_rng(1).normal(size=(4, 3)) * u.uvolt / MOMENT
    options = {'dipole_scale': -2.0 * MOMENT, 'noise_cov': 0.01 * np.eye(3) * u.uvolt**2, **options}
    return bf.EEGLeadFieldModel(4, 3, L, sampling_period=2 * u.ms, **options)


@pytest.fixture(scope='session')
def network():
    """Makes the network."""
    return _network


@pytest.fixture(scope='session')
def far():
    """Makes a network with delays of all lengths."""
    return _far


@pytest.fixture(scope='session')
def eeg():
    """Makes its electrodes."""
    return _eeg


@pytest.fixture(scope='session')
def everything():
    """Makes a simulator, and monitors of every kind."""

    def make():
        return bf.Simulator(_network(), dt=0.5 * u.ms), {
            'eeg': _eeg(),
            'bold': bf.Monitor(bf.BOLDSignal(4, tr=30 * u.ms), source='power'),
            'x': bf.Monitor('x', sampling_period=1 * u.ms),
            'noise': bf.Monitor(lambda network: network.noise['x_inp'].value, sampling_period=5 * u.ms),
        }

    return make
