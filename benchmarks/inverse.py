"""Fitting solvers, next to MNE-Python; applying them, next to a matrix product; batches of fits, next to a loop.

    python benchmarks/inverse.py [--parts fit apply batch] [--rounds 5] [--solvers MinimumNorm LCMV] [--sizes ...]

Electrodes of the 10-05 system, dipoles below them in a conductor without bounds, noise of full rank. Times are the
smallest of so many rounds, in which all that is compared takes turns. In a fit both begin with their own objects in
memory; MNE-Python prepares its operator, from which the kernel has yet to be made when it is applied. GB (Linux) is all
that a process that does nothing else ever held, Python and its libraries included.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

import brainfwd as bf
from brainfwd.records import Channels, LeadField, NoiseCovariance, SourceSpace

METHODS = {'MinimumNorm': 'MNE', 'DSPM': 'dSPM', 'SLORETA': 'sLORETA', 'ELORETA': 'eLORETA', 'LCMV': None}
SIZES = {
    '64 x 4738 fixed': (64, 4738, 'fixed'),
    '306 x 5124 free': (306, 5124, 'free'),
    '306 x 20484 free': (306, 20484, 'free'),
}
COVARIANCES = 32


def problem(n_sensors: int, n_sources: int) -> tuple[LeadField, NoiseCovariance, NoiseCovariance]:
    """A lead field of free orientation, the covariances of the noise and of data of 30 dipoles and noise."""
    rng = np.random.default_rng(0)
    cap = bf.forward.electrodes('10-05')
    kept = np.sort(rng.permutation(len(cap))[:n_sensors])
    channels = Channels(tuple(cap.names[i] for i in kept), ('eeg',) * n_sensors, cap.positions[kept])
    centre = bf.forward.SphericalHead().centre.mantissa
    out = rng.normal(size=(n_sources, 3)) + [0.0, 0.0, 0.8]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    places = centre + rng.uniform(0.03, 0.075, (n_sources, 1)) * out
    away = channels.positions.mantissa[:, None] - places
    gain = away / np.linalg.norm(away, axis=2, keepdims=True) ** 3 / (4 * np.pi * 0.33)
    one = np.ones(n_sources)
    sources = SourceSpace(
        places * u.meter, out, 20 * one * u.mm**2, np.arange(n_sources) * 2 // n_sources, np.arange(n_sources), -one
    )
    mixing = 0.3e-6 * (np.eye(n_sensors) + 0.2 * rng.normal(size=(n_sensors, n_sensors)) / n_sensors**0.5)
    noise = mixing @ mixing.T
    topographies = 10e-9 * gain[:, :: n_sources // 30, 0]
    data = topographies @ topographies.T + noise
    return LeadField(gain, channels, sources), *(NoiseCovariance(c, channels) for c in (noise, data))


# ---- fits, each in a process of its own


def by_us(name: str, n_sensors: int, n_sources: int, orientation: str) -> tuple[Callable, Callable]:
    """What fits, and what the map of a sample is then."""
    lead_field, noise, data = problem(n_sensors, n_sources)
    solver = getattr(bf.inverse, name)(orientation=orientation)
    given = {'data_cov': data} if solver.needs_data else {}
    fit = lambda: solver.fit(lead_field, noise, **given)  # noqa: E731
    return fit, lambda sample: np.asarray(u.get_mantissa(fit().update(sample * u.volt)))


def by_mne(name: str, n_sensors: int, n_sources: int, orientation: str) -> tuple[Callable, Callable]:
    """The same of MNE-Python."""
    import mne
    from mne.beamformer import apply_lcmv, make_lcmv
    from mne.minimum_norm import apply_inverse, make_inverse_operator, prepare_inverse_operator

    mne.set_log_level('error')
    lead_field, noise, data = (bf.io.to_mne(record) for record in problem(n_sensors, n_sources))
    info = bf.io.to_mne(problem(n_sensors, 60)[0].channels, sampling_period=1 * u.ms)
    info = mne.io.RawArray(np.zeros((n_sensors, 1)), info).set_eeg_reference(projection=True).info
    options, method = {'fixed': True} if orientation == 'fixed' else {'loose': 1.0}, METHODS[name]
    evoked = lambda sample: mne.EvokedArray(sample[:, None], info)  # noqa: E731
    if method is None:
        if orientation == 'fixed':
            lead_field = mne.convert_forward_solution(lead_field, surf_ori=True, force_fixed=True)
        pick = None if orientation == 'fixed' else 'max-power'
        filters = lambda: make_lcmv(info, lead_field, data, noise_cov=noise, pick_ori=pick)  # noqa: E731
        return filters, lambda sample: apply_lcmv(evoked(sample), filters()).data[:, 0]
    operator = lambda: make_inverse_operator(info, lead_field, noise, **options)  # noqa: E731

    def answer(sample: np.ndarray) -> np.ndarray:
        return apply_inverse(evoked(sample), operator(), 1 / 9, method).data[:, 0]

    return lambda: prepare_inverse_operator(operator(), 1, 1 / 9, method), answer


def begin(side: str, *case: Any) -> None:
    global fit, answer
    fit, answer = {'brainfwd': by_us, 'MNE': by_mne}[side](*case)


def timed() -> tuple[float, float]:
    """Seconds of a fit, and the most memory so far in GB."""
    began = time.perf_counter()
    fit()
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def mapped(sample: np.ndarray) -> np.ndarray:
    """The sizes of the map of a sample, 1 on average."""
    size = abs(answer(sample))
    return size / size.mean()


def fits(sizes: list[str], solvers: list[str], rounds: int) -> None:
    spawn = multiprocessing.get_context('spawn')
    print(f'{"fit":34} {"s":>7} {"MNE":>7} {"ratio":>6} {"GB":>5} {"MNE":>5}  maps differ')
    for size in sizes:
        for name in solvers:
            pools = {side: spawn.Pool(1, begin, (side, name, *SIZES[size])) for side in ('brainfwd', 'MNE')}
            best, peak = dict.fromkeys(pools, np.inf), {}
            for _ in range(rounds):
                for side, pool in pools.items():
                    took, peak[side] = pool.apply(timed)
                    best[side] = min(best[side], took)
            sample = 1e-6 * np.random.default_rng(1).normal(size=SIZES[size][0])
            ours, theirs = (pool.apply(mapped, (sample,)) for pool in pools.values())
            for pool in pools.values():
                pool.terminate()
            (s, mne), (gb, mne_gb) = best.values(), peak.values()
            differ = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
            print(f'{name + ", " + size:34} {s:7.3f} {mne:7.3f} {s / mne:6.2f} {gb:5.2f} {mne_gb:5.2f}  {differ:.0e}')


# ---- in this process


def smallest(cases: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Seconds of each, in turns."""
    best = dict.fromkeys(cases, np.inf)
    for _ in range(rounds):
        for name, case in cases.items():
            # each twice: the first compiles, and waits for the threads of the one before it
            for again in (False, True):
                began = time.perf_counter()
                jax.block_until_ready(case())
                if again:
                    best[name] = min(best[name], time.perf_counter() - began)
    return best


