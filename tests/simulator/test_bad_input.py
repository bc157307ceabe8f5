"""What a Simulator refuses, in one sentence, before anything is compiled."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf

UNIT = u.mV / u.second


@pytest.fixture(scope='module')
def sim(linear):
    return bf.Simulator(linear(3), dt=0.1 * u.ms)


@pytest.fixture
def _nothing_is_traced(monkeypatch):
    monkeypatch.setattr('brainfwd.simulator.simulator.forward', None)


@pytest.mark.parametrize(
    ('dt', 'error', 'said'),
    [
        (0.1, bf.UnitError, r'Simulator\.dt is the step of integration, in ms; got a bare number: write 0\.1 \* u\.ms'),
        (None, bf.UnitError, r'Simulator\.dt is the step of integration, in ms; got None'),
        (0.1 * u.mV, bf.UnitError, r'Simulator\.dt is the step of integration, in ms; got mV'),
        (0.0 * u.ms, ValueError, r'Simulator\.dt is one time above zero; got 0'),
        (-1.0 * u.ms, ValueError, r'Simulator\.dt is one time above zero; got -1'),
        (np.nan * u.ms, ValueError, r'Simulator\.dt is one time above zero; got nan'),
        (np.ones(2) * u.ms, ValueError, r'Simulator\.dt is one time above zero'),
    ],
)
def test_step(linear, dt, error, said):
    with pytest.raises(error, match=said):
        bf.Simulator(linear(3), dt=dt)


def test_model():
    with pytest.raises(TypeError, match=r'Simulator\(model\) is a bf\.Network or a neural mass; got ndarray'):
        bf.Simulator(np.ones(3), dt=1 * u.ms)


def test_the_step_is_given_once(linear, sim):
    brainstate.environ.set(dt=0.2 * u.ms)
    said = r'Simulator\.dt is 0\.1 ms, but brainstate\.environ has dt=0\.2 ms: give dt once'
    with pytest.raises(ValueError, match=said):
        bf.Simulator(linear(3), dt=0.1 * u.ms)
    with pytest.raises(ValueError, match=said):
        sim.run(1 * u.ms)


@pytest.mark.parametrize(
    ('options', 'error', 'said'),
    [
        (
            dict(duration=1.0),
            bf.UnitError,
            r'Simulator\.run\(duration\) is in ms; got a bare number: write 1\. \* u\.ms',
        ),
        (dict(duration=None), bf.UnitError, r'Simulator\.run\(duration\) is in ms; got None'),
        (
            dict(duration=1.05 * u.ms),
            ValueError,
            r'Simulator\.run\(duration\) is a whole number of steps of 0\.1 ms; got 1\.05 ms, which is 10\.5 steps',
        ),
        (
            dict(duration=0 * u.ms),
            ValueError,
            r'Simulator\.run\(duration\) is 1 step\(s\) of 0\.1 ms at least; got 0 ms',
        ),
        (dict(duration=np.inf * u.ms), ValueError, r'Simulator\.run\(duration\) is a whole number of steps .* got inf'),
        (dict(duration=np.nan * u.ms), ValueError, r'Simulator\.run\(duration\) is a whole number of steps .* got nan'),
        (dict(transient=0.15 * u.ms), ValueError, r'Simulator\.run\(transient\) is a whole number of steps'),
        (dict(transient=-1 * u.ms), ValueError, r'Simulator\.run\(transient\) is 0 step\(s\) .* at least; got -1 ms'),
        (
            dict(sampling_period=0.25 * u.ms),
            ValueError,
            r"sampling period of the monitor 'output' is a whole number of steps of 0\.1 ms; got 0\.25 ms, which",
        ),
        (
            dict(sampling_period=1.0),
            bf.UnitError,
            r"sampling period of the monitor 'output' is in ms; got a bare number",
        ),
        (dict(sampling_period=0 * u.ms), ValueError, r"sampling period of the monitor 'output' is 1 step\(s\)"),
        (
            dict(sampling_period=2 * u.ms),
            ValueError,
            r"'output', sampled every 2\. ms, has no sample between 0\. ms and 1",
        ),
        (dict(monitors='z'), ValueError, r"Simulator\.run\(monitors={'z': \.\.\.}\) is one of 'x', 'output'; got 'z'"),
        (
            dict(monitors={'a': 'outptu'}),
            ValueError,
            r"Simulator\.run\(monitors={'a': \.\.\.}\) .*Did you mean 'output'",
        ),
        (
            dict(monitors={'a': 3}),
            TypeError,
            r'Monitor\(what\) is a name, a function of the network or a forward model; g',
        ),
        (dict(monitors=[]), ValueError, r'Simulator\.run\(monitors\) is empty: name something to record'),
        (
            dict(monitors=bf.BOLDSignal(3)),
            TypeError,
            r'Simulator\.run\(monitors\) is a name, a list .*; got BOLDSignal\(3',
        ),
        (
            dict(monitors={'bold': bf.BOLDSignal(2)}),
            bf.ShapeError,
            r"monitors={'bold': \.\.\.}\): BOLDSignal sees \(2,\) regions; the network has \(3,\)",
        ),
        (dict(inputs={'p': 1.0}), ValueError, r"Simulator\.run\(inputs\) is one of 'inp'; got 'p'"),
        (
            dict(inputs={'inp': 1.0}),
            bf.UnitError,
            r"Simulator\.run\(inputs={'inp': \.\.\.}\) is the drive of the potential, in mV / s; got a bare number",
        ),
        (dict(inputs={'inp': 1.0 * u.Hz}), bf.UnitError, r"inputs={'inp': \.\.\.}\) is the drive .*; got Hz: write"),
        (
            dict(inputs={'inp': np.ones(4) * UNIT}),
            bf.ShapeError,
            r"inputs={'inp': \.\.\.}\) is a number, \(3,\) \(regions,\), or \(10, 3\) \(steps, regions\); got \(4,\)",
        ),
        (dict(inputs={'inp': np.ones((9, 3)) * UNIT}), bf.ShapeError, r'or \(10, 3\) \(steps, regions\); got \(9, 3\)'),
        (
            dict(inputs={'inp': np.ones((10, 3)) * UNIT}, transient=1 * u.ms),
            bf.ShapeError,
            r'or \(20, 3\) \(steps, regions\); got \(10, 3\)',
        ),
        (dict(inputs=[1.0]), TypeError, r'Simulator\.run\(inputs\) is a dict by the name of an input; got list'),
        (dict(seed=-1), ValueError, r'Simulator\.run\(seed\) is a whole number from 0 to 2147483647; got -1'),
        (dict(seed=0.5), ValueError, r'Simulator\.run\(seed\) is a whole number from 0 to 2147483647; got 0\.5'),
        (dict(inputs={'inp': np.nan * UNIT}), ValueError, r"inputs={'inp': \.\.\.}\) must be finite"),
    ],
)
@pytest.mark.usefixtures('_nothing_is_traced')
def test_run(sim, options, error, said):
    with pytest.raises(error, match=said):
        sim.run(**{'duration': 1 * u.ms, **options})


def test_one_forward_model_in_two_places(sim):
    bold = bf.BOLDSignal(3, tr=1 * u.ms)
    with pytest.raises(ValueError, match='names one monitor or forward model twice: it has one state, so make another'):
        sim.run(2 * u.ms, monitors={'a': bf.Monitor(bold, 'x'), 'b': bf.Monitor(bold, 'x')})


def test_only_a_forward_model_has_a_source():
    with pytest.raises(
        ValueError, match=r'Monitor\(source=\.\.\.\) is what a forward model sees; a name or a function'
    ):
        bf.Monitor('x', source='y')


def test_a_forward_model_has_its_own_period():
    with pytest.raises(ValueError, match=r'Monitor\(sampling_period=\.\.\.\): BOLDSignal has a period of its own'):
        bf.Monitor(bf.BOLDSignal(3), sampling_period=1 * u.ms)


@pytest.mark.parametrize(
    ('options', 'error', 'said'),
    [
        (
            dict(inputs={'inp': lambda t: t}),
            bf.UnitError,
            r'Linear\.inp is the drive of the potential, in mV / s; got s',
        ),
        (dict(inputs={'inp': lambda t: np.ones(2) * UNIT}), bf.ShapeError, r'Linear\.inp is .* fits \(3,\); got shape'),
        (
            dict(monitors={'bold': bf.Monitor(bf.BOLDSignal(3, tr=1 * u.ms), source='output')}),
            bf.UnitError,
            r'BOLDSignal\.update\(z=\.\.\.\) is the relative neural activity.*, dimensionless; got mV',
        ),
        (
            dict(
                monitors={
                    'eeg': bf.EEGLeadFieldModel(
                        3, 2, np.ones((3, 2)) * u.volt / (u.nA * u.meter), sampling_period=1 * u.ms
                    )
                }
            ),
            bf.UnitError,
            r'EEGLeadFieldModel\.step\(x\) is the dipole moment of each region.*; got mV: make the model with a scale',
        ),
    ],
    ids=['unit', 'shape', 'bold', 'eeg'],
)
def test_what_is_found_while_tracing_is_found_before_compiling(sim, compilations, options, error, said):
    with pytest.raises(error, match=said):
        sim.run(1 * u.ms, **options)
    # what prepares a run has compiled its own by now; the loop never does
    with compilations as again, pytest.raises(error):
        sim.run(1 * u.ms, **options)
    assert again.count == 0


def test_precision_is_set_for_jax_and_brainstate_together(sim):
    jax.config.update('jax_enable_x64', True)
    try:
        with pytest.raises(
            ValueError, match=r'JAX computes in 64 bits and brainstate in 32: write brainstate\.environ\.set'
        ):
            sim.run(1 * u.ms)
    finally:
        jax.config.update('jax_enable_x64', False)


def test_what_is_wrong_with_a_network_is_found_when_it_is_made(linear):
    """See the tests of network, coupling and noise; here in the words of the user's first example."""
    brain = bf.datasets.load_connectome().cortical().normalized()
    node = bf.JansenRitModel(brain.n_regions)
    with pytest.raises(bf.UnitError, match=r'DiffusiveCoupling\.k is what turns output of JansenRitModel \(mV\) into'):
        bf.Network(node, bf.DiffusiveCoupling(brain.weights, k=10.0))
    with pytest.raises(
        bf.UnitError, match=r'DiffusiveCoupling\.conduction_speed is the conduction speed, in m / s; got a'
    ):
        bf.DiffusiveCoupling(brain.weights, 10 * u.Hz / u.mV, tract_lengths=brain.tract_lengths, conduction_speed=6.0)
    with pytest.raises(bf.ShapeError, match=r'DiffusiveCoupling\.conn couples 68 regions; JansenRitModel has \(84,\)'):
        bf.Network(bf.JansenRitModel(84), bf.DiffusiveCoupling(brain.weights, k=10 * u.Hz / u.mV))
    with pytest.raises(
        bf.UnitError, match=r'OrnsteinUhlenbeck\.mean is the mean of the noise, in Hz; got a bare number'
    ):
        bf.Network(node, noise={'p': bf.noise.OrnsteinUhlenbeck(220.0, 22 * u.Hz, 10 * u.ms)})
