"""Noise as it is drawn: its covariance, what is silent, and its size relative to the signal."""

import brainunit as u
import numpy as np
import pytest
from scipy import stats

from brainfwd.forward import EEGLeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.snr import signal_to_noise
from brainfwd.records import Channels, NoiseCovariance, Recording, rank_of

MOMENT = u.nA * u.meter
N = 100_000
CHANNELS = Channels(('Fz', 'Cz', 'Pz', 'TP9', 'TP10'), ('eeg',) * 5)
NO_SIGNAL = np.zeros((1, 3)) * MOMENT


def eeg(**options):
    L = np.random.default_rng(1).normal(size=(3, 5)) * u.uvolt / MOMENT
    return EEGLeadFieldModel(3, 5, L, channels=CHANNELS, seed=4, **options)


def full(rank=5):
    factor = np.random.default_rng(2).normal(size=(5, rank)) * np.geomspace(0.2, 2, 5)[:, None]
    return factor @ factor.T * u.uvolt**2


def draws(model, n):
    return np.asarray(model.update(np.zeros((n, 3)) * MOMENT).mantissa, np.float64)


def directions(covariance):
    """Those of the noise, scaled to a variance of 1, and those without noise."""
    values, vectors = np.linalg.eigh(covariance)
    noisy = values > 1e-12 * values[-1]
    return vectors[:, noisy] / np.sqrt(values[noisy]), vectors[:, ~noisy]


@pytest.mark.parametrize('reference', [None, 'average', 'Cz', ('TP9', 'TP10')], ids=str)
@pytest.mark.parametrize('given', ['full', 'variances', 'one variance', 'rank 2'])
def test_covariance_of_many_draws(given, reference):
    noise_cov = {
        'full': full(),
        'variances': np.array([1.0, 4.0, 9.0, 0.25, 2.0]) * u.uvolt**2,
        'one variance': 2.0 * u.uvolt**2,
        'rank 2': full(rank=2),
    }[given]
    model = eeg(noise_cov=noise_cov, reference=reference)
    asked = NoiseCovariance.from_quantity(_matrix(noise_cov), CHANNELS).referenced(reference)
    np.testing.assert_allclose(model.noise_cov.matrix_si, asked.matrix_si, atol=1e-12 * np.trace(asked.matrix_si))

    noise = draws(model, N)
    whitening, silent = directions(asked.matrix_si)
    rank = whitening.shape[1]
    assert rank == rank_of(asked)['eeg'] == min(2 if given == 'rank 2' else 5, 5 if reference is None else 4)
    # the likelihood ratio of this covariance against any: chi-squared, for a Wishart matrix of so many draws
    sample = whitening.T @ (noise.T @ noise / N) @ whitening
    ratio = N * (np.trace(sample) - np.linalg.slogdet(sample)[1] - rank)
    assert stats.chi2.sf(ratio, rank * (rank + 1) / 2) > 1e-4
    # nothing there but rounding
    assert abs(noise @ silent).max(initial=0.0) < 5 * np.finfo(np.float32).eps * abs(noise).max()
    if reference == 'Cz':
        assert (noise[:, 1] == 0).all()


def _matrix(noise_cov):
    numbers = noise_cov.to_decimal(u.volt**2)
    return (numbers if np.ndim(numbers) == 2 else np.diag(np.broadcast_to(numbers, 5))) * u.volt**2


def test_a_dead_channel_is_silent():
    """Of teslas, where rounding of 1 is larger than the noise."""
    channels = Channels(('a', 'b', 'c'), ('mag',) * 3)
    matrix = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]]) * u.ftesla**2
    model = MEGLeadFieldModel(3, 3, np.ones((3, 3)) * u.tesla / MOMENT, channels=channels, noise_cov=matrix)
    assert (draws(model, 100)[:, 1] == 0).all()
    np.testing.assert_allclose(model.noise_cov.matrix_si, matrix.to_decimal(u.tesla**2))


def test_a_wrong_covariance_would_be_seen():
    """n L in place of L n has another covariance, and the likelihood ratio says so."""
    root = np.linalg.cholesky(full().to_decimal(u.volt**2))
    noise = np.random.default_rng(0).normal(size=(N, 5)) @ root
    whitening, _ = directions(root @ root.T)
    sample = whitening.T @ (noise.T @ noise / N) @ whitening
    assert stats.chi2.sf(N * (np.trace(sample) - np.linalg.slogdet(sample)[1] - 5), 15) < 1e-300


