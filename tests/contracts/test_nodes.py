"""What holds for every neural mass. A new one is one line in the list."""

import copy
import inspect

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

# a state and a drive in which something happens, by model
NODES = {
    bf.EpileptorModel: dict(tt=0.1 / u.ms),
    bf.FitzHughNagumoModel: dict(init_v=0.4, init_w=0.7, tau_v=2.0 * u.ms),
    bf.Generic2dOscillator: dict(init_V=0.5, init_W=-1.0),
    bf.HopfOscillator: dict(init_x=0.3, init_y=-0.1, tau=5.0 * u.ms),
    bf.JansenRitModel: dict(init_y1=20.0 * u.mV, init_y2=14.0 * u.mV, init_y4=-50.0 * u.mV / u.second),
    bf.KuramotoModel: dict(init_theta=1.0),
    bf.LinearModel: dict(init_x=0.5),
    bf.MontbrioPazoRoxinModel: dict(init_v=-1.0),
    bf.StuartLandauOscillator: dict(init_x=0.3, init_y=-0.1, c=0.2, tau=5.0 * u.ms),
    bf.WendlingModel: dict(init_y0=0.1 * u.mV, init_y1=20.0 * u.mV, init_y2=10.0 * u.mV, init_y3=3.0 * u.mV),
    bf.WilsonCowanModel: dict(init_rE=0.3, init_rI=0.2),
    bf.WongWangEIModel: {},
    bf.WongWangModel: {},
}
DT = 0.1 * u.ms

every_node = pytest.mark.parametrize('cls', NODES, ids=lambda cls: cls.__name__)


def make(cls, in_size=3, **values):
    return cls(in_size, **{**NODES[cls], **values})


def at(node, shift=0.0):
    """Every variable and every input of a node, at its initial value, moved by ``shift`` of its unit."""
    state = {name: getattr(node, f'init_{name}') for name in node.variables} | {
        name: field.default for name, field in node.inputs.items()
    }
    moved = {}
    for name, value in state.items():
        numbers = jnp.broadcast_to(jnp.asarray(u.get_mantissa(value) + shift), node.in_size)
        unit = u.get_unit(value)
        moved[name] = numbers if unit.is_unitless else u.Quantity(numbers, unit=unit)
    return moved


def unitless(value):
    return np.asarray(u.get_mantissa(value), float)


def test_every_node_is_listed():
    assert {getattr(bf, model.name) for model in bf.list_models()} == set(NODES)


@every_node
def test_the_derivative_has_a_rate_for_every_variable(cls):
    node = make(cls)
    rates = node.derivative(**at(node))
    assert set(rates) == set(node.variables)
    for name, field in node.variables.items():
        assert u.have_same_dim(u.get_unit(rates[name]), field.unit / u.second)
        assert np.shape(u.get_mantissa(rates[name])) == (3,)


@every_node
@pytest.mark.parametrize('shift', [0.0, 1.0, -1.0, 1e3, -1e3])
def test_rates_are_finite(cls, shift):
    node = make(cls)
    assert all(np.isfinite(unitless(rate)).all() for rate in node.derivative(**at(node, shift)).values())


@every_node
def test_what_can_be_read_has_a_unit_and_is_finite(cls):
    node = make(cls)
    state = {name: value for name, value in at(node).items() if name in node.variables}
    names = node.readable
    assert {'output', *node.variables} <= set(names)
    for name in names:
        value = node.read(name, state)
        assert np.shape(u.get_mantissa(value)) == (3,)
        assert np.isfinite(unitless(value)).all()


@every_node
def test_coupling_has_ends_by_default(cls):
    node = make(cls)
    assert node.coupling_source in node.readable
    assert (node.coupling_target or next(iter(node.inputs))) in node.inputs


@every_node
def test_update_returns_the_output_and_moves_the_state(cls):
    node = make(cls).init_all_states()
    before = node.values()
    with brainstate.environ.context(dt=DT):
        output = node.update()
    assert u.get_unit(output) == u.get_unit(node.read('output', before))
    np.testing.assert_array_equal(unitless(output), unitless(node.read('output', node.values())))
    for name, field in node.variables.items():
        value = getattr(node, name).value
        assert u.get_unit(value) == field.unit
        assert u.get_mantissa(value).dtype == np.float32
    assert any((unitless(before[name]) != unitless(getattr(node, name).value)).any() for name in node.variables)


@every_node
def test_inputs_need_their_unit(cls):
    node = make(cls).init_all_states()
    for name, field in node.inputs.items():
        wrong = 1.0 if not field.unit.is_unitless else 1.0 * u.kgram
        with (
            brainstate.environ.context(dt=DT),
            pytest.raises(bf.UnitError, match=rf'{cls.__name__}\.update\({name}=\.\.\.\) is the '),
        ):
            node.update(**{name: wrong})


@every_node
def test_every_parameter_needs_its_unit(cls):
    for name, field in cls.parameter_fields.items():
        wrong = 1.0 if not field.unit.is_unitless else 1.0 * u.kgram
        with pytest.raises(bf.UnitError, match=rf'{cls.__name__}\.{name} is the '):
            cls(3, **{name: wrong})


