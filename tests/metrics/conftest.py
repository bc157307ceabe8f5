"""Sources anywhere."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import records


@pytest.fixture(scope='session')
def space():
    """A source space from places in mm, (sources, 3), with regions and areas in mm2."""

    def made(places, region_ids=None, areas=None):
        n = len(places)
        return records.SourceSpace(
            np.asarray(places, float) * u.mm,
            np.tile([0, 0, 1.0], (n, 1)),
            np.ones(n) * u.mm**2 if areas is None else np.asarray(areas, float) * u.mm**2,
            np.zeros(n),
            np.arange(n),
            np.zeros(n) if region_ids is None else region_ids,
        )

    return made
