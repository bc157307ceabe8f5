"""How regions are wired: weights, tract lengths, names."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import brainunit as u
import numpy as np

from brainfwd._core.checks import ShapeError, choice, finite, non_negative, shape_is, square
from brainfwd.records.base import as_vector, frozen_quantity, keep, scalar

__all__ = ['Connectome']


@dataclass(frozen=True, eq=False, repr=False)
class Connectome:
    """Structural connectivity of brain regions.

    Parameters
    ----------
    weights : array
        (regions, regions), ``weights[target, source]``, dimensionless, not negative.
    tract_lengths : Quantity
        (regions, regions), ``[target, source]``, mm.
    labels : tuple of str
        The name of each region, each once.
    region_ids : array
        (regions,) the id of each region, as in `SourceSpace.region_ids`.
    centres : Quantity, optional
        (regions, 3) in MNI305, mm; NaN for a region without one.
    is_cortical : array, optional
        (regions,) of truth values; all regions when left out.
    functional_connectivity : array, optional
        (regions, regions) measured correlations.

    Raises
    ------
    UnitError, ShapeError, ValueError
        Wrong units or shapes, NaN, negative weights or lengths, names that come twice.
    """

    weights: Any
    tract_lengths: Any
    labels: tuple[str, ...]
    region_ids: Any
    centres: Any = None
    is_cortical: Any = None
    functional_connectivity: Any = None

    def __post_init__(self):
        where = 'Connectome({}=...)'.format
        square(self.weights, where('weights'))
        weights = frozen_quantity(self.weights, u.UNITLESS, where('weights'), 'the strength of each connection')
        n = len(weights)
        shape_is(self.tract_lengths, (n, n), where('tract_lengths'), '(regions, regions)')
        lengths = frozen_quantity(self.tract_lengths, u.mm, where('tract_lengths'), 'the length of each connection')
        for name, value in (('weights', weights), ('tract_lengths', lengths)):
            finite(value, where(name))
            non_negative(value, where(name))
        labels = tuple(map(str, self.labels))
        if len(labels) != n:
            raise ShapeError(f'{where("labels")} has one name per region, {n}; got {len(labels)}.')
        if len(set(labels)) != n:
            twice = next(label for label in labels if labels.count(label) > 1)
            raise ValueError(f'{where("labels")} has each name once; got {twice!r} more than once.')
        centres, correlations = self.centres, self.functional_connectivity
        if centres is not None:
            shape_is(centres, (n, 3), where('centres'), '(regions, 3)')
            centres = frozen_quantity(centres, u.mm, where('centres'), 'the middle of each region')
        if correlations is not None:
            shape_is(correlations, (n, n), where('functional_connectivity'), '(regions, regions)')
            correlations = frozen_quantity(correlations, u.UNITLESS, where('functional_connectivity'), 'correlations')
            finite(correlations, where('functional_connectivity'))
        cortical = np.ones(n, bool) if self.is_cortical is None else self.is_cortical
        keep(
            self,
            weights=weights,
            tract_lengths=lengths,
            labels=labels,
            region_ids=as_vector(self.region_ids, np.int64, n, where('region_ids')),
            centres=centres,
            is_cortical=as_vector(cortical, bool, n, where('is_cortical')),
            functional_connectivity=correlations,
        )

    def __repr__(self) -> str:
        return f'Connectome({self.n_regions} regions, {int(self.is_cortical.sum())} of them cortical)'

    @property
    def n_regions(self) -> int:
        """How many regions there are."""
        return len(self.labels)

    def index(self, label: str) -> int:
        """Where the region of this name stands."""
        return self.labels.index(choice(label, self.labels, 'Connectome.index(label)'))

    def cortical(self) -> 'Connectome':
        """The cortical regions alone."""
        return self.subset(self.is_cortical)

    def subset(self, mask_or_labels: Any) -> 'Connectome':
        """Some regions, by (regions,) truth values or by names; names give the order."""
        chosen = [mask_or_labels] if isinstance(mask_or_labels, str) else mask_or_labels
        if isinstance(chosen, Sequence) and all(isinstance(label, str) for label in chosen):
            index = np.array([self.index(label) for label in chosen], dtype=int)
        else:
            index = np.flatnonzero(as_vector(chosen, bool, self.n_regions, 'Connectome.subset(mask)'))
        pairs, fc = np.ix_(index, index), self.functional_connectivity
        return Connectome(
            self.weights[pairs],
            self.tract_lengths[pairs],
            tuple(self.labels[i] for i in index),
            self.region_ids[index],
            None if self.centres is None else self.centres[index],
            self.is_cortical[index],
            None if fc is None else fc[pairs],
        )

    def normalized(self) -> 'Connectome':
        """The same wiring with the weights divided by the largest row sum, so that no region gets more than 1."""
        largest = self.weights.sum(axis=1).max(initial=0.0)
        if largest == 0:
            raise ValueError('Connectome.normalized(): no region is connected to another, every weight is 0.')
        return dataclasses.replace(self, weights=self.weights / largest)

    def delays(self, conduction_speed: Any) -> u.Quantity:
        """Tract lengths over the conduction speed: (regions, regions), ms."""
        where = 'Connectome.delays(conduction_speed)'
        speed = scalar(conduction_speed, u.meter / u.second, where, 'how fast spikes travel')
        if speed.mantissa <= 0:
            raise ValueError(f'{where} must be positive; got {speed}.')
        return (self.tract_lengths / speed).in_unit(u.ms)
