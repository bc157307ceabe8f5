"""Resolution of 306 sensors and the 20,484 vertices of the cortex, next to the matrix product alone: time and memory.

    python benchmarks/resolution.py [--rounds 3]

Each is run in a process of its own; times are the smallest of so many rounds, in which the two take turns. Memory
(Linux) is the largest above what kernel and gain take.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path

import brainunit as u
import numpy as np

import brainfwd as bf

CASES = {'fixed': (1, 1), 'free kernel, dipoles along the normals': (3, 1), 'free kernel, free gain': (3, 3)}
AT_ONCE = 256


def case(name: str) -> tuple[Callable, Callable]:
    """The product alone, in blocks, and with the scores."""
    components, directions = CASES[name]
    cortex, rng = bf.datasets.load_cortex(), np.random.default_rng(0)
    n = cortex.n_vertices
    up, ones = np.tile([0, 0, 1.0], (n, 1)), np.ones(n)
    sources = bf.records.SourceSpace(
        cortex.pial, up, ones * u.mm**2, cortex.hemisphere, np.arange(n), cortex.region_ids
    )
    kernel = rng.normal(size=(n, 306) if components == 1 else (n, 3, 306))
    gain = rng.normal(size=(306, n) if directions == 1 else (306, n, 3))
    rows, columns = kernel.reshape(-1, 306), gain.reshape(306, -1)

    def product() -> None:
        for start in range(0, columns.shape[1], AT_ONCE):
            rows @ columns[:, start : start + AT_ONCE]

    return product, lambda: bf.metrics.resolution(kernel, gain, sources)


def measured(name: str, rounds: int) -> tuple[float, float, float]:
    """Seconds of the product and of `resolution`, and MB of the latter, in a process that has done nothing else."""
    product, scores = case(name)
    now = int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() / 2**20
    best = [np.inf, np.inf]
    for _ in range(rounds):
        for i, run in enumerate((product, scores)):
            began = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - began)
    return *best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=3)
    given = parser.parse_args()
    print(f'{"":>38}  product  resolution  ratio   memory')
    for name in CASES:
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            product, scores, memory = pool.apply(measured, (name, given.rounds))
        print(f'{name:>38} {product:6.1f} s {scores:9.1f} s {scores / product:6.2f} {memory:5.0f} MB')


if __name__ == '__main__':
    main()
