"""An alpha rhythm everywhere has the amplitude of an alpha rhythm."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.datasets import load_connectome, load_lead_field
from brainfwd.forward import EEGLeadFieldModel, MEGLeadFieldModel


@pytest.fixture(scope='module')
def brain():
    return load_connectome().cortical()


# 0.024 nA m/(mV mm2) gives 0.1 nA m/mm2 at most, below what cortex can do (0.16 to 0.77, Murakami & Okada 2015)
DENSITY = -0.024 * u.nA * u.meter / (u.mV * u.mm**2)


def strongest(L):
    """Standard deviation at the strongest sensor, in SI units, where each region has 1.04 mV in a phase of its own."""
    moments = 0.024 * 1.04
    return moments * np.sqrt((L.mantissa**2).sum(axis=0)).max()


def test_eeg(brain):
    model = EEGLeadFieldModel.from_lead_field(load_lead_field('eeg'), brain, dipole_scale=DENSITY)
    assert 0.5 < strongest(model.L) / 9e-6 < 2


def test_meg(brain):
    model = MEGLeadFieldModel.from_lead_field(load_lead_field('meg'), brain, dipole_scale=DENSITY)
    assert 0.5 < strongest(model.L['mag']) / 600e-15 < 2
    assert 0.5 < strongest(model.L['grad']) / 110e-13 < 2
    assert len(model.channels) == 306


def test_subcortical_regions_have_no_sources():
    with pytest.raises(ValueError, match=r'no source of the lead field lies in L\.CER.* and 11 more'):
        EEGLeadFieldModel.from_lead_field(load_lead_field('eeg'), load_connectome())
