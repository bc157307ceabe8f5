"""Scores: how estimates compare with the truth."""

from brainfwd.metrics.agreement import correlation
from brainfwd.metrics.detection import auc
from brainfwd.metrics.localisation import peak_localisation_error
from brainfwd.metrics.power import band_power
from brainfwd.metrics.spectrum import PowerSpectrum, power_spectrum

__all__ = ['PowerSpectrum', 'auc', 'band_power', 'correlation', 'peak_localisation_error', 'power_spectrum']
