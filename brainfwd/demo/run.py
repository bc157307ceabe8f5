"""Simulate, observe, recover, score: the first loop through the whole package, on a real connectome and two real heads.

Every setting stands here once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import brainunit as u
import numpy as np

from brainfwd import datasets
from brainfwd._core.units import uV
from brainfwd.demo.bold import simulate_bold
from brainfwd.demo.network import network
from brainfwd.experiment import Experiment, ExperimentResult
from brainfwd.forward import EEGLeadFieldModel, MEGLeadFieldModel
from brainfwd.inverse import DSPM, SLORETA, MinimumNorm
from brainfwd.records import Connectome, LeadField, NoiseCovariance
from brainfwd.simulator import Simulator

__all__ = ['eeg_experiment', 'regions_to_drive', 'run_demo', 'superficial_regions']

REST = {'noise.p.mean': 80.0 * u.Hz, 'noise.p.std': 8.0 * u.Hz}
DRIVE = {'noise.p.mean': 220.0 * u.Hz, 'noise.p.std': 22.0 * u.Hz}
BAND = (8.0 * u.Hz, 13.0 * u.Hz)
SEGMENT = 10.0 * u.second
SETTLE = 2.0 * u.second
DIPOLES = -0.024 * u.nA * u.meter / (u.mV * u.mm**2)
"""Moment per area of cortex and millivolt; negative: the dipole of an apical excitatory potential points inward."""
SAMPLING = 2.0 * u.ms
SENSOR_NOISE = {
    'eeg': 0.1 * uV / u.Hz**0.5,
    'mag': 3.0 * u.ftesla / u.Hz**0.5,
    'grad': 3.0 * u.ftesla / u.cmeter / u.Hz**0.5,
}
"""Spectral densities, typical of laboratories."""


def sensor_noise(lead_field: LeadField) -> NoiseCovariance:
    """White noise of the densities above, up to half the sampling rate."""
    bandwidth = (0.5 / SAMPLING).in_unit(u.Hz)
    std = {kind: SENSOR_NOISE[kind] * bandwidth**0.5 for kind in lead_field.channels.kinds}
    return NoiseCovariance.diagonal(std, lead_field.channels)


def superficial_regions(brain: Connectome, head: LeadField, least_area: Any = 1000.0 * u.mm**2) -> list[str]:
    """Regions larger than ``least_area`` whose sources lie nearer to the electrodes than those of most regions."""
    sources = head.sources
    to_electrode = np.linalg.norm(
        sources.positions.to_decimal(u.mm)[:, None] - head.channels.positions.to_decimal(u.mm), axis=-1
    ).min(axis=1)
    areas = sources.areas.to_decimal(u.mm**2)
    members = [sources.in_region(i) for i in brain.region_ids]
    depth = np.array([np.average(to_electrode[m], weights=areas[m]) for m in members])
    large = np.array([areas[m].sum() for m in members]) > least_area.to_decimal(u.mm**2)
    return [brain.labels[i] for i in np.flatnonzero(large & (depth < np.median(depth)))]


def regions_to_drive(brain: Connectome, seed: int, n: int = 3) -> list[str]:
    """Superficial regions, drawn by the seed."""
    superficial = superficial_regions(brain, datasets.load_lead_field('eeg'))
    return [superficial[i] for i in np.random.default_rng(seed).choice(len(superficial), n, replace=False)]


def eeg_experiment(brain: Connectome) -> Experiment:
    """EEG and MEG of one head; sources estimated from the EEG with another head."""
    head, meg = datasets.load_lead_field('eeg'), datasets.load_lead_field('meg')
    common = {'regions': brain, 'dipole_scale': DIPOLES, 'sampling_period': SAMPLING}
    return Experiment(
        Simulator(network(brain, 10.0 * u.Hz / u.mV, **_drive_at_rest(), tau=10.0 * u.ms), dt=0.1 * u.ms),
        regions=brain,
        sensors={
            'eeg': EEGLeadFieldModel.from_lead_field(head, reference='average', noise_cov=sensor_noise(head), **common),
            'meg': MEGLeadFieldModel.from_lead_field(meg, noise_cov=sensor_noise(meg), **common),
        },
        lead_field=datasets.load_lead_field('eeg', head='second'),
        solvers={'minimum norm': MinimumNorm(snr=3.0), 'dSPM': DSPM(snr=3.0), 'sLORETA': SLORETA(snr=3.0)},
        band=BAND,
    )


def _drive_at_rest() -> dict[str, Any]:
    return {'mean': REST['noise.p.mean'], 'std': REST['noise.p.std']}


def run_demo(
    out: Path, duration: Any = SEGMENT, seed: int = 0, progress: bool = False, say: Callable[[str], None] = print
) -> ExperimentResult:
    """Run everything, and write recordings, figures and report into ``out``.

    Parameters
    ----------
    out : Path
        A folder; made if it is not there.
    duration : Quantity
        Of rest, and of each driven segment.
    seed : int
        Of all noise, and of the choice of regions; the same seed gives the same numbers.
    say : callable
        Gets one line at a time.

    Raises
    ------
    ImportError, OSError
        What the demo needs is not installed, or the folder cannot be written; before anything is computed.
    """
    from brainfwd.demo import output

    output.check_installed()
    out = writable(out)
    brain = datasets.load_connectome().cortical().normalized()
    experiment = eeg_experiment(brain)
    driven = regions_to_drive(brain, seed)

    length = f'{float(duration.to_decimal(u.second)):g} s'
    say(f'EEG and MEG of {brain.n_regions} regions, {length} each: rest, then {", ".join(driven)} driven')
    result = experiment.run(driven, REST, DRIVE, duration, transient=SETTLE, seed=seed, progress=progress)
    output.save_recordings(out, brain, result)

    say('BOLD of five minutes, a volume every 2 s')
    bold = simulate_bold(brain, seed, progress=progress)
    output.save_bold(out, brain, bold)

    say('figures and report')
    output.write(out, brain, experiment, result, bold)
    say(output.text_table(result))
    say(f'see {out / "report.html"}')
    return result


def writable(out: Path) -> Path:
    """The folder, made if it was not there; an error if nothing can be written into it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / '.brainfwd'
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f'--out is a folder that can be written; {out} cannot: {error.strerror}.') from error
    return out
