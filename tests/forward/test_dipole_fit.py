"""One dipole fitted: what was put in comes out, as sharply as the noise allows."""

import dataclasses

import brainunit as u
import jax
import numpy as np
import pytest
from scipy import stats

from brainfwd import datasets
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.forward import SphericalHead, dipole_fit
from brainfwd.records import Channels, NoiseCovariance, Recording, average_reference, values

HEAD = SphericalHead(method='berg-scherg')
CENTRE = HEAD.centre.mantissa
PLACE = CENTRE + np.array([0.02, -0.035, 0.03])
MOMENT = np.array([12.0, 5.0, -9.0])  # nA m
STD = {'eeg': 0.1 * u.uvolt, 'mag': 5e-15 * u.tesla, 'grad': 2e-13 * u.tesla / u.meter}


def _eeg(n=24):
    directions = np.random.default_rng(1).normal(size=(n, 3)) + [0, 0, 0.5]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Channels(tuple(f'E{i}' for i in range(n)), ('eeg',) * n, (CENTRE + 0.09 * directions) * u.meter)


def _both(eeg, meg):
    places = np.concatenate([eeg.positions.mantissa, meg.positions.mantissa]) * u.meter
    axes = np.concatenate([np.zeros((len(eeg), 3, 3)), meg.coil_axes])
    return Channels(eeg.names + meg.names, eeg.types + meg.types, places, ('',) * len(eeg) + meg.coils, axes)


EEG, MEG = _eeg(), datasets.load_helmet().at(np.arange(0, 306, 10))
SENSORS = {'eeg': EEG, 'meg': MEG, 'both': _both(EEG, MEG)}


def gain_at(place, channels):
    with jax.enable_x64(True):
        return np.asarray(HEAD.gain_si(place[None] * u.meter, channels))[:, 0]


def noise_of(channels):
    return NoiseCovariance.diagonal({kind: STD[kind] for kind in channels.kinds}, channels)


def seen_from(place, moments, channels):
    """(times, sensors) of moments (times, 3), nA m."""
    return 1e-9 * np.atleast_2d(moments) @ gain_at(place, channels).T


@pytest.mark.parametrize('sensors', ['eeg', 'both'])
def test_without_noise_every_start_finds_it(sensors):
    channels = SENSORS[sensors]
    data = values(seen_from(PLACE, MOMENT, channels), channels)
    fit = dipole_fit(data, HEAD, noise_cov=noise_of(channels), channels=channels)
    assert fit.converged
    assert fit.ends.shape == (12, 3)
    assert abs(fit.ends.mantissa - PLACE).max() < 1e-6
    assert abs(fit.position.mantissa - PLACE).max() < 1e-9
    np.testing.assert_allclose(fit.moment.to_decimal(u.nA * u.meter), MOMENT[None], rtol=1e-6)
    assert 1 - fit.goodness_of_fit < 1e-12
    assert fit.misfits.max() < 1e-12


@pytest.mark.parametrize('place', [[0.0, 0.0, 0.0], [0.0, 0.06, 0.05], [-0.055, 0.0, -0.055]])
def test_from_the_centre_to_the_border(place):
    place = CENTRE + np.array(place)
    fit = dipole_fit(values(seen_from(place, MOMENT, EEG), EEG), HEAD, noise_cov=noise_of(EEG), channels=EEG)
    assert abs(fit.position.mantissa - place).max() < 1e-6
    np.testing.assert_allclose(fit.moment.mantissa[0], MOMENT, rtol=1e-4)


def test_the_exact_series_differentiates_as_well():
    head = SphericalHead([80.0, 85.0, 90.0] * u.mm, [0.33, 0.004, 0.33] * (u.siemens / u.meter), tolerance=1e-6)
    with jax.enable_x64(True):
        gain = np.asarray(head.gain_si(PLACE[None] * u.meter, EEG))[:, 0]
    fit = dipole_fit(values(1e-9 * gain @ MOMENT, EEG), head, noise_cov=noise_of(EEG), channels=EEG, starts=3)
    assert abs(fit.ends.mantissa - PLACE).max() < 1e-6


def test_a_radial_moment_is_silent_in_meg():
    radial = (PLACE - CENTRE) / np.linalg.norm(PLACE - CENTRE)
    tangential = MOMENT - radial * (radial @ MOMENT)
    fit = dipole_fit(values(seen_from(PLACE, MOMENT, MEG), MEG), HEAD, noise_cov=noise_of(MEG), channels=MEG)
    assert abs(fit.position.mantissa - PLACE).max() < 1e-6
    np.testing.assert_allclose(fit.moment.mantissa[0], tangential, atol=1e-4)
    assert abs(fit.moment.mantissa[0] @ radial) < 1e-4
    # two numbers are seen of a moment, and three of the place
    assert fit.degrees_of_freedom == len(MEG) - 5


