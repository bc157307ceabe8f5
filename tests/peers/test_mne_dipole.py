"""One dipole fitted, against MNE-Python, on the same data and sphere."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import datasets
from brainfwd.forward import SphericalHead, dipole_fit
from brainfwd.io import to_mne
from brainfwd.records import Channels, NoiseCovariance, Recording

mne = pytest.importorskip('mne')

pytestmark = pytest.mark.peers

RELATIVE, SIGMA = (0.90, 0.92, 0.97, 1.0), (0.33, 1.0, 0.004, 0.33)
STD = {'eeg': 0.3 * u.uvolt, 'mag': 20e-15 * u.tesla, 'grad': 5e-13 * u.tesla / u.meter}
HEAD = SphericalHead()
CENTRE = HEAD.centre.mantissa


def _eeg():
    directions = np.random.default_rng(1).normal(size=(40, 3)) + [0, 0, 0.5]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    names = tuple(f'EEG{i:02d}' for i in range(40))
    return Channels(names, ('eeg',) * 40, (CENTRE + 0.09 * directions) * u.meter)


@pytest.mark.parametrize(
    ('sensors', 'nearest'),
    # MNE-Python ends its search of places at 0.05 mm, and replaces the shells of EEG by three dipoles
    [('meg', 2e-4), ('eeg', 5e-4)],
)
def test_ends_where_mne_does(sensors, nearest):
    rng = np.random.default_rng(3)
    channels = _eeg() if sensors == 'eeg' else datasets.load_helmet().at(np.arange(0, 306, 3))
    noise_cov = NoiseCovariance.diagonal({kind: STD[kind] for kind in channels.kinds}, channels)
    places = CENTRE + np.array([[0.02, -0.035, 0.03], [-0.05, 0.01, 0.04]])
    for place in places:
        gain = np.asarray(HEAD.gain_si(place[None] * u.meter, channels), float)[:, 0]
        data = 30e-9 * gain @ np.array([0.6, 0.5, -0.6])
        data = data + rng.normal(size=len(data)) * np.sqrt(np.diagonal(noise_cov.matrix_si))
        recording = Recording(np.stack([data, data]), channels, 1 * u.ms, noise_cov=noise_cov)
        ours = dipole_fit(recording.crop(stop=1 * u.ms), HEAD)

        evoked = to_mne(recording, kind='evoked')
        if sensors == 'eeg':
            evoked.set_eeg_reference('average', projection=True, verbose='error')
        sphere = mne.make_sphere_model(CENTRE, 0.09, None, RELATIVE, SIGMA, verbose='error')
        theirs, _ = mne.fit_dipole(
            evoked.crop(0.0, 0.0), to_mne(noise_cov), sphere, min_dist=1.0, tol=1e-6, verbose='error'
        )
        assert np.linalg.norm(theirs.pos[0] - ours.position.mantissa) < nearest
        moment = ours.moment.to_decimal(u.amp * u.meter)[0]
        assert np.linalg.norm(theirs.amplitude[0] * theirs.ori[0] - moment) < 0.03 * np.linalg.norm(moment)
        assert abs(theirs.gof[0] / 100 - ours.goodness_of_fit) < 1e-3
