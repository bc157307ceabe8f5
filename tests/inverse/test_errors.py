"""Bad input: one clear error each, before any work."""

import brainstate
import brainunit as u
import numpy as np
import pytest

from brainfwd import records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.inverse import DSPM, LCMV, SLORETA, MinimumNorm


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'snr': 0.0}, r'MinimumNorm\.snr .* positive; got 0'),
        ({'snr': -1.0}, r'snr .* positive; got -1'),
        ({'lambda2': 0.0}, r'lambda2 .* positive; got 0'),
        ({'depth': -0.1}, r'depth .* not negative; got -0\.1'),
        ({'loose': 1.5}, r'loose is at most 1'),
        ({'snr': 3 * u.volt}, r'snr .* dimensionless; got V'),
        ({'lambda2': 3 * u.volt}, r'lambda2 .* dimensionless; got V'),
        ({'snr': None}, r'snr is the amplitude ratio .*; got None'),
        ({'snr': [1.0, 2.0]}, r'snr is one number'),
        ({'orientation': 'fix'}, r"orientation=\.\.\.\) is one of .*Did you mean 'fixed'"),
        ({'dept': 0.8}, r"Did you mean 'depth'"),
    ],
)
def test_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MinimumNorm(**settings)


def test_settings_are_checked_again_by_fit(problem):
    solver = SLORETA()
    solver.snr = -1.0
    with pytest.raises(ValueError, match='snr'):
        solver.fit(*problem('eeg'))


def test_update_before_fit(problem, data):
    lead_field, noise_cov = problem('eeg')
    y = data(lead_field) * u.volt
    solver = DSPM()
    for use in (lambda: solver.update(y), lambda: solver.kernel):
        with pytest.raises(RuntimeError, match=r'DSPM has no kernel: write \.fit\(lead_field, noise_cov\) first'):
            use()
    solver.fit(lead_field, noise_cov).update(y)
    solver.depth = 0.0
    with pytest.raises(RuntimeError, match='again after a parameter was changed'):
        solver.update(y)


def test_not_records(problem):
    lead_field, noise_cov = problem('eeg')
    with pytest.raises(
        TypeError, match=r'MinimumNorm\.fit\(noise_cov\) is a brainfwd\.records\.NoiseCovariance, or .*; got bool'
    ):
        MinimumNorm().fit(lead_field, True)
    with pytest.raises(TypeError, match=r'fit\(lead_field\) is a .*LeadField, or .*; got a bare array: write <array>'):
        MinimumNorm().fit(lead_field.gain_si, noise_cov)
    with pytest.raises(ValueError, match='nave'):
        MinimumNorm().fit(lead_field, noise_cov, nave=0)
    with pytest.raises(TypeError, match='positional'):
        MinimumNorm().fit(lead_field, noise_cov, 4)


def test_channels_of_the_covariance(problem):
    lead_field, noise_cov = problem('both')
    with pytest.raises(ValueError, match=r'it lacks mag0, grad1, .*pick'):
        MinimumNorm().fit(lead_field, noise_cov.pick('eeg'))
    with pytest.raises(ValueError, match='it has besides eeg12, eeg13'):
        MinimumNorm().fit(lead_field.pick('meg'), noise_cov)
    renamed = records.Channels(lead_field.channels.names, ('grad',) + lead_field.channels.types[1:])
    with pytest.raises(ValueError, match='it has of another type mag0'):
        MinimumNorm().fit(lead_field, records.NoiseCovariance(noise_cov.matrix_si, renamed))


def test_noise_of_rank_0(problem):
    lead_field, noise_cov = problem('eeg')
    n = len(lead_field.channels)
    for matrix in (np.zeros((n, n)), np.ones((n, n))):  # nothing, and nothing but the reference
        with pytest.raises(ValueError, match=r'fit\(noise_cov\) has rank 0'):
            MinimumNorm().fit(lead_field, records.NoiseCovariance(matrix, lead_field.channels))
    one = lead_field.pick(['eeg3']), noise_cov.pick(['eeg3'])
    with pytest.raises(ValueError, match='rank 0'):
        MinimumNorm().fit(*one)


def test_channels_without_noise(problem):
    lead_field, noise_cov = problem('both')
    matrix = noise_cov.matrix_si.copy()
    matrix[[0, 4]] = matrix[:, [0, 4]] = 0
    with pytest.raises(ValueError, match='holds no noise for mag0, grad4'):
        MinimumNorm().fit(lead_field, records.NoiseCovariance(matrix, lead_field.channels))


