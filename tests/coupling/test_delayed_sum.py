"""The delayed weighted sum against its definition, written out."""

import brainstate
import brainunit as u
import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jax.experimental.sparse import BCOO

import brainfwd as bf

N, STEPS = 4, 170
FRACTIONS = (0.0, 0.5, 1.0)
# on both sides of where near, middle and far pairs part, and shorter and longer than dt
DELAYS = (0, 1, 2, 5, 15, 16, 17, 31, 33, 63, 64, 65, 90, 130)


def totals(weights, delays, x, stage):
    """Sum by sum: delayed sources from the past, linear in between; sources without delay from the stage."""
    low = np.floor(delays).astype(int)
    part = delays - low

    def delayed(step):
        """Every pair, [..., target, source], ``lag`` steps before."""
        found = np.zeros((*x.shape[1:-1], N, N))
        for target, source in np.ndindex(N, N):
            for lag, share in (
                (low[target, source], 1 - part[target, source]),
                (low[target, source] + 1, part[target, source]),
            ):
                if lag > 0 and share > 0:
                    found[..., target, source] += share * x[max(step - lag, 0)][..., source]
        return found

    at_once = np.where(low == 0, 1 - part, 0.0)
    pairs = np.stack([delayed(step) for step in range(STEPS + 1)])
    by_fraction = [(1 - f) * pairs[:-1] + f * pairs[1:] for f in FRACTIONS]
    return np.stack(
        [(weights * (by_fraction[f] + at_once * stage[:, f][..., None, :])).sum(-1) for f in range(len(FRACTIONS))],
        axis=1,
    )


def simulated(weights, delays, x, stage, conn=None, **kwargs):
    brainstate.environ.set(precision=64)
    coupling = bf.AdditiveCoupling(weights if conn is None else conn, delays=delays * 1.0 * u.ms, **kwargs)
    batch = x.shape[1] if x.ndim == 3 else None

    def step(now, stages):
        coupling.advance(now)
        return jnp.stack([coupling.at(stages[f], stages[f], fraction) for f, fraction in enumerate(FRACTIONS)])

    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states(batch_size=batch)
        return brainstate.transform.for_loop(step, jnp.asarray(x), jnp.asarray(stage))


def drawn(seed, batch=()):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(STEPS, *batch, N)), rng.normal(size=(STEPS, len(FRACTIONS), *batch, N))


@pytest.mark.parametrize('batch', [(), (2,)], ids=['alone', 'batch'])
@hypothesis.settings(max_examples=6)
@hypothesis.given(
    delays=arrays(int, (N, N), elements=st.sampled_from(DELAYS)),
    connected=arrays(bool, (N, N)),
    seed=st.integers(0, 1000),
)
def test_totals_are_the_sum_over_pairs(batch, delays, connected, seed):
    rng, x, stage = drawn(seed, batch)
    weights = rng.normal(size=(N, N)) * connected
    expected = totals(weights, delays, x, stage)
    np.testing.assert_allclose(simulated(weights, delays, x, stage), expected, atol=1e-12)


@pytest.mark.parametrize('delay', [1, 16, 64, 200])
def test_one_delay_for_all(delay):
    # of one step, of a whole band, and longer than the run
    rng, x, stage = drawn(delay)
    weights, delays = rng.normal(size=(N, N)), np.full((N, N), delay)
    np.testing.assert_allclose(simulated(weights, delays, x, stage), totals(weights, delays, x, stage), atol=1e-12)


@pytest.mark.parametrize('interpolate', [False, True], ids=['nearest', 'interpolated'])
def test_a_sparse_matrix_gives_the_same_as_a_dense_one(interpolate):
    rng, x, stage = drawn(1, (2,))
    weights = rng.normal(size=(N, N)) * (rng.random((N, N)) < 0.6)
    delays = rng.choice(DELAYS, (N, N)) + (rng.random((N, N)) if interpolate else 0)
    dense = simulated(weights, delays, x, stage, interpolate=interpolate)
    sparse = simulated(weights, delays, x, stage, conn=BCOO.fromdense(jnp.asarray(weights)), interpolate=interpolate)
    np.testing.assert_allclose(sparse, dense, atol=1e-12)


def test_delays_between_two_steps_are_interpolated():
    rng, x, stage = drawn(2)
    weights = rng.normal(size=(N, N))
    delays = rng.choice(DELAYS, (N, N)) + rng.random((N, N))
    expected = totals(weights, delays, x, stage)
    np.testing.assert_allclose(simulated(weights, delays, x, stage, interpolate=True), expected, atol=1e-12)


