"""Many runs at once: a member of a batch is the run alone."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd._core.module import set_parameter
from brainfwd.simulator import simulator

DT = 0.5 * u.ms
SEEDS = [3, 7, 5]
UNIT = u.mV / u.second
RNG = np.random.default_rng(0)
MEMBERS = {
    'node.a': np.array([[-0.1], [-0.2], [-0.3]]),
    'node.frequency': RNG.uniform(8, 20, (3, 4)) * u.Hz,
    'node.init_x': RNG.normal(size=(3, 4)),
    'coupling.0.k': np.array([[0.1], [0.2], [0.3]]),
    'noise.x_inp.mean': np.array([[0.0], [0.02], [0.05]]),
    'noise.y.noise_amplitude': RNG.uniform(0, 0.2, (3, 4)) / u.second**0.5,
}
GIVEN = RNG.normal(size=(3, 4))
SERIES = RNG.normal(size=(160, 3, 4))


def draws(network):
    """What the white noise draws at this step."""
    return network.noise['y'].normal(network.step.value)


def numbers(record):
    if isinstance(record, bf.records.Recording):
        return record.data_si
    return np.asarray(u.get_mantissa(record))


@pytest.fixture(scope='module')
def run(far, eeg):
    """Runs the network with these values, which are by member or of one."""

    def make(values, given, series, **options):
        network = far()
        for name, value in values.items():
            set_parameter(network, name, value)
        monitors = {
            'x': 'x',
            'slow': bf.Monitor('y', sampling_period=3.5 * u.ms),
            'mean': bf.Monitor('power', sampling_period=5 * u.ms, average=True),
            'coloured': lambda network: network.noise['x_inp'].value,
            'draws': draws,
            'bold': bf.Monitor(bf.BOLDSignal(4, tr=20 * u.ms), source='power'),
            'eeg': eeg(),
        }
        inputs = {'x_inp': 0.1 * given, 'y_inp': 0.1 * series}
        return bf.Simulator(network, DT).run(80 * u.ms, monitors=monitors, inputs=inputs, **options)

    return make


@pytest.fixture(scope='module')
def batch(run):
    return run(MEMBERS, GIVEN, SERIES, seed=SEEDS)


@pytest.fixture(scope='module')
def alone(run):
    return [
        run({name: value[m] for name, value in MEMBERS.items()}, GIVEN[m], SERIES[:, m], seed=seed)
        for m, seed in enumerate(SEEDS)
    ]


def test_a_member_is_the_run_alone(batch, alone):
    """To rounding, as sums are taken in another order."""
    for member, single in enumerate(alone):
        for name in single:
            expected = numbers(single[name])
            got = numbers(batch[name][member])
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-6 * abs(expected).max(), err_msg=name)
    # they are not alike
    assert abs(np.diff(numbers(batch['x']), axis=0)).max(axis=(1, 2)).min() > 0.1
    assert batch.seed == SEEDS


def test_what_is_drawn_is_the_same_bit_for_bit(run, batch, alone, monkeypatch):
    monkeypatch.setattr(simulator, '_CHUNK', 31)
    pieces = run(MEMBERS, GIVEN, SERIES, seed=SEEDS)
    for member, single in enumerate(alone):
        np.testing.assert_array_equal(batch['draws'][member], single['draws'])
        np.testing.assert_array_equal(pieces['draws'][member], single['draws'])
        np.testing.assert_allclose(batch['coloured'][member], single['coloured'], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(pieces['x'], batch['x'], atol=1e-6)
    np.testing.assert_array_equal(pieces['coloured'], batch['coloured'])


def test_what_a_batch_records(batch, alone):
    single = alone[0]
    for name in ('x', 'slow', 'mean', 'bold'):
        assert np.shape(batch[name]) == (3, *np.shape(single[name]))
    assert isinstance(batch['eeg'], list)
    for member, recording in enumerate(batch['eeg']):
        assert isinstance(recording, bf.records.Recording)
        assert recording.data.unit == alone[member]['eeg'].data.unit
        np.testing.assert_array_equal(recording.times.mantissa, single['eeg'].times.mantissa)
    np.testing.assert_array_equal(batch.times_of('slow').mantissa, single.times_of('slow').mantissa)


def test_units_stand_before_the_members(linear):
    x = bf.Simulator(linear(2), DT).run(5 * u.ms, inputs={'inp': np.array([[1.0], [3.0]]) * UNIT}, batch_size=2)
    assert x['output'].unit == u.mV
    assert x['output'].shape == (2, 10, 2)
    np.testing.assert_allclose(x['output'].mantissa[:, -1], [[5e-3] * 2, [15e-3] * 2], rtol=1e-5)


# ---- noise of members


@pytest.fixture(scope='module')
def silent(eeg):
    """Electrodes that see nothing but their noise, and what the network draws."""

    def run(**options):
        network = bf.Network(
            bf.HopfOscillator(4, a=-0.1, init_x=0.0, init_y=0.0),
            noise={
                'x_inp': bf.noise.OrnsteinUhlenbeck(0.0, 0.0, 10.0 * u.ms),
                'y': bf.noise.WhiteNoise(0.0 / u.second**0.5),
            },
        )
        monitors = {
            'eeg': eeg(),
            'draws': draws,
            'eta': lambda network: network.noise['x_inp'].eta.value,
        }
        return bf.Simulator(network, DT).run(400 * u.ms, monitors=monitors, sampling_period=2 * u.ms, **options)

    return run


def test_members_of_one_seed_are_independent_and_the_first_is_the_run_alone(silent):
    together, seeds = silent(seed=4, batch_size=4), silent(seed=[3, 5, 4, 6])
    single = silent(seed=4)
    assert single['eeg'].data_si.std() > 0
    for records, at in ((together, 0), (seeds, 2)):
        np.testing.assert_array_equal(records['draws'][at], single['draws'])
        np.testing.assert_allclose(records['eeg'][at].data_si, single['eeg'].data_si, rtol=1e-6)
    for records in (together, seeds):
        every = [
            np.asarray(records['draws']).reshape(4, -1),
            np.stack([recording.data_si for recording in records['eeg']]).reshape(4, -1),
        ]
        for values in every:
            n = values.shape[1]
            found = np.corrcoef(values) - np.eye(4)
            assert abs(found).max() < 4 / np.sqrt(n)
            # nor is one the other a step later
            later = np.corrcoef(values[:, 4:], values[:, :-4])[:4, 4:]
            assert abs(later).max() < 4.5 / np.sqrt(n)
        first = np.asarray(records['eta'])[:, 0]
        assert len(np.unique(first)) == first.size


# ---- what is refused


def _with(name, value):
    def change(network):
        set_parameter(network, name, value)
        return {}

    return change


ROWS = np.ones((3, 1))
PULSE = bf.stimuli.Pulse(ROWS, 1 * u.ms, 2 * u.ms)


@pytest.mark.parametrize(
    ('change', 'options', 'said'),
    [
        (
            _with('node.a', -ROWS),
            {},
            r'HopfOscillator\.a has shape \(3, 1\), a row for each of 3 members of a batch; this run is without '
            r'batch_size: write batch_size=3',
        ),
        (_with('node.init_x', ROWS), dict(seed=[1, 2]), r'init_x has shape \(3, 1\).*with batch_size=2: write batch_s'),
        (_with('coupling.0.k', ROWS), dict(batch_size=2), r'DiffusiveCoupling\.k has shape \(3, 1\), a row for each'),
        (_with('noise.x_inp.std', ROWS), dict(batch_size=2), r'OrnsteinUhlenbeck\.std has shape \(3, 1\), a row for'),
        (
            _with('node.a', np.ones((2, 3, 4))),
            dict(batch_size=2),
            r'HopfOscillator\.a is a number, \(4,\) \(regions,\), or \(batch, 4\); got \(2, 3, 4\)',
        ),
        (
            None,
            dict(batch_size=2, inputs={'x_inp': np.ones((3, 4))}),
            r"inputs={'x_inp': \.\.\.}\) is a number, \(4,\) \(regions,\), \(2, 4\) \(batch, regions\), or "
            r'\(40, 2, 4\) \(steps, batch, regions\); got \(3, 4\)',
        ),
        (None, dict(batch_size=3, inputs={'x_inp': np.ones(3)}), r'\(3, 4\) \(batch, regions\).*; got \(3,\)'),
        (None, dict(inputs={'x_inp': np.ones((3, 4))}), r'or \(40, 4\) \(steps, regions\); got \(3, 4\)'),
        (
            None,
            dict(batch_size=40, inputs={'x_inp': np.ones((40, 4))}),
            r'is \(40, 4\), a row for every step or for every member of the batch: write \(40, 40, 4\) \(steps, batch',
        ),
        (
            None,
            dict(inputs={'x_inp': PULSE}),
            r"inputs={'x_inp': \.\.\.}\) has shape \(3, [14]\), a row for each of 3 members.*without batch_size",
        ),
        (None, dict(batch_size=2, inputs={'x_inp': PULSE}), r'a row for each of 3 members.*with batch_size=2: write'),
        (None, dict(batch_size=0), r'Simulator\.run\(batch_size\) is a whole number of at least 1; got 0'),
        (None, dict(batch_size=2.5), r'Simulator\.run\(batch_size\) is a whole number of at least 1; got 2\.5'),
        (None, dict(batch_size=3, seed=[1, 2]), r'one seed, or one for each of batch_size=3 members; got 2'),
        (None, dict(seed=[]), r'one seed, or a list with one for each member of a batch; got an empty one'),
        (None, dict(seed=[1, -1]), r'Simulator\.run\(seed\) is a whole number from 0 to 2147483647; got -1'),
    ],
)
def test_wrong_rows(far, monkeypatch, change, options, said):
    monkeypatch.setattr(simulator, 'forward', None)  # before anything is compiled
    network = far(delays=None)
    if change is not None:
        change(network)
    with pytest.raises(ValueError, match=said):
        bf.Simulator(network, DT).run(20 * u.ms, **options)


def test_connections_are_the_same_for_all():
    with pytest.raises(bf.ShapeError, match=r'DiffusiveCoupling\.conn is a square matrix'):
        bf.DiffusiveCoupling(np.ones((2, 4, 4)))


def test_a_given_past_is_read_with_the_parameters_of_each_member(linear):
    # as many steps of it as members, which must not be taken for each other
    before = np.array([[1.0, 5.0], [2.0, 7.0]])
    baselines = np.array([[0.5], [4.0]])
    coupling = bf.AdditiveCoupling(
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        k=1 / u.second,
        delays=2 * DT,
        initial_history=before * u.mV,
        baseline=baselines * u.mV,
    )
    x = bf.Simulator(bf.Network(linear(2), coupling), DT).run(1 * u.ms, batch_size=2)['output'].mantissa
    # Heun: coupling goes from the older row of the past to the newer one in the first step, then to x(0) = 0
    read = np.stack([before[0], before[1], [0.0, 0.0]])[:, ::-1] - baselines[:, None]
    np.testing.assert_allclose(x, np.cumsum((read[:, 1:] + read[:, :-1]) / 2 * 0.5e-3, axis=1), rtol=1e-5)


def test_noise_relative_to_a_signal_is_one_for_all_members(far, eeg):
    noisy, clean = eeg(noise_cov=None, snr_db=10.0), eeg(noise_cov=None)
    runs = [
        bf.Simulator(far(), DT).run(0.5 * u.second, monitors={'eeg': m}, batch_size=2, seed=3) for m in (noisy, clean)
    ]
    signal = np.mean([member.data_si.var(axis=0, ddof=1).sum() for member in runs[1]['eeg']])
    noise = [member.noise_cov.matrix_si for member in runs[0]['eeg']]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert 10 * np.log10(signal / np.trace(noise[0])) == pytest.approx(10.0, abs=1e-3)


def test_a_function_that_mixes_members(linear, monkeypatch):
    start = np.array([[1.0], [2.0], [3.0]]) * u.mV
    sim = bf.Simulator(linear(4, init_x=start), DT)
    mean = sim.run(1 * u.ms, monitors={'m': lambda network: network.read('x').mean(axis=-1)}, batch_size=3)['m']
    np.testing.assert_allclose(mean.mantissa, [[1.0] * 2, [2.0] * 2, [3.0] * 2], rtol=1e-6)
    monkeypatch.setattr(simulator, 'forward', None)
    for axis, got in ((None, r'\(\)'), (0, r'\(4,\)')):
        with pytest.raises(bf.ShapeError, match=rf'in a batch of 3 it gives \(batch, \.\.\.\), .*; got {got}: take'):
            sim.run(1 * u.ms, monitors={'m': lambda network, axis=axis: network.read('x').mean(axis)}, batch_size=3)


def test_the_member_that_diverges_is_named(linear):
    sim = bf.Simulator(bf.Network(linear(2), labels=['left', 'right']), DT)
    drive = np.zeros((3, 2))
    drive[2, 1] = 1e37
    with pytest.raises(bf.SimulationError, match=r'region 1 \(right\) of member 2 is not finite at t = ') as error:
        sim.run(60 * u.second, inputs={'inp': drive * UNIT}, batch_size=3, sampling_period=0.5 * u.second)
    x = error.value.result['output'].mantissa
    np.testing.assert_allclose(x[2, :, 1], 1e37 * np.arange(1, x.shape[1] + 1) / 2, rtol=1e-3)
    assert not x[:2].any()