def test_sources_that_no_sensor_sees(problem):
    lead_field, noise_cov = problem('eeg')
    gain = lead_field.gain_si.copy()
    gain[:, 7] = 0
    gain[:, 9] = 3.0  # what all electrodes share
    unseen = records.LeadField(gain, lead_field.channels, lead_field.sources)
    for orientation in ('fixed', 'free'):
        with pytest.raises(ValueError, match='no sensor sees, 7, 9: leave them out'):
            MinimumNorm(orientation=orientation).fit(unseen, noise_cov)


@pytest.mark.parametrize('orientation', ['loose', 'free'])
def test_fixed_lead_field_where_a_free_one_is_due(orientation, problem):
    with pytest.raises(ValueError, match=f"for orientation='{orientation}'; got a fixed one"):
        SLORETA(orientation=orientation).fit(*problem('eeg', 'fixed'))


def test_units_of_the_data(problem, data):
    lead_field, noise_cov = problem('eeg')
    solver, y = SLORETA().fit(lead_field, noise_cov), data(lead_field)
    with pytest.raises(UnitError, match=r'SLORETA\.update\(y\) .* in V; got a bare array'):
        solver.update(y)
    with pytest.raises(UnitError, match='in V; got T'):
        solver.update(y * u.tesla)
    with pytest.raises(UnitError, match='in V; got T'):
        brainstate.transform.jit(solver.update)(y * u.tesla)
    with pytest.raises(ShapeError, match=r'\(\.\.\., channels\)'):
        solver.update(y[:, 1:] * u.volt)
    lead_field, noise_cov = problem('both')
    with pytest.raises(UnitError, match='ChannelGroups'):
        SLORETA().fit(lead_field, noise_cov).update(data(lead_field) * u.volt)


def test_channels_of_the_data(problem, data):
    lead_field, noise_cov = problem('both')
    solver = SLORETA().fit(lead_field.pick('eeg'), noise_cov.pick('eeg'))
    with pytest.raises(ValueError, match='has besides mag0'):
        solver.update(records.Recording(data(lead_field), lead_field.channels, 2 * u.ms))


def test_repetitions_of_the_data(problem, data):
    lead_field, noise_cov = problem('eeg')
    average = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms, nave=4)
    with pytest.raises(ValueError, match=r'an average of 4 repetitions; fitted for 1: write fit\(\.\.\., nave=4\)'):
        DSPM().fit(lead_field, noise_cov).update(average)
    DSPM().fit(lead_field, noise_cov, nave=4).update(average)


def test_nan_is_named_by_its_channel(problem, data):
    lead_field, noise_cov = problem('eeg')
    y = data(lead_field)
    y[3, 2] = np.nan
    with pytest.raises(ValueError, match=r'must be finite; got NaN or infinity in eeg2\.'):
        SLORETA().fit(lead_field, noise_cov).update(y * u.volt)
    cov = np.array(noise_cov.matrix_si)
    cov[2], cov[:, 2] = np.nan, np.nan
    with pytest.raises(ValueError, match=r'data_cov.*NaN or infinity in eeg2\.'):
        LCMV().fit(lead_field, noise_cov, data_cov=cov * u.volt**2)
    gain = np.array(lead_field.gain_si)
    gain[2, 7] = np.nan
    with pytest.raises(ValueError, match=r'lead_field.*NaN or infinity in eeg2\.'):
        SLORETA().fit(gain * lead_field.gain.unit, noise_cov)


def test_inverse_crime(problem, data):
    lead_field, noise_cov = problem('eeg')
    recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms, head=lead_field.head)
    with pytest.raises(ValueError, match=r'inverse crime\. Fit the lead field of another head'):
        SLORETA().fit(lead_field, noise_cov).update(recording)
    with pytest.raises(ValueError, match='inverse crime'):  # derived lead fields are of the same head
        SLORETA().fit(lead_field.fixed(), noise_cov).update(recording)
    SLORETA().fit(lead_field, noise_cov, inverse_crime=True).update(recording)
    other = records.LeadField(lead_field.gain_si, lead_field.channels, lead_field.sources, head='another')
    SLORETA().fit(other, noise_cov).update(recording)
