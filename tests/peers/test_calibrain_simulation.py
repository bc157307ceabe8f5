"""Simulated sources and sensors against CaliBrain's, and against what its tutorial prints."""

import numpy as np
import pytest

from brainfwd.inverse import SensorSimulator, SourceSimulator

calibrain = pytest.importorskip('calibrain')

pytestmark = pytest.mark.peers

CONFIG = {
    'tmin': -0.1,
    'tmax': 0.8,
    'stim_onset': 0.0,
    'sfreq': 100,
    'fmin': 2,
    'fmax': 8,
    'amplitude_distribution': {'median': 8.0, 'sigma': 0.15, 'clip': [2.0, 20.0]},
    'random_erp_timing': False,
    'erp_min_length': 20,
}
CONFIGS = {
    'tutorial': CONFIG,
    'random timing': CONFIG | {'random_erp_timing': True, 'erp_min_length': 30},
    'often clipped': CONFIG | {'amplitude_distribution': {'median': 8.0, 'sigma': 1.0, 'clip': [7.0, 9.0]}},
    'no clip': CONFIG | {'amplitude_distribution': {'median': 8.0, 'sigma': 0.5}},
    'one amplitude': CONFIG | {'amplitude_distribution': None},
    'default': None,
}


@pytest.mark.parametrize('seed', [7, 41])
@pytest.mark.parametrize('config', CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize(('orientation', 'coil'), [('fixed', 1), ('free', 1), ('free', 3012), ('free', 3022)])
def test_same_sources(orientation, coil, config, seed):
    how = {'n_sources': 20, 'nnz': 3, 'orientation_type': orientation, 'coil_type': coil, 'seed': seed}
    ours, active = SourceSimulator(ERP_config=config).simulate(**how)
    theirs, their_active = calibrain.SourceSimulator(ERP_config=config).simulate(**how)
    assert active.tolist() == their_active.tolist()
    assert abs(theirs).max() > 1
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('seed', [0, 7, 41])
@pytest.mark.parametrize('alpha', [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize('components', [(), (2,), (3,)])
def test_same_sensors(components, alpha, seed):
    rng = np.random.default_rng(seed)
    gain, x = rng.normal(size=(5, 8, *components)), rng.normal(size=(8, *components, 11))
    how = {'alpha_SNR': alpha, 'sensor_white_noise_std': 0.2, 'seed': seed}
    ours = SensorSimulator().simulate(x=x, L=gain, **how)
    theirs = calibrain.SensorSimulator().simulate(x=x, L=gain, **how)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_what_the_tutorial_prints():
    rng = np.random.default_rng(41)
    rng.normal(scale=0.04, size=(32, 3))
    fixed = rng.normal(scale=0.03, size=(16, 32))
    fixed *= 0.6 / np.linalg.norm(fixed, axis=0)
    free = rng.normal(scale=0.015, size=(16, 32, 3))
    free *= 0.4 / np.linalg.norm(free, axis=0)
    sources, sensors = SourceSimulator(ERP_config=CONFIG), SensorSimulator()

    x, active = sources.simulate(n_sources=32, nnz=4, orientation_type='fixed', seed=41)
    _, y, noise, eta = sensors.simulate(x=x, L=fixed, alpha_SNR=0.7, sensor_white_noise_std=0.2, seed=41)
    assert (x.shape, y.shape) == ((32, 90), (16, 90))
    assert active.tolist() == [11, 31, 10, 24]
    found = [eta, np.var(noise), np.mean(np.std(y[:, :10], axis=1) ** 2)]
    np.testing.assert_allclose(found, [1.82281324753165, 0.1397447217185092, 0.11194502692152937], rtol=1e-12)

    x, _ = sources.simulate(n_sources=32, nnz=4, orientation_type='free', coil_type=1, seed=42)
    _, y, noise, eta = sensors.simulate(x=x, L=free, alpha_SNR=0.7, sensor_white_noise_std=0.05, seed=42)
    assert (x.shape, y.shape) == ((32, 3, 90), (16, 90))
    found = [eta, np.var(noise), np.mean(np.std(y[:, :10], axis=1) ** 2)]
    np.testing.assert_allclose(found, [8.548177454900985, 0.1779559447265109, 0.1256751978489976], rtol=1e-12)
