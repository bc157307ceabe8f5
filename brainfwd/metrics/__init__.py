"""Reading a result: spectra, connectivity, synchrony; and how estimates compare with the truth."""

from brainfwd.metrics.agreement import TimeCourseError, correlation, time_course_error
from brainfwd.metrics.analytic import analytic_signal
from brainfwd.metrics.cancellation import cancellation
from brainfwd.metrics.cross import cross_spectrum
from brainfwd.metrics.detection import auc
from brainfwd.metrics.dispersion import spatial_dispersion
from brainfwd.metrics.envelope import envelope_correlation
from brainfwd.metrics.functional_connectivity import functional_connectivity, functional_connectivity_dynamics
from brainfwd.metrics.leakage import leakage
from brainfwd.metrics.localisation import peak_localisation_error
from brainfwd.metrics.matrices import kolmogorov_smirnov_distance, matrix_correlation, wasserstein_distance
from brainfwd.metrics.orientation import orientation_error
from brainfwd.metrics.phase_locking import phase_lag_index, phase_locking_value
from brainfwd.metrics.power import band_power, peak_frequency
from brainfwd.metrics.precision_recall import PrecisionRecall, precision_recall
from brainfwd.metrics.region_localisation import region_localisation_error
from brainfwd.metrics.resolution import Resolution, resolution
from brainfwd.metrics.resolution_maps import cross_talk, point_spread
from brainfwd.metrics.spectrum import PowerSpectrum, power_spectrum
from brainfwd.metrics.synchrony import kuramoto_order_parameter, metastability, synchrony
from brainfwd.metrics.transport import earth_movers_distance

__all__ = [
    'PowerSpectrum',
    'PrecisionRecall',
    'Resolution',
    'TimeCourseError',
    'analytic_signal',
    'auc',
    'band_power',
    'cancellation',
    'correlation',
    'cross_spectrum',
    'cross_talk',
    'earth_movers_distance',
    'envelope_correlation',
    'functional_connectivity',
    'functional_connectivity_dynamics',
    'kolmogorov_smirnov_distance',
    'kuramoto_order_parameter',
    'leakage',
    'matrix_correlation',
    'metastability',
    'orientation_error',
    'peak_frequency',
    'peak_localisation_error',
    'phase_lag_index',
    'phase_locking_value',
    'point_spread',
    'power_spectrum',
    'precision_recall',
    'region_localisation_error',
    'resolution',
    'spatial_dispersion',
    'synchrony',
    'time_course_error',
    'wasserstein_distance',
]
