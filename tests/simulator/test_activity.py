"""What BOLD follows of each model, and what a run says where that is not known."""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

PERIOD = 100 * u.ms
WITHOUT = {'EpileptorModel', 'FitzHughNagumoModel', 'Generic2dOscillator', 'KuramotoModel'}
MODELS = [info.name for info in bf.list_models()]


@pytest.mark.parametrize('name', MODELS)
def test_activity_of_each_model(name):
    """A number that is not negative in any state that the model can have."""
    model = getattr(bf, name)(50)
    assert bool(model.activity_source) == (name not in WITHOUT)
    if name in WITHOUT:
        assert 'activity' not in model.readable
        return
    # fractions and rates stay above zero
    signed = {'JansenRitModel', 'WendlingModel', 'HopfOscillator', 'StuartLandauOscillator', 'LinearModel'}
    low, rng = -2 if name in signed else 0, np.random.default_rng(0)
    state = {n: rng.uniform(low, 2, 50) * _one(field.unit) for n, field in model.variables.items()}
    activity = model.read('activity', state)
    np.testing.assert_array_equal(u.get_mantissa(activity), u.get_mantissa(model.read(model.activity_source, state)))
    if name != 'LinearModel':  # a deviation from rest, which is relative as it is
        assert (u.get_mantissa(activity) >= 0).all()


def _one(unit):
    return 1.0 if unit.is_unitless else u.Quantity(1.0, unit=unit)


@pytest.mark.parametrize(('sensor', 'which'), [(bf.BOLDSignal, {}), (bf.HRFBold, {'kernel': 'friston2000'})])
def test_a_simulation_reads_activity(sensor, which):
    """Power of a Hopf oscillator, of which a loop of one's own passes on the mean of before and after each step.

    At steps that do not divide the sub-step.
    """
    network = bf.Network(bf.HopfOscillator(3, a=[0.1, 0.2, 0.3], tau=50 * u.ms))
    dt, options = 3 * u.ms, dict(tr=99 * u.ms, sub_step=10 * u.ms, **which)
    seen = bf.Simulator(network, dt).run(
        990 * u.ms, monitors={'bold': sensor(3, **options), 'named': bf.Monitor(sensor(3, **options), source='power')}
    )
    np.testing.assert_array_equal(seen['bold'], seen['named'])

    model = sensor(3, **options).init_all_states()
    network.init_all_states()

    def step(i):
        before = network.read('power')
        network.update()
        after = network.read('power')
        model.update(jnp.where(i == 0, after, (before + after) / 2))
        return model.bold()

    with brainstate.environ.context(dt=dt):
        by_hand = brainstate.transform.for_loop(step, jnp.arange(330))[32::33]
    np.testing.assert_allclose(seen['bold'], by_hand, rtol=1e-5, atol=1e-9)
    assert abs(seen['bold']).max() > 1e-5


def test_rates_are_relative_to_their_baseline():
    """At rest nothing; the same as by hand."""
    node, inputs = bf.WilsonCowanModel(2), {'rE_inp': np.array([0.5, 0.6])}
    simulator = bf.Simulator(node, dt=5 * u.ms)
    rest = simulator.run(50 * u.ms, inputs={'rE_inp': 0.5}, monitors=['activity'], transient=1 * u.second)
    baseline = rest['activity'][-1]
    by_hand = bf.Monitor(bf.BOLDSignal(2, tr=PERIOD), source=lambda net: net.read('rE') / baseline - 1)
    monitors = {'bold': bf.BOLDSignal(2, tr=PERIOD, baseline=baseline), 'by hand': by_hand}
    seen = simulator.run(1 * u.second, inputs=inputs, monitors=monitors, transient=1 * u.second)
    np.testing.assert_allclose(seen['bold'], seen['by hand'], rtol=1e-4, atol=1e-7)
    assert seen['bold'][-1, 1] > 0.01


def test_activity_of_a_group():
    """Each region that of its own model, where there is one unit."""
    group = bf.Group({'a': bf.WilsonCowanModel(2), 'b': bf.HopfOscillator(1)}, regions={'a': [0, 2], 'b': [1]})
    state = {'a.rE': np.array([0.1, 0.2]), 'a.rI': np.zeros(2), 'b.x': np.array([3.0]), 'b.y': np.array([4.0])}
    assert 'activity' in group.readable
    np.testing.assert_allclose(group.read('activity', state), [0.1, 25.0, 0.2])


def test_a_group_of_two_units_is_made_relative_by_hand():
    models = {'cortex': bf.JansenRitModel(2), 'thalamus': bf.WilsonCowanModel(1)}
    group = bf.Group(models, source={'cortex': 'firing_rate', 'thalamus': ('rE', 100 * u.Hz)},
                     target={'thalamus': ('rE_inp', 0.01 / u.Hz)})  # fmt: skip
    simulator = bf.Simulator(group, dt=5 * u.ms)
    with pytest.raises(bf.UnitError, match=r'cortex\.firing_rate \(Hz\), thalamus\.rE \(.*\): make each relative'):
        simulator.run(PERIOD, monitors={'bold': bf.BOLDSignal(3, tr=PERIOD)})
    cortex_at_rest, thalamus_at_rest = 2 * u.Hz, 0.1
    monitor = bf.Monitor(
        bf.BOLDSignal(3, tr=PERIOD),
        source=lambda net: net.node.joined(
            {
                'cortex': net.read('cortex.activity') / cortex_at_rest - 1,
                'thalamus': net.read('thalamus.activity') / thalamus_at_rest - 1,
            }
        ),
    )
    assert simulator.run(PERIOD, monitors={'bold': monitor})['bold'].shape == (1, 3)


@pytest.mark.parametrize(
    ('node', 'error', 'says'),
    [
        (bf.KuramotoModel, ValueError, r'BOLDSignal follows the activity of neurons, which KuramotoModel does not say'),
        (bf.JansenRitModel, bf.UnitError, r'got Hz: say what it is at rest, BOLDSignal\(\.\.\., baseline=5. \* u.Hz\)'),
    ],
)
def test_what_is_not_known_is_asked_for(node, error, says):
    with pytest.raises(error, match=says):
        bf.Simulator(node(2), dt=1 * u.ms).run(PERIOD, monitors={'bold': bf.BOLDSignal(2, tr=PERIOD)})


def test_an_error_names_what_blood_cannot_take():
    monitor = bf.Monitor(bf.BOLDSignal(1, tr=PERIOD), source=lambda net: net.output() - 2)
    with pytest.raises(bf.SimulationError, match=r"'bold' is not finite.*the blood flow of BOLDSignal reached zero"):
        bf.Simulator(bf.WilsonCowanModel(1), dt=10 * u.ms).run(10 * u.second, monitors={'bold': monitor})
