"""The time axis of a record: a first time and a period, from which every time is computed by whole numbers."""

from typing import Any

import brainunit as u
import numpy as np

from brainfwd.records.base import scalar

__all__ = ['check_axis', 'slice_of', 'times_of']

# a fraction of the period: far above rounding, far below anything meant
_TOLERANCE = 1e-3


def check_axis(sampling_period: Any, start: Any, owner: str) -> tuple[u.Quantity, u.Quantity]:
    """Period and start in s; an error when the period is not positive."""
    period = scalar(sampling_period, u.second, f'{owner}(sampling_period=...)', 'the time between samples')
    if period.mantissa <= 0:
        raise ValueError(f'{owner}(sampling_period=...) must be positive; got {sampling_period}.')
    return period, scalar(start, u.second, f'{owner}(start=...)', 'the time of the first sample')


def times_of(record: Any) -> u.Quantity:
    """(times,) in s, float64."""
    period, start = record.sampling_period.mantissa, record.start.mantissa
    first = round(start / period)
    count = np.arange(record.n_times)
    # whole multiples of the period are not summed with the start: 0.3 instead of 0.1 + 0.2
    on_grid = abs(first * period - start) <= 1e-9 * period
    return u.Quantity((first + count) * period if on_grid else start + count * period, unit=u.second)


def slice_of(record: Any, start: Any, stop: Any, where: str) -> tuple[slice, u.Quantity]:
    """The samples with ``start <= t < stop``, and the time of the first of them.

    A sample stands at the end of its period: what begins at 0 s, and has its first sample at 2 ms, holds 0 s.
    """
    period, begin, n = record.sampling_period.mantissa, record.start.mantissa, record.n_times

    def index(time: Any, name: str, default: int) -> int:
        if time is None:
            return default
        seconds = scalar(time, u.second, f'{where}({name}=...)', 'a time').mantissa
        position = (seconds - begin) / period
        if not -1 - _TOLERANCE <= position <= n + _TOLERANCE:
            raise ValueError(f'{where}({name}=...) lies in {begin:g} s to {begin + n * period:g} s; got {seconds:g} s.')
        return max(int(np.ceil(position - _TOLERANCE)), 0)

    first, last = index(start, 'start', 0), index(stop, 'stop', n)
    if last <= first:
        raise ValueError(f'{where}(start={start}, stop={stop}) holds no sample.')
    return slice(first, last), u.Quantity(begin + first * period, unit=u.second)
