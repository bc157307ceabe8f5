"""Bad input: one clear error each, before any work."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import mne
import numpy as np
import pytest

from brainfwd import records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.inverse import DICS, DSPM, LCMV, SLORETA, LearnedPrior, MinimumNorm

MOMENT = u.amp * u.meter


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
        ({'weight_norm': 'nai'}, r"'rank', 'regularisation', 'snr'; got 'weight_norm'"),
        ({'snr': np.nan}, r'snr must be finite'),
        ({'snr': 1e9}, r'1 / snr\*\*2, is 1e-15 or more, the digits of float64; got 1e-18'),
        ({'snr': '3'}, r"snr .* got the text '3'"),
        ({'regularisation': 'gvc'}, r"one of 'evidence', 'gcv', 'discrepancy'; got 'gvc'\. Did you mean 'gcv'"),
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


@pytest.mark.parametrize('nave', [0, -1, 1.5, None, '4'])
def test_nave(nave, problem):
    with pytest.raises(ValueError, match=r'MinimumNorm\.fit\(nave=\.\.\.\) is a whole number of at least 1'):
        MinimumNorm().fit(*problem('eeg'), nave=nave)
    with pytest.raises(TypeError, match='positional'):
        MinimumNorm().fit(*problem('eeg'), 4)


def test_a_class_that_was_not_called(problem):
    lead_field, noise_cov = problem('eeg')
    with pytest.raises(TypeError, match=r'fit\(lead_field\) .*got the class LeadField: write LeadField\(\.\.\.\)'):
        MinimumNorm().fit(records.LeadField, noise_cov)
    with pytest.raises(TypeError, match=r'fit\(noise_cov\) .*got the class NoiseCovariance: write Noise'):
        MinimumNorm().fit(lead_field, records.NoiseCovariance)


# ---- what stands for a lead field


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (lambda gain: None, TypeError, 'is a brainfwd.records.LeadField, or a gain with its unit .*; got NoneType'),
        (lambda gain: gain.mantissa, TypeError, r'got a bare array: write <array> \* u\.volt / \(u\.amp \* u\.meter\)'),
        (lambda gain: mne.Forward(), TypeError, r'got Forward of MNE-Python: write bf\.io\.from_mne\(\.\.\.\)'),
        (lambda gain: {}, TypeError, 'got dict'),
        (lambda gain: gain * MOMENT, UnitError, r'is in V/\(A m\), T/\(A m\) or T/m/\(A m\); got V'),
        (lambda gain: {'EEG': gain}, ValueError, "by type of channel is one of 'eeg', 'mag', 'grad'; got 'EEG'"),
        (lambda gain: {'mag': gain}, UnitError, r"\['mag'\] is the gain, in T / .*; got V /"),
        (lambda gain: {'eeg': gain.mantissa}, UnitError, r"\['eeg'\] is the gain, in V / .*; got a bare array: write"),
        (lambda gain: gain[:, 0, 0], ShapeError, r'has shape \(sensors, sources\[, 3\]\); got \(12,\) for eeg'),
        (lambda gain: gain[..., :2], ShapeError, r'\(sensors, sources\[, 3\]\); got \(12, 30, 2\)'),
        (lambda gain: gain[:, :0], ShapeError, r'has sensors and sources; got shape \(12, 0, 3\)'),
        (lambda gain: gain[:5], ShapeError, r'row for each of the channels of the covariance, .*12 eeg.*; got 5 eeg'),
        (lambda gain: gain * np.nan, ValueError, 'must be finite; got NaN or infinity in eeg0, eeg1, .* and 7 more'),
        (lambda gain: gain * 1j, ValueError, 'is of real numbers; got complex ones'),
        (
            lambda gain: gain,
            TypeError,
            "knows the normals, for orientation='fixed'; got a gain alone: give a LeadField",
        ),
    ],
)
def test_lead_field(change, error, message, problem):
    lead_field, noise_cov = problem('eeg')
    with pytest.raises(error, match=rf'^MinimumNorm\.fit\(lead_field\).*{message}'):
        MinimumNorm().fit(change(lead_field.gain), noise_cov)


def test_gains_that_do_not_belong_together(problem):
    lead_field, noise_cov = problem('both', 'fixed')
    gain = {**lead_field.gain, 'eeg': lead_field.gain['eeg'][:, 1:]}
    with pytest.raises(ShapeError, match='has the same sources for all types of channel'):
        MinimumNorm().fit(gain, noise_cov)


def test_swapped(problem):
    lead_field, noise_cov = problem('eeg')
    with pytest.raises(
        TypeError, match=r'fit\(lead_field\) is a brainfwd\.records\.LeadField, .*; got NoiseCovariance'
    ):
        MinimumNorm().fit(noise_cov, lead_field)
    with pytest.raises(UnitError, match=r'fit\(lead_field\) is in V/\(A m\), .*; got V\^2'):
        MinimumNorm().fit(noise_cov.matrix, lead_field.gain)


# ---- what stands for a covariance


def _recording(channels):
    return records.Recording(np.ones((5, len(channels))), channels, 2 * u.ms)


@pytest.mark.parametrize('name', ['noise_cov', 'data_cov'])
@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (lambda cov: cov.matrix_si, TypeError, r'a Quantity in V\^2; got a bare array: write <array> \* u\.volt\*\*2'),
        (lambda cov: cov.matrix_si.tolist(), TypeError, 'got a bare array: write'),
        (lambda cov: _recording(cov.channels), TypeError, r'got a Recording: write recording\.covariance\(\)'),
        (
            lambda cov: _mne_covariance(cov),
            TypeError,
            r'got Covariance of MNE-Python: write bf\.io\.from_mne\(\.\.\.\)',
        ),
        (
            lambda cov: records.CrossSpectrum(cov.matrix_si, cov.channels),
            TypeError,
            r'got a Cross.*: write its \.in_phase',
        ),
        (lambda cov: cov.matrix * u.volt, UnitError, r'in V\^2; got V\^3: write 1\. \* u\.volt\*\*2'),
        (lambda cov: cov.matrix_si * u.tesla**2, UnitError, r'in V\^2; got T\^2'),
        (lambda cov: cov.matrix[:5, :5], ShapeError, r'has shape \(12, 12\) \(sensors, sensors\); got \(5, 5\)'),
        (lambda cov: np.diagonal(cov.matrix_si) * u.volt**2, ShapeError, r'\(12, 12\) .*; got \(12,\)'),
        (lambda cov: cov.matrix * 1j, ValueError, 'is of real numbers; got complex ones'),
        (lambda cov: -cov.matrix, ValueError, 'makes no NoiseCovariance: .* variances .* must not be negative'),
        (lambda cov: np.triu(cov.matrix_si) * u.volt**2, ValueError, 'makes no NoiseCovariance: .* is symmetric'),
        (lambda cov: cov.matrix * np.nan, ValueError, 'makes no NoiseCovariance: .* must be finite'),
        (lambda cov: cov.pick(['eeg1', 'eeg2']), ValueError, 'it lacks eeg0, eeg3, .* and 5 more: .pick'),
    ],
)
def test_covariance(name, change, error, message, problem, data_cov):
    lead_field, noise_cov = problem('eeg')
    given = {'noise_cov': noise_cov, **data_cov(LCMV(), noise_cov)}
    with pytest.raises(error, match=rf'^LCMV\.fit\({name}.*{message}'):
        LCMV().fit(lead_field, **given | {name: change(given[name])})


def _mne_covariance(cov):
    return mne.Covariance(cov.matrix_si, list(cov.channels.names), [], [], 10)


def test_covariance_of_several_types(problem):
    lead_field, noise_cov = problem('both')
    blocks = noise_cov.matrix
    for given in (blocks['eeg', 'eeg'], {kind: blocks[kind, kind] for kind in ('eeg', 'mag', 'grad')}):
        with pytest.raises(TypeError, match=r'a dict of Quantities by pair of types, as NoiseCovariance\.matrix is'):
            MinimumNorm().fit(lead_field, given)
    with pytest.raises(UnitError, match=r'is the covariance, in T\^2 / m; got T'):
        MinimumNorm().fit(lead_field, blocks | {('mag', 'grad'): blocks['mag', 'mag']})


def test_covariance_of_the_data_is_missing(each_solver, problem, make):
    lead_field, noise_cov = problem('eeg')
    solver = make(each_solver)
    wanted = r'metrics\.cross_spectrum\(recording, band\)' if isinstance(solver, DICS) else r'recording\.covariance\(\)'
    if solver.needs_data:
        with pytest.raises(TypeError, match=rf'fit\(data_cov=\.\.\.\) is .* of the data; got None: .*{wanted}'):
            solver.fit(lead_field, noise_cov)
    if isinstance(solver, LearnedPrior):
        with pytest.raises(TypeError, match='learns its prior from the data: leave regularisation out'):
            make(each_solver, regularisation='evidence')
        return
    solver = make(each_solver, regularisation='evidence')
    if isinstance(solver, DICS):
        noise_cov = records.CrossSpectrum(noise_cov.matrix_si, noise_cov.channels)
    with pytest.raises(TypeError, match=rf'fit\(data_cov=\.\.\.\) .*; got None: write data_cov={wanted}'):
        solver.fit(lead_field, noise_cov)
    with pytest.raises(TypeError, match=rf'got a Recording: write {wanted}'):
        solver.fit(lead_field, noise_cov, data_cov=_recording(lead_field.channels))


def test_shapes_and_units_while_traced(each_solver, problem, make, data_cov):
    """Nothing has values then, but that is no reason to go on."""
    lead_field, noise_cov = problem('eeg')
    solver = make(each_solver)
    extra = data_cov(solver, noise_cov)

    def traced(noise_cov):
        return jax.eval_shape(lambda noise_cov: solver.kernel_for(lead_field, noise_cov, **extra), noise_cov)

    assert traced(noise_cov.matrix).unit == solver.fit(lead_field, noise_cov, **extra).kernel.unit
    with pytest.raises(ShapeError, match=r'kernel_for\(noise_cov\) has shape \(12, 12\) .*; got \(5, 12\)'):
        traced(noise_cov.matrix[:5])
    with pytest.raises(UnitError, match=r'kernel_for\(noise_cov\) is the covariance, in V\^2; got V'):
        traced(noise_cov.matrix_si * u.volt)
    with pytest.raises(TypeError, match=r'Quantity in V\^2; got a bare array'):
        traced(noise_cov.matrix_si)


# ---- channels, and what they show


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
        with pytest.raises(ValueError, match=r'fit\(noise_cov\) has rank 0'):
            MinimumNorm().fit(lead_field, matrix * u.volt**2)
    one = lead_field.pick(['eeg3']), noise_cov.pick(['eeg3'])
    with pytest.raises(ValueError, match='rank 0'):
        MinimumNorm().fit(*one)


@pytest.mark.parametrize(
    ('rank', 'message'),
    [
        ({'eeg': 0}, r'MinimumNorm\(rank=\.\.\.\), of eeg is a whole number of at least 1; got 0'),
        ({'eeg': 3.5}, 'of eeg is a whole number of at least 1; got 3.5'),
        ({'eeg': 13}, 'of eeg, is at most the number of channels, 12; got 13'),
        ({'meg': 3}, r"rank=\.\.\.\) is one of 'eeg'; got 'meg'"),
        ({'EEG': 3}, r"rank=\.\.\.\) is one of 'eeg'; got 'EEG'"),
        (11, r"is a dict, as \{'meg': 66, 'eeg': 59\}; got int"),
        ('full', r'is a dict, .*; got str'),
    ],
)
def test_rank(rank, message, problem):
    with pytest.raises((ValueError, TypeError), match=message):
        MinimumNorm(rank=rank).fit(*problem('eeg'))


def test_rank_of_one_block_leaves_that_of_the_other(problem):
    """As after a Maxwell filter, which the covariance knows of."""
    lead_field, noise_cov = problem('both')
    filtered = records.NoiseCovariance(noise_cov.matrix_si, noise_cov.channels, rank={'meg': 6})
    both = MinimumNorm(rank={'meg': 6, 'eeg': 5}).fit(lead_field, noise_cov).resolution_matrix()
    assert np.array_equal(MinimumNorm(rank={'eeg': 5}).fit(lead_field, filtered).resolution_matrix(), both)
    assert np.linalg.matrix_rank(both) == 11


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
    with pytest.raises(UnitError, match='in V; got None'):
        solver.update(None)
    with pytest.raises(UnitError, match='in V; got T'):
        solver.update(y * u.tesla)
    with pytest.raises(UnitError, match='in V; got T'):
        brainstate.transform.jit(solver.update)(y * u.tesla)
    for given in (y[:, 1:], y.T, 1.0):
        with pytest.raises(ShapeError, match=r'\(\.\.\., channels\)'):
            solver.update(given * u.volt)
    with pytest.raises(ValueError, match=r'vectors\(y\) is of a solver whose answer is a vector'):
        solver.vectors(y * u.volt)
    lead_field, noise_cov = problem('both')
    with pytest.raises(UnitError, match='ChannelGroups'):
        SLORETA().fit(lead_field, noise_cov).update(data(lead_field) * u.volt)


def test_channels_of_the_data(problem, data):
    lead_field, noise_cov = problem('both')
    solver = SLORETA().fit(lead_field.pick('eeg'), noise_cov.pick('eeg'))
    recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms)
    with pytest.raises(ValueError, match='has besides mag0'):
        solver.update(recording)
    free = SLORETA(orientation='free').fit(lead_field.gain, noise_cov)
    with pytest.raises(TypeError, match=r'fitted to a gain alone; got a Recording: write recording\.data'):
        free.update(recording)
    assert free.update(recording.data).shape == (7, 30)


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
    solver = SLORETA(orientation='free').fit(lead_field, noise_cov)
    for use in (solver.update, solver.vectors):
        for given in (y * u.volt, jnp.asarray(y) * u.volt):
            with pytest.raises(ValueError, match=r'must be finite; got NaN or infinity in eeg2\.'):
                use(given)
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


def test_noise_of_few_samples_is_no_error(each_solver, problem, data, make, data_cov):
    """What is not known of the noise is left out."""
    lead_field, noise_cov = problem('both')
    few = records.Recording(data(lead_field, (6,)), lead_field.channels, 2 * u.ms).covariance()
    solver = make(each_solver)
    solver.fit(lead_field, few, **data_cov(solver, noise_cov))
    assert np.linalg.matrix_rank(u.get_mantissa(solver.resolution_matrix())) == 10
