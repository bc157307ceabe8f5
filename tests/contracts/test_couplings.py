"""What holds for every coupling. A new one is one line in the list: how it is made, and what it is by definition."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import brainfwd as bf

# of the weights w, the sources x as every target sees them, [target, source], and the targets y as a column
DEFINITIONS = {
    'additive': (bf.AdditiveCoupling, dict(baseline=0.1), lambda w, x, y: w * (x - 0.1)),
    'diffusive': (bf.DiffusiveCoupling, {}, lambda w, x, y: w * (x - y)),
    'tanh': (bf.HyperbolicTangentCoupling, dict(scale=0.6), lambda w, x, y: np.tanh(0.6 * summed(w * x))),
    'kuramoto': (bf.KuramotoCoupling, dict(alpha=0.3), lambda w, x, y: w * np.sin(x - y - 0.3)),
    'laplacian': (bf.LaplacianCoupling, {}, lambda w, x, y: w * (x - y)),
    'random walk': (bf.LaplacianCoupling, dict(normalize='rw'), lambda w, x, y: w / summed(w) * (x - y)),
    'symmetric': (
        bf.LaplacianCoupling,
        dict(normalize='sym'),
        lambda w, x, y: summed(w / np.sqrt(summed(w) * summed(w).T) * x) - y,
    ),
    'sigmoidal': (
        bf.SigmoidalCoupling,
        dict(cmin=-0.5, cmax=2.0, midpoint=0.3, slope=0.8),
        lambda w, x, y: -0.5 + 2.5 / (1 + np.exp(-0.8 * (summed(w * x) - 0.3))),
    ),
    'jansen-rit': (
        bf.SigmoidalJansenRitCoupling,
        dict(cmin=0.1, cmax=2.0, midpoint=0.3, r=0.8),
        lambda w, x, y: w * (0.1 + 1.9 / (1 + np.exp(0.8 * (0.3 - x)))),
    ),
}


def summed(pairs):
    return pairs.sum(axis=1, keepdims=True)


RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(4, 4)) * (RNG.uniform(size=(4, 4)) < 0.8)
DELAYS = RNG.integers(0, 5, (4, 4)) * 1.0
SERIES = RNG.normal(size=(25, 4))

every_coupling = pytest.mark.parametrize('name', DEFINITIONS)
with_and_without = pytest.mark.parametrize('delays', [None, DELAYS], ids=['at once', 'delayed'])


def received(coupling, series, begin=True):
    dtype = brainstate.environ.dftype()
    with brainstate.environ.context(dt=1.0 * u.ms):
        if begin:
            coupling.init_all_states()
        return brainstate.transform.for_loop(lambda x: coupling(x, x), jnp.asarray(series, dtype))


def make(name, delays, weights=WEIGHTS, k=0.7):
    cls, values, _ = DEFINITIONS[name]
    return cls(weights, k=k, delays=None if delays is None else delays * u.ms, **values)


def defined(name, delays, series, weights=WEIGHTS, k=0.7):
    """By the definition, pair by pair, in float64."""
    delays = np.zeros((4, 4), int) if delays is None else delays.astype(int)
    definition = DEFINITIONS[name][2]
    rows = []
    for t in range(len(series)):
        seen = series[np.maximum(t - delays, 0), np.arange(4)[None, :]]
        terms = definition(weights, seen, series[t][:, None])
        rows.append(k * (terms.sum(axis=1) if terms.shape[1] > 1 else terms[:, 0]))
    return np.array(rows)


def test_every_coupling_is_listed():
    found = {cls for cls in bf.Coupling.__subclasses__() if cls.__module__.startswith('brainfwd.')}
    assert found == {cls for cls, _, _ in DEFINITIONS.values()}


@every_coupling
@with_and_without
def test_equals_its_definition(name, delays):
    np.testing.assert_allclose(received(make(name, delays), SERIES), defined(name, delays, SERIES), atol=2e-6)


@every_coupling
@with_and_without
def test_a_list_of_connections_is_as_the_matrix_of_them(name, delays):
    listed = make(name, delays, BCOO.fromdense(jnp.asarray(WEIGHTS)))
    np.testing.assert_allclose(received(listed, SERIES), received(make(name, delays), SERIES), atol=2e-6)


@every_coupling
def test_each_member_of_a_batch_equals_the_definition(name):
    series = np.random.default_rng(5).normal(size=(20, 3, 4)).astype(np.float32)
    coupling = make(name, DELAYS)
    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states(batch_size=3)
    together = received(coupling, series, begin=False)
    for member in range(3):
        np.testing.assert_allclose(together[:, member], defined(name, DELAYS, series[:, member]), atol=5e-6)


@every_coupling
def test_goes_on_from_where_it_stopped(name):
    coupling = make(name, DELAYS)
    whole = received(coupling, SERIES)
    parts = [received(coupling, SERIES[:11])]
    # taken apart and put together in between
    coupling = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(coupling))
    parts.append(received(coupling, SERIES[11:], begin=False))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@every_coupling
@with_and_without
def test_gradient_equals_finite_differences(name, delays):
    brainstate.environ.set(precision=64)
    rng = np.random.default_rng(3)
    direction = {
        'conn': rng.normal(size=(4, 4)) * (WEIGHTS != 0),
        'k': rng.normal(),
        'x': rng.normal(size=SERIES.shape),
    }

    @jax.jit
    def loss(step, part):
        coupling = make(name, delays)
        with brainstate.environ.context(dt=1.0 * u.ms):
            coupling.init_all_states()
        graph, states = brainstate.graph.treefy_split(coupling)
        coupling = brainstate.graph.treefy_merge(graph, states)
        coupling.conn = jnp.asarray(WEIGHTS) + step * part['conn']
        coupling.k = 0.7 + step * part['k']
        return (received(coupling, SERIES + step * part['x'], begin=False) ** 2).sum()

    for varied in direction:
        part = {other: value * (other == varied) for other, value in direction.items()}
        numeric = float(loss(1e-6, part) - loss(-1e-6, part)) / 2e-6
        assert float(jax.grad(loss)(0.0, part)) == pytest.approx(numeric, rel=1e-6), varied


@every_coupling
def test_a_whole_network_does_not_mind_the_order_of_its_regions(name):
    order = np.random.default_rng(2).permutation(4)
    moved = np.ix_(order, order)
    start = np.random.default_rng(4).uniform(-1, 1, 4)

    def run(start, weights, delays):
        node = bf.HopfOscillator(4, a=-0.2, tau=5 * u.ms, init_x=start)
        network = bf.Network(node, make(name, delays, weights, 0.2))
        return bf.Simulator(network, dt=1.0 * u.ms).run(50 * u.ms)['output']

    expected = run(start, WEIGHTS, DELAYS)[:, order]
    np.testing.assert_allclose(run(start[order], WEIGHTS[moved], DELAYS[moved]), expected, atol=1e-5)


@every_coupling
def test_declaration(name):
    cls, values, _ = DEFINITIONS[name]
    assert '.. math::' in cls.__doc__
    shown = f'{cls.__name__}(4, conn=<array (4, 4)>, k=0.7'
    fields = ''.join(f', {field}={value}' for field, value in values.items() if field != 'normalize')
    assert repr(make(name, None)) == f'{shown}{fields})'
    assert repr(make(name, DELAYS)) == f'{shown}, delays=<ms array (4, 4)>{fields})'