def test_one_place_and_a_moment_for_each_time():
    moments = np.random.default_rng(0).normal(size=(40, 3)) * 10
    data = seen_from(PLACE, moments, EEG)
    recording = Recording(data + 3e-6, EEG, 4 * u.ms, noise_cov=noise_of(EEG))  # what all electrodes share is nothing
    fit = dipole_fit(recording, HEAD, starts=4)
    assert abs(fit.position.mantissa - PLACE).max() < 1e-9
    np.testing.assert_allclose(fit.moment.mantissa, moments, rtol=1e-6)
    assert fit.residual.shape == (40, 24)
    assert abs(fit.residual.to_decimal(u.volt)).max() < 1e-9 * abs(data).max()


def fisher_bound(channels):
    """(3, 3) m2 of the place, from the derivatives of the field by place and moment, by central differences."""
    step = 1e-5
    slopes = [
        (seen_from(PLACE + step * axis, MOMENT, channels) - seen_from(PLACE - step * axis, MOMENT, channels))[0] / 2e-5
        for axis in np.eye(3)
    ]
    by_all = average_reference(channels) @ np.column_stack([*slopes, 1e-7 * gain_at(PLACE, channels)])
    std = np.sqrt(np.diagonal(noise_of(channels).matrix_si))
    by_all = by_all / std[:, None]
    # dropping the direction of the average, in which there is nothing, changes nothing for equal electrodes
    return np.linalg.inv(by_all.T @ by_all)[:3, :3]


def test_errors_are_those_of_the_cramer_rao_bound():
    bound, data = fisher_bound(EEG), seen_from(PLACE, MOMENT, EEG)
    noise_cov = noise_of(EEG)
    exact = dipole_fit(values(data, EEG), HEAD, noise_cov=noise_cov, channels=EEG, starts=1)
    np.testing.assert_allclose(exact.position_cov.mantissa, bound, rtol=1e-4, atol=1e-5 * np.trace(bound))
    rng, n = np.random.default_rng(4), 40
    errors, left = [], []
    for _ in range(n):
        noisy = data + rng.normal(size=data.shape) * 1e-7
        fit = dipole_fit(values(noisy, EEG), HEAD, noise_cov=noise_cov, channels=EEG, starts=PLACE[None] * u.meter)
        errors.append(fit.position.mantissa - PLACE)
        left.append(fit.chi_square)
    squares = np.einsum('ni,ij,nj->', errors, np.linalg.inv(bound), errors)
    low, high = stats.chi2.interval(1 - 1e-4, 3 * n)
    assert low < squares < high
    # 23 directions, less 3 of the place and 3 of the moment
    assert fit.degrees_of_freedom == 17
    low, high = stats.chi2.interval(1 - 1e-4, 17 * n)
    assert low < sum(left) < high


def test_an_average_has_less_noise():
    recording = Recording(seen_from(PLACE, MOMENT, EEG), EEG, 1 * u.ms, noise_cov=noise_of(EEG))
    single = dipole_fit(recording, HEAD, starts=1)
    average = dipole_fit(dataclasses.replace(recording, nave=25), HEAD, starts=1)
    np.testing.assert_allclose(25 * average.position_cov.mantissa, single.position_cov.mantissa, rtol=1e-6)


@pytest.mark.parametrize('factor', [1e-7, 1e6])
def test_units_of_data_do_not_matter(factor):
    channels = SENSORS['both']
    data = seen_from(PLACE, MOMENT, channels)
    data = data + np.random.default_rng(5).normal(size=data.shape) * np.sqrt(np.diagonal(noise_of(channels).matrix_si))
    noise_cov = noise_of(channels)
    scaled_cov = NoiseCovariance(factor**2 * noise_cov.matrix_si, channels)
    one = dipole_fit(values(data, channels), HEAD, noise_cov=noise_cov, channels=channels, starts=2)
    other = dipole_fit(values(factor * data, channels), HEAD, noise_cov=scaled_cov, channels=channels, starts=2)
    np.testing.assert_allclose(other.position.mantissa, one.position.mantissa, atol=1e-8)
    np.testing.assert_allclose(other.moment.mantissa, factor * one.moment.mantissa, rtol=1e-4)
    np.testing.assert_allclose(other.chi_square, one.chi_square, rtol=1e-6)


def test_noise_counts_by_channel():
    """A channel that is off by far, and known to be noisy, changes nothing; the covariance may be in another order."""
    data = seen_from(PLACE, MOMENT, MEG)
    data[0, 3] += 1e-11
    order = np.arange(len(MEG))[::-1]
    variance = np.diagonal(noise_of(MEG).matrix_si).copy()
    known = NoiseCovariance(np.diag(variance[order]), MEG.at(order))
    wrong = dipole_fit(values(data, MEG), HEAD, noise_cov=known, channels=MEG, starts=2)
    variance[3] *= 1e8
    known = NoiseCovariance(np.diag(variance[order]), MEG.at(order))
    right = dipole_fit(values(data, MEG), HEAD, noise_cov=known, channels=MEG, starts=2)
    assert np.linalg.norm(right.position.mantissa - PLACE) < 0.1 * np.linalg.norm(wrong.position.mantissa - PLACE)
    assert np.linalg.norm(right.position.mantissa - PLACE) < 1e-4


