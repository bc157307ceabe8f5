"""FIF files: what MNE-Python reads of ours, and what comes back."""

import dataclasses

import brainunit as u
import mne
import numpy as np
import pytest

from brainfwd import io
from brainfwd.records import Channels, SourceEstimate

# relative: half a unit in the last place of single precision, rounded twice
SINGLE = 1.2e-7


@pytest.fixture(scope='module')
def records(raw, forward, info):
    lead_field = io.from_mne(forward, info=info)
    recording = dataclasses.replace(io.from_mne(raw), head=lead_field.head)
    return {
        'sim_raw.fif': recording,
        'sim-ave.fif': dataclasses.replace(recording.crop(2.1 * u.second, 2.4 * u.second), nave=12),
        'sim-cov.fif': dataclasses.replace(recording.covariance(), rank=None),
        'sim-fwd.fif': lead_field,
    }


@pytest.fixture(scope='module')
def files(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp('fif')
    return {name: io.write_fif(record, folder / name) for name, record in records.items()}


def test_recordings_come_back(records, files):
    for name, tolerance in (('sim_raw.fif', 0.0), ('sim-ave.fif', SINGLE)):
        given, back = records[name], io.read_fif(files[name])
        scale = abs(given.data_si).max(axis=0)
        assert (abs(back.data_si - given.data_si).max(axis=0) <= tolerance * scale).all()
        np.testing.assert_allclose(back.times.mantissa, given.times.mantissa, rtol=1e-12)
        assert (back.sampling_period, back.band, back.nave, back.head) == (
            given.sampling_period,
            given.band,
            given.nave,
            given.head,
        )
        _assert_same_channels(back.channels, given.channels)


def test_covariances_come_back_to_the_bit(records, files, info):
    given, back = records['sim-cov.fif'], io.read_fif(files['sim-cov.fif'], info=info, apply_proj=False)
    assert np.array_equal(back.matrix_si, given.matrix_si)
    assert back.n_samples == given.n_samples


@pytest.mark.parametrize('orientation', ['free', 'fixed'])
def test_lead_fields_come_back(records, tmp_path, orientation):
    given = records['sim-fwd.fif']
    given = given if orientation == 'free' else given.fixed()
    back = io.read_fif(io.write_fif(given, tmp_path / 'sim-fwd.fif'), 'forward', sources=given.sources)
    assert (abs(back.gain_si - given.gain_si) <= SINGLE * abs(given.gain_si)).all()
    assert (back.head, back.orientation, back.sources) == (given.head, orientation, given.sources)
    _assert_same_channels(back.channels, given.channels)


def _assert_same_channels(back, given):
    assert (back.names, back.types, back.coils) == (given.names, given.types, given.coils)
    np.testing.assert_allclose(back.positions.mantissa, given.positions.mantissa, atol=SINGLE * 0.2)
    np.testing.assert_allclose(back.coil_axes, given.coil_axes, atol=SINGLE)


def test_mne_reads_them(records, files):
    raw = mne.io.read_raw_fif(files['sim_raw.fif'], verbose='error')
    given = records['sim_raw.fif']
    assert raw.get_channel_types() == list(given.channels.types)
    assert raw.first_samp == 1234
    np.testing.assert_array_equal(raw.get_data().T, given.data_si)
    (evoked,) = mne.read_evokeds(files['sim-ave.fif'], verbose='error')
    assert evoked.nave == 12
    forward = mne.read_forward_solution(files['sim-fwd.fif'], verbose='error')
    assert forward['nsource'] == records['sim-fwd.fif'].n_sources
    # from our files alone to a source estimate of MNE
    raw.set_eeg_reference(projection=True, verbose='error')
    cov = mne.read_cov(files['sim-cov.fif'], verbose='error')
    operator = mne.minimum_norm.make_inverse_operator(raw.info, forward, cov, loose=1.0, verbose='error')
    stc = mne.minimum_norm.apply_inverse_raw(raw.crop(0, 0.01), operator, 1 / 9, verbose='error')
    assert np.isfinite(stc.data).all()
    assert stc.data.max() > 0


def test_files_of_mne(raw, forward, info, tmp_path):
    """Whose channels are 'eog' and 'stim' too, bad ones, and whose forward solution has the whole mesh."""
    with mne.utils.use_log_level('error'):
        raw.save(tmp_path / 'own_raw.fif', fmt='double')
        forward.save(tmp_path / 'own-fwd.fif')
        raw.copy().apply_proj().save(tmp_path / 'applied_raw.fif', fmt='double')
    ours, expected = io.read_fif(tmp_path / 'own_raw.fif', 'raw'), io.from_mne(raw)
    scale = abs(expected.data_si).max(axis=0)
    assert (abs(ours.data_si - expected.data_si).max(axis=0) < 1e-6 * scale).all()
    applied = io.read_fif(tmp_path / 'applied_raw.fif')
    assert (abs(applied.data_si - expected.data_si).max(axis=0) < 1e-12 * scale).all()
    lead_field = io.read_fif(tmp_path / 'own-fwd.fif', info=info)
    given = io.from_mne(forward, info=info)
    assert np.linalg.norm(lead_field.gain_si - given.gain_si) < 1e-6 * np.linalg.norm(given.gain_si)
    # patches are kept in the file
    np.testing.assert_allclose(lead_field.sources.areas.mantissa, given.sources.areas.mantissa, rtol=1e-5)
    np.testing.assert_allclose(lead_field.sources.positions.mantissa, given.sources.positions.mantissa, atol=1e-7)


def test_of_the_wrong_kind(files, raw, tmp_path):
    with pytest.raises(ValueError, match=r'holds forward; sim_raw\.fif holds raw'):
        io.read_fif(files['sim_raw.fif'], 'forward')
    with pytest.raises(ValueError, match=r'holds raw; sim-cov\.fif holds covariance'):
        io.read_fif(files['sim-cov.fif'], 'raw')
    with mne.utils.use_log_level('error'):
        mne.write_trans(tmp_path / 'head-trans.fif', mne.transforms.Transform('mri', 'head'))
        mne.make_fixed_length_epochs(raw, 0.5, preload=True).save(tmp_path / 'a-epo.fif')
    with pytest.raises(ValueError, match=r'raw or evoked or covariance or forward; head-trans\.fif holds transform'):
        io.read_fif(tmp_path / 'head-trans.fif')
    with pytest.raises(ValueError, match=r'a-epo\.fif holds epochs'):
        io.read_fif(tmp_path / 'a-epo.fif', 'evoked')
    (tmp_path / 'text.fif').write_text('no fif')
    with pytest.raises(ValueError, match=r'text\.fif holds unknown'):
        io.read_fif(tmp_path / 'text.fif')
    evoked = mne.EvokedArray(raw.get_data(), raw.info, comment='left')
    mne.write_evokeds(tmp_path / 'two-ave.fif', [evoked, evoked], verbose='error')
    with pytest.raises(ValueError, match="holds 2, 'left', 'left'"):
        io.read_fif(tmp_path / 'two-ave.fif')


def test_names_of_files(records, tmp_path):
    recording = records['sim_raw.fif']
    for name in ('sim.fif', 'sim-cov.fif', 'sim_raw.nc'):
        with pytest.raises(ValueError, match=rf'ends in raw\.fif or -ave\.fif for a Recording; got {name}'):
            io.write_fif(recording, tmp_path / name)
    with pytest.raises(FileNotFoundError, match='there is no'):
        io.write_fif(recording, tmp_path / 'nowhere' / 'sim_raw.fif')
    with pytest.raises(FileNotFoundError, match='there is no'):
        io.read_fif(tmp_path / 'none_raw.fif')
    with pytest.raises(ValueError, match=r'mne\.io\.read_raw'):
        io.read_fif(tmp_path / 'sim.vhdr')
    with pytest.raises(ValueError, match="'evoked'"):
        io.read_fif(tmp_path / 'sim_raw.fif', 'evoke')
    sources = records['sim-fwd.fif'].sources
    with pytest.raises(TypeError, match=r'to_mne\(estimate\)\.save'):
        io.write_fif(SourceEstimate(np.zeros((1, sources.n_sources)), sources, 1 * u.ms), tmp_path / 'a.fif')


@pytest.mark.parametrize('name', ['sim_raw.fif', 'sim-ave.fif', 'sim-cov.fif', 'sim-fwd.fif'])
def test_a_file_is_replaced_when_asked_to(records, tmp_path, name):
    (tmp_path / name).write_text('of somebody')
    with pytest.raises(FileExistsError, match=rf'{name} already: write overwrite=True'):
        io.write_fif(records[name], tmp_path / name)
    assert (tmp_path / name).read_text() == 'of somebody'
    io.write_fif(records[name], tmp_path / name, overwrite=True)
    assert mne.what(tmp_path / name) != 'unknown'


def test_without_mne(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'mne', None)
    with pytest.raises(ImportError, match=r"pip install 'brainfwd\[mne\]'"):
        io.read_fif('a_raw.fif')
    with pytest.raises(ImportError, match=r"pip install 'brainfwd\[mne\]'"):
        io.to_mne(Channels(('a',), ('eeg',)), sampling_period=1 * u.ms)
