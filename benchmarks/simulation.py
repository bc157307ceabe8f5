"""Cost of a step of coupled Hopf regions: brainfwd, one `lax.scan` by hand, brainmass, tvboptim, vbjax and neurolib.

    python benchmarks/simulation.py [--regions 84 400 1000] [--rounds 5] [--steps 160000] [--only brainfwd 'by hand']

All to all, diffusive, 0.1 ms; without and with delays, single and 64 at once. Each variant lives in a process of its
own, so that none sees what another sets, and all are timed one after the other in every round, so that a busy machine
slows all alike. Before one is timed, its trajectory has to agree with the same network in NumPy. A package that is not
installed is left out. How each is run is in `variants.py`; what the table says in docs/performance.md.
"""

import argparse
import multiprocessing
import os
import platform
import time
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from variants import DT, OMEGA, SAMPLE, VARIANTS, A, K, Problem, Unsupported, serve

BATCH = 64
HEUN = ('brainfwd', 'by hand', 'vbjax')
"""The others hold coupling over a step, or know Euler only."""
CHECK = 500
"""Steps after which the trajectory is compared; of a batch, fewer."""
SLOW, SLOW_BATCH = 20e-3, 60e-3
"""Seconds per step beyond which a variant is left out."""
PATIENCE = 60.0
"""Seconds for one answer."""
LONG, ENOUGH = 0.2, 6.0
"""Seconds of one run at least, and of all rounds of one variant in one case: a slow one takes part in fewer."""
SAME, SAME_ELSEWHERE = 1e-5, 1e-2
"""How far x, of the order of 0.1, may be from double precision; a GPU may multiply matrices with fewer bits."""


