"""Sources in a volume: to MNE-Python and back they stay points of a grid, in their order."""

import warnings

import brainunit as u
import mne
import numpy as np
import pytest

from brainfwd import EEGLeadFieldModel, datasets, io, plot
from brainfwd._core.units import nAm
from brainfwd.forward import cortical_patches
from brainfwd.records import Connectome, SourceEstimate


@pytest.fixture(scope='module', params=['volume', 'discrete'])
def in_a_volume(request, info, mri_head_t):
    """A grid, some points of which are left out, or places of which one is; the gain of both."""
    sphere = mne.make_sphere_model((0, 0, 0.04), 0.09)
    pos = 30.0
    if request.param == 'discrete':
        places = np.random.default_rng(3).uniform(-0.04, 0.04, (20, 3))
        places[7] = 1.0
        pos = {'rr': places, 'nn': np.tile([0.0, 0.6, 0.8], (20, 1))}
    with mne.utils.use_log_level('error'):
        src = mne.setup_volume_source_space(pos=pos, sphere=(0, 0, 0, 0.07))
        forward = mne.make_forward_solution(info, mri_head_t, src, sphere)
    if request.param == 'volume':
        # as a grid is called that knows an MRI
        forward['src'][0]['type'] = 'vol'
    assert forward['src'].kind == request.param
    assert forward['nsource'] < forward['src'][0]['np']
    return forward


def test_volumes_stay_volumes(in_a_volume, info, tmp_path):
    ours = io.from_mne(in_a_volume, info=info)
    assert (ours.sources.kind, ours.sources.areas.mantissa.any()) == ('volume', False)
    assert np.array_equal(ours.sources.hemisphere, ours.sources.positions.mantissa[:, 0] > 0)
    space = in_a_volume['src'][0]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        back = io.to_mne(ours)
    assert back['src'].kind == 'discrete'
    assert np.array_equal(back['source_rr'], in_a_volume['source_rr'])
    there = back['src'][0]
    assert np.array_equal(there['vertno'], space['vertno'])
    np.testing.assert_allclose(there['rr'][there['vertno']], space['rr'][space['vertno']])
    np.testing.assert_allclose(there['nn'][there['vertno']], space['nn'][space['vertno']], rtol=1e-6)
    rows = [in_a_volume['sol']['row_names'].index(name) for name in ours.channels.names]
    assert np.array_equal(back['sol']['data'], in_a_volume['sol']['data'][rows])
    read = io.read_fif(io.write_fif(ours, tmp_path / 'grid-fwd.fif'))
    assert read.sources.kind == 'volume'
    assert np.array_equal(read.sources.vertices, ours.sources.vertices)
    np.testing.assert_allclose(read.sources.positions.mantissa, ours.sources.positions.mantissa, atol=1e-8)
    np.testing.assert_allclose(read.gain_si, ours.gain_si, rtol=2e-7)


def test_a_beamformer_of_mne_sees_the_same_volume(in_a_volume, raw, info):
    ours = io.from_mne(in_a_volume, info=info).pick('eeg')
    data = raw.copy().pick('eeg', exclude='bads')
    with mne.utils.use_log_level('error'):
        data.apply_proj()
        cov = mne.compute_raw_covariance(data)
        given = mne.pick_types_forward(in_a_volume, eeg=True, meg=False)
        of_theirs, of_ours = (
            mne.beamformer.apply_lcmv_raw(data, mne.beamformer.make_lcmv(data.info, fwd, cov, pick_ori='max-power'))
            for fwd in (given, io.to_mne(ours))
        )
    assert isinstance(of_ours, mne.VolSourceEstimate)
    np.testing.assert_allclose(abs(of_ours.data), abs(of_theirs.data), rtol=1e-5, atol=1e-5 * abs(of_theirs.data).max())
    record = io.from_mne(of_theirs, sources=ours.sources, unit=u.amp * u.meter)
    back = io.to_mne(record)
    assert isinstance(back, mne.VolSourceEstimate)
    assert np.array_equal(back.vertices[0], of_theirs.vertices[0])
    np.testing.assert_allclose(back.data, of_theirs.data, rtol=1e-12)


def test_a_volume_is_no_cortex(in_a_volume, forward, info):
    on_cortex = io.from_mne(forward, info=info).sources
    volume = io.from_mne(in_a_volume, info=info)
    with pytest.raises(ValueError, match=r'region_ids=\.\.\.'):
        io.from_mne(in_a_volume, labels=[mne.Label([0, 1], hemi='lh', name='a')])
    with pytest.raises(ValueError, match="has sources of the kind 'surface'; got the kind 'volume'"):
        io.from_mne(forward, info=info, sources=volume.sources)
    with pytest.raises(ValueError, match="has sources of the kind 'volume'; got the kind 'surface'"):
        io.from_mne(in_a_volume, info=info, sources=on_cortex)
    stc = io.to_mne(SourceEstimate(np.zeros((2, volume.n_sources)), volume.sources, 1 * u.ms))
    with pytest.raises(ValueError, match="has sources of the kind 'volume'; got the kind 'surface'"):
        io.from_mne(stc, sources=on_cortex, unit=u.UNITLESS)
    regions = Connectome(np.zeros((1, 1)), np.zeros((1, 1)) * u.mm, ('all',), [-1])
    with pytest.raises(ValueError, match="write aggregate='sum'"):
        EEGLeadFieldModel.from_lead_field(volume.pick('eeg'), regions, dipole_scale=1 * nAm / u.mV / u.mm**2)
    with pytest.raises(ValueError, match=r'got SourceSpace.* in a volume'):
        cortical_patches(datasets.load_cortex(), 17, 5 * u.cm**2).on(volume.sources)
    with pytest.raises(ValueError, match=r'got SourceSpace.* in a volume'):
        plot.on_cortex({'a': np.ones(volume.n_sources)}, volume.sources, datasets.load_cortex())
