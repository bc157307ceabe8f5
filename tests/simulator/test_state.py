"""A run that is saved, read, and goes on is one long run."""

import json

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

DT = 0.5 * u.ms


def numbers(record):
    if isinstance(record, list):  # recordings
        return np.stack([each.data_si for each in record])
    return np.asarray(u.get_mantissa(record))


def monitors_of(eeg):
    return {
        'eeg': eeg(),
        'bold': bf.Monitor(bf.BOLDSignal(4, tr=20 * u.ms), source='power'),
        'mean': bf.Monitor('x', sampling_period=9 * u.ms, average=True),
        'x': 'x',
    }


def test_goes_on_bit_for_bit(far, eeg, tmp_path):
    def run(duration, **how):
        # everything is made anew, as in another process
        return bf.Simulator(far(), DT).run(duration * u.ms, monitors=monitors_of(eeg), **how)

    whole, parts = run(120, seed=[5, 6]), []
    for duration in (70.5, 49.5):  # 141 steps: in the middle of every period, and of every band of delays
        result = run(duration, **(dict(resume=tmp_path / 'state') if parts else dict(seed=[5, 6])))
        result.state.save(tmp_path / 'state')
        parts.append(result)
    for name in whole:
        got = np.concatenate([numbers(part[name]) for part in parts], axis=1)
        np.testing.assert_array_equal(got, numbers(whole[name]), err_msg=name)
        times = np.concatenate([part.times_of(name).mantissa for part in parts])
        np.testing.assert_array_equal(times, whole.times_of(name).mantissa)
    assert parts[1].seed == whole.seed == [5, 6]
    assert parts[1].stop == whole.stop


