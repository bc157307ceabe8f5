"""References of EEG against MNE-Python's."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.records import Channels, Recording

mne = pytest.importorskip('mne')
pytestmark = pytest.mark.peers

NAMES = ('Fp1', 'Fz', 'M1', 'Cz', 'Pz', 'TP9', 'TP10')
TYPES = ('eeg', 'eeg', 'mag', *('eeg',) * 4)


@pytest.mark.parametrize('reference', ['average', 'Cz', ('TP9', 'TP10')], ids=str)
def test_data_against_a_reference(reference):
    data = np.random.default_rng(0).normal(size=(20, 7)) * 1e-6
    raw = mne.io.RawArray(data.T.copy(), mne.create_info(list(NAMES), 1000.0, list(TYPES)), verbose='error')
    channels = 'average' if reference == 'average' else [reference] if isinstance(reference, str) else list(reference)
    raw.set_eeg_reference(channels, projection=False, verbose='error')
    ours = Recording(data, Channels(NAMES, TYPES), 1 * u.ms).referenced(reference)
    np.testing.assert_allclose(ours.data_si, raw.get_data().T, atol=1e-20)
    assert np.linalg.matrix_rank(ours.pick('eeg').data_si) == mne.compute_rank(raw, rank=None, verbose='error')['eeg']
