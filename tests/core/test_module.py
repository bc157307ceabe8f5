"""What every module gets from its declaration."""

import copy
import inspect

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd._core.module import current_dt, set_parameter


def test_fields_are_inherited_and_can_be_replaced(linear):
    class Faster(linear):
        rate = bf.Parameter(5.0 * u.Hz, 'rate of decay')
        gain = bf.Parameter(1.0, 'gain')

    assert list(Faster.parameter_fields) == ['rate', 'init_x', 'gain']
    assert Faster(1).rate == 5.0 * u.Hz
    assert linear(1).rate == 0.0 * u.Hz
    assert list(Faster.variables) == ['x']
    assert list(Faster.inputs) == ['inp']


def test_signature_lists_what_can_be_given(linear):
    shown = inspect.signature(linear).parameters
    assert list(shown) == ['in_size', 'method', 'name', 'rate', 'init_x']
    assert shown['rate'].default == 0.0 * u.Hz
    # a constructor of one's own adds to it
    assert {'omega', 'a', 'frequency', 'init_y'} <= set(inspect.signature(bf.HopfOscillator).parameters)
    assert 'values' not in inspect.signature(bf.HopfOscillator).parameters
    assert list(inspect.signature(bf.noise.WhiteNoise).parameters) == ['noise_amplitude', 'name']


@pytest.mark.parametrize('in_size', [3, (3,), [3], np.int64(3)])
def test_in_size(linear, in_size):
    assert linear(in_size).in_size == (3,)


@pytest.mark.parametrize('in_size', [0, -1, 1.5, 'two', None, (2, 0)])
def test_bad_in_size(linear, in_size):
    with pytest.raises(ValueError, match=r'Linear\.in_size is a whole number of at least 1; got'):
        linear(in_size)


def test_repr_shows_what_differs(linear):
    assert repr(linear(3)) == 'Linear(3)'
    assert repr(linear(3, rate=2.0 * u.Hz)) == 'Linear(3, rate=2. Hz)'
    assert repr(linear(3, rate=np.ones(3) * u.Hz)) == 'Linear(3, rate=<Hz array (3,)>)'


def test_a_copy_is_independent(linear):
    node = linear(2, rate=2.0 * u.Hz).init_all_states()
    twin = copy.deepcopy(node)
    twin.rate = 9.0 * u.Hz
    twin.x.value = np.ones(2) * u.mV
    assert node.rate == 2.0 * u.Hz
    assert (node.x.value == 0.0 * u.mV).all()


def test_split_and_merged(linear):
    node = linear(2, rate=2.0 * u.Hz).init_all_states()
    graph, states = brainstate.graph.treefy_split(node)
    merged = brainstate.graph.treefy_merge(graph, states)
    assert merged.rate == 2.0 * u.Hz
    assert merged.x.value.unit == u.mV
    assert repr(merged) == repr(node)


def test_states_take_the_ambient_precision(linear):
    brainstate.environ.set(precision=64)
    assert linear(2).init_all_states().x.value.mantissa.dtype == np.float64
    brainstate.environ.set(precision=32)
    assert linear(2).init_all_states().x.value.mantissa.dtype == np.float32


def test_time_step():
    with pytest.raises(ValueError, match=r'f needs the time step: write brainstate\.environ\.set\(dt=0\.1 \* u\.ms\)'):
        current_dt('f')
    with brainstate.environ.context(dt=0.001 * u.second):
        assert current_dt('f').unit == u.ms
        assert float(current_dt('f').mantissa) == pytest.approx(1.0)
    brainstate.environ.set(dt=0.1)
    with pytest.raises(bf.UnitError, match=r'brainstate\.environ dt is the time step, in ms; got a bare number'):
        current_dt('f')


def test_set_parameter_by_its_name(linear):
    network = bf.Network(
        linear(2),
        bf.AdditiveCoupling(np.ones((2, 2)), k=1.0 * u.Hz),
        noise={'inp': bf.noise.OrnsteinUhlenbeck(*(1.0 * u.mV / u.second,) * 2, 1.0 * u.ms)},
    )
    set_parameter(network, 'node.rate', 4.0 * u.Hz)
    set_parameter(network, 'coupling.0.k', 5.0 * u.Hz)
    set_parameter(network, 'noise.inp.tau', 6.0 * u.ms)
    assert network.node.rate == 4.0 * u.Hz
    assert network.coupling[0].k == 5.0 * u.Hz
    assert network.noise['inp'].tau == 6.0 * u.ms
    for name, said in [
        ('node.rat', "Did you mean 'rate'"),
        ('nodes.rate', "Did you mean 'node'"),
        ('coupling.1.k', r"coupling\.1\.k is one of '0'; got '1'"),
        ('noise.p.tau', r"noise\.p\.tau is one of 'inp'; got 'p'"),
    ]:
        with pytest.raises(ValueError, match=said):
            set_parameter(network, name, 1.0)
