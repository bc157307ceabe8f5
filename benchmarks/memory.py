"""Memory that a long run and a long gradient take, above that of the import.

    python benchmarks/memory.py [--minutes 10] [--seconds 10]

84 Hopf regions with the delays of the connectome, steps of 0.1 ms. Each is measured in a process of its own: the
largest resident memory of a process never goes down.
"""

import argparse
import multiprocessing
import resource
import time


def used() -> float:
    """Largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bold(minutes: float) -> str:
    """A noisy network with delays, seen by BOLD every 2 s."""
    import brainunit as u

    import brainfwd as bf

    start, brain = used(), bf.datasets.load_connectome().normalized()
    network = bf.Network(
        bf.HopfOscillator(84, a=-0.02, tau=1 * u.second),
        bf.DiffusiveCoupling(
            brain.weights, k=0.2, tract_lengths=brain.tract_lengths, conduction_speed=6 * u.meter / u.second
        ),
        noise={'x': bf.noise.WhiteNoise(0.1 / u.second**0.5)},
    )
    monitors = {'bold': bf.Monitor(bf.BOLDSignal(84, tr=2 * u.second), source='power')}
    began = time.perf_counter()
    result = bf.Simulator(network, dt=0.1 * u.ms).run(minutes * 60 * u.second, monitors=monitors, seed=0)
    took = time.perf_counter() - began
    return f'{minutes:g} min, BOLD {result["bold"].shape}: {used() - start:.0f} MB, {took:.0f} s'


def gradient(seconds: float) -> str:
    """The mean power differentiated in the coupling strength, through every step."""
    import brainunit as u
    import jax

    import brainfwd as bf

    start, brain = used(), bf.datasets.load_connectome().normalized()
    network = bf.Network(
        bf.HopfOscillator(84, a=0.1),
        bf.DiffusiveCoupling(
            brain.weights, k=0.2, tract_lengths=brain.tract_lengths, conduction_speed=6 * u.meter / u.second
        ),
    )
    simulation = bf.Simulator(network, dt=0.1 * u.ms).simulation(seconds * u.second, sampling_period=1 * u.ms)
    slope = jax.jit(jax.grad(lambda k: (simulation({'coupling.0.k': k})['output'] ** 2).mean()))
    began = time.perf_counter()
    slope(0.2).block_until_ready()
    first = time.perf_counter() - began
    began = time.perf_counter()
    slope(0.2).block_until_ready()
    again = time.perf_counter() - began
    return f'gradient through {seconds:g} s: {used() - start:.0f} MB, {first:.1f} s, again {again:.1f} s'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--minutes', type=float, default=10)
    parser.add_argument('--seconds', type=float, default=10)
    given = parser.parse_args()
    context = multiprocessing.get_context('spawn')
    for measure, amount in ((bold, 1.0), (bold, given.minutes), (gradient, 1.0), (gradient, given.seconds)):
        with context.Pool(1) as pool:
            print(pool.apply(measure, (amount,)), flush=True)


if __name__ == '__main__':
    main()
