"""Whether a posterior knows how wrong it is: credible regions, coverage, scores, recalibration, ranks."""

from brainfwd.uncertainty.coverage import CoverageCurve, coverage, coverage_curves
from brainfwd.uncertainty.ellipsoids import Ellipsoid, credible_ellipsoid
from brainfwd.uncertainty.intervals import Interval, credible_interval
from brainfwd.uncertainty.isotonic_recalibration import IsotonicRecalibration
from brainfwd.uncertainty.recalibration import Recalibration
from brainfwd.uncertainty.scale_recalibration import ScaleRecalibration
from brainfwd.uncertainty.scores import crps, pit, sharpness
from brainfwd.uncertainty.simulation_based import Uniformity, sbc_ranks, uniformity

__all__ = [
    'CoverageCurve',
    'Ellipsoid',
    'Interval',
    'IsotonicRecalibration',
    'Recalibration',
    'ScaleRecalibration',
    'Uniformity',
    'coverage',
    'coverage_curves',
    'credible_ellipsoid',
    'credible_interval',
    'crps',
    'pit',
    'sbc_ranks',
    'sharpness',
    'uniformity',
]
