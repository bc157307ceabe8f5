"""How far a gradient through a simulation carries: the figure and the table of docs/gradients.md.

    python benchmarks/gradient_horizon.py [docs/figures/gradient_horizon.png]

Two networks of 68 regions with delays, a Hopf network on its limit cycle and a Jansen-Rit network that is chaotic, from
eight initial states each. The derivative by the strength of the coupling, k, of the squared output is taken through all
steps up to a horizon T: of its value at T (root mean square over regions), and of its mean over regions from 0 to T.
The true slope is that of long means, by a central difference of two runs.
"""

import argparse
from typing import Any, NamedTuple

import brainstate
import brainunit as u
import jax
import numpy as np

import brainfwd as bf
from brainfwd.plot.style import GREY, PALETTE, figure

MEMBERS, PERIOD, LONGEST = 8, 5.0 * u.ms, 30.0 * u.second
SHOWN = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # s


class Case(NamedTuple):
    """A network, and the value of k at which the derivative is taken."""

    name: str
    network: bf.Network
    k: float
    inputs: dict[str, Any]
    unit: u.Unit
    symbol: str


class Curves(NamedTuple):
    """Derivatives by horizon, (members, times), and the true slope with its standard error."""

    times: np.ndarray
    at_end: np.ndarray
    mean: np.ndarray
    slope: float
    error: float


def cases() -> list[Case]:
    """The two networks, with initial states that differ between members."""
    brain = bf.datasets.load_connectome().cortical().normalized()
    n, rng = brain.n_regions, np.random.default_rng(0)
    tracts = dict(tract_lengths=brain.tract_lengths, conduction_speed=6 * u.meter / u.second)
    hopf = bf.Network(
        bf.HopfOscillator(n, a=0.25, frequency=10 * u.Hz, tau=50 * u.ms),
        bf.DiffusiveCoupling(brain.weights, k=0.5, **tracts),
    )
    hopf.node.init_x = rng.normal(0.4, 0.05, (MEMBERS, n))
    column = bf.Network(
        bf.JansenRitModel(n), bf.AdditiveCoupling(brain.weights, k=10.0, source='firing_rate', **tracts)
    )
    column.node.init_y1 = rng.uniform(0, 15, (MEMBERS, n)) * u.mV
    return [
        Case('Hopf, limit cycle', hopf, 0.5, {}, u.UNITLESS, ''),
        Case('Jansen-Rit, chaos', column, 10.0, {'p': 110 * u.Hz}, u.mV, ' (mV²)'),
    ]


