"""Ten minutes of regions projected to a helmet, next to the matrix product alone: time and memory.

    python benchmarks/projection.py [--minutes 10] [--rounds 7]

68 regions at 1 kHz, 306 sensors, single precision. Times are the smallest of so many rounds, in which all cases take
turns. Memory (Linux) is the largest above what input and lead field take, of one call in a process of its own; the
output alone is 306 * 4 bytes per sample.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

import brainfwd as bf

MOMENT = u.nA * u.meter
SCALE = -50 * MOMENT / u.mV
ALONE = 'jnp.matmul, compiled'


def cases(minutes: float) -> dict[str, Callable]:
    """By name, what turns the activity of the regions into what the sensors show."""
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((round(minutes * 60_000), 68), np.float32)
    L = rng.normal(size=(68, 306)) * u.ftesla / MOMENT
    x = jnp.asarray(activity)
    plain, matrix = jnp.asarray(L.mantissa, jnp.float32), L.mantissa.astype(np.float32)
    product = jax.jit(lambda x, L: jnp.matmul(x, L, precision='highest'))
    one = bf.MEGLeadFieldModel(L=L, dipole_scale=SCALE)
    noisy = bf.MEGLeadFieldModel(L=L, dipole_scale=SCALE, noise_cov=9 * u.ftesla**2)
    channels = bf.records.Channels(tuple(map(str, range(306))), ('mag', 'grad', 'grad') * 102)
    by_type = {'mag': L[:, :102], 'grad': L[:, 102:] / u.meter}
    helmet = bf.MEGLeadFieldModel(L=by_type, channels=channels, dipole_scale=SCALE)
    compiled = brainstate.transform.jit(one.update)
    return {
        ALONE: lambda: product(x, plain),
        'activity @ L in NumPy': lambda: activity @ matrix,
        'update': lambda: one.update(x * u.mV),
        'update, compiled': lambda: compiled(x * u.mV),
        'update of a NumPy array': lambda: one.update(activity * u.mV),
        'update, 102 magnetometers and 204 gradiometers': lambda: helmet.update(x * u.mV),
        'update with noise': lambda: noisy.update(x * u.mV),
    }


def memory(name: str, minutes: float) -> float:
    """MB that one call takes, of a process that has done nothing else."""
    case = cases(minutes)[name]
    now = int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() / 2**20
    jax.block_until_ready(case())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--rounds', type=int, default=7)
    given = parser.parse_args()
    # first: a process begins with the memory of the one that starts it
    peak = {}
    for name in cases(0.01):
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            peak[name] = pool.apply(memory, (name, given.minutes))
    every = cases(given.minutes)
    best = dict.fromkeys(every, np.inf)
    for _ in range(given.rounds):
        for name, case in every.items():
            # each twice: the first compiles, and pays for the memory that the one before it gave back
            for again in (False, True):
                began = time.perf_counter()
                jax.block_until_ready(case())
                if again:
                    best[name] = min(best[name], time.perf_counter() - began)
    print(f'{"":50} {"ms":>7} {"ratio":>6} {"MB":>6}')
    for name, took in best.items():
        print(f'{name:50} {1000 * took:7.0f} {took / best[ALONE]:6.2f} {peak[name]:6.0f}')


if __name__ == '__main__':
    main()
