"""Parameters, variables and inputs, as a model declares them."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf
from brainfwd._core.fields import ParameterState


@pytest.fixture
def node(linear):
    return linear(3, rate=2.0 * u.Hz)


def test_a_parameter_reads_as_its_value(node):
    assert node.rate == 2.0 * u.Hz
    assert isinstance(vars(node)['rate'], ParameterState)


def test_a_parameter_is_converted_to_its_unit(node):
    node.rate = 3.0 / u.ms
    assert node.rate.unit == u.Hz
    assert float(node.rate.mantissa) == pytest.approx(3000.0)


def test_a_parameter_is_kept_in_float64_and_never_weakly_typed(node):
    node.rate = 0.1 * u.Hz
    assert node.rate.mantissa.dtype == np.float64
    assert isinstance(node.rate.mantissa, np.ndarray)


def test_a_parameter_is_a_copy_of_what_was_given(node):
    rates = np.ones(3)
    node.rate = rates * u.Hz
    held = node.rate.mantissa
    coupling = bf.AdditiveCoupling(np.eye(3), k=rates)
    rates[0] = 5.0
    assert held.tolist() == coupling.k.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ('value', 'error', 'said'),
    [
        (2.0, bf.UnitError, r'Linear\.rate is the rate of decay, in Hz; got a bare number: write 2\. \* u\.Hz'),
        (2.0 * u.mV, bf.UnitError, r'in Hz; got mV'),
        (None, bf.UnitError, r'in Hz; got None: write 1\. \* u\.Hz'),
        (np.nan * u.Hz, ValueError, r'Linear\.rate must be finite'),
        (np.ones((3, 2)) * u.Hz, bf.ShapeError, r'Linear\.rate is .* that fits \(3,\); got shape \(3, 2\)'),
        (np.ones(2) * u.Hz, bf.ShapeError, r'Linear\.rate is a number or an array that fits \(3,\); got shape \(2,\)'),
    ],
)
def test_the_constructor_and_the_setter_check_alike(linear, node, value, error, said):
    with pytest.raises(error, match=said):
        linear(3, rate=value)
    with pytest.raises(error, match=said):
        node.rate = value
    assert node.rate == 2.0 * u.Hz


def test_what_is_no_number_is_an_error():
    with pytest.raises(
        bf.UnitError, match=r'HopfOscillator\.a is the bifurcation parameter, .*; got object: write a pl'
    ):
        bf.HopfOscillator(1, a=object())
    with pytest.raises(
        bf.ShapeError, match=r'HopfOscillator\.a is a number or an array of numbers; got \[1\.0, \[2\.0'
    ):
        bf.HopfOscillator(1, a=[1.0, [2.0, 3.0]])


def test_time_constants_are_above_zero():
    with pytest.raises(ValueError, match=r'HopfOscillator\.tau must be above zero; got -1 as the smallest value'):
        bf.HopfOscillator(2, tau=np.array([1.0, -1.0]) * u.ms)


@pytest.mark.parametrize('value', [np.ones(1), np.ones(3), np.ones((2, 3)), 1.0])
def test_a_number_or_one_per_region_or_a_batch_of_them(node, value):
    node.rate = value * u.Hz
    assert node.rate.shape == np.shape(value)


def test_an_unknown_parameter_is_an_error(linear):
    with pytest.raises(ValueError, match=r"a parameter of Linear is one of 'rate', 'init_x'; got 'rat'\. Did you"):
        linear(3, rat=1.0 * u.Hz)


def test_every_variable_has_an_initial_value(linear):
    node = linear(3, init_x=5.0 * u.mV).init_all_states()
    np.testing.assert_array_equal(node.x.value.mantissa, [5.0, 5.0, 5.0])
    with pytest.raises(bf.UnitError, match=r'Linear\.init_x is the initial value: potential, in mV; got a bare number'):
        linear(3, init_x=5.0)


def test_a_variable_is_written_in_its_unit(node):
    node.init_all_states(batch_size=2)
    assert node.x.value.shape == (2, 3)
    node.x.value = np.ones((2, 3)) * u.volt
    assert node.x.value.unit == u.mV
    np.testing.assert_allclose(node.x.value.mantissa, 1000.0)
    with pytest.raises(bf.UnitError, match=r'Linear\.x is in mV; got a bare array'):
        node.x.value = np.ones((2, 3))
    with pytest.raises(bf.ShapeError, match=r'Linear\.x has shape \(2, 3\); got \(3,\)'):
        node.x.value = np.ones(3) * u.mV


def test_a_variable_before_its_time(node):
    with pytest.raises(AttributeError, match=r'Linear\.x has no value yet: call Linear\.init_all_states\(\) first'):
        node.x.value  # noqa: B018
    with pytest.raises(AttributeError, match=r'Linear\.x is a state: write \.x\.value = '):
        node.x = 1.0 * u.mV


def test_an_input_is_no_attribute(node):
    with pytest.raises(AttributeError, match=r'Linear\.inp is an input: pass inp=\.\.\. to update\(\)'):
        node.inp = 1.0 * u.mV / u.second


def test_compiled_code_takes_a_parameter_as_an_input(node):
    traced = []

    @brainstate.transform.jit
    def decay(x):
        traced.append(1)
        return node.derivative(x=x * u.mV, inp=0.0 * u.mV / u.second)['x'].in_unit(u.mV / u.second).mantissa

    assert decay(1.0) == -2.0
    n = len(traced)
    node.rate = 7.0 * u.Hz
    assert decay(1.0) == -7.0
    assert len(traced) == n


def test_a_parameter_takes_what_jax_traces(linear):
    def slope(rate):
        node = linear(1, rate=rate * u.Hz)
        return node.derivative(x=2.0 * u.mV, inp=0.0 * u.mV / u.second)['x'].in_unit(u.mV / u.second).mantissa

    assert jax.grad(slope)(3.0) == -2.0
    assert jax.vmap(slope)(jnp.arange(3.0)).tolist() == [0.0, -2.0, -4.0]
