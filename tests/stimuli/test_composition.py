"""Stimuli add up and multiply as numbers do, with units and over regions."""

import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest
from brainstate.graph import treefy_split
from hypothesis import given
from hypothesis import strategies as st

import brainfwd as bf
from brainfwd import stimuli
from brainfwd._core.fields import ParameterState

UNIT = u.mV / u.second
DT = 0.1 * u.ms
STEPS = np.arange(0, 80, 3)[:, None]
FIELD = bf.Input(1.0 * UNIT, 'drive')

numbers = st.floats(-3, 3, width=32)
times = st.integers(0, 40).map(lambda n: n * DT)
durations = st.integers(1, 40).map(lambda n: n * DT)
envelopes = st.builds(stimuli.Pulse, numbers, times, durations) | st.builds(stimuli.Ramp, numbers, times, durations)
carriers = st.builds(
    lambda a, f, phase, onset: stimuli.Sine(a * UNIT, f * u.Hz, phase, onset),
    numbers, st.floats(1, 200, width=32), numbers, times,
) | st.builds(lambda a, onset: stimuli.Step(a * UNIT, onset), numbers, times)  # fmt: skip


def values(stimulus, fraction=0.5):
    stimulus.bind((3,), FIELD, 'here')
    found = stimulus.at(STEPS, fraction, DT)
    assert u.get_unit(found) == UNIT
    return np.broadcast_to(np.asarray(found.mantissa), (len(STEPS), 3))


def same(one, other):
    np.testing.assert_allclose(values(one), values(other), rtol=1e-5, atol=1e-5)


@given(carriers, carriers, carriers)
def test_sums(a, b, c):
    np.testing.assert_allclose(values(a + b), values(a) + values(b), rtol=1e-6, atol=1e-6)
    same(a + b, b + a)
    same((a + b) + c, a + (b + c))
    same(a + 0 * UNIT, a)


@given(carriers, carriers, envelopes, envelopes)
def test_products(a, b, e, f):
    np.testing.assert_allclose(values(e * a), np.asarray(e.at(STEPS, 0.5, DT)) * values(a), rtol=1e-6, atol=1e-6)
    same(e * a, a * e)
    same((e * f) * a, e * (f * a))
    same(e * (a + b), e * a + e * b)
    same((e + f) * a, e * a + f * a)
    same((1 + e) * a, a + e * a)


@given(carriers, numbers, st.tuples(numbers, numbers, numbers))
def test_numbers_and_arrays(a, number, weights):
    np.testing.assert_allclose(values(number * a), number * values(a), rtol=1e-5, atol=1e-5)
    for array in (np.array(weights), jnp.array(weights)):
        expected = values(a) * np.array(weights)
        np.testing.assert_allclose(values(a * array), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(values(array * a), expected, rtol=1e-5, atol=1e-5)


def test_what_multiplies_gives_the_unit():
    envelope = stimuli.Pulse(1.0, 1 * u.ms, 2 * u.ms)
    same(envelope * (3.0 * UNIT), stimuli.Pulse(3.0 * UNIT, 1 * u.ms, 2 * u.ms))
    per_region = np.array([1.0, 0.0, -2.0]) * UNIT
    same(envelope * per_region, stimuli.Pulse(per_region, 1 * u.ms, 2 * u.ms))


def test_spans():
    early, late = stimuli.Pulse(1.0, 1 * u.ms, 2 * u.ms), stimuli.Pulse(1.0, 2 * u.ms, 5 * u.ms)
    step = stimuli.Step(1.0, 4 * u.ms)
    ms = lambda time: None if time is None else pytest.approx(float(time.in_unit(u.ms).mantissa))  # noqa: E731
    assert (ms((early + late).start), ms((early + late).stop)) == (1.0, 7.0)
    assert (ms((early * late).start), ms((early * late).stop)) == (2.0, 3.0)
    assert (early + step).stop is None
    assert (late * step).stop == late.stop
    assert (2.0 * step).stop is None

    # every term has to fit into the run; of a product only what they share
    (late * step).check_duration(7 * u.ms, 'here')
    with pytest.raises(ValueError, match=r'here: this Pulse goes on until 0\.007 s, and the run ends at 0\.006 s'):
        (early + late).check_duration(6 * u.ms, 'here')
    (early * late).check_duration(6 * u.ms, 'here')
    with pytest.raises(ValueError, match=r'here: this Step begins at 0\.004 s, and the run ends at 0\.003 s'):
        (early + step).check_duration(3 * u.ms, 'here')
    with pytest.raises(ValueError, match=r'here: Pulse has a time of 2\. ms, shorter than a step of 4 ms'):
        (step + late * early).check_step(4 * u.ms, 'here')


def test_parameters_of_all_parts_are_found_and_act():
    stimulus = (stimuli.Sine(2 * UNIT, 5 * u.Hz) + stimuli.Step(1 * UNIT, 0 * u.ms)) * stimuli.Pulse(1.0, 0 * u.ms, DT)
    names = {'.'.join(map(str, path)) for path in treefy_split(stimulus, ParameterState, ...)[1].to_flat()}
    assert {'factors.0.terms.0.frequency', 'factors.0.terms.1.amplitude', 'factors.1.duration'} <= names
    before = values(stimulus)[0]
    stimulus.factors[0].terms[1].amplitude = 4 * UNIT
    np.testing.assert_allclose(values(stimulus)[0] - before, 3, rtol=1e-5)
    assert repr(stimulus).startswith('(Sine(3, amplitude=2.')


def test_errors():
    sine, pulse = stimuli.Sine(1 * UNIT, 5 * u.Hz), stimuli.Pulse(1.0, 0 * u.ms, 1 * u.ms)
    with pytest.raises(bf.UnitError, match=r'here Step\.amplitude is the amplitude of the step, in mV / s; got Hz'):
        (sine + stimuli.Step(1 * u.Hz, 0 * u.ms)).bind((3,), FIELD, 'here')
    with pytest.raises(bf.UnitError, match=r'here Pulse\.amplitude is .*, in mV / s; got a bare number'):
        (sine + pulse).bind((3,), FIELD, 'here')
    with pytest.raises(bf.UnitError, match=r'here Sine\.amplitude is the amplitude of .*, dimensionless; got mV / s'):
        (sine * sine * pulse + sine).bind((3,), FIELD, 'here')
    with pytest.raises(bf.UnitError, match=r'Pulse\.amplitude is the amplitude of the pulse, in mV / s; got a bare'):
        (pulse * pulse).bind((3,), FIELD, 'here')
    with pytest.raises(bf.ShapeError, match=r'here Constant\.amplitude is a number or an array that fits \(3,\)'):
        (sine * np.ones(4)).bind((3,), FIELD, 'here')
    for wrong in ('2', None, [1.0, 2.0], True):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply sequence"):
            sine * wrong
        with pytest.raises(TypeError, match=r'unsupported operand|can only concatenate'):
            wrong + sine
