import brainunit as u
import numpy as np
import pytest

from brainfwd.datasets import load_connectome


@pytest.fixture(scope='module')
def brain():
    return load_connectome()


def test_regions(brain):
    assert brain.n_regions == 84
    assert brain.labels[0] == 'L.BSTS'
    assert brain.is_cortical.sum() == 68
    assert len(set(brain.region_ids)) == 84
    # FreeSurfer: 1000 + x on the left, 2000 + x on the right, the same x
    cortical = brain.cortical()
    left, right = (cortical.region_ids[cortical.region_ids // 1000 == side] for side in (1, 2))
    np.testing.assert_array_equal(np.sort(left) + 1000, np.sort(right))
    for label, region in zip(cortical.labels, cortical.region_ids, strict=True):
        assert label[0] == {1: 'L', 2: 'R'}[region // 1000]


def test_wiring_is_physical(brain):
    np.testing.assert_array_equal(brain.weights, brain.weights.T)
    np.testing.assert_array_equal(np.diag(brain.weights), 0)
    lengths = brain.tract_lengths.to_decimal(u.mm)
    np.testing.assert_array_equal(lengths, lengths.T)
    connected = brain.weights > 0
    assert lengths[connected].min() > 1
    assert lengths.max() < 300
    # no tract is shorter than the straight line, up to the size of a region
    cortical = brain.cortical()
    centres = cortical.centres.to_decimal(u.mm)
    straight = np.linalg.norm(centres[:, None] - centres, axis=-1)
    between = cortical.weights > 0
    assert np.mean(cortical.tract_lengths.to_decimal(u.mm)[between] > straight[between] - 20) > 0.95


def test_centres_are_where_the_names_say(brain):
    cortical = brain.cortical()
    x, y, _ = cortical.centres.to_decimal(u.mm).T
    assert all((x < 0) == np.char.startswith(cortical.labels, 'L.'))
    # pericalcarine cortex lies behind the frontal pole
    assert y[cortical.index('L.PCAL')] < -60 < 50 < y[cortical.index('L.FP')]
    assert np.isnan(brain.centres.mantissa[~brain.is_cortical]).all()


def test_functional_connectivity_is_a_correlation(brain):
    fc = brain.functional_connectivity
    np.testing.assert_array_equal(fc, fc.T)
    assert abs(fc).max() <= 1
    # homologous regions correlate more than regions do on average
    homologous = [fc[brain.index(f'L.{name}'), brain.index(f'R.{name}')] for name in ('CU', 'PCU', 'SMG', 'INS')[:3]]
    assert min(homologous) > fc.mean()


def test_normalized(brain):
    assert brain.cortical().normalized().weights.sum(axis=1).max() == pytest.approx(1)