@every_node
def test_schemes_agree_for_small_steps(cls):
    # the Runge-Kutta schemes are one piece of code, tested for itself; exponential Euler differentiates the model
    ends = [
        unitless(
            bf.Simulator(make(cls, method=method), dt=0.01 * u.ms).run(5 * u.ms, sampling_period=5 * u.ms)['output']
        )
        for method in ('rk4', 'exponential_euler')
    ]
    np.testing.assert_allclose(*ends, rtol=2e-3)


@every_node
def test_batch_equals_loop(cls):
    rng = np.random.default_rng(0)
    node = make(cls)
    scale = rng.uniform(0.5, 1.5, (2, 3))

    def run(scale, batch):
        node.init_all_states(batch_size=batch)
        for name in node.variables:
            state = getattr(node, name)
            state.value = state.value * jnp.asarray(scale, jnp.float32)
        return unitless(brainstate.transform.for_loop(lambda _: node.update(), np.arange(100)))

    with brainstate.environ.context(dt=DT):
        together = run(scale, 2)
        assert together.shape == (100, 2, 3)
        for member in range(2):
            alone = run(scale[member], None)
            np.testing.assert_allclose(alone, together[:, member], rtol=1e-4, atol=1e-5 * abs(alone).max())


@every_node
def test_one_parameter_per_region_equals_one_node_each(cls):
    rng = np.random.default_rng(1)
    scale = {name: rng.uniform(0.9, 1.1, 3) for name in cls.parameter_fields}
    values = {**{name: field.default for name, field in cls.parameter_fields.items()}, **NODES[cls]}

    def run(in_size, pick):
        node = cls(in_size, **{name: values[name] * scale[name][pick] for name in values})
        return unitless(bf.Simulator(node, dt=DT).run(10 * u.ms, sampling_period=1 * u.ms)['output'])

    together = run(3, slice(None))
    for region in range(3):
        np.testing.assert_allclose(run(1, slice(region, region + 1))[:, 0], together[:, region], rtol=1e-4, atol=1e-6)


@every_node
def test_gradient_in_every_parameter_equals_finite_differences(cls):
    brainstate.environ.set(precision=64)
    node = make(cls)
    names = node.readable
    simulate = bf.Simulator(node, dt=0.5 * u.ms).simulation(10 * u.ms, monitors=names)
    assert set(simulate.parameters) == {f'node.{name}' for name in cls.parameter_fields}
    rng = np.random.default_rng(2)
    point = jax.tree.map(jnp.asarray, simulate.parameters)
    run = jax.jit(lambda parameters: {name: u.get_mantissa(x) for name, x in simulate(parameters).items()})
    # relative to its size, so that every observable counts
    size = {name: 1e-9 + abs(np.asarray(samples)).max() for name, samples in run(point).items()}

    def loss(parameters):
        return sum(((samples / size[name]) ** 2).mean() for name, samples in run(parameters).items())

    gradient = jax.grad(loss)(point)
    for name in point:
        way = jax.tree.map(lambda x: jnp.asarray(rng.uniform(0.5, 1)) * jnp.where(x == 0, 1e-3, x), point[name])
        moved = [
            loss({**point, name: jax.tree.map(lambda x, d, s=step: x + s * d, point[name], way)})
            for step in (1e-6, -1e-6)
        ]
        along = sum(float(g * d) for g, d in zip(*map(jax.tree.leaves, (gradient[name], way)), strict=True))
        assert along == pytest.approx(float(moved[0] - moved[1]) / 2e-6, rel=1e-5, abs=1e-8), name


@every_node
def test_gradients_are_finite_far_away(cls):
    node = make(cls)

    @jax.jit
    @jax.grad
    def gradient(shift):
        return sum(jnp.sum(u.get_mantissa(rate)) for rate in node.derivative(**at(node, shift)).values())

    assert np.isfinite([gradient(shift) for shift in (-1e3, 1e3)]).all()


@every_node
def test_declaration(cls):
    node = cls(3)
    assert repr(node) == f'{cls.__name__}(3)'
    shown = inspect.signature(cls).parameters
    assert {'in_size', 'method', *cls.parameter_fields} <= set(shown)
    assert all(
        field.meaning for field in (*cls.parameter_fields.values(), *cls.variables.values(), *cls.inputs.values())
    )
    # the equation, and where it is from
    assert '.. math::' in cls.__doc__
    assert any(str(year) in cls.__doc__ for year in range(1940, 2030))


@every_node
def test_copied_and_taken_apart(cls):
    node = make(cls).init_all_states()
    twins = [copy.deepcopy(node), brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(node))]
    with brainstate.environ.context(dt=DT):
        for twin in twins:
            assert repr(twin) == repr(node)
            assert twin.method == node.method
        expected = unitless(node.update())
        for twin in twins:
            np.testing.assert_array_equal(unitless(twin.update()), expected)
