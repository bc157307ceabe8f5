"""Real data inside the package: a connectome, lead fields, a helmet, a cortex. Nothing is downloaded.

Licences and sources are in ``data/LICENSES.md``.
"""

from brainfwd.datasets.connectome import load_connectome
from brainfwd.datasets.cortex import load_cortex
from brainfwd.datasets.helmet import load_helmet
from brainfwd.datasets.lead_field import load_lead_field

__all__ = ['load_connectome', 'load_cortex', 'load_helmet', 'load_lead_field']
