"""The one wording of errors: what was expected, what came, where, and what to write instead."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core import checks


def message(error, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ('value', 'unit', 'end'),
    [
        (220.0, u.Hz, 'in Hz; got a bare number: write 220. * u.Hz.'),
        (np.ones(3), u.mV, 'in mV; got a bare array: write <array> * u.mV.'),
        (1.0 * u.mV, u.Hz, 'in Hz; got mV: write 1. * u.Hz, for example.'),
        (1.0 * u.mV, u.UNITLESS, 'dimensionless; got mV: write a plain number.'),
        (None, u.ms, 'in ms; got None: write 1. * u.ms, for example.'),
        (None, u.UNITLESS, 'dimensionless; got None: write a plain number.'),
        (u.Hz, u.Hz, 'in Hz; got the unit Hz alone: write 1. * u.Hz.'),
        ('fast', u.Hz, "in Hz; got the text 'fast': write 1. * u.Hz, for example."),
        (object, u.ms, 'in ms; got type: write 1. * u.ms, for example.'),
        (object, u.UNITLESS, 'dimensionless; got type: write a plain number.'),
        ([1.0 * u.mV], u.mV, 'in mV; got a list of Quantities: write one, np.array([...]) * u.mV.'),
        (60.0 * u.radian / u.second, u.Hz, 'in Hz; got rad / s, an angular frequency: divide it by 2 pi, in Hz.'),
        (2, u.nA * u.meter / u.mV, 'got a bare number: write 2. * u.meter * u.nA / u.mV.'),
    ],
)
def test_quantity_says_what_to_write(value, unit, end):
    said = message(checks.UnitError, checks.quantity, value, unit, 'Model.update(p=...)', 'the input')
    assert said.startswith('Model.update(p=...) is the input, ')
    assert said.endswith(end)


def test_a_unit_error_is_caught_as_either_kind():
    assert issubclass(checks.UnitError, u.UnitMismatchError)
    assert issubclass(checks.UnitError, ValueError)
    assert issubclass(checks.ShapeError, ValueError)


def test_one_number():
    assert checks.number(np.float32(3), 'x') == 3.0
    for value, says in ((True, 'one number'), ('3', "got '3'"), ([3, 3], r'got \[3, 3\]'), (np.inf, 'finite')):
        with pytest.raises(ValueError, match=says):
            checks.number(value, 'x')
    with pytest.raises(checks.UnitError, match='without a unit; got one in mV'):
        checks.number(3 * u.mV, 'x')


def test_quantity_converts():
    converted = checks.quantity(0.5 * u.second, u.ms, 'x')
    assert converted.unit == u.ms
    assert converted.mantissa == 500.0
    assert checks.quantity(u.Quantity(2.0, unit=u.mV / u.volt), u.UNITLESS, 'x') == 0.002
    assert not isinstance(checks.quantity(3.0, u.UNITLESS, 'x'), u.Quantity)


@pytest.mark.parametrize(
    'unit', [u.Hz / u.mV, u.volt / (u.nA * u.meter), u.tesla / u.meter, u.mV / u.second**0.5, u.radian / u.second]
)
def test_the_code_of_a_unit_is_the_unit(unit):
    assert eval(checks.code(unit), {'u': u}) == unit


def test_units_are_checked_while_jax_traces():
    @jax.jit
    def traced(x):
        return checks.quantity(x * u.mV, u.volt, 'x', 'the potential').mantissa

    assert traced(2.0) == pytest.approx(2e-3)
    with pytest.raises(checks.UnitError, match=r'in mV; got a bare number: write <array> \* u\.mV'):
        jax.jit(lambda x: checks.quantity(x, u.mV, 'x'))(1.0)


def test_values_are_not_checked_while_jax_traces():
    def f(x):
        checks.finite(x, 'x')
        checks.non_negative(x, 'x')
        return x

    assert jax.jit(f)(-1.0) == -1.0


@pytest.mark.parametrize(
    ('value', 'end'),
    [
        (np.nan, 'got 1 value(s) that are not, the first.'),
        ([[0.0, np.inf], [np.nan, 0.0]], 'got 2 value(s) that are not, the first at index (0, 1).'),
        (np.array([1.0, np.nan]) * u.mV, 'got 1 value(s) that are not, the first at index (1,).'),
    ],
)
def test_finite(value, end):
    said = message(ValueError, checks.finite, value, 'Model.a')
    assert said == f'Model.a must be finite; {end}'


def test_non_negative():
    said = message(ValueError, checks.non_negative, np.array([1.0, -2.0]) * u.mm, 'lengths')
    assert said == 'lengths must not be negative; got -2 as the smallest value.'


def test_positive():
    said = message(ValueError, checks.positive, np.array([1.0, 0.0]) * u.ms, 'tau')
    assert said == 'tau must be above zero; got 0 as the smallest value.'


def test_shapes():
    said = message(checks.ShapeError, checks.shape_is, np.ones((2, 3)), (3, 2), 'L', '(regions, sensors)')
    assert said == 'L has shape (3, 2) (regions, sensors); got (2, 3).'
    said = message(checks.ShapeError, checks.square, np.ones((2, 3)), 'conn')
    assert said == 'conn is a square matrix [target, source]; got shape (2, 3).'
    assert 'got shape (4,)' in message(checks.ShapeError, checks.square, np.ones(4), 'conn')


@pytest.mark.parametrize('value', [0, -1, 2.5, 'two', None, True, np.array([1, 2]), [3]])
def test_positive_int(value):
    said = message(ValueError, checks.positive_int, value, 'Model.in_size')
    assert said == f'Model.in_size is a whole number of at least 1; got {value!r}.'
    assert checks.positive_int(np.int64(3), 'x') == 3
    assert checks.positive_int(2.0, 'x') == 2


def test_choice_suggests_the_nearest():
    said = message(ValueError, checks.choice, 'hune', ['heun', 'euler'], 'method')
    assert said == "method is one of 'heun', 'euler'; got 'hune'. Did you mean 'heun'?"
    assert message(ValueError, checks.choice, 'zzz', ['heun'], 'method').endswith("got 'zzz'.")
    assert checks.choice('heun', ['heun'], 'method') == 'heun'


def test_array():
    assert checks.array([[1, 2]], 'conn').dtype == np.float64
    traced = jnp.ones(2)
    assert checks.array(traced, 'conn') is traced
    assert 'got one in mV' in message(checks.UnitError, checks.array, np.ones(2) * u.mV, 'conn')
    assert message(checks.ShapeError, checks.array, 'all', 'conn') == 'conn is an array of numbers; got str.'
    assert 'array of numbers' in message(checks.ShapeError, checks.array, [[1], [1, 2]], 'conn')
