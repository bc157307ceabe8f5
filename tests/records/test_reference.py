"""References of EEG: average, one electrode, several."""

import brainunit as u
import numpy as np
import pytest

from brainfwd.records import Channels, LeadField, NoiseCovariance, Recording, SourceSpace, rank_of, reference_projector

NAMES = ('Fp1', 'Fz', 'Cz', 'Pz', 'TP9', 'TP10')
EEG = Channels(NAMES, ('eeg',) * 6)
MIXED = Channels(('M1', *NAMES[:3], 'G1', *NAMES[3:]), ('mag', *('eeg',) * 3, 'grad', *('eeg',) * 3))
REFERENCES = ['average', 'Cz', ('TP9', 'TP10'), ['Fp1', 'Cz', 'Pz']]


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def by_hand(data, channels, reference):
    """What is measured against a mean, column by column."""
    electrodes = [i for i, kind in enumerate(channels.types) if kind == 'eeg']
    names = [reference] if isinstance(reference, str) else reference
    against = electrodes if reference == 'average' else [channels.names.index(name) for name in names]
    data = data.copy()
    data[:, electrodes] -= data[:, against].mean(axis=1, keepdims=True)
    return data


@pytest.mark.parametrize('reference', REFERENCES, ids=str)
@pytest.mark.parametrize('channels', [EEG, MIXED], ids=['EEG', 'mixed'])
def test_data_gain_and_covariance(rng, channels, reference):
    n = len(channels)
    data, gain = rng.normal(size=(50, n)), rng.normal(size=(n, 7, 3))
    recording = Recording(data, channels, 1 * u.ms)
    expected = by_hand(data, channels, reference)
    np.testing.assert_allclose(recording.referenced(reference).data_si, expected, atol=1e-14)

    normals = np.tile([0.0, 0.0, 1.0], (7, 1))
    positions, areas = np.zeros((7, 3)) * u.mm, np.ones(7) * u.mm**2
    sources = SourceSpace(positions, normals, areas, np.zeros(7), np.arange(7), np.ones(7))
    head = LeadField(gain, channels, sources, head='one')
    free, fixed = head.referenced(reference), head.fixed().referenced(reference)
    assert free.head == 'one'
    if len(channels) == 6:
        assert rank_of(head) == {'eeg': 6}
        assert rank_of(free) == rank_of(fixed) == {'eeg': 5}
    np.testing.assert_allclose(fixed.gain_si, by_hand(gain[..., 2].T, channels, reference).T, atol=1e-14)
    np.testing.assert_allclose(free.fixed().gain_si, fixed.gain_si, atol=1e-14)

    # P C P^T, where P is not symmetric: the covariance of the data against the reference
    covariance = recording.covariance().referenced(reference)
    np.testing.assert_allclose(covariance.matrix_si, np.cov(expected.T), atol=1e-13)
    assert covariance.n_samples == 50
    noisy = Recording(data, channels, 1 * u.ms, noise_cov=recording.covariance())
    np.testing.assert_array_equal(noisy.referenced(reference).noise_cov.matrix_si, covariance.matrix_si)


@pytest.mark.parametrize('reference', REFERENCES, ids=str)
@pytest.mark.parametrize('other', REFERENCES, ids=str)
def test_a_reference_forgets_the_one_before(reference, other):
    first, last = (reference_projector(MIXED, each) for each in (reference, other))
    np.testing.assert_allclose(last @ first, last, atol=1e-15)


@pytest.mark.parametrize('reference', REFERENCES, ids=str)
def test_one_rank_is_lost(rng, reference):
    data = rng.normal(size=(50, 6)) * 1e-6
    recording = Recording(data, EEG, 1 * u.ms)
    assert rank_of(recording) == rank_of(recording.covariance()) == {'eeg': 6}
    once = recording.referenced(reference)
    twice = once.referenced('average').referenced(reference)
    for each in (once, twice, Recording(once.data_si.astype(np.float32), EEG, 1 * u.ms)):
        assert rank_of(each) == rank_of(each.covariance()) == {'eeg': 5}
    assert np.linalg.matrix_rank(reference_projector(EEG, reference)) == 5


