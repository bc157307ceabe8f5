"""Figures: matplotlib, drawn without pyplot, so that they work anywhere; axes carry units."""

from brainfwd.plot.bold import bold
from brainfwd.plot.connectome_graph import connectome_graph
from brainfwd.plot.cortex import on_cortex
from brainfwd.plot.cortex_regions import regions_on_cortex
from brainfwd.plot.matrices import connectome, functional_connectivity
from brainfwd.plot.rank_histogram import rank_histogram
from brainfwd.plot.region_time_series import region_time_series
from brainfwd.plot.reliability import reliability
from brainfwd.plot.sensors import sensors
from brainfwd.plot.spectrum import spectrum
from brainfwd.plot.time_series import time_series
from brainfwd.plot.topography import topography

__all__ = [
    'bold',
    'connectome',
    'connectome_graph',
    'functional_connectivity',
    'on_cortex',
    'rank_histogram',
    'region_time_series',
    'regions_on_cortex',
    'reliability',
    'sensors',
    'spectrum',
    'time_series',
    'topography',
]