def applications(sizes: list[str], rounds: int, n_times: int = 1000) -> None:
    """`update` of a series, next to the product of the data with the rows of the kernel, without their lengths."""
    print(f'\n{f"apply to {n_times} samples":44} {"ms":>7} {"product":>8} {"ratio":>6}')
    for size in sizes:
        took = smallest(application(*SIZES[size], n_times), rounds)
        for label in ('NumPy, float64', 'compiled, float32'):
            ms, alone = 1000 * took[label], 1000 * took[f'{label}, product']
            print(f'{size + ", " + label:44} {ms:7.1f} {alone:8.1f} {ms / alone:6.2f}')


def application(n_sensors: int, n_sources: int, orientation: str, n_times: int) -> dict[str, Callable]:
    lead_field, noise, _ = problem(n_sensors, n_sources)
    solver = bf.inverse.MinimumNorm(orientation=orientation).fit(lead_field, noise)
    y = 1e-6 * np.random.default_rng(1).normal(size=(n_times, n_sensors))
    rows = np.ascontiguousarray(solver.kernel.mantissa.reshape(-1, n_sensors))
    y32, rows32 = jnp.asarray(y, jnp.float32), jnp.asarray(rows, jnp.float32)
    compiled = brainstate.transform.jit(solver.update)
    product = jax.jit(lambda y, rows: jnp.matmul(y, rows.T, precision='highest'))
    return {
        'NumPy, float64': lambda: solver.update(y * u.volt),
        'NumPy, float64, product': lambda: y @ rows.T,
        'compiled, float32': lambda: compiled(y32 * u.volt),
        'compiled, float32, product': lambda: product(y32, rows32),
    }


def batches(solvers: list[str], rounds: int) -> None:
    """Kernels for many noise covariances: by `jax.vmap`, in a compiled loop of the same, and by `fit` one by one."""
    title = f'{COVARIANCES} covariances of noise, 64 sensors'
    print(f'\n{title:44} {"vmap, ms":>8} {"loop":>6} {"fits":>6} {"vmap/loop":>9} {"fits/vmap":>9}')
    for n_sources in (68, 1000, 4738):
        for name in solvers:
            took = smallest(batch(name, n_sources), rounds)
            vmap, loop, each = (1000 * seconds for seconds in took.values())
            label = f'{name}, {n_sources} sources, fixed'
            print(f'{label:44} {vmap:8.0f} {loop:6.0f} {each:6.0f} {vmap / loop:9.2f} {each / vmap:9.1f}')


def batch(name: str, n_sources: int) -> dict[str, Callable]:
    lead_field, noise, data = problem(64, n_sources)
    lead_field = lead_field.fixed()
    samples = np.random.default_rng(1).normal(size=(COVARIANCES, 640, 64)) @ np.linalg.cholesky(noise.matrix_si).T
    covariances = [np.cov(x.T) for x in samples]
    records = [NoiseCovariance(c, lead_field.channels) for c in covariances]
    traced = jnp.asarray(1e12 * np.stack(covariances), jnp.float32)
    solver = getattr(bf.inverse, name)()
    given = {'data_cov': data} if solver.needs_data else {}

    def kernel(covariance: jax.Array) -> jax.Array:
        return solver.kernel_for(lead_field, covariance * u.uvolt**2, **given).mantissa

    def one_by_one() -> None:
        for record in records:
            solver.fit(lead_field, record, **given)

    at_once, in_turn = jax.jit(jax.vmap(kernel)), jax.jit(lambda c: jax.lax.map(kernel, c))
    return {'vmap': lambda: at_once(traced), 'loop': lambda: in_turn(traced), 'fits': one_by_one}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--parts', nargs='+', choices=('fit', 'apply', 'batch'), default=('fit', 'apply', 'batch'))
    parser.add_argument('--sizes', nargs='+', choices=SIZES, default=list(SIZES))
    parser.add_argument('--solvers', nargs='+', choices=METHODS, default=list(METHODS))
    parser.add_argument('--rounds', type=int, default=5)
    given = parser.parse_args()
    if 'fit' in given.parts:
        fits(given.sizes, given.solvers, given.rounds)
    if 'apply' in given.parts:
        applications(given.sizes, given.rounds)
    if 'batch' in given.parts:
        batches(given.solvers, given.rounds)


if __name__ == '__main__':
    main()
