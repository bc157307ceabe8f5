"""The EEG part of the demo over several seeds: how far off the peak is, and how well the driven region stands out.

    python benchmarks/demo_seeds.py [--seeds 10]

A solver meets the bar of a seed when, for all three driven regions, the peak lies within 20 mm and the area under the
ROC curve is above 0.8.
"""

import argparse
import statistics

import brainunit as u

from brainfwd import datasets
from brainfwd.demo.run import DRIVE, REST, SEGMENT, SETTLE, eeg_experiment, regions_to_drive
from brainfwd.experiment import Score

FAR, LEAST = 20.0, 0.8  # mm, area under the curve


def numbers(score: Score) -> tuple[float, float, float, float]:
    """Peak error in mm, AUC over regions and over sources, correlation."""
    return float(score.peak_error.to_decimal(u.mm)), score.auc, score.auc_sources, score.correlation


def shown(values: tuple[float, ...]) -> str:
    """Four columns."""
    return '{:14.1f}{:8.2f}{:14.2f}{:13.2f}'.format(*values)


def met(scores: list[Score]) -> bool:
    """Whether every peak is near, and every driven region stands out."""
    return all(error <= FAR and auc > LEAST for error, auc, *_ in map(numbers, scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, default=10)
    seeds = parser.parse_args().seeds
    brain = datasets.load_connectome().cortical().normalized()
    experiment = eeg_experiment(brain)
    by_solver: dict[str, list[list[Score]]] = {name: [] for name in experiment.solvers}
    columns = 'peak error, mm     AUC  AUC, sources  correlation'
    print(f'seed  {"solver":<14}{"driven":<8}{columns}')
    for seed in range(seeds):
        driven = regions_to_drive(brain, seed)
        result = experiment.run(driven, REST, DRIVE, SEGMENT, transient=SETTLE, seed=seed)
        for name, of_seeds in by_solver.items():
            of_seeds.append([score for score in result.scores if score.solver == name])
            for score in of_seeds[-1]:
                print(f'{seed:>4}  {name:<14}{score.region:<8}{shown(numbers(score))}', flush=True)
    bar = f'all three peaks within {FAR:g} mm and every AUC > {LEAST:g}'
    print(f'\nmedians over {3 * seeds} driven regions; met: seeds with {bar}')
    print(f'{"solver":<14}     met     {columns}')
    for name, of_seeds in by_solver.items():
        medians = map(statistics.median, zip(*[numbers(s) for scores in of_seeds for s in scores], strict=True))
        print(f'{name:<14}{sum(map(met, of_seeds)):>4} of {seeds:<6}{shown(tuple(medians))}')


if __name__ == '__main__':
    main()
