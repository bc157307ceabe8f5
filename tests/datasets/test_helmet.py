import brainunit as u
import numpy as np

from brainfwd.datasets import load_helmet, load_lead_field


def test_helmet():
    helmet = load_helmet()
    assert helmet == load_lead_field('meg').channels
    assert (helmet.types.count('mag'), helmet.types.count('grad')) == (102, 204)
    places = helmet.positions.to_decimal(u.meter).reshape(102, 3, 3)
    # three coils on each chip, which looks away from the head
    assert np.ptp(places, axis=1).max() < 1e-3
    outward = places[:, 0] - [0, 0, 0.04]
    assert (np.einsum('nk,nk->n', outward, helmet.coil_axes[::3, 2]) > 0.08).all()
    # the two gradiometers are at right angles
    pairs = [helmet.indices('grad')[k::2] for k in (0, 1)]
    across = np.einsum('nk,nk->n', helmet.coil_axes[pairs[0], 0], helmet.coil_axes[pairs[1], 0])
    np.testing.assert_allclose(across, 0, atol=1e-3)