def test_bounds_on_the_speed_change_nothing():
    rng, x, _ = drawn(3)
    weights, lengths = rng.normal(size=(N, N)), rng.uniform(0, 500, (N, N))
    brainstate.environ.set(precision=64)
    for interpolate in (False, True):
        bounded, alone = (
            bf.AdditiveCoupling(
                weights,
                tract_lengths=lengths * u.mm,
                conduction_speed=7.0 * u.meter / u.second,
                speed_bounds=bounds,
                interpolate=interpolate,
            )
            for bounds in ((2 * u.meter / u.second, 40 * u.meter / u.second), None)
        )
        with brainstate.environ.context(dt=1.0 * u.ms):
            seen = []
            for coupling in (bounded, alone):
                coupling.init_all_states()
                seen.append(brainstate.transform.for_loop(coupling.update, jnp.asarray(x), jnp.asarray(x)))
        np.testing.assert_allclose(*seen, atol=1e-12)


def test_the_history_before_the_start_can_be_given():
    rng, x, stage = drawn(4, (2,))
    weights, delays = rng.normal(size=(N, N)), rng.choice(DELAYS, (N, N))
    before = x[:140, 0]
    x[:140] = before[:, None]  # the same for both members
    expected = totals(weights, delays, x, stage)[140:]
    coupling = bf.AdditiveCoupling(weights, delays=delays * 1.0 * u.ms, initial_history=before)
    brainstate.environ.set(precision=64)

    def step(now, stages):
        coupling.advance(now)
        return jnp.stack([coupling.at(stages[f], stages[f], fraction) for f, fraction in enumerate(FRACTIONS)])

    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states(batch_size=2)
        found = brainstate.transform.for_loop(step, jnp.asarray(x[140:]), jnp.asarray(stage[140:]))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_gradient_equals_finite_differences():
    rng, x, _ = drawn(0)
    delays = rng.choice(DELAYS, (N, N))
    weights = rng.normal(size=(N, N))
    stage, direction = np.repeat(x[:, None], len(FRACTIONS), 1), rng.normal(size=(N, N))

    brainstate.environ.set(precision=64)

    @jax.jit
    def loss(size):
        coupling = bf.AdditiveCoupling(weights, k=1.0, delays=delays * 1.0 * u.ms)
        with brainstate.environ.context(dt=1.0 * u.ms):
            coupling.init_all_states()
            graph, states = brainstate.graph.treefy_split(coupling)
            merged = brainstate.graph.treefy_merge(graph, states)
            merged.conn = jnp.asarray(weights) + size * direction
            total = brainstate.transform.for_loop(merged.update, jnp.asarray(x), jnp.asarray(x))
        return (total**2).sum()

    expected = (totals(weights + 1e-6 * direction, delays, x, stage)[:, 0] ** 2).sum()
    expected -= (totals(weights - 1e-6 * direction, delays, x, stage)[:, 0] ** 2).sum()
    assert float(jax.grad(loss)(0.0)) == pytest.approx(expected / 2e-6, rel=1e-7)


def test_a_delay_is_rounded_to_the_nearest_step():
    def read_from(delay):
        coupling = bf.AdditiveCoupling(np.ones((1, 1)), delays=delay * u.ms)
        with brainstate.environ.context(dt=0.1 * u.ms):
            coupling.init_all_states()
            seen = brainstate.transform.for_loop(lambda x: coupling.update(x, x), jnp.arange(1.0, 12.0)[:, None])
        return 11 - float(seen[-1, 0])

    assert [read_from(delay) for delay in (0.04, 0.06, 0.1, 0.26, 0.34, 0.7)] == [0, 1, 1, 3, 3, 7]


def test_tract_lengths_over_speed():
    lengths = np.array([[0.0, 60.0], [12.0, 0.0]])
    coupling = bf.AdditiveCoupling(
        np.ones((2, 2)), tract_lengths=lengths * u.mm, conduction_speed=6.0 * u.meter / u.second
    )
    delays = coupling.pair_delays()
    assert delays.unit == u.ms
    np.testing.assert_allclose(delays.mantissa, [0.0, 10.0, 2.0, 0.0])
    coupling.conduction_speed = 3.0 * u.meter / u.second
    np.testing.assert_allclose(coupling.pair_delays().mantissa, [0.0, 20.0, 4.0, 0.0])