@pytest.mark.parametrize(
    ('noise_cov', 'says'),
    [
        (np.ones(4) * u.uvolt**2, r'\(5,\) \(sensors,\), the variances'),
        (np.ones(5) * u.uvolt, r'in V\^2; got uV'),
        (np.array([1.0, 1.0, -1.0, 1.0, 1.0]) * u.uvolt**2, 'negative'),
        (np.ones((5, 5, 5)) * u.uvolt**2, r'\(5, 5\) \(sensors, sensors\)'),
    ],
)
def test_bad_covariances(noise_cov, says):
    with pytest.raises(ValueError, match=says):
        eeg(noise_cov=noise_cov)


def test_bare_variances():
    L = np.ones((3, 5))
    model = EEGLeadFieldModel(3, 5, L, leadfield_unit=u.uvolt / MOMENT, sensor_unit=u.uvolt, noise_cov=[1, 2, 3, 4, 5])
    np.testing.assert_allclose(model.noise_cov.matrix_si, np.diag(np.arange(1.0, 6.0)) * 1e-12)


# -- signal-to-noise ratio --------------------------------------------------------------------------------------------


def signal(n):
    """A rhythm of 10 Hz, a slow drift and an offset, every 2 ms."""
    t = np.arange(n) * 0.002
    rhythm = np.sin(2 * np.pi * 10 * t)[:, None] * [1.0, -0.5, 0.3]
    return (rhythm + 3 * np.sin(2 * np.pi * 1.1 * t)[:, None] * [0.2, 1.0, 0.5] + 7.6) * MOMENT


@pytest.mark.parametrize('reference', [None, 'average', 'Cz'], ids=str)
@pytest.mark.parametrize('band', [None, (8.0, 13.0)], ids=str)
def test_measured_ratio_is_within_its_confidence_interval(reference, band):
    n, snr = 20_000, 6.0
    edges = None if band is None else tuple(edge * u.Hz for edge in band)
    model = eeg(snr_db=snr, snr_band=edges, reference=reference)
    x = signal(n)
    model.fix_noise(model.project(x))
    clean = Recording.from_quantity(model.project(x), CHANNELS, 2 * u.ms)
    noise = Recording(draws(model, n), CHANNELS, 2 * u.ms)
    measured = signal_to_noise(clean, noise, band=edges, reference=None)['eeg']
    # the trace is a sum of independent squares: as many per direction as there are frequencies in the band, twice
    squares = n - 1 if band is None else 2 * (int(band[1] * n * 0.002) - int(band[0] * n * 0.002) + 1)
    variances = np.linalg.eigvalsh(model.noise_cov.matrix_si)
    spread = np.sqrt(2 * (variances**2).sum() / squares) / variances.sum()
    assert abs(measured - snr) < stats.norm.ppf(0.9995) * spread * 10 / np.log(10)
    # and an interval as narrow as that tells other definitions apart
    assert spread * 10 / np.log(10) < 0.25


def test_the_band_is_checked():
    assert eeg(snr_db=3.0, snr_band=(None, 40 * u.Hz))._snr_band == (0.0, 40.0)
    for options, says in (
        (dict(snr_db=3.0, snr_band=(13 * u.Hz, 8 * u.Hz)), 'goes up'),
        (dict(snr_db=3.0, snr_band=(8 * u.Hz, 300 * u.Hz)), 'half the sampling rate at most, 250 Hz'),
        (dict(snr_db=3.0, snr_band=(8, 13)), r'snr_band=...\) is a frequency, in Hz'),
        (dict(snr_band=(8 * u.Hz, 13 * u.Hz)), 'that of snr_db, which was left out'),
    ):
        with pytest.raises(ValueError, match=says):
            eeg(**options)
    model = eeg(snr_db=3.0, snr_band=(8 * u.Hz, 9 * u.Hz))
    with pytest.raises(ValueError, match='holds no frequency of 20 samples'):
        model.fix_noise(model.project(signal(20)))
