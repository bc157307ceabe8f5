"""The command ``brainfwd``."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ['main']


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog='brainfwd', description='From neuron to sensor and back.')
    parser.add_argument('--version', action='version', version=f'brainfwd {version("brainfwd")}')
    commands = parser.add_subparsers(dest='command', required=True)
    demo = commands.add_parser(
        'demo',
        help='simulate EEG, MEG and BOLD of a real connectome, and estimate the sources',
        description='Simulates EEG, MEG and BOLD of a real connectome, estimates the sources of the EEG through '
        'another head, scores them, and writes recordings, figures and report.html.',
    )
    demo.add_argument('--out', type=Path, default=Path('brainfwd-demo'), help='folder to write to (%(default)s)')
    demo.add_argument(
        '--duration', type=_seconds, default=10.0, help='seconds of each segment, 9 at least (%(default)s)'
    )
    demo.add_argument('--seed', type=_seed, default=0, help='of noise and choice of regions (%(default)s)')
    options = parser.parse_args(arguments)
    try:
        return _demo(options)
    except (OSError, ImportError, RuntimeError, ValueError) as error:
        print(f'brainfwd: {error}', file=sys.stderr)
        return 1


def _demo(options: argparse.Namespace) -> int:
    import brainunit as u

    from brainfwd.demo import run_demo

    run_demo(options.out, options.duration * u.second, options.seed, progress=sys.stderr.isatty())
    return 0


def _seconds(text: str) -> float:
    """Long enough to estimate a covariance of 64 electrodes in a band of 5 Hz."""
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'a number of seconds; got {text!r}') from None
    if not 9 <= seconds <= 3600 or abs(seconds * 1000 / 2 - round(seconds * 1000 / 2)) > 1e-6:
        raise argparse.ArgumentTypeError(f'9 to 3600 seconds, a multiple of 2 ms; got {text}')
    return seconds


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f'a whole number from 0 to 2147483647; got {text!r}')
    return int(text)


if __name__ == '__main__':
    sys.exit(main())
