import brainunit as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import ChannelGroups, Channels, NoiseCovariance, Recording

ONE = Channels(('Cz',), ('eeg',))


def ramp(n, period=2 * u.ms, start=0 * u.second):
    return Recording(np.arange(float(n))[:, None], ONE, period, start)


def test_data_has_units(mixed, eeg, rng):
    recording = Recording(rng.standard_normal((4, 3)), eeg, 2 * u.ms)
    assert recording.data.unit == recording.unit == u.volt
    assert recording.shape == (4, 3)
    assert isinstance(Recording(np.zeros((4, 5)), mixed, 2 * u.ms).data, ChannelGroups)


def test_from_quantity(eeg):
    recording = Recording.from_quantity(np.ones((4, 3)) * u.uvolt, eeg, 2 * u.ms, head='mine')
    np.testing.assert_allclose(recording.data_si, 1e-6)
    assert recording.head == 'mine'


def test_times_are_exact_after_an_hour():
    recording = ramp(3, 2 * u.ms, 3600 * u.second)
    assert recording.times.unit == u.second
    np.testing.assert_array_equal(recording.times.mantissa, [3600.0, 3600.002, 3600.004])


@given(st.integers(2, 200), st.data())
def test_crops_put_together_again(n, data):
    recording = ramp(n, 2 * u.ms, 10 * u.second)
    cut = data.draw(st.integers(1, n - 1))
    when = recording.times[cut]
    before, after = recording.crop(stop=when), recording.crop(start=when)
    assert (before.n_times, after.n_times) == (cut, n - cut)
    joined = Recording.concatenate([before, after])
    np.testing.assert_array_equal(joined.data_si, recording.data_si)
    np.testing.assert_allclose(joined.times.mantissa, recording.times.mantissa, rtol=1e-14)


def test_crop_takes_start_and_leaves_stop():
    part = ramp(100).crop(20 * u.ms, 0.04 * u.second)
    np.testing.assert_array_equal(part.data_si[:, 0], np.arange(10.0, 20.0))
    assert part.start.to_decimal(u.ms) == pytest.approx(20)
    assert ramp(100).crop(stop=0.2 * u.second).n_times == 100
    # between two samples: the later one
    assert ramp(100).crop(21 * u.ms).data_si[0, 0] == 11


def test_a_recording_begins_a_period_before_its_first_sample():
    run = ramp(100, start=2 * u.ms)
    part = run.crop(0 * u.second, 20 * u.ms)
    np.testing.assert_array_equal(part.data_si[:, 0], np.arange(9.0))
    assert part.start.to_decimal(u.ms) == pytest.approx(2)
    with pytest.raises(ValueError, match='lies in'):
        run.crop(-1 * u.ms)
    with pytest.raises(ValueError, match='holds no sample'):
        run.crop(stop=1 * u.ms)


def test_pick_takes_the_noise_along(mixed, rng):
    noise = NoiseCovariance.diagonal({'mag': 1 * u.ftesla, 'grad': 1 * u.tesla / u.meter, 'eeg': 1 * u.volt}, mixed)
    band = (0.5 * u.Hz, None)
    recording = Recording(rng.standard_normal((6, 5)), mixed, 2 * u.ms, noise_cov=noise, head='mine', band=band)
    mags = recording.pick('mag')
    np.testing.assert_array_equal(mags.data_si, recording.data_si[:, [1, 4]])
    assert mags.noise_cov.channels == mags.channels
    assert mags.head == 'mine'
    assert mags.band[0].to_decimal(u.Hz) == 0.5


def test_concatenate_checks_what_it_joins(eeg):
    with pytest.raises(ValueError, match='at least one'):
        Recording.concatenate([])
    with pytest.raises(ValueError, match=r'the next starts at 0\.01 s; got 0\.02'):
        Recording.concatenate([ramp(5), ramp(5, start=20 * u.ms)])
    with pytest.raises(ValueError, match='one period'):
        Recording.concatenate([ramp(5), ramp(5, 1 * u.ms, 10 * u.ms)])
    with pytest.raises(ValueError, match=r"of the channels of the first, .* the first that differs is 'Fz'"):
        Recording.concatenate([ramp(5), Recording(np.zeros((5, 3)), eeg, 2 * u.ms, 10 * u.ms)])
    with pytest.raises(ValueError, match='one head'):
        Recording.concatenate([ramp(5), Recording(np.zeros((5, 1)), ONE, 2 * u.ms, 10 * u.ms, head='other')])
    with pytest.raises(ValueError, match='average as many repetitions, 1; got 3'):
        Recording.concatenate([ramp(5), Recording(np.zeros((5, 1)), ONE, 2 * u.ms, 10 * u.ms, nave=3)])


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (lambda: Recording(np.ones((2, 1)) * u.volt, ONE, 2 * u.ms), UnitError, 'from_quantity'),
        (lambda: Recording(np.ones((2, 2)), ONE, 2 * u.ms), ShapeError, r'\(times, 1\)'),
        (lambda: Recording(np.full((2, 1), np.nan), ONE, 2 * u.ms), ValueError, f'infinity in {ONE.names[0]}'),
        (lambda: Recording(np.ones((2, 1)), ONE, 0.002), UnitError, r'write 0.002 \* u.second'),
        (lambda: Recording(np.ones((2, 1)), ONE, 0 * u.ms), ValueError, 'positive'),
        (lambda: Recording(np.ones((2, 1)), ONE, [1, 2] * u.ms), ShapeError, 'one number'),
        (lambda: Recording(np.ones((2, 1)), ONE, 2 * u.ms, start=1.0), UnitError, 'first sample'),
        (lambda: Recording(np.ones((2, 1)), ONE, 2 * u.ms, band=(0.5, None)), UnitError, 'in Hz'),
        (lambda: Recording(np.ones((2, 1)), ONE, 2 * u.ms, band=(40 * u.Hz, 1 * u.Hz)), ValueError, 'goes up'),
        (lambda: Recording(np.ones((2, 1)), ONE, 2 * u.ms, nave=0), ValueError, r'nave=\.\.\.\) is a whole number'),
        (lambda: ramp(5).crop(1 * u.second), ValueError, 'lies in 0 s to 0.01 s; got 1 s'),
        (lambda: ramp(5).crop(4 * u.ms, 4 * u.ms), ValueError, 'holds no sample'),
        (lambda: ramp(5).crop(0.0), UnitError, 'a time, in s'),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_noise_of_other_channels_is_refused(eeg):
    noise = NoiseCovariance.diagonal(1 * u.uvolt, eeg)
    with pytest.raises(ValueError, match='of the channels of the recording, in their order'):
        Recording(np.ones((2, 1)), ONE, 2 * u.ms, noise_cov=noise)
    of_another_type = Channels(eeg.names, ('eeg', 'eeg', 'mag'))
    with pytest.raises(ValueError, match='of the channels of the recording, in their order'):
        Recording(np.ones((2, 3)), of_another_type, 2 * u.ms, noise_cov=noise)
