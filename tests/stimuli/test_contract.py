"""What holds for every stimulus. A new one is one line in the list."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from brainstate.graph import treefy_merge, treefy_split

import brainfwd as bf
from brainfwd import stimuli
from brainfwd._core.fields import ParameterState
from brainfwd.stimuli.base import TimeCourse

UNIT = u.mV / u.second
ONSET = 2 * u.ms  # 20 steps of 0.1 ms
STEPS = np.arange(100)

# each with an amplitude
STIMULI = {
    stimuli.Step: lambda a, **options: stimuli.Step(a, ONSET, **options),
    stimuli.Pulse: lambda a, **options: stimuli.Pulse(a, ONSET, 3 * u.ms, **options),
    stimuli.PulseTrain: lambda a, **options: stimuli.PulseTrain(a, ONSET, 1 * u.ms, 300 * u.Hz, count=2, **options),
    stimuli.Ramp: lambda a, **options: stimuli.Ramp(a, ONSET, 3 * u.ms, **options),
    stimuli.Sine: lambda a, **options: stimuli.Sine(a, 150 * u.Hz, 0.3, ONSET, **options),
    stimuli.Noise: lambda a, **options: stimuli.Noise(a, 5 * u.Hz, 200 * u.Hz, 1, ONSET, n_frequencies=16, **options),
    stimuli.Data: lambda a, **options: stimuli.Data(
        np.array([1.0, 3.0, -2.0, 0.5]) * a, 1 * u.ms, ONSET, **options
    ),
}  # fmt: skip
every_stimulus = pytest.mark.parametrize('cls', STIMULI, ids=lambda cls: cls.__name__)


def amplitude_of(stimulus):
    fields = stimulus.parameter_fields.items()
    return next(name for name, field in fields if isinstance(field, stimuli.Amplitude))


def test_every_stimulus_is_listed():
    assert set(TimeCourse.__subclasses__()) == set(STIMULI)


@every_stimulus
def test_nothing_before_the_onset_and_something_from_then_on(cls, bound, read):
    stimulus = bound(STIMULI[cls](2.0 * UNIT))
    for fraction in (0.0, 1.0):
        values = read(stimulus, STEPS, fraction)
        assert values.shape == (100,)
        np.testing.assert_array_equal(values[:20], 0.0)
        assert (values[21:30] != 0).all()
    assert stimulus.start == 2e-3 * u.second


@every_stimulus
def test_nothing_after_its_end(cls, bound, read):
    stimulus = bound(STIMULI[cls](2.0 * UNIT))
    values = read(stimulus, STEPS)
    if stimulus.stop is None:
        assert (values[50:] != 0).any()
    else:
        stop = round(float(stimulus.stop.mantissa) * 1e4)
        assert values[stop - 1] != 0
        np.testing.assert_array_equal(values[stop:], 0.0)


@every_stimulus
def test_it_is_linear_in_its_amplitude(cls, bound, read):
    one, two = (read(bound(STIMULI[cls](a * UNIT)), STEPS, 0.5) for a in (1.0, -2.0))
    np.testing.assert_allclose(two, -2 * one, rtol=1e-6)


@every_stimulus
@pytest.mark.parametrize(
    ('regions', 'weights'),
    [([2, 0], [1, 0, 1]), (np.array([True, False, False]), [1, 0, 0]), ([0.5, -1.0, 0.0], [0.5, -1, 0])],
    ids=['indices', 'mask', 'weights'],
)
def test_over_regions(cls, regions, weights, bound, read):
    alike = read(bound(STIMULI[cls](2.0 * UNIT)), STEPS)
    np.testing.assert_allclose(
        read(bound(STIMULI[cls](2.0 * UNIT, regions=regions)), STEPS), np.outer(alike, weights), rtol=1e-6
    )


@every_stimulus
def test_the_unit_is_checked_and_converted(cls, bound, read):
    volts = read(bound(STIMULI[cls](2e-3 * u.volt / u.second)), STEPS)
    np.testing.assert_allclose(volts, read(bound(STIMULI[cls](2.0 * UNIT)), STEPS), rtol=1e-5)
    name = amplitude_of(STIMULI[cls](1.0))
    with pytest.raises(
        bf.UnitError, match=rf"run\(inputs={{'inp': \.\.\.}}\) {cls.__name__}\.{name} is the .*, in mV / s; got a bare"
    ):
        bound(STIMULI[cls](2.0))
    with pytest.raises(bf.UnitError, match=r'in mV / s; got mV'):
        bound(STIMULI[cls](2.0 * u.mV))
    without = bound(STIMULI[cls](2.0), unit=None).at(25, 0.0, 0.1 * u.ms)
    assert not isinstance(without, u.Quantity)


@every_stimulus
def test_new_values_do_not_compile_again(cls, bound, compilations):
    stimulus = bound(STIMULI[cls](2.0 * UNIT, regions=[0, 1]))

    @brainstate.transform.jit
    def at(step):
        return stimulus.at(step, 0.0, 0.1 * u.ms)

    before = np.asarray(at(25).mantissa)
    name = amplitude_of(stimulus)
    setattr(stimulus, name, 2 * getattr(stimulus, name))
    stimulus.weights = np.array([0.0, 1.0, 3.0])
    bound(stimulus)
    with compilations:
        after = np.asarray(at(25).mantissa)
    assert compilations.count == 0
    np.testing.assert_allclose(after, 2 * before[0] * np.array([0, 1, 3]), rtol=1e-6)
    # edges are parameters as well
    stimulus.onset = 3 * u.ms
    with compilations:
        np.testing.assert_array_equal(at(25).mantissa, 0.0)
    assert compilations.count == 0


@every_stimulus
def test_gradient_in_every_smooth_parameter(cls, bound):
    brainstate.environ.set(precision=64)
    stimulus = bound(STIMULI[cls](2.0 * UNIT))
    graph, parameters = treefy_split(stimulus, ParameterState)
    steps = np.array([22, 37])

    def total(name, value):
        made = treefy_merge(graph, parameters)
        unit = u.get_unit(getattr(stimulus, name))
        made.__dict__[name] = ParameterState(value if unit.is_unitless else u.Quantity(value, unit=unit))
        values = jax.vmap(lambda step: made.at(step, 0.5, 0.1 * u.ms))(steps)
        return (u.get_mantissa(values) * np.array([1.0, -0.3])).sum()

    smooth = {
        'Step': ['amplitude'], 'Pulse': ['amplitude'], 'PulseTrain': ['amplitude'], 'Data': ['samples'],
        'Ramp': ['amplitude', 'duration'], 'Sine': ['amplitude', 'frequency', 'phase'], 'Noise': ['std', 'low', 'high'],
    }[cls.__name__]  # fmt: skip
    for name in [*smooth, 'weights']:
        value = np.asarray(u.get_mantissa(getattr(stimulus, name)))
        slope = np.sum(jax.grad(total, argnums=1)(name, value))
        step = 1e-5 * (1 + np.abs(value).max())
        expected = (total(name, value + step) - total(name, value - step)) / (2 * step)
        assert slope == pytest.approx(float(expected), rel=1e-5), name
        assert abs(expected) > 1e-6


@pytest.mark.parametrize('cls', [cls for cls in STIMULI if cls is not stimuli.Data], ids=lambda cls: cls.__name__)
def test_a_batch_of_amplitudes(cls, bound, read):
    amplitudes = np.outer([1.0, 2.0, -1.0, 0.0], np.ones(3))
    values = read(bound(STIMULI[cls](amplitudes * UNIT)), STEPS)
    alone = read(bound(STIMULI[cls](1.0 * UNIT)), STEPS)
    assert values.shape == (100, 4, 3)
    np.testing.assert_allclose(values, alone[:, None, None] * amplitudes, rtol=1e-6)


@every_stimulus
def test_errors_of_place(cls, bound):
    with pytest.raises(ValueError, match=rf'{cls.__name__}\.regions are different indices from 0 to 2; got \[3\]'):
        bound(STIMULI[cls](1.0 * UNIT, regions=[3]))
    with pytest.raises(ValueError, match=r'regions are different indices from 0 to 2; got \[1, 1\]'):
        bound(STIMULI[cls](1.0 * UNIT, regions=[1, 1]))
    with pytest.raises(bf.ShapeError, match=rf'{cls.__name__}\.weights is a number or an array that fits \(3,\)'):
        bound(STIMULI[cls](1.0 * UNIT, regions=np.ones(4)))
    with pytest.raises(bf.ShapeError, match=r'weights is a number or an array of numbers'):
        STIMULI[cls](1.0 * UNIT, regions=['left'])
    stimulus = STIMULI[cls](1.0 * UNIT)
    stimulus.onset = -1 * u.ms
    with pytest.raises(ValueError, match=rf'{cls.__name__}\.onset must not be negative'):
        bound(stimulus)
    with pytest.raises(bf.UnitError, match=rf'{cls.__name__}\.onset is the onset, in ms; got a bare number'):
        stimulus.onset = 1.0


@every_stimulus
def test_errors_of_time(cls, bound):
    stimulus = bound(STIMULI[cls](1.0 * UNIT))
    stimulus.check_duration(10 * u.second, 'here')
    with pytest.raises(ValueError, match=rf'here: this {cls.__name__} '):
        stimulus.check_duration(2 * u.ms, 'here')
    if stimulus.stop is not None:
        stimulus.check_duration(stimulus.stop, 'here')
        with pytest.raises(ValueError, match=rf'here: this {cls.__name__} goes on until 0\.00\d+ s, and the run ends'):
            stimulus.check_duration(stimulus.stop - 0.1 * u.ms, 'here')
    stimulus.check_step(0.1 * u.ms, 'here')
    if stimulus.shortest is not None:
        with pytest.raises(ValueError, match=rf'here: {cls.__name__} has a time of .* shorter than a step of 20'):
            stimulus.check_step(20 * u.ms, 'here')


@every_stimulus
def test_declaration(cls):
    assert 'Parameters' in cls.__doc__
    assert '.. math::' in cls.__doc__
    assert repr(STIMULI[cls](1.0)).startswith(f'{cls.__name__}(')
