"""An experiment on a small head: three regions of four sources, sixteen electrodes, and a second head much like it."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd import records

MOMENT = u.nA * u.meter
LABELS = ('left', 'middle', 'right')
REST, DRIVE = {'node.a': -0.5}, {'node.a': 0.3}
SEGMENT = 6 * u.second


def lead_field(head):
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(12, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    centres = np.repeat([[-0.05, 0, 0.05], [0, 0, 0.08], [0.05, 0, 0.05]], 4, axis=0)
    sources = records.SourceSpace(
        (centres + 0.005 * rng.normal(size=(12, 3))) * u.meter, normals, rng.uniform(20, 40, 12) * u.mm**2,
        np.repeat([0, 0, 1], 4), np.arange(12), np.repeat([1, 2, 3], 4),
    )  # fmt: skip
    gain = 50 * rng.normal(size=(16, 12))
    if head == 'second':
        gain = gain * (1 + 0.1 * np.random.default_rng(1).normal(size=gain.shape))
    channels = records.Channels(tuple(f'E{i}' for i in range(16)), ('eeg',) * 16)
    return records.LeadField(gain, channels, sources, head=head)


def regions():
    lengths = 50.0 * (np.ones((3, 3)) - np.eye(3))
    return records.Connectome(np.ones((3, 3)) - np.eye(3), lengths * u.mm, LABELS, (1, 2, 3))


def simulator():
    network = bf.Network(
        bf.HopfOscillator(3, frequency=10.0 * u.Hz, tau=20.0 * u.ms),
        bf.DiffusiveCoupling(
            regions().weights, k=0.02, tract_lengths=regions().tract_lengths, conduction_speed=5 * u.meter / u.second
        ),
        noise={'x_inp': bf.noise.OrnsteinUhlenbeck(0.0, 0.1, 10.0 * u.ms)},
        labels=LABELS,
    )
    return bf.Simulator(network, dt=1 * u.ms)


def sensor(**options):
    options = {'dipole_scale': -20 * MOMENT, 'sampling_period': 4 * u.ms, **options}
    noise_cov = records.NoiseCovariance.diagonal(0.2 * u.uvolt, lead_field('first').channels)
    return bf.EEGLeadFieldModel.from_lead_field(
        lead_field('first'), regions(), aggregate='sum', noise_cov=noise_cov, **options
    )


SOLVERS = ('sLORETA', 'MNE', 'dSPM', 'LCMV', 'DICS', 'Champagne', 'mixed norm')


def experiment(sensors=None, **options):
    solvers = {
        'sLORETA': bf.inverse.SLORETA(snr=3.0),
        'MNE': bf.inverse.MinimumNorm(snr=3.0),
        # fitted to the data of each trial
        'dSPM': bf.inverse.DSPM(regularisation='evidence'),
        'LCMV': bf.inverse.LCMV(),
        'DICS': bf.inverse.DICS(regularisation='evidence'),
        'Champagne': bf.inverse.Champagne(tol=0.01),
        'mixed norm': bf.inverse.MixedNorm(),
    }
    return bf.Experiment(
        simulator(),
        regions(),
        sensors or {'eeg': sensor()},
        lead_field('second'),
        options.pop('solvers', solvers),
        **options,
    )


@pytest.fixture(scope='module')
def made():
    return experiment()


@pytest.fixture(scope='module')
def result(made):
    return made.run(['left', 'right'], REST, DRIVE, SEGMENT, transient=1 * u.second, seed=3)


def test_driven_regions_are_found(result):
    assert [(score.region, score.solver) for score in result.scores] == [
        (region, solver) for region in ('left', 'right') for solver in SOLVERS
    ]
    for score in result.scores:
        assert np.isfinite(score.correlation)
        if score.solver in ('LCMV', 'DICS'):
            continue  # the sources of a region are driven as one, and beamformers silence what varies together
        assert score.peak_error.unit == u.mm
        assert float(score.peak_error.mantissa) == 0.0
        assert score.auc == 1.0
        # few sources stand for those of a region
        assert score.auc_sources > (0.55 if score.solver in ('Champagne', 'mixed norm') else 0.75)
        # with its sign: the scale is negative, and so are the moments
        assert score.correlation > 0.9


def test_what_was_driven_oscillates_and_nothing_else_does(result):
    for trial in result.trials:
        spread = np.asarray(trial.output)[500:].std(axis=0)
        driven = LABELS.index(trial.region)
        # radius sqrt(a) of the limit cycle
        assert spread[driven] == pytest.approx(np.sqrt(0.3 / 2), rel=0.1)
        assert (np.delete(spread, driven) < 0.2).all()


def test_every_trial_begins_where_rest_stopped(result):
    rest = result.rest.times_of('output')
    assert float(rest[0].mantissa) == pytest.approx(1.004)
    for trial in result.trials:
        np.testing.assert_allclose(trial.times.mantissa, 7 + np.arange(1, 1501) * 0.004, rtol=1e-9)
        # 4 ms on, a network moves by little
        assert abs(np.asarray(trial.output[0]) - np.asarray(result.rest['output'][-1])).max() < 0.2
    first, second = (np.asarray(trial.output) for trial in result.trials)
    assert abs(first[:, 1] - second[:, 1]).max() > 0.01  # noise of its own


def test_segments_follow_each_other(result):
    names, times, outputs = zip(*result.segments(), strict=True)
    assert names == ('rest', 'left', 'right')
    assert [len(output) for output in outputs] == [1500] * 3
    joined = np.concatenate([t.mantissa for t in times])
    np.testing.assert_allclose(np.diff(joined), 0.004, rtol=1e-6)
    recording = result.recording('eeg')
    assert recording.n_times == 4500
    np.testing.assert_allclose(recording.times.mantissa, joined, rtol=1e-6)
    np.testing.assert_array_equal(recording.data_si[1500:3000], result.trials[0].recordings['eeg'].data_si)


def test_the_noise_covariance_is_that_of_rest_in_the_band(result):
    from brainfwd.experiment import band_passed

    rest = result.rest['eeg']
    data = band_passed(rest.data_si, rest.sampling_period, (8 * u.Hz, 13 * u.Hz))[250:-250]
    np.testing.assert_allclose(result.noise_cov.matrix_si, np.cov(data.T), rtol=1e-9)


def test_settings_are_put_back(made, result):
    np.testing.assert_array_equal(made.simulator.network.node.a, [-0.5, -0.5, -0.5])
    assert result.seed == 3


def test_the_seed_decides(made, result):
    again = made.run(['left', 'right'], REST, DRIVE, SEGMENT, transient=1 * u.second, seed=3)
    np.testing.assert_array_equal(again.recording('eeg').data_si, result.recording('eeg').data_si)
    assert again.scores == result.scores


def test_a_scale_per_region_and_a_second_sensor():
    sensors = {
        'slow': sensor(sampling_period=10 * u.ms),
        'eeg': sensor(dipole_scale=np.array([-20.0, -10, -30]) * MOMENT),
    }
    solvers = {'sLORETA': bf.inverse.SLORETA()}
    found = experiment(sensors, solvers=solvers).run(['right'], REST, DRIVE, SEGMENT, seed=3)
    assert found.scores[0].auc == 1.0
    assert found.scores[0].correlation > 0.9
    assert found.recording('slow').n_times == 1200


def test_band_passed_keeps_phase_and_amplitude():
    from brainfwd.experiment import band_passed

    t = np.arange(4000) * 0.004
    inside, outside = np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 30 * t)
    seen = band_passed(inside + outside + 5, 4 * u.ms, (8 * u.Hz, 13 * u.Hz))
    np.testing.assert_allclose(seen[500:-500], inside[500:-500], atol=0.02)


# ---- what is refused, before anything is simulated


@pytest.mark.parametrize(
    ('arguments', 'error', 'said'),
    [
        (dict(driven=['up']), ValueError, 'up'),
        (dict(driven=[]), ValueError, r'Experiment\.run\(driven\) names the regions to drive, one at least; got none'),
        (
            dict(drive={'node.tau': 1 * u.ms}),
            ValueError,
            r"rest and drive set the same parameters; got \['node\.a'\] and",
        ),
        (dict(rest={'node.b': 1.0}, drive={'node.b': 1.0}), ValueError, r"node\.b is one of 'a', .*got 'b'"),
        (dict(drive={'node.a': 1.0 * u.Hz}), bf.UnitError, r"Experiment\.run\(drive={'node\.a': \.\.\.}\).*; got Hz"),
        (
            dict(duration=3 * u.second),
            ValueError,
            r'Experiment\.run\(duration\) is 3\.6 s at least, .* 16 channels.*got 3',
        ),
        (dict(duration=6.0), bf.UnitError, r'Experiment\.run\(duration\) is the length of a segment, in s; got a bare'),
        (dict(duration=6.0005 * u.second), ValueError, r'is a whole number of steps of 1\.? ms; got 6000\.5 ms'),
    ],
)
def test_bad_run(made, monkeypatch, arguments, error, said):
    monkeypatch.setattr('brainfwd.simulator.simulator.forward', None)
    with pytest.raises(error, match=said):
        made.run(**{'driven': ['left'], 'rest': REST, 'drive': DRIVE, 'duration': SEGMENT, **arguments})


def test_bad_experiment():
    with pytest.raises(ValueError, match=r"Experiment\(invert\) is one of 'eeg'; got 'meg'"):
        experiment(invert='meg')
    with pytest.raises(
        bf.UnitError, match=r'Experiment\(band\) is a frequency, in Hz; got a bare number: write 8\. \* u\.'
    ):
        experiment(band=(8.0, 13.0))
    head = lead_field('first')
    sim, brain, sensors = simulator(), regions(), {'eeg': sensor()}
    with pytest.raises(ValueError, match='is the head that the sensors were simulated with: an inverse crime'):
        bf.Experiment(sim, brain, sensors, head, {})
    other = bf.Simulator(bf.HopfOscillator(4), dt=1 * u.ms)
    with pytest.raises(bf.ShapeError, match=r'Experiment\(regions\) are those of the network, \(4,\); got 3'):
        bf.Experiment(other, brain, sensors, lead_field('second'), {})
    fewer = lead_field('second')
    channels = records.Channels(fewer.channels.names[:15], ('eeg',) * 15)
    fewer = records.LeadField(fewer.gain_si[:15], channels, fewer.sources, head='third')
    with pytest.raises(
        ValueError, match=r"Experiment\(lead_field\) has the channels of the sensor 'eeg', 16; got 15, of"
    ):
        bf.Experiment(sim, brain, sensors, fewer, {})