def connectome(regions: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights [target, source] with 1 as the largest row sum, and tract lengths in mm.

    84 regions are those of the package; else they lie at random in an ellipsoid of the size of a brain.
    """
    if regions == 84:
        import brainfwd as bf

        brain = bf.datasets.load_connectome().normalized()
        return np.asarray(brain.weights), np.asarray(brain.tract_lengths.mantissa)
    random = np.random.default_rng(0)
    inside = random.uniform(-1, 1, (4 * regions, 3))
    places = inside[np.linalg.norm(inside, axis=1) < 1][:regions] * [70.0, 85.0, 60.0]
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    weights = np.exp(-distances / 40.0) - np.eye(regions)
    return weights / weights.sum(axis=1).max(), 1.2 * distances


def in_numpy(problem: Problem, steps: int) -> np.ndarray:
    """x in double precision, (samples, regions)."""
    x, y, delays = problem.start, np.zeros_like(problem.start), problem.steps
    strength, source, length = problem.weights.sum(axis=1), np.arange(len(x)), delays.max() + 2
    past, samples = np.tile(x, (length, 1)), []

    def slope(x: np.ndarray, y: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        if problem.delayed:
            total = (problem.weights * past[(step - delays) % length, source]).sum(axis=1)
        else:
            total = problem.weights @ x
        growth = A - x**2 - y**2
        return growth * x - OMEGA * y + K * (total - strength * x), growth * y + OMEGA * x

    for step in range(steps):
        past[step % length] = x
        dx, dy = slope(x, y, step)
        if problem.scheme == 'heun':
            ex, ey = slope(x + DT * dx, y + DT * dy, step + 1)
            dx, dy = (dx + ex) / 2, (dy + ey) / 2
        x, y = x + DT * dx, y + DT * dy
        if (step + 1) % SAMPLE == 0:
            samples.append(x)
    return np.array(samples)


class Worker:
    """A variant in a process of its own."""

    def __init__(self, name: str):
        context = multiprocessing.get_context('spawn')
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(name, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.device = self.pipe.recv()

    def ask(self, request: Problem | int) -> tuple[float, Any]:
        """Seconds, and x at the end of a run."""
        self.pipe.send(request)
        if not self.pipe.poll(PATIENCE):
            raise Unsupported(f'no answer within {PATIENCE:g} s')
        try:
            seconds, answer = self.pipe.recv()
        except EOFError:
            raise Unsupported('its process ended') from None
        if isinstance(answer, Unsupported):
            raise answer
        return seconds, answer

    def stop(self) -> None:
        """End the process; it may be busy."""
        self.process.terminate()
        self.process.join()


class Row:
    """A variant in one case: checked when made, then timed."""

    def __init__(self, worker: Worker, problem: Problem, expected: np.ndarray, check: int, most: int):
        self.worker, self.runs = worker, problem.batch or 1
        built, _ = worker.ask(problem)
        took, x = worker.ask(check)
        self.first = built + took
        if took / check > (SLOW if problem.batch is None else SLOW_BATCH):
            raise Unsupported(f'left out: {took / check * 1e3:.0f} ms per step of {self.runs}')
        self.again, then = worker.ask(check)
        self.off = np.abs([x - expected[check // SAMPLE - 1], then - expected[check // SAMPLE - 1]]).max()
        if x.shape != problem.shape or not self.off < (SAME if worker.device == 'cpu' else SAME_ELSEWHERE):
            raise Unsupported(f'gives something else: x differs by {self.off:.0e} after {check} steps')
        self.other = None
        if problem.batch is None:
            built, _ = worker.ask(problem._replace(weights=0.9 * problem.weights))
            took, _ = worker.ask(check)
            self.other = built + took
        self.steps, took = check, self.again
        while took < LONG and self.steps < most:
            self.steps = min(most, 8 * self.steps)
            worker.ask(self.steps)
            took, _ = worker.ask(self.steps)
        self.rounds = max(1, int(ENOUGH / took))
        self.took: list[float] = []

    def time(self) -> None:
        """One round."""
        if len(self.took) < self.rounds:
            self.took.append(self.worker.ask(self.steps)[0] / self.steps / self.runs * 1e6)

    def line(self, name: str, ours: 'Row | None') -> str:
        """As printed."""
        other = '' if self.other is None else f'{self.other:.2f}'
        ratio = '' if ours is None else f'{np.median([a / b for a, b in zip(self.took, ours.took, strict=False)]):.2f}'
        return (
            f'  {name:<18}{min(self.took):10.2f}{np.median(self.took):10.2f}{ratio:>12}'
            f'{self.first:10.2f}{self.again:8.3f}{other:>8}{self.steps:9d}{self.off:9.0e}'
        )


def compare(names: list[str], workers: dict[str, Worker], problem: Problem, rounds: int, most: int) -> None:
    """Print the table of one case."""
    expected = in_numpy(problem, CHECK)
    rows: dict[str, Row] = {}
    reasons: dict[str, str] = {}

    def attempt(name: str, act: Any) -> None:
        try:
            act()
        except Unsupported as error:
            reasons[name] = str(error)
            rows.pop(name, None)
            if not workers[name].process.is_alive() or 'no answer' in str(error):
                workers.pop(name).stop()

    def make(name: str) -> None:
        if name not in workers:
            workers[name] = Worker(name)
        # brainfwd refuses a run shorter than its delays
        check = CHECK if problem.batch is None or name == 'brainfwd' else SAMPLE
        rows[name] = Row(workers[name], problem, expected, check, most)

    for name in names:
        attempt(name, lambda name=name: make(name))
    for _ in range(rounds):
        for name, row in list(rows.items()):
            attempt(name, row.time)

    delays = problem.steps[problem.weights > 0] * DT
    with_delays = f'delays of {delays.min():.1f} to {delays.max():.1f} ms' if problem.delayed else 'no delays'
    runs = 'single' if problem.batch is None else f'{problem.batch} at once'
    print(f'\n{len(problem.start)} regions, {with_delays}, {problem.scheme.capitalize()}, {runs}')
    print(
        f'  {"":<18}{"us/step":>10}{"median":>10}{"x brainfwd":>12}'
        f'{"first, s":>10}{"again":>8}{"other":>8}{"steps":>9}{"differs":>9}'
    )
    for name in names:
        print(rows[name].line(name, rows.get('brainfwd')) if name in rows else f'  {name:<18}   {reasons[name]}')
    print(end='', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--regions', type=int, nargs='+', default=[84, 400, 1000])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--steps', type=int, default=160_000, help=f'of a run at most; a multiple of {SAMPLE}')
    parser.add_argument('--only', nargs='+', default=list(VARIANTS), choices=list(VARIANTS), metavar='VARIANT')
    given = parser.parse_args()
    if given.steps % SAMPLE:
        parser.error(f'--steps is a multiple of {SAMPLE}')
    # processes share a GPU
    os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
    begin = time.perf_counter()

    packages = {name: VARIANTS[name].module.split('.')[0] for name in given.only}
    names = [name for name in given.only if find_spec(packages[name])]
    for name in set(given.only) - set(names):
        print(f'{name} is left out: {packages[name]} is not installed')
    workers = {name: Worker(name) for name in names}
    installed = dict.fromkeys([*(packages[name] for name in names), 'jax', 'numpy'])
    print(', '.join(f'{package} {version(package)}' for package in installed))
    print(f'{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}; up to {given.rounds} rounds')
    for name in names:
        print(f'  {name}: float{VARIANTS[name].bits} on {workers[name].device}')

    for regions in given.regions:
        weights, lengths = connectome(regions)
        single = Problem(weights, lengths, np.linspace(0.05, 0.4, regions), delayed=False)
        assert (single._replace(delayed=True).steps[weights > 0] > 0).all(), 'by hand, every pair has a delay'
        for batch in (None, BATCH):
            for delayed in (False, True):
                compare(names, workers, single._replace(batch=batch, delayed=delayed), given.rounds, given.steps)
        if regions < 1000:
            able = [name for name in names if name in HEUN]
            for delayed in (False, True):
                compare(able, workers, single._replace(scheme='heun', delayed=delayed), given.rounds, given.steps)
    for worker in workers.values():
        worker.stop()
    print(f'\n{(time.perf_counter() - begin) / 60:.1f} minutes, load {os.getloadavg()[0]:.1f}')


if __name__ == '__main__':
    main()
