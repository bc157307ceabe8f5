"""Cost of the delayed weighted sum alone, read in several ways.

    python benchmarks/delayed_sum.py [--regions 84 400] [--rounds 7]

Every way gives the same totals, which is checked. A step is one `record` of `brainfwd/coupling/delayed_sum.py`; its
constants are set to those of each row:

far, middle
    How many steps pairs with a long and with a middle delay are read at once; those with less than middle are gathered
    at every step. A batch has no far pairs.
stretch
    How many values are read of each pair, at least; those beyond what is needed are thrown away.
together
    Rows of pairs that are added in one pass over the totals of a batch.
"""

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from simulation import connectome
from variants import Problem

from brainfwd.coupling import delayed_sum

WAYS = {
    'as it is': dict(_FAR=64, _MIDDLE=16, _STRETCH=64, _TOGETHER=4),
    'middle of 64': dict(_FAR=64, _MIDDLE=64, _STRETCH=64, _TOGETHER=4),
    'blocks of 16, stretches of 16': dict(_FAR=16, _MIDDLE=16, _STRETCH=16, _TOGETHER=4),
    'blocks of 16, stretches of 64': dict(_FAR=16, _MIDDLE=16, _STRETCH=64, _TOGETHER=4),
    'far blocks of 128': dict(_FAR=128, _MIDDLE=16, _STRETCH=128, _TOGETHER=4),
    'a row at a time': dict(_FAR=64, _MIDDLE=16, _STRETCH=64, _TOGETHER=1),
}


def loop_of(weights: np.ndarray, steps: np.ndarray, batch: int | None) -> tuple[Callable, Any]:
    """A compiled loop over sources (steps, ..., regions), and its weights and delays."""
    n = len(weights)
    targets, sources = (index.ravel() for index in np.indices(weights.shape))
    delays = steps.ravel()
    pairs = delayed_sum.bands(targets, sources, delays, delays, n, batch or 1)
    near = delays[delays < delayed_sum._MIDDLE].max(initial=0) + 1

    def run(x, w, d):
        history = delayed_sum.empty_history(x.shape[1:], int(delays.max()), near, x.dtype)

        def step(history, now):
            history = delayed_sum.record(history, now, w, d, pairs)
            return history, history.now.sum(axis=-1)

        return jax.lax.scan(step, history, x)[1]

    return jax.jit(run), (jnp.asarray(weights.ravel(), jnp.float32), jnp.asarray(delays, jnp.int32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--regions', type=int, nargs='+', default=[84, 400])
    parser.add_argument('--rounds', type=int, default=7)
    given = parser.parse_args()
    for n, batch in [(n, batch) for n in given.regions for batch in (None, 64) if batch is None or n <= 84]:
        steps = 640 if batch else 20_000 * 84**2 // n**2
        problem = Problem(*connectome(n), start=np.zeros(n), delayed=True)
        shape = (steps, n) if batch is None else (steps, batch, n)
        x = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
        runs, took, seen = {}, {way: [] for way in WAYS}, {}
        for way, constants in WAYS.items():
            for name, value in constants.items():
                setattr(delayed_sum, name, value)
            loop, rest = loop_of(problem.weights, problem.steps, batch)
            seen[way] = np.asarray(loop(x, *rest))  # compiles with the constants of now
            runs[way] = functools.partial(loop, x, *rest)
            np.testing.assert_allclose(seen[way], seen['as it is'], rtol=0, atol=1e-3)
        for _ in range(given.rounds):
            for way, run in runs.items():
                start = time.perf_counter()
                run().block_until_ready()
                took[way].append((time.perf_counter() - start) / steps * 1e6)
        each_delay = problem.steps[problem.steps > 0]
        print(f'{n} regions, {batch or 1} run(s), us per step (smallest, median)')
        print(
            f'  delays of {each_delay.min()} to {each_delay.max()} steps, {(each_delay < 16).mean():.2%} below 16, '
            f'{(each_delay < 64).mean():.1%} below 64'
        )
        for way, each in took.items():
            print(f'  {way:<32}{min(each):9.2f}{np.median(each):9.2f}')


if __name__ == '__main__':
    main()
