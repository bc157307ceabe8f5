"""What a solver says about the sources."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, finite
from brainfwd.records.base import frozen_quantity, keep
from brainfwd.records.source_space import SourceSpace
from brainfwd.records.time_axis import check_axis, slice_of, times_of

__all__ = ['SourceEstimate']


@dataclass(frozen=True, eq=False, repr=False)
class SourceEstimate:
    """Estimated activity of each source in time.

    Parameters
    ----------
    data : Quantity or array
        (times, sources); nA m for minimum norm, a plain array for maps without a unit (dSPM, sLORETA).
    sources : SourceSpace
        The sources, in the order of the last axis.
    sampling_period : Quantity
        Time from one sample to the next.
    start : Quantity
        Time of the first sample.
    method : str
        The solver it comes from.

    Raises
    ------
    ShapeError, UnitError, ValueError
        A shape that does not fit the sources, values that are not finite, a sampling period that is not positive.
    """

    data: Any
    sources: SourceSpace
    sampling_period: Any
    start: Any = field(default_factory=lambda: 0.0 * u.second)
    method: str = ''

    def __post_init__(self):
        where, shape = 'SourceEstimate(data=...)', np.shape(u.get_mantissa(self.data))
        if len(shape) != 2 or shape[1] != self.sources.n_sources:
            raise ShapeError(f'{where} has shape (times, {self.sources.n_sources}) (times, sources); got {shape}.')
        data = frozen_quantity(self.data, u.get_unit(self.data), where)
        finite(data, where)
        period, start = check_axis(self.sampling_period, self.start, 'SourceEstimate')
        keep(self, data=data, sampling_period=period, start=start)

    def __repr__(self) -> str:
        method = self.method or 'unnamed'
        return f'SourceEstimate({method}, {self.n_times} samples every {self.sampling_period}, {self.sources})'

    @property
    def unit(self) -> u.Unit:
        """The unit the solver answers in."""
        return u.get_unit(self.data)

    @property
    def n_times(self) -> int:
        """How many samples there are."""
        return len(u.get_mantissa(self.data))

    @property
    def times(self) -> u.Quantity:
        """(times,) s."""
        return times_of(self)

    def crop(self, start: Any = None, stop: Any = None) -> 'SourceEstimate':
        """The samples with ``start <= t < stop``; an error when that reaches beyond the estimate."""
        part, first = slice_of(self, start, stop, 'SourceEstimate.crop')
        return dataclasses.replace(self, data=self.data[part], start=first)

    def in_regions(self, region_ids: Any) -> Any:
        """The mean over each region, as `SourceSpace.mean_over` weighs it: (times, regions), in the unit of the data.

        Raises
        ------
        ValueError
            A region without a source.
        """
        return self.data @ self.sources.mean_over(region_ids)
