"""Small records, one of each."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.records import Channels, SourceSpace


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def mixed() -> Channels:
    return Channels(('G1', 'M1', 'G2', 'E1', 'M2'), ('grad', 'mag', 'grad', 'eeg', 'mag'))


@pytest.fixture
def eeg() -> Channels:
    return Channels(('Fz', 'Cz', 'Pz'), ('eeg',) * 3, np.arange(9.0).reshape(3, 3) * u.cm)


@pytest.fixture
def sources() -> SourceSpace:
    return SourceSpace(
        positions=np.arange(12.0).reshape(4, 3) * u.mm,
        normals=np.eye(3)[[0, 1, 2, 0]],
        areas=np.array([10.0, 30.0, 20.0, 5.0]) * u.mm**2,
        hemisphere=[0, 0, 1, 1],
        vertices=[3, 5, 0, 2],
        region_ids=[1001, 1001, 2002, 2003],
    )