def test_what_lies_outside_ends_at_the_border():
    """Of one electrode alone the nearest source is the best: the fit stays in the head, and says that it is no end."""
    data = np.zeros((1, 24))
    data[0, 7] = 1e-5
    fit = dipole_fit(values(data, EEG), HEAD, noise_cov=noise_of(EEG), channels=EEG)
    away = np.linalg.norm(fit.ends.mantissa - CENTRE, axis=1)
    assert (away < 0.9 * 0.09).all()
    assert np.linalg.norm(fit.position.mantissa - CENTRE) > 0.99 * 0.9 * 0.09
    assert not fit.converged
    assert 'not converged' in repr(fit)


def test_steps_that_run_out_are_told():
    data = values(seen_from(PLACE, MOMENT, EEG), EEG)
    assert not dipole_fit(data, HEAD, noise_cov=noise_of(EEG), channels=EEG, starts=2, max_steps=2).converged


def test_inverse_crime():
    """However the potentials are computed, it is the same head."""
    data = seen_from(PLACE, MOMENT, EEG)
    recording = Recording(data, EEG, 1 * u.ms, noise_cov=noise_of(EEG), head=SphericalHead().description)
    with pytest.raises(ValueError, match=r'data\) .* an inverse crime\. .* dipole_fit\(\.\.\., inverse_crime=True'):
        dipole_fit(recording, HEAD)
    allowed = dipole_fit(recording, HEAD, starts=1, inverse_crime=True)
    other = dipole_fit(dataclasses.replace(recording, head='another'), HEAD, starts=1)
    np.testing.assert_array_equal(allowed.position.mantissa, other.position.mantissa)


def test_an_equal_head_compiles_once(compilations):
    data = values(seen_from(PLACE, MOMENT, EEG), EEG)
    options = {'noise_cov': noise_of(EEG), 'channels': EEG, 'starts': 1}
    first = dipole_fit(data, HEAD, **options)
    with compilations as second:
        again = dipole_fit(data, SphericalHead(method='berg-scherg'), **options)
    assert second.count == 0
    np.testing.assert_array_equal(again.position.mantissa, first.position.mantissa)


def test_bad_input():
    recording = Recording(seen_from(PLACE, MOMENT, EEG), EEG, 1 * u.ms, noise_cov=noise_of(EEG))
    few = recording.pick(list(EEG.names[:6]))
    plain = {'noise_cov': noise_of(EEG), 'channels': EEG}
    cases = [
        (lambda: dipole_fit(recording, None), TypeError, 'head.* is a SphericalHead; got NoneType'),
        (lambda: dipole_fit(few, HEAD), ValueError, '1 time.* of 5 directions with noise are 5 for 6'),
        (lambda: dipole_fit(dataclasses.replace(recording, noise_cov=None), HEAD), TypeError, 'recording has none'),
        (lambda: dipole_fit(recording, HEAD, noise_cov=np.eye(24)), TypeError, 'NoiseCovariance.*got ndarray'),
        (lambda: dipole_fit(recording, HEAD, noise_cov=few.noise_cov), ValueError, 'channels of the data.*lacks E6'),
        (lambda: dipole_fit(recording, HEAD, channels=EEG), ValueError, 'those of the recording: leave them out'),
        (lambda: dipole_fit(recording.data, HEAD, noise_cov=noise_of(EEG)), ValueError, 'needed where data are no'),
        (lambda: dipole_fit(recording.data_si, HEAD, **plain), UnitError, 'in V; got a bare array'),
        (lambda: dipole_fit(recording.data[None], HEAD, **plain), ShapeError, r'\(times, sensors\) or \(sensors,\)'),
        (lambda: dipole_fit(np.full(24, np.nan) * u.volt, HEAD, **plain), ValueError, 'finite'),
        (lambda: dipole_fit(np.zeros(24) * u.volt, HEAD, **plain), ValueError, 'show no signal'),
        (lambda: dipole_fit(np.full(24, 1e-5 / 3) * u.volt, HEAD, **plain), ValueError, 'show no signal'),
        (lambda: dipole_fit(recording, HEAD, starts=0), ValueError, 'at least 1'),
        (lambda: dipole_fit(recording, HEAD, starts=[[0, 0, 0.04]]), UnitError, 'places in the head frame, in m'),
        (lambda: dipole_fit(recording, HEAD, starts=np.ones((2, 3)) * u.meter), ValueError, 'got 2 outside'),
        (lambda: dipole_fit(recording, HEAD, starts=np.ones(3) * u.mm), ShapeError, r'\(starts, 3\)'),
    ]
    for call, error, says in cases:
        with pytest.raises(error, match=says):
            call()
