"""Lead fields of a spherical head, and the same by MNE-Python: time and memory.

    taskset -c 0,1 python benchmarks/forward.py [--sources 5124] [--cases spheres mne]

Free orientation, the 306 channels of a helmet and 64 electrodes. Each case runs in a process of its own; times are of
the first call (compilation included) and of a second one, memory is the largest above that before the first.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import brainunit as u
import numpy as np

import brainfwd as bf
from brainfwd.forward import COILS, SphericalHead
from brainfwd.records import Channels, SourceSpace


def sensors(head: SphericalHead) -> Channels:
    """The shipped helmet, and the shipped electrodes put on the sphere: off it, MNE-Python computes something else."""
    meg, eeg = (bf.datasets.load_lead_field(kind).channels for kind in ('meg', 'eeg'))
    away = eeg.positions.mantissa - head.centre.mantissa
    electrodes = head.centre.mantissa + 0.09 * away / np.linalg.norm(away, axis=1, keepdims=True)
    places = np.concatenate([meg.positions.mantissa, electrodes]) * u.meter
    axes = np.concatenate([meg.coil_axes, np.zeros((len(eeg), 3, 3))])
    return Channels(meg.names + eeg.names, meg.types + eeg.types, places, meg.coils + ('',) * len(eeg), axes)


def sources(head: SphericalHead, n: int) -> SourceSpace:
    """Spread evenly over the innermost sphere."""
    rng = np.random.default_rng(0)
    out = rng.normal(size=(n, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    places = head.centre.mantissa + 0.079 * rng.uniform(size=(n, 1)) ** (1 / 3) * out
    one = np.ones(n)
    return SourceSpace(places * u.meter, out, one * u.mm**2, 0 * one, np.arange(n), 0 * one)


def spheres(head: SphericalHead, space: SourceSpace, channels: Channels) -> Callable[[], np.ndarray]:
    """`SphericalHead.lead_field`."""
    return lambda: head.lead_field(space, channels).gain_si


def by_mne(head: SphericalHead, space: SourceSpace, channels: Channels) -> Callable[[], np.ndarray]:
    """`mne.make_forward_solution` with a sphere model of the same shells."""
    import mne

    mne.set_log_level('error')
    info = mne.create_info(list(channels.names), 1000.0, list(channels.types))
    info.set_montage(
        mne.channels.make_dig_montage(
            {channels.names[i]: channels.positions.mantissa[i] for i in channels.indices('eeg')}, coord_frame='head'
        )
    )
    with info._unlock():
        info['dev_head_t'] = mne.transforms.Transform('meg', 'head', np.eye(4))
    for i, name in enumerate(channels.coils):
        if name:
            loc = np.concatenate([channels.positions.mantissa[i], channels.coil_axes[i].ravel()])
            info['chs'][i].update(loc=loc, coil_type=COILS[name].fiff, coord_frame=1)
    grid = {'rr': space.positions.mantissa, 'nn': space.normals}
    src = mne.setup_volume_source_space(pos=grid, sphere_units='m')
    shells = {'relative_radii': head.radii.mantissa / 90, 'sigmas': head.conductivities.mantissa}

    def solve() -> np.ndarray:
        sphere = mne.make_sphere_model(head.centre.mantissa, 0.09, **shells)
        solution = mne.make_forward_solution(info, trans=None, src=src, bem=sphere, mindist=0.0)
        order = [solution['sol']['row_names'].index(name) for name in channels.names]
        return solution['sol']['data'][order].reshape(len(channels), space.n_sources, 3)

    return solve


CASES = {'spheres': ('brainfwd, series', spheres), 'mne': ('MNE-Python, three dipoles', by_mne)}


def measure(case: str, n: int) -> tuple[float, float, float, np.ndarray]:
    """Seconds of the first and of a second call, MB, and every hundredth source of what came out."""
    head = SphericalHead()
    run = CASES[case][1](head, sources(head, n), sensors(head))
    before, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
    for _ in range(2):
        began = time.perf_counter()
        gain = run()
        times.append(time.perf_counter() - began)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return times[0], times[1], used / 1024, gain[:, ::100]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sources', type=int, default=5124)
    parser.add_argument('--cases', nargs='+', choices=CASES, default=list(CASES))
    args = parser.parse_args()
    gains = {}
    for case in args.cases:
        if case == 'mne':
            try:
                version('mne')
            except PackageNotFoundError:
                print('MNE-Python is not installed')
                continue
        # spawned: the memory of the largest case so far would be inherited
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            first, second, megabytes, gains[case] = pool.apply(measure, (case, args.sources))
        print(f'{CASES[case][0]:<28} {first:6.2f} s  {second:6.2f} s  {megabytes:6.0f} MB')
    if len(gains) == 2:
        types = np.array(sensors(SphericalHead()).types)
        for kind in ('eeg', 'mag', 'grad'):
            ours, theirs = (gains[case][types == kind] for case in ('spheres', 'mne'))
            print(f'{kind}: they differ by {np.linalg.norm(ours - theirs) / np.linalg.norm(theirs):.1e}')
