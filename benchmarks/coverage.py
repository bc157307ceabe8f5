"""How often credible regions hold the truth: of the models that solvers assume, and of sparse sources.

    python benchmarks/coverage.py [--parts model sparse] [--sets 2000 800] [--processes 3]

`model`: sources and data are drawn from the model behind each solver, with its hyperparameters; regions hold what they
say. `sparse`: five sources among all, and hyperparameters learned from the data themselves; half of the data sets are
for recalibration, and all coverage is that of the other half. Selected are the five largest estimates. 297 sources of
the shipped EEG head, 64 electrodes.
"""

import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import argparse
import functools
import itertools
import multiprocessing
from typing import Any

import brainunit as u
import numpy as np

import brainfwd as bf
from brainfwd import inverse, uncertainty
from brainfwd.records import LeadField, NoiseCovariance, Recording

nAm = bf.units.nAm
STEP, ACTIVE, MOMENT = 16, 5, 10 * nAm
CONDITIONS = tuple(itertools.product((1, 20, 100), (0, 10)))
MODELS = {
    'MinimumNorm': inverse.MinimumNorm,
    'DSPM': inverse.DSPM,
    'SLORETA': inverse.SLORETA,
    'ELORETA': functools.partial(inverse.ELORETA, snr=1.0),
    'GammaMAP': inverse.GammaMAP,
    'GammaMAP sFLEX': functools.partial(inverse.GammaMAP, sigma=10 * u.mm),
    'BayesianMinimumNorm': inverse.BayesianMinimumNorm,
}


@functools.cache
def head(orientation: str = 'fixed') -> Any:
    """Every so many sources of the shipped head."""
    lead_field = bf.datasets.load_lead_field('eeg', orientation=orientation)
    kept = np.arange(lead_field.n_sources) % STEP == 0
    return LeadField(lead_field.gain_si[:, kept], lead_field.channels, lead_field.sources.mask(kept), lead_field.head)


def simulated(n_times: int, snr_db: float, seed: int) -> tuple[Any, Recording, NoiseCovariance]:
    """Moments (samples, sources) of a few sources, independent in time; what electrodes record; the noise in it."""
    lead_field, rng = head(), np.random.default_rng([seed, n_times, int(snr_db)])
    channels, moments = lead_field.channels, np.zeros((n_times, lead_field.n_sources))
    active = rng.choice(moments.shape[1], ACTIVE, replace=False)
    moments[:, active] = rng.normal(size=(n_times, ACTIVE))
    moments = moments * MOMENT
    clean = (moments @ lead_field.referenced('average').gain.T).to_decimal(u.volt)
    level = np.sqrt((clean**2).mean() / 10 ** (snr_db / 10))
    noise = NoiseCovariance(level**2 * np.eye(len(channels)), channels)
    data = clean + level * rng.normal(size=clean.shape)
    return moments, Recording(data, channels, 4 * u.ms), noise


def recovered(n_times: int, snr_db: float, seed: int) -> tuple[Any, ...]:
    """Of the first sample: truth; mean and variance of both solvers; which sources each selects."""
    truth, recording, noise = simulated(n_times, snr_db, seed)
    data_cov, found = recording.covariance(centred=False), []
    for solver in (inverse.Champagne(tol=1e-3), inverse.BayesianMinimumNorm()):
        posterior = solver.fit(head(), noise, data_cov=data_cov).posterior(recording.data[0])
        found += [posterior.mean.mantissa, posterior.variance.mantissa]
    return (truth[0].mantissa, *found)


def shown(curve: Any) -> str:
    return f'{100 * curve.at(0.9):7.1f}'