def test_rank_of_a_smooth_lead_field(rng):
    """A field that spans seven decades has full rank, where its product with itself would lose some to rounding."""
    left, right = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((14, 14), (30, 14)))
    channels = Channels(tuple(f'C{i}' for i in range(14)), ('mag', 'grad') + ('eeg',) * 12)
    gain = left @ np.diag(np.logspace(0, -7, 14)) @ right.T
    gain = gain * np.where(np.array(channels.types) == 'mag', 1e-15, 1.0)[:, None]
    sources = SourceSpace(
        np.zeros((30, 3)) * u.mm, np.tile([0, 0, 1.0], (30, 1)), np.ones(30) * u.mm**2, *np.zeros((3, 30), int)
    )
    field = LeadField(gain, channels, sources)
    assert rank_of(field) == {'meg': 2, 'eeg': 12}
    for reference in ('average', 'C5', ('C5', 'C9')):
        assert rank_of(field.referenced(reference)) == {'meg': 2, 'eeg': 11}
        assert rank_of(field.referenced(reference).referenced('average')) == {'meg': 2, 'eeg': 11}
    # two magnetometers' worth of one
    twin = gain.copy()
    twin[1] = 1e9 * twin[0]
    assert rank_of(LeadField(twin, channels, sources)) == {'meg': 1, 'eeg': 12}


def test_rank_of_sensors_in_several_units(rng):
    scale = np.array([{'mag': 1e-15, 'grad': 1e-13, 'eeg': 1e-6}[kind] for kind in MIXED.types])
    # one magnetometer that follows a gradiometer: two channels, one direction
    data = rng.normal(size=(50, 8))
    data[:, 0] = data[:, 4]
    recording = Recording(data * scale, MIXED, 1 * u.ms)
    assert rank_of(recording) == {'meg': 1, 'eeg': 6}
    assert rank_of(recording.crop(stop=4 * u.ms)) == {'meg': 1, 'eeg': 3}
    assert rank_of(recording.referenced('Cz').covariance()) == {'meg': 1, 'eeg': 5}
    with pytest.raises(TypeError, match='got Channels'):
        rank_of(MIXED)


def test_the_electrode_that_is_the_reference_stays_as_zeros(rng):
    recording = Recording(rng.normal(size=(5, 6)) * 1e-5, EEG, 1 * u.ms).referenced('Cz')
    assert recording.channels == EEG
    assert (recording.data_si[:, 2] == 0).all()
    covariance = NoiseCovariance.diagonal(1 * u.uvolt, EEG).referenced('Cz')
    assert (covariance.matrix_si[2] == 0).all()
    # every other one carries the noise of Cz too
    np.testing.assert_allclose(covariance.matrix_si[0, :2], [2e-12, 1e-12])


def test_linked_electrodes_are_opposite(rng):
    data = Recording(rng.normal(size=(5, 6)), EEG, 1 * u.ms).referenced(('TP9', 'TP10')).data_si
    np.testing.assert_allclose(data[:, 4], -data[:, 5])


def test_none_changes_nothing(rng):
    data = rng.normal(size=(5, 6))
    np.testing.assert_array_equal(Recording(data, EEG, 1 * u.ms).referenced(None).data_si, data)
    meg = Channels(('a', 'b'), ('mag', 'grad'))
    np.testing.assert_array_equal(reference_projector(meg, None), np.eye(2))


def test_noise_that_all_electrodes_share_is_gone():
    everywhere = NoiseCovariance(np.full((6, 6), 0.1e-12), EEG)
    for reference in REFERENCES:
        assert (everywhere.referenced(reference).matrix_si == 0).all()


@pytest.mark.parametrize(
    ('reference', 'says'),
    [
        ('CZ', r"electrodes of Channels\(.*\); there is no 'CZ': near are 'Cz'"),
        ('O1', "no 'O1': there are 'Fp1', 'Fz', 'Cz', 'Pz', 'TP9', ..."),
        (('TP9', 'TP8'), "no 'TP8': near are 'TP"),
        ('M1', "no 'M1'"),
        (['average'], "'average' alone, not among others: write reference='average'; got \\['average'\\]"),
        (('Cz', 'Cz'), 'each electrode once'),
        ((), 'an electrode, several electrodes or None'),
    ],
)
def test_unknown_electrodes(reference, says):
    with pytest.raises(ValueError, match=says):
        reference_projector(MIXED, reference)


def test_meg_has_no_reference():
    meg = NoiseCovariance(np.eye(2), Channels(('a', 'b'), ('mag', 'mag')))
    with pytest.raises(ValueError, match=r"NoiseCovariance\.referenced\(reference\)='average' is a reference of EEG"):
        meg.referenced('average')
