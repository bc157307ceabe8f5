"""Simulate, observe, invert through another head, score."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd import metrics
from brainfwd._core import checks
from brainfwd._core.module import set_parameter
from brainfwd.forward import LeadFieldModel
from brainfwd.inverse import InverseSolver
from brainfwd.records import Connectome, CrossSpectrum, LeadField, NoiseCovariance, Recording, SourceSpace
from brainfwd.simulator import Monitor, Result, Simulator

__all__ = ['Experiment', 'ExperimentResult', 'Score', 'Trial', 'band_passed']

_EDGE = 1.0 * u.second
"""Left out at both ends of a segment, where filters and the network settle."""


@dataclass(frozen=True)
class Score:
    """How one solver did on one driven region.

    Attributes
    ----------
    peak_error : Quantity
        Distance in mm from the strongest source to the nearest source of the driven region.
    auc : float
        Probability that the driven region shows more mean power than another region: area under the ROC curve.
    auc_sources : float
        The same for single sources: harder, as folding hides parts of every region.
    correlation : float
        Of the true and the estimated time course of the region in the band.
    """

    solver: str
    region: str
    peak_error: Any
    auc: float
    auc_sources: float
    correlation: float


@dataclass(frozen=True, eq=False)
class Trial:
    """One region driven: what was recorded, what was true, what the solvers say.

    Every trial begins where rest stopped, and so do its times.
    """

    region: str
    recordings: dict[str, Recording]
    output: Any
    """(times, regions) what the network did."""
    times: Any
    power: dict[str, np.ndarray]
    """By solver, (sources,) mean square of the estimate in the band."""
    scores: list[Score]


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """A rest segment, a trial per driven region, and the scores."""

    rest: Result
    trials: list[Trial]
    noise_cov: NoiseCovariance
    sources: SourceSpace
    seed: int

    @property
    def scores(self) -> list[Score]:
        """All of them, trial by trial."""
        return [score for trial in self.trials for score in trial.scores]

    def segments(self) -> list[tuple[str, Any, Any]]:
        """Rest and trials one after the other: name, times as if each followed the one before, and output."""
        rest = self.rest.times_of('output')
        length = self.trials[0].times[-1] - rest[-1]
        each = [(trial.region, trial.times + i * length, trial.output) for i, trial in enumerate(self.trials)]
        return [('rest', rest, self.rest['output']), *each]

    def recording(self, sensor: str) -> Recording:
        """Rest and trials one after the other, as one recording with the times of `segments`."""
        parts = [self.rest[sensor]]
        for trial, (_, times, _) in zip(self.trials, self.segments()[1:], strict=True):
            start = trial.recordings[sensor].start + (times[0] - trial.times[0])
            parts.append(dataclasses.replace(trial.recordings[sensor], start=start))
        return Recording.concatenate(parts)


class Experiment:
    """Regions are driven in turn; sensors record; solvers estimate the sources; scores compare them with the truth.

    Every trial begins where rest stopped, with noise of its own, so that one region differs from rest and no other: a
    column that was driven need not come back by itself (Jansen-Rit columns at p = 80 Hz have a second stable state).

    The covariance of the undriven segment, in the band, is what the solvers take as noise: it holds the background of
    the brain beside the noise of the sensors. Beamformers are fitted to the covariance of each trial besides.

    Parameters
    ----------
    simulator : Simulator
        Of a network of these regions.
    regions : Connectome
        The regions, in the order of the network.
    sensors : dict of LeadFieldModel
        What records, by name.
    invert : str
        The sensor whose recordings are inverted.
    lead_field : LeadField
        What the solvers invert with: another head than the one of the sensors.
    solvers : dict of InverseSolver
        By name.
    band : tuple of Quantity
        Frequencies in which sources are estimated.
    """

    def __init__(
        self,
        simulator: Simulator,
        regions: Connectome,
        sensors: Mapping[str, LeadFieldModel],
        lead_field: LeadField,
        solvers: Mapping[str, InverseSolver],
        invert: str = 'eeg',
        band: tuple[Any, Any] = (8.0 * u.Hz, 13.0 * u.Hz),
    ):
        self.simulator = simulator
        self.regions = regions
        self.sensors = dict(sensors)
        self.invert = checks.choice(invert, self.sensors, 'Experiment(invert)')
        self.lead_field = lead_field
        if not isinstance(solvers, Mapping):
            raise TypeError(
                f"Experiment(solvers) is a dict such as {{'sLORETA': solver}}; got {type(solvers).__name__}."
            )
        low, high = (checks.quantity(f, u.Hz, 'Experiment(band)', 'a frequency') for f in band)
        if not 0 < low.mantissa < high.mantissa:
            raise ValueError(f'Experiment(band) goes from a lower to a higher frequency; got {low} to {high}.')
        self.solvers = dict(solvers)
        self.band = (low, high)
        if simulator.network.in_size != (regions.n_regions,):
            raise checks.ShapeError(
                f'Experiment(regions) are those of the network, {simulator.network.in_size}; got {regions.n_regions}.'
            )
        names, known = lead_field.channels.names, self.sensors[invert].channels.names
        if set(names) != set(known):
            raise ValueError(
                f'Experiment(lead_field) has the channels of the sensor {invert!r}, {len(known)}; got {len(names)}, of '
                f'which {len(set(names) & set(known))} are the same.'
            )
        if lead_field.head == self.sensors[invert].head:
            raise ValueError(
                'Experiment(lead_field) is the head that the sensors were simulated with: an inverse crime. '
                "Take another, such as bf.datasets.load_lead_field('eeg', head='second')."
            )

    def run(
        self,
        driven: Sequence[str],
        rest: Mapping[str, Any],
        drive: Mapping[str, Any],
        duration: u.Quantity,
        transient: u.Quantity | None = None,
        seed: int | None = None,
        progress: bool = False,
    ) -> ExperimentResult:
        """Record rest, then each driven region in turn, for ``duration`` each.

        Parameters
        ----------
        driven : sequence of str
            Labels of regions.
        rest, drive : dict
            Values of parameters of the network by name, as ``{'noise.p.mean': 80 * u.Hz}``: everywhere at rest, and in
            the region that is driven.
        duration, transient : Quantity
            Of each segment; and before the first, left out.
        seed : int, optional
            Of all noise.
        """
        if set(rest) != set(drive):
            raise ValueError(
                f'Experiment.run: rest and drive set the same parameters; got {list(rest)} and {list(drive)}.'
            )
        duration = checks.quantity(duration, u.second, 'Experiment.run(duration)', 'the length of a segment')
        if duration < self.shortest:
            raise ValueError(
                f'Experiment.run(duration) is {self.shortest} at least, to estimate the covariance of '
                f'{len(self.lead_field.channels)} channels in a band of {self.band[1] - self.band[0]}; got {duration}.'
            )
        index = {label: self.regions.index(label) for label in driven}
        if not index:
            raise ValueError('Experiment.run(driven) names the regions to drive, one at least; got none.')
        # every setting is tried before anything is simulated
        self._set(rest, drive)
        period = self.sensors[self.invert].sampling_period
        monitors = {**self.sensors, 'output': Monitor('output', sampling_period=period)}
        run = functools.partial(self.simulator.run, duration, monitors=monitors, progress=progress)

        self._set(rest)
        rested = run(transient=transient, seed=seed)
        undriven = self._in_band(rested[self.invert])
        noise_cov = NoiseCovariance.from_recording(undriven)
        for solver in self.solvers.values():
            if not _learns(solver):
                solver.fit(self.lead_field, noise_cov)
        trials = []
        for number, (label, region) in enumerate(index.items()):
            self._set(rest, drive, region)
            own = int(np.random.SeedSequence([rested.seed, number]).generate_state(1)[0]) >> 1
            trials.append(self._trial(label, region, run(resume=rested, seed=own), undriven))
        self._set(rest)
        return ExperimentResult(rested, trials, noise_cov, self.lead_field.sources, rested.seed)

    @property
    def shortest(self) -> u.Quantity:
        """The shortest segment: a band of width B has 2 B independent samples a second, and each channel needs one."""
        samples = len(self.lead_field.channels)
        return (samples / (2 * (self.band[1] - self.band[0])) + 2 * _EDGE).in_unit(u.second)

    def _set(self, rest: Mapping[str, Any], drive: Mapping[str, Any] | None = None, region: int = 0) -> None:
        for name, value in rest.items():
            unit = u.get_unit(value)
            numbers = np.full(self.regions.n_regions, u.get_mantissa(value), float)
            if drive is not None:
                driven = checks.quantity(drive[name], unit, f'Experiment.run(drive={{{name!r}: ...}})')
                numbers[region] = u.get_mantissa(driven)
            set_parameter(self.simulator.network, name, numbers if unit.is_unitless else u.Quantity(numbers, unit=unit))

    def _in_band(self, recording: Recording) -> Recording:
        """The recording in the band, without its ends."""
        data = band_passed(recording.data_si, recording.sampling_period, self.band)
        edge = round(_EDGE / recording.sampling_period)
        return dataclasses.replace(
            recording,
            data_si=data[edge:-edge],
            start=recording.start + edge * recording.sampling_period,
            band=self.band,
        )

    def _varies(self, recording: Recording, solver: InverseSolver) -> NoiseCovariance | CrossSpectrum:
        """How the sensors vary together, as a solver wants to know it."""
        if solver.data_record is CrossSpectrum:
            return metrics.cross_spectrum(recording, self.band)
        return recording.covariance()

    def _trial(self, label: str, region: int, result: Result, undriven: Recording) -> Trial:
        recording = self._in_band(result[self.invert])
        sources, region_ids = self.lead_field.sources, self.regions.region_ids
        members = np.stack([sources.in_region(i) for i in region_ids])
        # the scale has the sign of the dipole
        scale = self.sensors[self.invert].scale
        moment = u.get_mantissa(result['output'] if scale is None else result['output'] * scale)[:, region]
        edge = round(_EDGE / recording.sampling_period)
        truth = band_passed(moment, recording.sampling_period, self.band)[edge:-edge]
        power, scores = {}, []
        for name, solver in self.solvers.items():
            if _learns(solver):
                of_noise, of_data = (self._varies(each, solver) for each in (undriven, recording))
                solver.fit(self.lead_field, of_noise, data_cov=of_data)
            estimate = solver.update(recording)
            map_ = power[name] = np.square(u.get_mantissa(estimate.data)).mean(axis=0)
            of_regions = map_ @ sources.mean_over(region_ids)
            course = u.get_mantissa(estimate.in_regions(region_ids[region : region + 1]))[:, 0]
            scores.append(
                Score(
                    solver=name,
                    region=label,
                    peak_error=metrics.peak_localisation_error(map_, sources, members[region]),
                    auc=float(metrics.auc(of_regions, region)),
                    auc_sources=float(metrics.auc(map_, members[region])),
                    correlation=float(metrics.correlation(course, truth)),
                )
            )
        recordings = {name: result[name] for name in self.sensors}
        return Trial(label, recordings, result['output'], result.times_of('output'), power, scores)


def _learns(solver: InverseSolver) -> bool:
    """Whether it is fitted to the data of a trial, too: beamformers, and regularisation that the data choose."""
    return solver.needs_data or solver.regularisation is not None


def band_passed(values: Any, sampling_period: u.Quantity, band: tuple[Any, Any]) -> np.ndarray:
    """Time first, filtered forth and back (Butterworth, fourth order), so that nothing is delayed."""
    from scipy.signal import butter, sosfiltfilt

    rate = 1 / float(sampling_period.to_decimal(u.second))
    edges = [float(edge.to_decimal(u.Hz)) for edge in band]
    return sosfiltfilt(butter(4, edges, 'bandpass', fs=rate, output='sos'), np.asarray(values, float), axis=0)