def through_time(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizons in s, and both derivatives, all horizons in one pass."""
    simulation = bf.Simulator(case.network, dt=0.5 * u.ms).simulation(
        LONGEST, inputs=case.inputs, sampling_period=PERIOD, batch_size=MEMBERS
    )

    def output(k):
        return u.get_mantissa(simulation({'coupling.0.k': k})['output'])  # (time, batch, regions)

    y, dy = map(np.asarray, jax.jvp(output, (case.k,), (1.0,)))
    slopes = 2 * y * dy
    times = simulation.times['output'].mantissa
    cycle = round(0.1 / times[0])  # over which the value at T is smoothed: its slope passes through zero
    square = np.apply_along_axis(np.convolve, 0, (slopes**2).mean(axis=2), np.ones(cycle) / cycle)[: len(times)]
    return times, np.sqrt(square).T, (slopes.mean(axis=2).cumsum(axis=0).T / np.arange(1, len(times) + 1))


def of_long_means(case: Case) -> tuple[float, float]:
    """The slope of the mean square over 30 s after 30 s, over all members and regions, and its standard error."""
    means = []
    for k in (0.95 * case.k, 1.05 * case.k):
        case.network.coupling[0].k = k
        y = bf.Simulator(case.network, dt=0.5 * u.ms).run(
            LONGEST, inputs=case.inputs, transient=30 * u.second, sampling_period=PERIOD, batch_size=MEMBERS
        )['output']
        means.append((u.get_mantissa(y) ** 2).mean(axis=(1, 2)))
    case.network.coupling[0].k = case.k
    low, high = means
    return (high - low).mean() / (0.1 * case.k), np.hypot(low.std(), high.std()) / (0.1 * case.k * MEMBERS**0.5)


def leaves(curve: np.ndarray, times: np.ndarray, slope: float) -> float | None:
    """The horizon from which on a curve stays above twice the true slope; None where it does not."""
    within = np.flatnonzero(curve <= 2 * abs(slope))
    if not len(within):
        return times[0]
    return None if within[-1] + 1 >= len(curve) else times[within[-1] + 1]


def drawn(found: dict[str, tuple[Case, Curves]]) -> Any:
    """A panel per network."""
    fig = figure(9.6, 4.0)
    for axis, (name, (case, curves)) in zip(fig.subplots(1, 2), found.items(), strict=True):
        some = np.unique(np.geomspace(SHOWN[0] / curves.times[0], len(curves.times), 250).astype(int)) - 1
        for values, colour, label in (
            (curves.at_end, PALETTE[1], 'value at T, rms over regions'),
            (curves.mean, PALETTE[0], 'mean from 0 to T'),
        ):
            median = np.median(abs(values), axis=0)
            axis.loglog(curves.times[some], abs(values).T[some], color=colour, linewidth=0.5, alpha=0.25)
            axis.loglog(curves.times[some], median[some], color=colour, linewidth=1.6, label=label)
            beyond = leaves(median, curves.times, curves.slope)
            if beyond is not None:
                axis.plot(
                    beyond, 2 * abs(curves.slope), 'o', color=colour, markersize=8, markeredgecolor='white', zorder=5
                )
        axis.axhline(abs(curves.slope), color='black', linestyle='--', linewidth=1.2, label='true slope of long means')
        axis.set_xlim(SHOWN[0], SHOWN[-1])
        axis.set_ylim(bottom=abs(curves.slope) / 20)
        axis.set_xticks(SHOWN, [f'{t:g}' for t in SHOWN])
        axis.set_title(name, fontsize=11)
        axis.set_xlabel('Horizon T (s)')
        axis.set_ylabel(f'|d y² / d k|{case.symbol}')
        axis.grid(which='major', color=GREY, alpha=0.3, linewidth=0.5)
        axis.spines[['top', 'right']].set_visible(False)
    fig.axes[1].legend(frameon=False, fontsize=9, loc='upper left')
    return fig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('path', nargs='?', default='docs/figures/gradient_horizon.png')
    path = parser.parse_args().path
    brainstate.environ.set(precision=64)
    found = {}
    print(f'{"|d y^2 / d k|":<42}' + ''.join(f'{f"T = {t:g} s":>12}' for t in SHOWN) + f'{"beyond, s":>12}')
    for case in cases():
        curves = Curves(*through_time(case), *of_long_means(case))
        found[case.name] = case, curves
        for values, what in ((curves.at_end, 'value at T'), (curves.mean, 'mean from 0 to T')):
            median = np.median(abs(values), axis=0)
            row = ''.join(f'{np.interp(t, curves.times, median):12.2g}' for t in SHOWN)
            beyond = leaves(median, curves.times, curves.slope)
            print(f'{case.name + ", " + what:<42}{row}{"-" if beyond is None else f"{beyond:.1f}":>12}', flush=True)
        agree = (np.sign(curves.mean) == np.sign(curves.slope)).sum(axis=0)
        row = ''.join(f'{agree[np.searchsorted(curves.times, t - 1e-6)]:12d}' for t in SHOWN)
        print(f'{"    members with the sign of the long means":<42}{row}')
        print(f'{case.name + ", long means":<42}{abs(curves.slope):12.2g} +- {curves.error:.2g}\n')
    drawn(found).savefig(path)


if __name__ == '__main__':
    main()
