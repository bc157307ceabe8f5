"""Sparse Bayesian solvers: a step next to CaliBrain's, a whole cortex of free orientation, many data sets next to one.

    python benchmarks/bayes.py [--parts steps cortex batch] [--rounds 5] [--iterations 100]

The problem of benchmarks/inverse.py: 10-05 electrodes, dipoles in a conductor without bounds, noise of full rank; the
data are 100 samples of ten dipoles and noise. Times are of the processor, as other programs would be in those on the
clock: the smallest of so many rounds, in which all that is compared takes turns. Nothing stops before its last step.
GB (Linux) is all that a process that does nothing else ever held, Python and its libraries included. One thread is what
makes sense: OPENBLAS_NUM_THREADS=1 taskset -c 1, for example.
"""

import argparse
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
from inverse import problem

import brainfwd as bf
from brainfwd.records import LeadField, NoiseCovariance

SAMPLES = 100
SETS = 32
WIDTH = 10 * u.mm


def smallest(cases: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Seconds of the processor that each takes, in turns."""
    best = dict.fromkeys(cases, np.inf)
    for again in range(rounds + 1):
        for name, case in cases.items():
            began = time.process_time()
            jax.block_until_ready(case())
            # the first compiles
            if again:
                best[name] = min(best[name], time.process_time() - began)
    return best


def data_of(lead_field: LeadField, noise: NoiseCovariance, seed: int = 1) -> np.ndarray:
    """(samples, sensors), V: ten dipoles of 20 nA m, and noise."""
    rng = np.random.default_rng(seed)
    gain = lead_field.gain_si.reshape(len(lead_field.channels), lead_field.sources.n_sources, -1)
    active = rng.choice(gain.shape[1], 10, replace=False)
    clean = 20e-9 * rng.normal(size=(SAMPLES, 10)) @ gain[:, active, 0].T
    return clean + rng.normal(size=clean.shape) @ np.linalg.cholesky(noise.matrix_si).T


def nll_of(gamma: np.ndarray, gain: np.ndarray, cov: np.ndarray) -> float:
    """What all minimise, in white noise, whoever found the variances."""
    total = (gain * gamma) @ gain.T + np.eye(len(gain))
    return np.linalg.slogdet(total)[1] + np.trace(np.linalg.solve(total, cov))


# ---- a step, next to CaliBrain


def steps(rounds: int, n_iter: int) -> None:
    """A fit of GammaMAP and a call of CaliBrain's gamma_map_sflex, with the rest that each does, by steps."""
    title = f'GammaMAP(sigma={WIDTH}), {n_iter} steps'
    print(f'{title:34} {"ms/step":>8} {"CaliBrain":>9} {"ratio":>6}  nll of both')
    for n_sources in (2048, 5124):
        cases, nll = step(n_sources, n_iter)
        ours, theirs = (1000 * seconds / n_iter for seconds in smallest(cases, rounds).values())
        print(f'{f"64 x {n_sources}":34} {ours:8.2f} {theirs:9.2f} {theirs / ours:6.1f}  {nll()}')


def step(n_sources: int, n_iter: int) -> tuple[dict[str, Callable], Callable]:
    """In the same basis, with the same white noise, which is known."""
    from calibrain.source_estimation import gamma_map_sflex

    lead_field = problem(64, n_sources)[0].fixed()
    variance = 0.3e-6**2
    noise = NoiseCovariance(variance * np.eye(64), lead_field.channels)
    y = data_of(lead_field, noise)
    # of average reference, as ours takes them
    y, gain = y - y.mean(axis=1, keepdims=True), lead_field.gain_si - lead_field.gain_si.mean(axis=0)
    cov = NoiseCovariance(y.T @ y / SAMPLES, lead_field.channels)
    given = {'sigma': WIDTH.to_decimal(u.meter), 'src_coords': lead_field.sources.positions.mantissa}

    def ours(n: int) -> Any:
        solver = bf.inverse.GammaMAP(sigma=WIDTH, max_iter=n, tol=0.0)
        return solver.fit(lead_field, noise, data_cov=cov)

    def theirs(n: int) -> Any:
        return gamma_map_sflex(gain, y.T, variance, max_iter=n, tol=0.0, **given)

    def nll() -> str:
        seen = gain @ bf.inverse.spatial_basis(lead_field.sources.positions, WIDTH)
        # CaliBrain's variances are of data and of a gain that it has scaled
        scale = np.linalg.norm(y.T @ y) / np.linalg.norm(seen, np.inf) ** 2
        both = ours(n_iter).gamma.mantissa * 1e-18, theirs(n_iter)['gammas_full'] * scale
        found = [nll_of(gamma, seen / variance**0.5, cov.matrix_si / variance) for gamma in both]
        return ', '.join(f'{value:.2f}' for value in found)

    return {'ours': lambda: ours(n_iter) and None, 'theirs': lambda: theirs(n_iter) and None}, nll


# ---- a whole cortex, in a process of its own


def peak() -> float:
    """GB this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def whole(n_sensors: int, n_sources: int, n_iter: int) -> tuple[list[float], float, float]:
    """Seconds of a fit, a step, the variance and the blocks; GB; how much the variance of 50 sources is off."""
    warnings.simplefilter('ignore')
    lead_field, noise, _ = problem(n_sensors, n_sources)
    y = data_of(lead_field, noise)
    y -= y.mean(axis=1, keepdims=True)
    cov = NoiseCovariance(y.T @ y / SAMPLES, lead_field.channels)
    took, clock = [], time.process_time
    for n in (1, n_iter):
        began = clock()
        solver = bf.inverse.GammaMAP(orientation='free', max_iter=n, tol=0.0)
        solver.fit(lead_field, noise, data_cov=cov)
        took.append(clock() - began)
    took[0] = (took[1] - took[0]) / (n_iter - 1)
    began = clock()
    variance = solver.posterior_variance.mantissa
    took.append(clock() - began)
    began = clock()
    blocks = solver.posterior(y[:2] * u.volt).blocks.mantissa
    took.append(clock() - began)
    held = peak()
    assert (np.diff(solver.nll) <= 0).all()
    # by the textbook, in average reference, of the sources with the largest variance
    picked = np.argsort(solver.gamma.mantissa)[-50:]
    reference = np.eye(n_sensors) - 1 / n_sensors
    basis = np.linalg.svd(reference)[0][:, :-1].T
    gain = 1e-9 * np.tensordot(basis, lead_field.gain_si, axes=1)
    gamma = solver.gamma.mantissa
    total = basis @ noise.matrix_si @ basis.T
    total += (gain * gamma[:, None]).reshape(len(gain), -1) @ gain.reshape(len(gain), -1).T
    off = 0.0
    for i in picked:
        block = gamma[i] * np.eye(3) - gamma[i] ** 2 * gain[:, i].T @ np.linalg.solve(total, gain[:, i])
        off = max(off, abs(block - blocks[i]).max() / gamma[i], abs(np.diagonal(block) - variance[i]).max() / gamma[i])
    return took, held, off


def cortices(n_iter: int) -> None:
    title = f'free orientation, {n_iter} steps'
    print(f'\n{title:34} {"s/step":>7} {"fit, s":>7} {"var, s":>7} {"blocks":>7} {"GB":>5}  blocks differ')
    for n_sensors in (64, 306):
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            (step, fit, variance, blocks), held, off = pool.apply(whole, (n_sensors, 20484, n_iter))
        label = f'{n_sensors} x 20484 x 3'
        print(f'{label:34} {step:7.3f} {fit:7.2f} {variance:7.2f} {blocks:7.2f} {held:5.2f}  {off:.0e}')


# ---- many data sets


def batches(rounds: int, n_iter: int) -> None:
    title = f'{SETS} data sets, {n_iter} steps'
    print(f'\n{title:34} {"one, s":>7} {"each":>7} {"vmap":>7} {"each/one":>8} {"vmap/one":>8}  nll, kernels differ')
    for label, n_sources, orientation in (
        ('64 x 5124 fixed', 5124, 'fixed'),
        ('64 x 5124 free', 5124, 'free'),
    ):
        cases, differ = batch(n_sources, orientation, n_iter)
        took = smallest(cases, rounds)
        one, each, vmap = took.values()
        print(f'{label:34} {one:7.2f} {each:7.2f} {vmap:7.2f} {each / one:8.1f} {vmap / one:8.1f}  {differ()}')


def batch(n_sources: int, orientation: str, n_iter: int) -> tuple[dict[str, Callable], Callable]:
    lead_field, noise, _ = problem(64, n_sources)
    lead_field = lead_field.fixed() if orientation == 'fixed' else lead_field
    series = [data_of(lead_field, noise, seed) for seed in range(SETS)]
    covs = [NoiseCovariance(y.T @ y / SAMPLES, lead_field.channels) for y in series]
    traced = jnp.asarray(1e12 * np.stack([cov.matrix_si for cov in covs]), jnp.float32)
    solver = bf.inverse.GammaMAP(orientation=orientation, max_iter=n_iter, tol=0.0)

    def kernel(cov: jax.Array) -> jax.Array:
        return solver.kernel_for(lead_field, noise, data_cov=cov * u.uvolt**2).mantissa

    at_once = jax.jit(jax.vmap(kernel))

    def differ() -> str:
        each = solver.fit_each(lead_field, noise, data_covs=covs)
        alone = [solver.fit(lead_field, noise, data_cov=cov).nll for cov in covs[:2]]
        nll = max(abs(solver.nll - one).max() for solver, one in zip(each, alone, strict=False))
        ours, theirs = each[0].kernel.mantissa, np.asarray(at_once(traced)[0])
        return f'{nll:.0e}, {np.linalg.norm(ours - theirs) / np.linalg.norm(ours):.0e} (vmap, float32)'

    return {
        'one': lambda: solver.fit(lead_field, noise, data_cov=covs[0]) and None,
        'each': lambda: solver.fit_each(lead_field, noise, data_covs=covs) and None,
        'vmap': lambda: at_once(traced),
    }, differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--parts', nargs='+', choices=('steps', 'cortex', 'batch'), default=('steps', 'cortex', 'batch')
    )
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--iterations', type=int, default=100)
    given = parser.parse_args()
    # that they stop at max_iter is what is wanted
    warnings.filterwarnings('ignore', message='.* has not settled')
    if 'steps' in given.parts:
        steps(given.rounds, given.iterations)
    if 'cortex' in given.parts:
        cortices(min(given.iterations, 20))
    if 'batch' in given.parts:
        batches(given.rounds, given.iterations)


if __name__ == '__main__':
    main()