def of_the_models(n_sets: int) -> None:
    print(f'{n_sets} data sets from the model of each solver: % of truths inside the regions of 50, 90, 99 %')
    print(f'{"solver":21} {"":6} {"all sources":>20}    {"active":>20}    {"selected":>20}')
    _, _, noise = simulated(1, 10, 0)
    _, recording, _ = simulated(100, 10, 1)
    data_cov = recording.covariance(centred=False)
    for (name, make), orientation in itertools.product(MODELS.items(), ('fixed', 'free')):
        solver = make(orientation=orientation)
        solver.fit(head(orientation), noise, **({'data_cov': data_cov} if solver.needs_data else {}))
        truth, data = solver.model.sample(n_sets, seed=0)
        posterior = solver.posterior(data)
        spread = {'variance': posterior.variance} if orientation == 'fixed' else {'blocks': posterior.blocks}
        selected = largest(posterior.mean.mantissa, posterior.variance.mantissa)
        curves = uncertainty.coverage_curves(
            truth, posterior.mean, **spread, selected=selected, levels=(0.5, 0.9, 0.99)
        )
        print(
            f'{name:21} {orientation:6}',
            *('  '.join(f'{100 * x:6.1f}' for x in c.empirical) + '   ' for c in curves.values()),
        )


def of_sparse_sources(n_sets: int, processes: int) -> None:
    print(
        f'\n{ACTIVE} sources; % of truths inside regions of 90 %, {n_sets // 2} data sets; '
        f'recalibrated on {n_sets // 2} others'
    )
    titles = ('all', 'active', 'select.', 'pruned', 'factor', 'scale', 'isot.', 'factor', 'scale', 'isot.')
    print(f'{"":41} {"as it is":^31} {"active, recalibrated":^23} {"selected, recalibrated":^23}')
    print(f'{"solver":27} {"samples":>7} {"dB":>3} ', *(f'{title:>7}' for title in titles))
    with multiprocessing.get_context('spawn').Pool(processes) as pool:
        for n_times, snr_db in CONDITIONS:
            jobs = ((n_times, snr_db, seed) for seed in range(n_sets))
            truth, *found = (np.stack(x) for x in zip(*pool.starmap(recovered, jobs, chunksize=10), strict=True))
            sparse, dense = found[:2], found[2:]
            for name, mean, variance, of in (
                ('Champagne', *sparse, sparse),
                ('Champagne + minimum norm', sparse[0], sparse[1] + dense[1], sparse),
                ('BayesianMinimumNorm', *dense, dense),
            ):
                print(f'{name:27} {n_times:7} {snr_db:3} ', *row(truth, mean, variance, of), flush=True)


def row(truth: np.ndarray, mean: np.ndarray, variance: np.ndarray, selecting: list[np.ndarray]) -> list[str]:
    """Coverage of the second half of the data sets, as it is and recalibrated on the first."""
    half = len(truth) // 2
    chosen = {'active': truth != 0, 'selected': largest(*selecting)}
    test = [x[half:] for x in (truth, mean, variance)]
    curves = uncertainty.coverage_curves(*test, selected=chosen['selected'][half:])
    cells = [shown(curve) for curve in curves.values()]
    cells.append(f'{100 * curves["active"].n_certain / curves["active"].n:7.1f}')
    for mask in chosen.values():
        held_out = {'where': mask[:half]}
        try:
            scale = uncertainty.ScaleRecalibration().fit(*(x[:half] for x in (truth, mean, variance)), **held_out)
            cells += [f'{scale.factor:7.3g}', shown(scale.coverage(*test, where=mask[half:]))]
            isotonic = uncertainty.IsotonicRecalibration().fit(*(x[:half] for x in (truth, mean, variance)), **held_out)
            cells.append(shown(isotonic.coverage(*test, where=mask[half:])))
        except ValueError:
            # no factor makes a variance of 0 larger
            cells += ['      -'] * (3 - (len(cells) - 4) % 3)
    return cells


def largest(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """As many sources as there are active ones, those of the largest estimates; none that a solver left out."""
    if variance.shape[-1] == 3:
        mean, variance = np.linalg.norm(mean, axis=-1), variance.sum(axis=-1)
    return (mean**2 >= np.sort(mean**2, axis=-1)[..., [-ACTIVE]]) & (variance > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', default=['model', 'sparse'], choices=['model', 'sparse'])
    parser.add_argument('--sets', nargs=2, type=int, default=[2000, 800])
    parser.add_argument('--processes', type=int, default=3)
    options = parser.parse_args()
    if 'model' in options.parts:
        of_the_models(options.sets[0])
    if 'sparse' in options.parts:
        of_sparse_sources(options.sets[1], options.processes)


if __name__ == '__main__':
    main()
