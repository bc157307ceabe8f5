"""Gaussian patches against CaliBrain's."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.inverse.bayes.spatial_basis import spatial_basis

theirs = pytest.importorskip('calibrain.source_estimation')

pytestmark = pytest.mark.peers


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize(('sigma', 'cutoff'), [(0.005, 3.0), (0.01, 3.0), (0.01, 2.0), (0.03, 4.0)])
def test_same_patches(sigma, cutoff, seed):
    places = np.random.default_rng(seed).normal(scale=0.04, size=(200, 3))
    basis = spatial_basis(places * u.meter, 1e3 * sigma * u.mm, cutoff)
    expected = theirs.compute_B(sigma=sigma, threshold_factor=cutoff, src_coords=places)
    assert basis.nnz == expected.nnz
    np.testing.assert_allclose(basis.toarray(), expected.toarray(), rtol=1e-12)
