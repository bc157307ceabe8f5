"""Simulated sources and sensors: units, the ratio of signal and noise, and what is refused."""

import brainunit as u
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm, uV
from brainfwd.inverse import SensorSimulator, SourceSimulator

CONFIG = {
    'tmin': -0.1 * u.second,
    'tmax': 800.0 * u.ms,
    'sfreq': 0.1 * u.kHz,
    'fmin': 2.0 * u.Hz,
    'fmax': 8.0 * u.Hz,
    'amplitude_distribution': {'median': 8.0 * nAm, 'sigma': 0.15, 'clip': np.array([2.0, 20.0]) * nAm},
    'random_erp_timing': False,
    'erp_min_length': 20,
}
BARE = CONFIG | {
    'tmin': -0.1,
    'tmax': 0.8,
    'sfreq': 100.0,
    'fmin': 2.0,
    'fmax': 8.0,
    'amplitude_distribution': {'median': 8.0, 'sigma': 0.15, 'clip': (2.0, 20.0)},
}
HOW = {'n_sources': 12, 'nnz': 3, 'seed': 5}


@pytest.fixture(scope='module')
def sources():
    return SourceSimulator(CONFIG).simulate(**HOW)[0]


def test_units_in_units_out(sources):
    np.testing.assert_allclose(sources.to_decimal(nAm), SourceSimulator(BARE).simulate(**HOW)[0], atol=1e-12)
    assert SourceSimulator(CONFIG).times.unit == u.second
    # what is left out has no unit to disagree with
    assert u.get_unit(SourceSimulator({'sfreq': 250.0 * u.Hz}).simulate(**HOW)[0]) == nAm


def test_silent_before_the_stimulus(sources):
    before = SourceSimulator(CONFIG).times.mantissa < -1e-9
    assert before.sum() == 10
    assert not sources.mantissa[:, before].any()
    assert (abs(sources.mantissa).max(axis=1) > 0).sum() == 3


@pytest.mark.parametrize(('sfreq', 'fmin'), [(100.0, 2.0), (1000.0, 1.0), (5000.0, 0.5)])
def test_activity_is_in_the_band(sfreq, fmin):
    """Also where the filter as two polynomials is unstable."""
    config = {'tmin': 0.0, 'tmax': 8.0, 'sfreq': sfreq, 'fmin': fmin, 'fmax': 8.0, 'random_erp_timing': False}
    x, active = SourceSimulator(config).simulate(**HOW)
    power = (abs(np.fft.rfft(x[active])) ** 2).sum(axis=0)
    frequency = np.fft.rfftfreq(x.shape[1], 1 / sfreq)
    inside = (frequency > fmin / 2) & (frequency < 12)
    assert power[inside].sum() > 0.99 * power.sum()


def test_peaks_are_log_normal():
    config = BARE | {'amplitude_distribution': {'median': 8.0, 'sigma': 0.15}}
    x, _ = SourceSimulator(config).simulate(n_sources=400, nnz=400, seed=1)
    logs = np.log(abs(x).max(axis=1))
    # four standard errors
    assert abs(logs.mean() - np.log(8)) < 4 * 0.15 / 20
    assert abs(logs.std() - 0.15) < 4 * 0.15 / np.sqrt(800)


def test_ratio_in_decibel_whatever_the_std(sources):
    gain = np.random.default_rng(0).normal(size=(6, 12)) * uV / nAm
    one = SensorSimulator().simulate(sources, gain, alpha_SNR=0.7, seed=3)
    two = SensorSimulator().simulate(sources, gain, alpha_SNR=0.7, sensor_white_noise_std=3.0 * uV, seed=3)
    bare = SensorSimulator().simulate(sources.to_decimal(nAm), gain.mantissa, alpha_SNR=0.7, seed=3)
    ratio = np.linalg.norm(one.y_clean.mantissa) / np.linalg.norm(one.noise.mantissa)
    assert 20 * np.log10(ratio) == pytest.approx(20 * np.log10(0.7 / 0.3))
    np.testing.assert_allclose(two.noise.to_decimal(uV), one.noise.to_decimal(uV), rtol=1e-9)
    np.testing.assert_allclose(one.y_noisy.to_decimal(uV), bare.y_noisy, rtol=1e-9)
    np.testing.assert_array_equal((one.y_clean + one.noise).mantissa, one.y_noisy.mantissa)


def test_metadata_that_disagree():
    simulator = SensorSimulator()
    simulator.set_sensor_metadata(kind=2, units=107, unitmult=-6, coil_type=1)
    assert (simulator.kind, simulator.units, simulator.unitmult, simulator.coil_type) == (2, 107, -6, 1)
    with pytest.raises(UnitError, match='sensors in V, as set_sensor_metadata'):
        simulator.simulate(np.ones((3, 4)) * nAm, np.ones((2, 3)) * u.tesla / (u.amp * u.meter))
    with pytest.raises(ValueError, match='107'):
        simulator.set_sensor_metadata(units=3)


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        ({'fs': 100}, "'sfreq'|is one of"),
        ({'tmin': -0.1 * u.second}, 'in s; got a bare number|bare number'),
        ({'fmax': 60.0}, 'fmax < sfreq / 2'),
        ({'stim_onset': 2.0}, 'tmin <= stim_onset < tmax'),
        ({'erp_min_length': 90}, 'takes at least 90'),
        ({'erp_min_length': 20, 'random_erp_timing': True}, 'more than 27'),
        ({'amplitude_distribution': {'median': -1.0}}, 'positive median'),
        ({'amplitude_distribution': {'clip': (20.0, 2.0)}}, 'lowest first'),
        ({'amplitude_distribution': {'mean': 1.0}}, "'median'"),
    ],
)
def test_bad_configuration(change, match):
    with pytest.raises(ValueError, match=match):
        SourceSimulator(BARE | change)


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        ({'nnz': 13}, 'at most n_sources, 12'),
        ({'orientation_type': 'loose'}, "'fixed', 'free'"),
        ({'coil_type': 3024, 'orientation_type': 'free'}, '3012 or 3022'),
        ({'seed': None}, 'whole number from 0 to .*got None'),
    ],
)
def test_bad_sources(change, match):
    with pytest.raises(ValueError, match=match):
        SourceSimulator(BARE).simulate(**(HOW | change))


@pytest.mark.parametrize(
    ('change', 'error', 'match'),
    [
        ({'alpha_SNR': 1.2}, ValueError, 'from 0 to 1'),
        ({'seed': None}, ValueError, 'whole number from 0 to .*got None'),
        ({'sensor_white_noise_std': 0.0}, ValueError, 'above zero'),
        ({'x': np.zeros((3, 4))}, ValueError, 'seen by the sensors'),
        ({'x': np.ones((4, 4))}, ShapeError, r'got \(4, 4\) and \(2, 3\)'),
        ({'x': np.ones((3, 4)) * nAm}, UnitError, 'bare array'),
    ],
)
def test_bad_sensors(change, error, match):
    with pytest.raises(error, match=match):
        SensorSimulator().simulate(**({'x': np.ones((3, 4)), 'L': np.ones((2, 3))} | change))
