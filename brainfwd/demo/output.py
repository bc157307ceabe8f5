"""What the demo leaves behind: recordings, figures, a table, a report."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

from brainfwd import datasets, io, plot
from brainfwd.demo.bold import Bold
from brainfwd.experiment import Experiment, ExperimentResult, Trial, band_passed
from brainfwd.metrics import band_power
from brainfwd.records import Connectome
from brainfwd.report import Report, save_figure

__all__ = ['check_installed', 'save_bold', 'save_recordings', 'text_table', 'write']

_HEADER = ('region driven', 'solver', 'localisation error (mm)', 'AUC', 'AUC over sources', 'correlation')


def check_installed() -> None:
    """Refuse to begin what could not be written."""
    missing = [name for name in ('h5netcdf', 'h5py', 'matplotlib', 'tqdm', 'xarray') if find_spec(name) is None]
    if missing:
        raise ImportError(f"the demo needs {', '.join(missing)}: pip install 'brainfwd[demo]'.")


def save_recordings(out: Path, brain: Connectome, result: ExperimentResult) -> None:
    """EEG, MEG and the output of every region, NetCDF with units."""
    for name in ('eeg', 'meg'):
        io.save(result.recording(name), out / f'{name}.nc')
    times, values = _output(result)
    io.save(io.to_xarray_quantity(values, times, brain.labels, 'output'), out / 'regions.nc')


def save_bold(out: Path, brain: Connectome, bold: Bold) -> None:
    """BOLD of every region, NetCDF."""
    io.save(io.to_xarray_quantity(bold.signal, bold.times, brain.labels, 'bold'), out / 'bold.nc')


def text_table(result: ExperimentResult) -> str:
    """The scores, for a terminal."""
    rows = [_HEADER, *_rows(result)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join('  '.join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _rows(result: ExperimentResult) -> list[tuple[str, ...]]:
    return [
        (
            score.region,
            score.solver,
            f'{float(score.peak_error.to_decimal(u.mm)):.1f}',
            f'{score.auc:.2f}',
            f'{score.auc_sources:.2f}',
            f'{score.correlation:.2f}',
        )
        for score in result.scores
    ]


def _output(result: ExperimentResult) -> tuple[Any, Any]:
    """Times and output of all regions, segment after segment."""
    _, times, parts = zip(*result.segments(), strict=True)
    return _joined(np.concatenate, times), _joined(np.concatenate, parts)


def _joined(join: Callable, parts: Sequence[Any]) -> Any:
    """In NumPy, which keeps float64."""
    return u.Quantity(join([part.mantissa for part in parts]), unit=parts[0].unit)


def write(out: Path, brain: Connectome, experiment: Experiment, result: ExperimentResult, bold: Bold) -> None:
    """Figures as PNG, and one report that shows them all."""
    regions = [trial.region for trial in result.trials]
    segments = _segments(result)
    onset = segments[1][0]
    report = Report('brainfwd demo: from neuron to sensor and back')

    def show(name: str, figure: Any, caption: str, alt: str) -> None:
        report.figure(save_figure(figure, out / f'{name}.png'), caption, alt)

    report.text(
        f'{brain.n_regions} cortical regions of the Desikan-Killiany atlas, each a Jansen-Rit column, are coupled by a '
        'human connectome with the delays of its tracts at 6 m/s. After a segment of rest (mean input 80 Hz, spread '
        f'8 Hz), {", ".join(regions)} are driven in turn (220 Hz, spread 22 Hz), each time from the state at the end '
        'of rest. EEG and MEG are simulated with one head; sources are estimated from the EEG with another, whose '
        'skull conducts four times as well and whose electrodes are 5 mm off. '
        f'Seed {result.seed}.'
    )
    report.heading('Scores')
    report.table(
        _rows(result),
        _HEADER,
        'Of the 8-13 Hz power of each estimate. Localisation error: from the strongest source to the nearest source of '
        'the driven region. AUC: probability that the driven region shows more mean power than another region; over '
        'sources: that one of its sources shows more than a source elsewhere, which is harder, as folds hide parts of '
        'every region. Correlation: of true and estimated time course of the region, 8-13 Hz. The noise covariance is '
        'that of the rest segment in the band.',
    )

    report.heading('What the regions do')
    show('connectome', plot.connectome(brain), 'Weights and tract lengths.', 'Two matrices of 68 by 68 regions')
    times, values = _output(result)
    chosen = [brain.index(label) for label in regions]
    show(
        'regions',
        plot.region_time_series(times, values[:, np.array(chosen)], regions, segments),
        'Potential of the pyramidal cells in the driven regions.',
        'Traces in which each driven region oscillates in its segment',
    )

    report.heading('What the sensors see')
    for name in experiment.sensors:
        recording = result.recording(name)
        start, stop = onset - 1.0 * u.second, onset + 2.0 * u.second
        show(
            name,
            plot.time_series(recording, start, stop, segments=segments[:2]),
            f'{name.upper()} around the moment at which {regions[0]} begins to be driven; 0.5-200 Hz.',
            f'{name.upper()} traces over three seconds',
        )
        power = [band_power(trial.recordings[name], band=experiment.band) for trial in result.trials]
        show(
            f'{name}_topography',
            plot.topography(_stacked(power), recording.channels, regions, label='8-13 Hz power'),
            f'{name.upper()} power at 8-13 Hz while each region is driven.',
            'Maps of power over the head',
        )
    show(
        'spectrum',
        plot.spectrum(
            {'rest': result.rest['eeg'], **{trial.region: trial.recordings['eeg'] for trial in result.trials}},
            band=experiment.band,
        ),
        'Spectra of the EEG, mean over electrodes.',
        'Spectra of rest and driven segments',
    )

    report.heading('What was, and what the solvers say')
    cortex = datasets.load_cortex()
    for trial in result.trials:
        maps = {
            'truth': _true_density(trial, brain, experiment, result),
            **{name: np.sqrt(power) for name, power in trial.power.items()},
        }
        label = {
            'truth': 'dipole density (nA m/mm²)',
            **{n: 'moment (nA m)' if n == 'minimum norm' else f'{n}, no unit' for n in trial.power},
        }
        show(
            f'sources_{trial.region}',
            plot.on_cortex(maps, result.sources, cortex, brain.region_ids[brain.index(trial.region)], label),
            f'{trial.region} driven. Standard deviation at 8-13 Hz of what was simulated, and of the estimates. The '
            'outline is the driven region, the dot the strongest source.',
            'Four views of the cortex for the truth and each solver',
        )

    report.heading('BOLD')
    empirical = brain.functional_connectivity
    upper = np.triu_indices(brain.n_regions, 1)
    agreement = float(np.corrcoef(bold.connectivity[upper], empirical[upper])[0, 1])
    show(
        'bold',
        plot.bold(bold.times, bold.signal, brain.labels, show=regions),
        'A run of its own: five minutes, slow fluctuations of the drive, a volume every 2 s.',
        'BOLD of all regions in time',
    )
    show(
        'functional_connectivity',
        plot.functional_connectivity(
            {'simulated': bold.connectivity, 'empirical': empirical}, brain.labels, label='Correlation of BOLD'
        ),
        'Correlation of BOLD between regions, simulated and empirical. Nothing was fitted; the two correlate with '
        f'r = {agreement:.2f} over pairs of regions.',
        'Two matrices of correlations',
    )
    report.write(out / 'report.html')


def _segments(result: ExperimentResult) -> list[tuple[Any, Any, str]]:
    """Start, stop and name of each."""
    return [(times[0], times[-1], name) for name, times, _ in result.segments()]


def _stacked(power: list[Any]) -> Any:
    """Maps of several trials as one array, by type of channel."""
    if isinstance(power[0], dict):
        return {kind: _joined(np.stack, [each[kind] for each in power]) for kind in power[0]}
    return _joined(np.stack, power)


def _true_density(trial: Trial, brain: Connectome, experiment: Experiment, result: ExperimentResult) -> np.ndarray:
    """(sources,) standard deviation in the band of the dipole density, in nA m/mm2."""
    scale = experiment.sensors[experiment.invert].scale
    density = (trial.output * scale).to_decimal(u.nA * u.meter / u.mm**2)
    period = result.rest[experiment.invert].sampling_period
    spread = band_passed(density, period, experiment.band).std(axis=0)
    sources, values = result.sources, np.zeros(result.sources.n_sources)
    for region, value in zip(brain.region_ids, spread, strict=True):
        values[sources.in_region(region)] = value
    return values
