"""Cost of one step of 84 coupled Hopf regions: brainfwd, the same mathematics by hand, and brainmass.

    python benchmarks/step.py [--steps 100000] [--rounds 7]

All variants take Heun steps of 0.1 ms on the connectome of the package, in float32, one after the other in every round:
a busy machine slows all of them alike, and the ratios stay. Before anything is timed, all have to give one trajectory.

By hand is one `jax.lax.scan` over arrays without units that keeps nothing but its last state. brainfwd is
`Simulator.run` as a user calls it: checks, chunks, copies to the host, and a sample of every region each 10 ms.
brainmass couples once per step instead of at both stages of Heun (`hold_coupling=True` does the same here, and is what
its trajectory is compared with).
"""

import argparse
import functools
import os
import platform
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

import brainfwd as bf

A, K, HERTZ, DT, SPEED = 0.1, 0.2, 10.0, 0.1, 6.0  # dimensionless, dimensionless, Hz, ms, m/s
BRAIN = bf.datasets.load_connectome().normalized()
START = np.linspace(0.05, 0.4, BRAIN.n_regions)
WEIGHTS = np.asarray(BRAIN.weights)
DELAYS = np.where(WEIGHTS > 0, np.rint(BRAIN.delays(SPEED * u.meter / u.second).mantissa / DT), 0).astype(int)


def brainfwd(delayed: bool, hold_coupling: bool = False) -> Callable[[int], np.ndarray]:
    """`Simulator.run`; returns x of every region after so many steps."""
    tracts = {'tract_lengths': BRAIN.tract_lengths, 'conduction_speed': SPEED * u.meter / u.second} if delayed else {}
    network = bf.Network(
        bf.HopfOscillator(BRAIN.n_regions, a=A, frequency=HERTZ * u.Hz, init_x=START),
        bf.DiffusiveCoupling(WEIGHTS, k=K, **tracts),
        hold_coupling=hold_coupling,
    )
    simulator = bf.Simulator(network, dt=DT * u.ms)
    return lambda steps: simulator.run(steps * DT * u.ms, sampling_period=10 * u.ms)['output'][-1]


def by_hand(delayed: bool) -> Callable[[int], np.ndarray]:
    """One scan: a matrix product without delays; with delays, (regions, regions) values gathered from a ring."""
    weights, strength = jnp.asarray(WEIGHTS, jnp.float32), jnp.asarray(WEIGHTS.sum(axis=1), jnp.float32)
    omega = 2 * np.pi * HERTZ / 1000

    def slope(x, y, total):
        growth = A - x * x - y * y
        return growth * x - omega * y + K * (total - strength * x), growth * y + omega * x

    def heun(x, y, total_now, total_then):
        dx, dy = slope(x, y, total_now(x))
        ex, ey = slope(x + DT * dx, y + DT * dy, total_then(x + DT * dx))
        return x + DT / 2 * (dx + ex), y + DT / 2 * (dy + ey)

    def at_once(carry, _):
        return heun(*carry, *[lambda x: weights @ x] * 2), None

    length, sources = DELAYS.max() + 1, np.arange(BRAIN.n_regions)

    def gathered(carry, step):
        x, y, past, now = carry
        past = past.at[:, step % length].set(x)
        # no connected pair is without delay: what arrives at the next step is known
        then = (weights * past[sources, (step + 1 - DELAYS) % length]).sum(axis=1)
        x, y = heun(x, y, lambda x: now, lambda x: then)
        return (x, y, past, then), None

    x = jnp.asarray(START, jnp.float32)
    begin = (x, jnp.zeros_like(x), jnp.tile(x[:, None], length), weights @ x) if delayed else (x, jnp.zeros_like(x))

    @functools.partial(jax.jit, static_argnums=1)
    def run(carry, steps):
        return jax.lax.scan(gathered if delayed else at_once, carry, jnp.arange(steps))[0]

    return lambda steps: np.asarray(run(begin, steps)[0])


def brainmass(delayed: bool) -> Callable[[int], np.ndarray]:
    """The network of brainmass in its own loop, compiled once (its Simulator compiles at every run); keeps nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        import brainmass

    def started(shape: Any, **_: Any) -> jax.Array:
        return jnp.broadcast_to(jnp.asarray(START, jnp.float32), shape)

    def zero(shape: Any, **_: Any) -> jax.Array:
        return jnp.zeros(shape)

    omega = 2 * np.pi * HERTZ / 1000
    node = brainmass.HopfStep(BRAIN.n_regions, a=A, w=omega, method='heun', init_x=started, init_y=zero)
    tracts = {'distance': DELAYS * DT, 'speed': 1.0} if delayed else {}
    network = brainmass.Network(node, conn=WEIGHTS, coupled_var='x', k=K, delay_init=started, **tracts)

    @functools.partial(brainstate.transform.jit, static_argnums=0)
    def loop(steps):
        def step(i):
            with brainstate.environ.context(i=i, t=i * DT * u.ms):
                network.update()

        brainstate.transform.for_loop(step, jnp.arange(steps))

    brainstate.nn.init_all_states(network)  # once: compiled code holds the states; every run goes on from the last

    def run(steps: int) -> np.ndarray:
        loop(steps)
        return np.asarray(node.x.value)

    return run


def compare(variants: dict[str, Callable], held: Callable) -> None:
    """All give one trajectory: after 100 ms x differs by rounding alone."""
    np.testing.assert_allclose(variants['by hand'](1000), variants['brainfwd'](1000), rtol=0, atol=1e-6)
    np.testing.assert_allclose(variants['brainmass'](1000), held(1000), rtol=0, atol=1e-5)


def microseconds(variants: dict[str, Callable], steps: int, rounds: int) -> dict[str, np.ndarray]:
    """(rounds,) per variant, A B C A B C ..., after one round that compiles."""
    took: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds + 1):
        for name, run in variants.items():
            start = time.perf_counter()
            run(steps)
            took[name].append((time.perf_counter() - start) / steps * 1e6)
    return {name: np.array(each[1:]) for name, each in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=100_000, help='multiples of 100')
    parser.add_argument('--rounds', type=int, default=7)
    given = parser.parse_args()
    brainstate.environ.set(dt=DT * u.ms)
    print(', '.join(f'{name} {version(name)}' for name in ('jax', 'brainstate', 'brainmass', 'numpy')))
    print(f'{os.cpu_count()} cores, {platform.machine()}, {jax.default_backend()}, load {os.getloadavg()[0]:.1f}')
    print(f'{given.steps} steps, {given.rounds} rounds; us per step (smallest, median) and brainfwd / it (median)')
    for delayed in (False, True):
        variants = {'brainfwd': brainfwd(delayed), 'by hand': by_hand(delayed), 'brainmass': brainmass(delayed)}
        compare(variants, brainfwd(delayed, hold_coupling=True))
        took = microseconds(variants, given.steps, given.rounds)
        print('with delays' if delayed else 'without delays')
        for name, each in took.items():
            ratio = np.median(took['brainfwd'] / each)
            print(f'  {name:<10}{each.min():8.2f}{np.median(each):8.2f}{ratio:8.2f}')


if __name__ == '__main__':
    main()
