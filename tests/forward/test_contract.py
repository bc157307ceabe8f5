"""What holds for every forward model. A new one is one line in the list."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core.fields import ParameterState
from brainfwd.forward import BOLDSignal, EEGLeadFieldModel, ForwardModel, HRFBold, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.lead_field.sampled import SampledSensors
from brainfwd.records import Channels

MOMENT = u.nA * u.meter
PERIOD = 4 * u.ms
MIXED = Channels(('a', 'b', 'c'), ('grad', 'mag', 'grad'))


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape)


def mixed_lead_field():
    return {'grad': numbers(3, 2) * u.tesla / u.meter / MOMENT, 'mag': numbers(3, 1) * u.tesla / MOMENT}


# model, unit of the observable, unit of a sample by type of channel
MODELS = {
    'lead field': (
        lambda: LeadFieldModel(3, 2, numbers(3, 2) * u.uvolt / MOMENT, sensor_unit=u.volt, sampling_period=PERIOD),
        MOMENT,
        u.volt,
    ),
    'EEG': (
        lambda: EEGLeadFieldModel(
            3, 2, numbers(3, 2) * u.uvolt / MOMENT, dipole_scale=-2 * MOMENT / u.mV, sampling_period=PERIOD
        ),
        u.mV,
        u.volt,
    ),
    'MEG': (
        lambda: MEGLeadFieldModel(3, 2, numbers(3, 2) * u.ftesla / MOMENT, sampling_period=PERIOD),
        MOMENT,
        u.tesla,
    ),
    'mixed MEG': (
        lambda: MEGLeadFieldModel(3, 3, mixed_lead_field(), channels=MIXED, sampling_period=PERIOD),
        MOMENT,
        {'grad': u.tesla / u.meter, 'mag': u.tesla},
    ),
    'BOLD': (lambda: BOLDSignal(3, tr=PERIOD), u.UNITLESS, u.UNITLESS),
    'convolved BOLD': (lambda: HRFBold(3, tr=PERIOD), u.UNITLESS, u.UNITLESS),
}


@pytest.fixture(params=MODELS, ids=str)
def case(request):
    return MODELS[request.param]


def observe(model, x, unit):
    """Samples, each after four steps of 1 ms; ``x`` is (samples, 4, [batch,] regions) numbers."""

    def block(rows):
        brainstate.transform.for_loop(lambda row: model.step(row if unit.is_unitless else row * unit), rows)
        return model.sample()

    with brainstate.environ.context(dt=1 * u.ms):
        return brainstate.transform.for_loop(block, x)


def leaves(sample):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(sample)]


def drive(*shape):
    return jnp.asarray(np.random.default_rng(1).uniform(0, 1, size=shape), brainstate.environ.dftype())


def test_every_model_is_listed():
    def final(cls):
        return {leaf for sub in cls.__subclasses__() for leaf in final(sub)} | (
            set() if cls.__name__.startswith('_') else {cls}
        )

    assert final(ForwardModel) - {ForwardModel, SampledSensors} == {type(make()) for make, _, _ in MODELS.values()}


def test_finite_and_silent_at_rest(case):
    make, unit, _ = case
    samples = leaves(observe(make().init_all_states(), jnp.zeros((3, 4, 3)), unit))
    assert all((leaf == 0).all() for leaf in samples)


def test_units_and_shapes(case):
    make, unit, expected = case
    model = make().init_all_states()
    samples = observe(model, drive(3, 4, 3), unit)
    if isinstance(expected, dict):
        assert {kind: value.unit for kind, value in samples.items()} == expected
    else:
        assert u.get_unit(samples) == expected
    assert samples.shape == (3, *model.out_size)
    assert model.sampling_period == PERIOD
    assert not model.needs_pilot


def test_batch_equals_loop(case):
    make, unit, _ = case
    x = drive(3, 4, 2, 3)
    together = leaves(observe(make().init_all_states(batch_size=2), x, unit))
    for member in range(2):
        alone = leaves(observe(make().init_all_states(), x[:, :, member], unit))
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, all_[:, member], rtol=1e-5, atol=1e-6 * abs(one).max())


def test_float64(case):
    make, unit, _ = case
    with brainstate.environ.context(precision=64):
        samples = leaves(observe(make().init_all_states(), drive(3, 4, 3), unit))
        assert all(leaf.dtype == np.float64 for leaf in samples)


def test_gradient_in_parameters_and_input(case):
    make, unit, _ = case
    with brainstate.environ.context(precision=64):
        graph, parameters, rest = brainstate.graph.treefy_split(make().init_all_states(), ParameterState, ...)
        point = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), parameters), drive(3, 4, 3)

        @jax.jit
        def signals(parameters, x):
            samples = observe(brainstate.graph.treefy_merge(graph, parameters, rest), x, unit)
            return [jnp.asarray(leaf) for leaf in jax.tree.leaves(samples)]

        # relative to its size, so that tesla and volt count alike
        size = [abs(leaf).max() for leaf in signals(*point)]

        def loss(parameters, x):
            return sum(((leaf / s) ** 2).sum() for leaf, s in zip(signals(parameters, x), size, strict=True))

        rng = np.random.default_rng(2)
        direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)) * leaf, point)
        gradient = jax.grad(loss, argnums=(0, 1))(*point)
        along = sum(jax.tree.leaves(jax.tree.map(lambda g, d: (g * d).sum(), gradient, direction)))

        def moved(step):
            return loss(*jax.tree.map(lambda leaf, d: leaf + step * d, point, direction))

        assert float(along) == pytest.approx(float(moved(1e-5) - moved(-1e-5)) / 2e-5, rel=1e-6)


def test_split_and_merged(case):
    make, unit, _ = case
    model, x = make().init_all_states(), drive(2, 4, 3)
    merged = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(model))
    for one, other in zip(leaves(observe(model, x, unit)), leaves(observe(merged, x, unit)), strict=True):
        np.testing.assert_array_equal(one, other)
