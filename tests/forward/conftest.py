"""A small cortex: 12 sources in 3 regions, seen by 4 electrodes, or by 2 magnetometers and 3 gradiometers."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.records import Channels, Connectome, LeadField, SourceSpace

IDS = (1001, 1002, 2001)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def sources(rng):
    normals = rng.normal(size=(12, 3))
    return SourceSpace(
        positions=rng.normal(size=(12, 3)) * 50 * u.mm,
        normals=normals / np.linalg.norm(normals, axis=1, keepdims=True),
        areas=rng.uniform(5, 30, 12) * u.mm**2,
        hemisphere=np.repeat([0, 1], 6),
        vertices=np.arange(12),
        region_ids=np.repeat(IDS, 4),
    )


@pytest.fixture
def regions():
    return Connectome(np.ones((3, 3)), np.ones((3, 3)) * u.mm, ('L.A', 'L.B', 'R.A'), IDS)


@pytest.fixture
def eeg_head(rng, sources):
    channels = Channels(('Fz', 'Cz', 'Pz', 'Oz'), ('eeg',) * 4)
    return LeadField(rng.normal(size=(4, 12, 3)) * 50, channels, sources, head='one')


@pytest.fixture
def meg_head(rng, sources):
    channels = Channels(('G1', 'M1', 'G2', 'M2', 'G3'), ('grad', 'mag', 'grad', 'mag', 'grad'))
    scale = np.where(np.array(channels.types) == 'mag', 1e-6, 5e-5)
    return LeadField(rng.normal(size=(5, 12)) * scale[:, None], channels, sources, head='one')


@pytest.fixture
def density():
    """A moment per area and potential."""
    return -0.024 * u.nA * u.meter / (u.mV * u.mm**2)
