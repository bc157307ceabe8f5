"""What holds for every coupling. A new one is one line in the list."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

COUPLINGS = [bf.AdditiveCoupling, bf.DiffusiveCoupling]
RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(4, 4)) * (RNG.uniform(size=(4, 4)) < 0.8)
DELAYS = RNG.integers(0, 5, (4, 4)) * 1.0
SERIES = RNG.normal(size=(25, 4))

every_coupling = pytest.mark.parametrize('cls', COUPLINGS, ids=lambda cls: cls.__name__)
with_and_without = pytest.mark.parametrize('delays', [None, DELAYS], ids=['at once', 'delayed'])


def received(coupling, series, begin=True):
    dtype = brainstate.environ.dftype()
    with brainstate.environ.context(dt=1.0 * u.ms):
        if begin:
            coupling.init_all_states()
        return brainstate.transform.for_loop(lambda x: coupling(x, x), jnp.asarray(series, dtype))


def make(cls, delays, weights=WEIGHTS, k=0.7):
    return cls(weights, k=k, delays=None if delays is None else delays * u.ms)


def test_every_coupling_is_listed():
    found = {cls for cls in bf.Coupling.__subclasses__() if cls.__module__.startswith('brainfwd.')}
    assert found == set(COUPLINGS)


@every_coupling
@with_and_without
def test_order_of_regions_does_not_matter(cls, delays):
    order = np.random.default_rng(1).permutation(4)
    moved = np.ix_(order, order)
    expected = received(make(cls, delays), SERIES)[:, order]
    other = make(cls, None if delays is None else delays[moved], WEIGHTS[moved])
    np.testing.assert_allclose(received(other, SERIES[:, order]), expected, atol=1e-5)


@every_coupling
def test_no_delay_is_a_delay_of_zero(cls):
    np.testing.assert_allclose(
        received(make(cls, 0 * DELAYS), SERIES), received(make(cls, None), SERIES), rtol=1e-6, atol=1e-6
    )


@every_coupling
@with_and_without
def test_regions_that_are_not_connected_do_not_act(cls, delays):
    weights = WEIGHTS.copy()
    weights[:, 2] = 0
    changed = SERIES.copy()
    changed[:, 2] += 100
    first, second = (received(make(cls, delays, weights), x) for x in (SERIES, changed))
    others = [0, 1, 3]
    np.testing.assert_array_equal(first[:, others], second[:, others])


@every_coupling
@with_and_without
def test_linear_in_its_strength(cls, delays):
    np.testing.assert_allclose(
        received(make(cls, delays, k=2.1), SERIES), 3 * received(make(cls, delays), SERIES), rtol=1e-5, atol=1e-6
    )


@every_coupling
def test_before_the_beginning_the_source_had_its_first_value(cls):
    constant = np.repeat(SERIES[:1], 25, axis=0)
    seen = np.asarray(received(make(cls, DELAYS), constant))
    np.testing.assert_allclose(seen, np.repeat(seen[:1], 25, axis=0), atol=1e-5)
    np.testing.assert_allclose(seen[0], received(make(cls, None), constant)[0], atol=1e-5)


@every_coupling
def test_goes_on_from_where_it_stopped(cls):
    coupling = make(cls, DELAYS)
    whole = received(coupling, SERIES)
    parts = [received(coupling, SERIES[:11])]
    # taken apart and put together in between
    coupling = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(coupling))
    parts.append(received(coupling, SERIES[11:], begin=False))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@every_coupling
@with_and_without
def test_gradient_equals_finite_differences(cls, delays):
    brainstate.environ.set(precision=64)
    rng = np.random.default_rng(3)
    direction = {
        'conn': rng.normal(size=(4, 4)) * (WEIGHTS != 0),
        'k': rng.normal(),
        'x': rng.normal(size=SERIES.shape),
    }

    @jax.jit
    def loss(step, part):
        coupling = make(cls, delays)
        with brainstate.environ.context(dt=1.0 * u.ms):
            coupling.init_all_states()
        graph, states = brainstate.graph.treefy_split(coupling)
        coupling = brainstate.graph.treefy_merge(graph, states)
        coupling.conn = jnp.asarray(WEIGHTS) + step * part['conn']
        coupling.k = 0.7 + step * part['k']
        return (received(coupling, SERIES + step * part['x'], begin=False) ** 2).sum()

    for name in direction:
        part = {other: value * (other == name) for other, value in direction.items()}
        numeric = float(loss(1e-6, part) - loss(-1e-6, part)) / 2e-6
        assert float(jax.grad(loss)(0.0, part)) == pytest.approx(numeric, rel=1e-6), name


@every_coupling
def test_a_whole_network_does_not_mind_the_order_of_its_regions(cls):
    order = np.random.default_rng(2).permutation(4)
    moved = np.ix_(order, order)
    start = np.random.default_rng(4).uniform(-1, 1, 4)

    def run(start, weights, delays):
        node = bf.HopfOscillator(4, a=-0.2, tau=5 * u.ms, init_x=start)
        network = bf.Network(node, make(cls, delays, weights, 0.2))
        return bf.Simulator(network, dt=1.0 * u.ms).run(50 * u.ms)['output']

    expected = run(start, WEIGHTS, DELAYS)[:, order]
    np.testing.assert_allclose(run(start[order], WEIGHTS[moved], DELAYS[moved]), expected, atol=1e-5)


@every_coupling
def test_declaration(cls):
    assert '.. math::' in cls.__doc__
    shown = f'{cls.__name__}(4, conn=<array (4, 4)>, k=0.7'
    assert repr(make(cls, None)) == f'{shown})'
    assert repr(make(cls, DELAYS)) == f'{shown}, delays=<ms array (4, 4)>)'
