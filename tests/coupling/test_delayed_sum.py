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

import brainfwd as bf

N, STEPS = 4, 30
FRACTIONS = (0.0, 0.5, 1.0)


def totals(weights, delays, x, stage):
    """Sum by sum: delayed sources from the past, linear in between; sources without delay from the stage."""
    found = np.zeros((STEPS, len(FRACTIONS), *x.shape[1:]))
    at = lambda step: x[max(step, 0)]  # noqa: E731
    for step in range(STEPS):
        for f, fraction in enumerate(FRACTIONS):
            for target in range(N):
                for source in range(N):
                    d = delays[target, source]
                    if d == 0:
                        value = stage[step, f, ..., source]
                    else:
                        before, after = at(step - d)[..., source], at(step + 1 - d)[..., source]
                        value = (1 - fraction) * before + fraction * after
                    found[step, f, ..., target] += weights[target, source] * value
    return found


def simulated(weights, delays, x, stage):
    brainstate.environ.set(precision=64)
    coupling = bf.AdditiveCoupling(weights, delays=delays * 1.0 * u.ms)
    batch = x.shape[1] if x.ndim == 3 else None

    def step(now, stages):
        coupling.advance(now)
        return jnp.stack([coupling.at(stages[f], stages[f], fraction) for f, fraction in enumerate(FRACTIONS)])

    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states(batch_size=batch)
        return brainstate.transform.for_loop(step, jnp.asarray(x), jnp.asarray(stage))


@pytest.mark.parametrize('batch', [(), (2,)], ids=['alone', 'batch'])
@hypothesis.settings(max_examples=8)
@hypothesis.given(
    delays=arrays(int, (N, N), elements=st.integers(0, 6)),
    connected=arrays(bool, (N, N)),
    seed=st.integers(0, 1000),
)
def test_totals_are_the_sum_over_pairs(batch, delays, connected, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(N, N)) * connected
    x, stage = rng.normal(size=(STEPS, *batch, N)), rng.normal(size=(STEPS, len(FRACTIONS), *batch, N))
    expected = totals(weights, delays, x, stage)
    np.testing.assert_allclose(simulated(weights, delays, x, stage), expected, atol=1e-12)


@pytest.mark.parametrize('delay', [1, 2, 29, 40])
def test_one_delay_for_all(delay):
    # the block is as long as the delay: of one step, and longer than the run
    rng = np.random.default_rng(delay)
    weights, x = rng.normal(size=(N, N)), rng.normal(size=(STEPS, N))
    delays, stage = np.full((N, N), delay), np.zeros((STEPS, len(FRACTIONS), N))
    np.testing.assert_allclose(simulated(weights, delays, x, stage), totals(weights, delays, x, stage), atol=1e-12)


def test_gradient_equals_finite_differences():
    rng = np.random.default_rng(0)
    delays = rng.integers(0, 6, (N, N))
    weights, x = rng.normal(size=(N, N)), rng.normal(size=(STEPS, N))
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
    np.testing.assert_allclose(delays.mantissa, [[0.0, 10.0], [2.0, 0.0]])
    coupling.conduction_speed = 3.0 * u.meter / u.second
    np.testing.assert_allclose(coupling.pair_delays().mantissa, [[0.0, 20.0], [4.0, 0.0]])