@pytest.mark.parametrize('options', [dict(seed=5), dict(seed=5, batch_size=2)], ids=str)
def test_one_seed(linear, tmp_path, options):
    """Of a run, and of a batch, which a state remembers."""

    def run(duration, **how):
        network = bf.Network(linear(2), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
        return bf.Simulator(network, DT).run(duration * u.ms, **how)

    first = run(3, **options)
    first.state.save(tmp_path / 'state')
    rest = run(2, resume=tmp_path / 'state')
    got = np.concatenate([np.asarray(part['output'].mantissa) for part in (first, rest)], axis=-2)
    np.testing.assert_array_equal(got, run(5, **options)['output'].mantissa)
    assert got.shape == (*options.values(), 10, 2)[1:]


def test_is_the_state_that_was_saved(linear, tmp_path):
    network = bf.Network(linear(2), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
    state = bf.Simulator(network, DT).run(5 * u.ms, seed=[2, 3]).state
    state.save(str(tmp_path / 'with.dot'))
    read = bf.load_state(str(tmp_path / 'with.dot'))
    assert (read.model, read.n_steps, read.seed, read.batch_size) == (state.model, 10, [2, 3], 2)
    assert read.dt == state.dt
    assert set(read.arrays) == set(state.arrays)
    assert repr(read) == repr(state)
    assert 'Linear, x: WhiteNoise; 2 regions; monitors output: output, at 0.005 s, seed=[2, 3]' in repr(read)


def test_another_seed_for_what_comes(linear):
    network = bf.Network(linear(2), noise={'x': bf.noise.WhiteNoise(1.0 * u.mV / u.second**0.5)})
    sim = bf.Simulator(network, DT)
    first = sim.run(5 * u.ms, seed=[2, 3])
    going_on = sim.run(5 * u.ms, resume=first)['output'].mantissa
    for seed in ([4, 5], 4):
        other = sim.run(5 * u.ms, resume=first, seed=seed)['output'].mantissa
        assert other.shape == (2, 10, 2)
        assert abs(other - going_on).min() > 1e-6
    with pytest.raises(ValueError, match=r'one seed, or one for each of batch_size=2 members; got 3'):
        sim.run(5 * u.ms, resume=first, seed=[1, 2, 3])


# ---- what does not fit


@pytest.fixture
def saved(linear, tmp_path):
    bf.Simulator(linear(2), DT).run(5 * u.ms).state.save(tmp_path / 'state')
    return tmp_path / 'state'


def test_a_state_of_something_else(linear, saved):
    for other, options, said in (
        (linear(3), {}, r'is a state of\n  Linear; 2 regions.*\nand this is\n  Linear; 3 regions'),
        (bf.HopfOscillator(2), {}, r'is a state of\n  Linear; 2 regions.*\nand this is\n  HopfOscillator; 2 regions'),
        (linear(2), dict(monitors=['x', 'output']), r'monitors output: output\nand this is\n.*monitors x: x, output'),
        (linear(2), dict(batch_size=3), r'is a state of one run, and this is a batch of 3'),
        (linear(2), dict(seed=[1, 2]), r'is a state of one run, and this is a batch of 2'),
    ):
        sim = bf.Simulator(other, DT)
        before = sim.run(2 * u.ms)
        name = next(iter(other.variables))
        value = np.asarray(u.get_mantissa(getattr(other, name).value))
        with pytest.raises(ValueError, match=said):
            sim.run(5 * u.ms, resume=saved, **options)
        # nothing is lost
        np.testing.assert_array_equal(u.get_mantissa(getattr(other, name).value), value)
        assert sim.run(2 * u.ms, resume=before).n_steps == 8
    with pytest.raises(ValueError, match=r'was simulated with dt=0\.5 ms; this Simulator has dt=1\. ms'):
        bf.Simulator(linear(2), 1.0 * u.ms).run(5 * u.ms, resume=saved)


def test_another_precision(linear, saved):
    brainstate.environ.set(precision=64)
    with pytest.raises(ValueError, match=r'in one precision; these states differ: network\.node\.x\.$'):
        bf.Simulator(linear(2), DT).run(5 * u.ms, resume=saved)


def test_other_delays(far):
    first = bf.Simulator(far(), DT).run(60 * u.ms, seed=0)
    with pytest.raises(ValueError, match=r'these states differ: network\.coupling\.0\.history\. A longer delay'):
        bf.Simulator(far(delays=200.0 * u.ms), DT).run(60 * u.ms, resume=first)


def _text(path, saved):
    path.write_text('no state')


def _empty(path, saved):
    path.write_bytes(b'')


def _cut(path, saved):
    path.write_bytes(saved.read_bytes()[:-40])


def _array(path, saved):
    with path.open('wb') as file:
        np.save(file, np.ones(3))


def _arrays(path, saved):
    with path.open('wb') as file:
        np.savez(file, x=np.ones(3))


def _other_about(path, saved):
    with path.open('wb') as file:
        np.savez(file, about=json.dumps(['format']))


def _folder(path, saved):
    path.mkdir()


@pytest.mark.parametrize('write', [_text, _empty, _cut, _array, _arrays, _other_about, _folder])
def test_a_file_that_is_no_state(linear, saved, tmp_path, write):
    path = tmp_path / 'other'
    write(path, saved)
    with pytest.raises(ValueError, match=r'other is no state of a simulation: SimulationState\.save writes them'):
        bf.load_state(path)
    with pytest.raises(ValueError, match='other is no state of a simulation'):
        bf.Simulator(linear(2), DT).run(5 * u.ms, resume=path)


def test_another_format(saved, tmp_path):
    with np.load(saved) as file:
        held = {name: file[name] for name in file.files}
    about = json.loads(str(held.pop('about')))
    with (tmp_path / 'other').open('wb') as file:
        np.savez(file, about=json.dumps({**about, 'format': 99}), **held)
    with pytest.raises(ValueError, match=r'other has format 99 and this version of brainfwd reads 1: simulate it anew'):
        bf.load_state(tmp_path / 'other')


def test_no_file(linear, tmp_path):
    with pytest.raises(FileNotFoundError):
        bf.Simulator(linear(2), DT).run(5 * u.ms, resume=tmp_path / 'none')
