"""Records of MNE-Python's objects, and objects of records: nothing is lost but what is said to be."""

import dataclasses

import brainunit as u
import hypothesis.strategies as st
import mne
import numpy as np
import pytest
from hypothesis import given, settings

from brainfwd import EEGLeadFieldModel, datasets, io
from brainfwd._core.checks import UnitError
from brainfwd._core.units import nAm
from brainfwd.forward import SphericalHead
from brainfwd.records import (
    Channels,
    Connectome,
    LeadField,
    Recording,
    SourceEstimate,
    SourceSpace,
    average_reference,
    rank_of,
)

SI = {'mag': u.tesla, 'grad': u.tesla / u.meter, 'eeg': u.volt}


@pytest.fixture(scope='module')
def covariance(raw):
    with mne.utils.use_log_level('error'):
        return mne.compute_raw_covariance(raw, picks='data')


@pytest.fixture(scope='module')
def lead_field(forward, info):
    return io.from_mne(forward, info=info)


# ---- sensors ----


def test_good_channels_by_name_in_the_head_frame(info):
    channels = io.from_mne(info)
    assert channels.names[:4] == ('MEG 0001', 'MEG 0002', 'MEG 0003', 'MEG 0011')
    assert not set(channels.names) & {'STI 014', 'EOG 061', *info['bads']}
    assert {kind: channels.types.count(kind) for kind in channels.kinds} == {'mag': 4, 'grad': 9, 'eeg': 11}
    assert channels.coils[:2] == ('neuromag magnetometer', 'neuromag planar gradiometer')
    # the coil of MNE, carried to the head by MNE
    for name in ('MEG 0003', 'MEG 0041'):
        ours, loc = channels.names.index(name), info['chs'][info.ch_names.index(name)]['loc']
        place = mne.transforms.apply_trans(info['dev_head_t'], loc[:3])
        np.testing.assert_allclose(channels.positions.mantissa[ours], place, rtol=1e-12)
        axes = mne.transforms.apply_trans(info['dev_head_t'], loc[3:].reshape(3, 3), move=False)
        np.testing.assert_allclose(channels.coil_axes[ours], axes, atol=1e-12)


@pytest.mark.parametrize('kind', ['eeg', 'meg'])
def test_shipped_sensors_come_back(kind):
    channels = datasets.load_lead_field(kind).channels
    info = io.to_mne(channels, sampling_period=2 * u.ms)
    assert info['sfreq'] == 500
    assert info.get_channel_types() == list(channels.types)
    assert io.from_mne(info) == channels


def test_a_coil_that_has_no_name_here_keeps_its_number(info):
    info = info.copy()
    info['chs'][1]['coil_type'] = 7001
    channels = io.from_mne(info)
    assert channels.coils[0] == 'FIFF 7001'
    assert io.to_mne(channels, sampling_period=1 * u.ms)['chs'][0]['coil_type'] == 7001


def test_sensors_that_nobody_placed():
    info = mne.create_info(['a', 'b'], 100.0, ['eeg', 'mag'])
    channels = io.from_mne(info)
    assert channels == Channels(('a', 'b'), ('eeg', 'mag'))
    assert io.from_mne(io.to_mne(channels, sampling_period=10 * u.ms)) == channels


@pytest.mark.parametrize('name', ['EEG 003', 'MEG 0011'])
def test_one_sensor_that_nobody_placed_is_named(info, name):
    info = info.copy()
    info['chs'][info.ch_names.index(name)]['loc'][:3] = np.nan if name[0] == 'E' else 0.0
    with pytest.warns(UserWarning, match=f'no place is known of {name}, .*raw.drop_channels'):
        channels = io.from_mne(info)
    assert channels.positions is None
    assert channels.coils is not None
    info['bads'].append(name)
    assert io.from_mne(info).positions is not None


def test_one_coil_without_axes_is_named(info):
    info = info.copy()
    info['chs'][info.ch_names.index('MEG 0011')]['loc'][3:9] = 0.0
    with pytest.warns(UserWarning, match='no coil is known of MEG 0011, so that the coils of all'):
        channels = io.from_mne(info)
    assert channels.coils is None
    assert channels.positions is not None


def test_a_compensation_is_told(raw):
    raw = raw.copy()
    for ch, kind in zip(raw.info['chs'], raw.get_channel_types(), strict=True):
        ch['coil_type'] += 3 << 16 if kind in ('mag', 'grad') else 0
    assert raw.compensation_grade == 3
    with pytest.warns(UserWarning, match=r'grade 3, .* write raw\.apply_gradient_compensation\(0\)'):
        recording = io.from_mne(raw)
    with pytest.raises(ValueError, match='FIFF'):
        SphericalHead().gain_si(np.zeros((1, 3)) * u.mm, recording.channels)


# ---- recordings ----


def test_data_are_projected_and_the_unprojected_on_demand(raw):
    applied = raw.copy().apply_proj()
    ours, bare = io.from_mne(raw), io.from_mne(raw, apply_proj=False)
    names = list(ours.channels.names)
    assert np.array_equal(bare.data_si.T, raw.get_data(names))
    scale = abs(applied.get_data(names)).max(axis=1)
    assert (abs(ours.data_si.T - applied.get_data(names)).max(axis=1) < 1e-12 * scale).all()
    assert abs(ours.data['eeg'].mantissa.sum(axis=1)).max() < 1e-12 * abs(ours.data['eeg'].mantissa).max()
    # once applied, they are not applied again: not a bit changes
    assert np.array_equal(io.from_mne(applied).data_si.T, applied.get_data(names))
    for kind, unit in SI.items():
        assert ours.data[kind].unit == unit


def test_projectors_that_are_due_beside_others_that_are_not(raw, covariance):
    """A pattern of EEG that was taken out stays out when the average follows."""
    rng = np.random.default_rng(3)
    names = [name for name in raw.copy().pick('eeg').ch_names if name not in raw.info['bads']]
    pattern = rng.normal(size=(1, len(names))) + 1.0
    vector = {
        'data': pattern / np.linalg.norm(pattern), 'nrow': 1, 'ncol': len(names), 'row_names': None, 'col_names': names,
    }  # fmt: skip
    half = raw.copy().del_proj().add_proj([mne.Projection(active=False, data=vector, desc='blink', kind=1)])
    half.apply_proj().set_eeg_reference(projection=True)
    assert [proj['active'] for proj in half.info['projs']] == [True, False]
    ours = io.from_mne(half)
    eeg = ours.pick('eeg').data_si
    assert abs(eeg.T - half.copy().apply_proj().get_data(names)).max() < 1e-10 * abs(eeg).max()
    assert abs(eeg @ pattern[0]).max() < 1e-12 * abs(eeg).max()
    assert abs(eeg.sum(axis=1)).max() < 1e-12 * abs(eeg).max()
    assert rank_of(ours)['eeg'] == io.from_mne(covariance, info=half.info).rank['eeg'] == 9


def test_times_band_and_repetitions(raw):
    ours = io.from_mne(raw)
    np.testing.assert_allclose(ours.times.mantissa, raw.times + raw.first_time, rtol=1e-12)
    assert [float(edge.mantissa) for edge in ours.band] == [1.0, 100.0]
    evoked = mne.EvokedArray(raw.get_data()[:, :60], raw.info, tmin=-0.05, nave=37)
    ours = io.from_mne(evoked)
    np.testing.assert_allclose(ours.times.mantissa, evoked.times, atol=1e-12)
    assert ours.nave == 37


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([49, 100, 250, 500, 512, 600, 1000, 1024, 5000]),
    first=st.integers(0, 5000),
    band=st.sampled_from([None, (0.5, None), (None, 20.0), (1.0, 20.0)]),
    head=st.sampled_from([None, 'fsaverage first']),
    nave=st.sampled_from([1, 2, 100]),
    scale=st.sampled_from([1e-15, 1.0, 1e9]),
    seed=st.integers(0, 100),
)
def test_recordings_come_back(rate, first, band, head, nave, scale, seed):
    data = scale * np.random.default_rng(seed).normal(size=(3, 2))
    edges = None if band is None else tuple(None if edge is None else edge * u.Hz for edge in band)
    channels = Channels(('a', 'b'), ('eeg', 'grad'))
    given = Recording(data, channels, 1 / rate * u.second, first / rate * u.second, None, head, edges, nave)
    for kind in ('raw', 'evoked') if nave == 1 else ('evoked',):
        back = io.from_mne(io.to_mne(given, kind=kind))
        assert np.array_equal(back.data_si, data)
        assert (back.sampling_period, back.head, back.band, back.nave) == (given.sampling_period, head, edges, nave)
        np.testing.assert_allclose(back.times.mantissa, given.times.mantissa, rtol=1e-14)
        assert back.channels == channels


def test_an_info_to_write_like(raw, lead_field):
    recording = io.from_mne(raw)
    back = io.to_mne(recording, like=raw.info)
    assert back.ch_names == list(recording.channels.names)
    assert [proj['desc'] for proj in back.info['projs']] == ['drift', 'Average EEG reference']
    assert back.info['dev_head_t'] == raw.info['dev_head_t']
    assert back.first_samp == raw.first_samp
    assert io.from_mne(back).channels == recording.channels
    # another rate than the Info has
    slower = dataclasses.replace(recording, sampling_period=10 * u.ms, start=0 * u.second, band=None)
    assert io.to_mne(slower, like=raw.info).info['sfreq'] == 100
    # and neither its filters nor its head
    named = io.to_mne(dataclasses.replace(recording, head='first')).info
    other = io.from_mne(io.to_mne(dataclasses.replace(recording, band=None), like=named))
    assert (other.band, other.head) == (None, None)


# ---- covariances ----


def test_covariance_is_projected_and_of_the_good_channels(covariance, raw):
    ours = io.from_mne(covariance, info=raw.info)
    assert ours.channels == io.from_mne(raw).channels
    assert ours.n_samples == 1200
    # of the projected data, up to rounding
    expected = io.from_mne(raw).covariance().matrix_si
    scale = np.sqrt(np.diagonal(expected))
    assert (abs(ours.matrix_si - expected) < 1e-9 * np.outer(scale, scale)).all()
    # where they were applied to the data already
    again = io.from_mne(covariance, info=raw.copy().apply_proj().info)
    assert (abs(again.matrix_si - ours.matrix_si) < 1e-9 * np.outer(scale, scale)).all()
    # one direction of MEG and one of EEG are gone
    assert ours.rank == {'meg': 12, 'eeg': 10}
    bare = io.from_mne(covariance, info=raw.info, apply_proj=False)
    assert bare.rank == {'meg': 13, 'eeg': 10}
    assert io.from_mne(covariance, info=raw.info, rank='info').rank == {'meg': 12, 'eeg': 10}


def test_rank_as_given_and_by_part(covariance, raw):
    ours = io.from_mne(covariance, info=raw.info, rank={'meg': 7})
    assert ours.rank == {'meg': 7, 'eeg': 10}
    assert ours.pick('grad').rank == {'meg': 7}
    assert ours.pick('mag').rank == {'meg': 4}
    with pytest.raises(ValueError, match=r'at most the number of channels, 13; got 14'):
        dataclasses.replace(ours, rank={'meg': 14})


@pytest.mark.parametrize('diagonal', [False, True])
def test_covariances_come_back(covariance, raw, diagonal):
    if diagonal:
        covariance = covariance.copy().as_diag()
    ours = io.from_mne(covariance, info=raw.info, apply_proj=False)
    back = io.to_mne(ours)
    again = io.from_mne(back, info=raw.info, apply_proj=False)
    assert np.array_equal(again.matrix_si, ours.matrix_si)
    assert (again.n_samples, again.channels, again.rank) == (ours.n_samples, ours.channels, ours.rank)
    index = [covariance.ch_names.index(name) for name in back.ch_names]
    full = np.diag(covariance.data) if diagonal else covariance.data
    np.testing.assert_allclose(back.data, full[np.ix_(index, index)], rtol=1e-12)
    assert back['nfree'] == covariance['nfree'] == 1199


# ---- lead fields ----


def test_rows_by_name_and_columns_by_source(lead_field, forward, info):
    assert lead_field.channels == io.from_mne(info)
    row = forward['sol']['row_names'].index('EEG 003')
    np.testing.assert_array_equal(lead_field.pick(['EEG 003']).gain_si[0].ravel(), forward['sol']['data'][row])
    np.testing.assert_allclose(lead_field.sources.positions.mantissa, forward['source_rr'])
    assert lead_field.sources.hemisphere.tolist() == [0] * forward['src'][0]['nuse'] + [1] * forward['src'][1]['nuse']


@pytest.mark.parametrize('use_cps', [False, True])
def test_surface_orientations_are_turned_back(lead_field, forward, info, use_cps):
    turned = io.from_mne(mne.convert_forward_solution(forward, surf_ori=True, use_cps=use_cps), info=info)
    assert np.linalg.norm(turned.gain_si - lead_field.gain_si) < 1e-6 * np.linalg.norm(lead_field.gain_si)
    fixed = io.from_mne(mne.convert_forward_solution(forward, force_fixed=True, use_cps=use_cps), info=info)
    assert fixed.orientation == 'fixed'
    # MNE rounds the gain of fixed orientations
    assert np.linalg.norm(fixed.gain_si - turned.fixed().gain_si) < 1e-6 * np.linalg.norm(fixed.gain_si)


def test_mri_coordinates_are_turned_to_the_head(lead_field, forward, info, mri_head_t):
    inverse = mne.transforms.invert_transform(mri_head_t)
    turn = inverse['trans'][:3, :3]
    other = forward.copy()
    gain = forward['sol']['data'].reshape(-1, forward['nsource'], 3)
    # a moment m along the axes of the MRI is R' m in the head
    other['sol']['data'] = np.einsum('mnk,xk->mnx', gain, turn).reshape(len(gain), -1)
    other['coord_frame'] = 5
    other['source_rr'] = mne.transforms.apply_trans(inverse, forward['source_rr'])
    for space in other['src']:
        space['rr'] = mne.transforms.apply_trans(inverse, space['rr'])
        space['nn'] = space['nn'] @ turn.T
    back = io.from_mne(other, info=info)
    assert np.linalg.norm(back.gain_si - lead_field.gain_si) < 1e-6 * np.linalg.norm(lead_field.gain_si)
    np.testing.assert_allclose(back.sources.positions.mantissa, lead_field.sources.positions.mantissa, atol=1e-8)
    np.testing.assert_allclose(back.sources.normals, lead_field.sources.normals, atol=1e-6)


def test_patches_cover_the_cortex(forward, lead_field):
    # MNE left out sources that lie outside the sphere, and their patches with them
    for side, space in enumerate(forward['src']):
        patches = lead_field.sources.areas.mantissa[lead_field.sources.hemisphere == side]
        used = np.isin(space['nearest'], space['vertno'])
        share = used.mean()
        # of a ball with 30 mm, all of whose points stand for nearly the same area
        assert abs(patches.sum() / (share * 4 * np.pi * 30**2) - 1) < 0.02


def test_labels_are_regions(forward, info):
    n = forward['src'][0]['np']
    half = [mne.Label(np.arange(n // 2), hemi=hemi, name=f'half-{hemi}') for hemi in ('lh', 'rh')]
    by_number = io.from_mne(forward, labels=half).sources
    first = by_number.vertices < n // 2
    assert np.array_equal(by_number.region_ids, np.where(first, by_number.hemisphere, -1))
    by_id = io.from_mne(forward, labels={1001: half[0], 2001: half[1]}).sources
    assert set(by_id.region_ids) == {-1, 1001, 2001}
    with pytest.raises(ValueError, match="lies in 'half-lh' and 'again-lh'"):
        io.from_mne(forward, labels=[half[0], mne.Label([0, 3], hemi='lh', name='again-lh')])


def test_regions_are_sums_over_labels(forward):
    n = forward['src'][0]['np']
    labels = [
        mne.Label(np.arange(k * n // 3, (k + 1) * n // 3), hemi=h, name=f'{k}-{h}')
        for h in ('lh', 'rh')
        for k in range(3)
    ]
    regions = Connectome(np.zeros((6, 6)), np.zeros((6, 6)) * u.mm, tuple(label.name for label in labels), np.arange(6))
    lead_field = io.from_mne(forward, labels=labels).pick('eeg')
    model = EEGLeadFieldModel.from_lead_field(
        lead_field, regions, dipole_scale=1 * nAm / u.mV, aggregate='sum', reference=None
    )
    fixed = mne.convert_forward_solution(forward, force_fixed=True, use_cps=False)
    rows = [fixed['sol']['row_names'].index(name) for name in lead_field.channels.names]
    vertices = np.concatenate([space['vertno'] for space in forward['src']])
    side = np.repeat(['lh', 'rh'], [space['nuse'] for space in forward['src']])
    for label, ours in zip(labels, model.L.to_decimal(u.volt / (u.amp * u.meter)), strict=True):
        inside = (side == label.hemi) & np.isin(vertices, label.vertices)
        theirs = fixed['sol']['data'][rows][:, inside].sum(axis=1)
        # single precision, here and in MNE's fixed orientation
        np.testing.assert_allclose(ours, theirs, atol=1e-6 * abs(theirs).max())


def test_sources_of_a_mesh_alone(forward, src, mri_head_t):
    """Those of the forward solution, and those it left out."""
    labels = [mne.Label(np.arange(300), hemi=hemi, name=hemi) for hemi in ('lh', 'rh')]
    inside, ours = io.from_mne(forward, labels=labels).sources, io.from_mne(src, trans=mri_head_t, labels=labels)
    assert ours.n_sources == 60
    kept = [
        (h, v) in set(zip(inside.hemisphere, inside.vertices, strict=True))
        for h, v in zip(ours.hemisphere, ours.vertices, strict=True)
    ]
    for name in ('positions', 'normals', 'areas', 'region_ids'):
        there, here = (u.get_mantissa(getattr(sources, name)) for sources in (inside, ours.mask(kept)))
        np.testing.assert_allclose(here, there, atol=1e-7 * abs(there).max())
    # the area of both balls
    assert abs(ours.areas.sum().mantissa / (8 * np.pi * 30**2) - 1) < 0.02
    back = io.from_mne(io.to_mne(ours), areas=ours.areas)
    assert np.array_equal(back.positions.mantissa, ours.positions.mantissa)
    other_way = io.from_mne(src, trans=mne.transforms.invert_transform(mri_head_t))
    np.testing.assert_allclose(other_way.positions.mantissa, ours.positions.mantissa, atol=1e-12)
    with pytest.raises(ValueError, match=r'write trans=mne\.read_trans'):
        io.from_mne(src)


@pytest.mark.parametrize('orientation', ['free', 'fixed'])
def test_lead_fields_come_back(lead_field, orientation):
    given = lead_field if orientation == 'free' else lead_field.fixed()
    back = io.from_mne(io.to_mne(given, subject='twoballs'), sources=given.sources)
    assert np.array_equal(back.gain_si, given.gain_si)
    assert (back.channels, back.head, back.sources) == (given.channels, given.head, given.sources)


@pytest.mark.parametrize('kind', ['surface', 'volume'])
def test_sources_in_any_order(lead_field, kind):
    rng = np.random.default_rng(0)
    order = rng.permutation(lead_field.n_sources)
    names = ('positions', 'normals', 'areas', 'hemisphere', 'vertices', 'region_ids')
    sources = SourceSpace(*(getattr(lead_field.sources, name)[order] for name in names), kind)
    if kind == 'volume':
        sources = dataclasses.replace(sources, vertices=order)
    mixed = LeadField(lead_field.gain_si[:, order], lead_field.channels, sources)
    with pytest.warns(UserWarning, match=r'data\[:, order\].*lexsort') as caught:
        forward = io.to_mne(mixed)
    assert caught[0].filename == __file__
    # as the warning says
    keys = (sources.vertices,) if kind == 'volume' else (sources.vertices, sources.hemisphere)
    np.testing.assert_array_equal(np.lexsort(keys), np.argsort(order))
    assert np.array_equal(forward['sol']['data'].reshape(-1, lead_field.n_sources, 3), lead_field.gain_si)
    assert np.array_equal(io.from_mne(forward, sources=sources).gain_si, mixed.gain_si)


# ---- estimates ----


@pytest.mark.parametrize('volume', [False, True])
@pytest.mark.parametrize('unit', [nAm, u.UNITLESS])
@pytest.mark.filterwarnings('ignore:to_mne. MNE-Python has sources sorted')
def test_estimates_come_back(lead_field, unit, volume):
    sources = dataclasses.replace(
        lead_field.sources,
        vertices=np.arange(lead_field.n_sources)[::-1],
        kind='volume' if volume else 'surface',
    )
    numbers = np.random.default_rng(0).normal(size=(4, sources.n_sources))
    data = numbers if unit.is_unitless else u.Quantity(numbers, unit=unit)
    given = SourceEstimate(data, sources, 2 * u.ms, -10 * u.ms, 'dSPM')
    stc = io.to_mne(given, subject='twoballs')
    assert isinstance(stc, mne.VolSourceEstimate if volume else mne.SourceEstimate)
    assert (stc.subject, stc.tmin, stc.tstep) == ('twoballs', -0.01, 0.002)
    factor = 1.0 if unit.is_unitless else 1e-9
    left = np.sort(sources.vertices if volume else sources.vertices[sources.hemisphere == 0])
    assert np.array_equal(stc.vertices[0], left)
    np.testing.assert_allclose(stc.data[0], factor * numbers[:, sources.vertices == left[0]][:, 0])
    si = u.UNITLESS if unit.is_unitless else u.amp * u.meter
    back = io.from_mne(stc, sources=sources, unit=si, method='dSPM')
    np.testing.assert_allclose(u.get_mantissa(back.data), numbers, rtol=1e-14)
    assert (back.unit, back.start, back.sampling_period) == (unit, given.start, given.sampling_period)
    assert back.sources is sources


def test_an_estimate_of_some_sources(lead_field):
    sources = lead_field.sources
    used = [sources.vertices[sources.hemisphere == side][2:5] for side in (0, 1)]
    stc = mne.SourceEstimate(np.arange(6.0)[:, None] * np.ones(3), used, 0.0, 0.001)
    ours = io.from_mne(stc, sources=sources, unit=u.UNITLESS)
    assert np.array_equal(ours.data[0], np.arange(6.0))
    assert np.array_equal(ours.sources.vertices, np.concatenate(used))


# ---- what does not fit ----


def test_wrong_objects(raw, covariance):
    with mne.utils.use_log_level('error'):
        epochs = mne.make_fixed_length_epochs(raw, 0.5, preload=True)
    with pytest.raises(TypeError, match=r'got Epochs.*epochs\.average'):
        io.from_mne(epochs)
    with pytest.raises(TypeError, match='got ndarray'):
        io.from_mne(np.zeros(3))
    with pytest.raises(TypeError, match='got float'):
        io.to_mne(1.0)
    with pytest.raises(UnitError, match=r'write sampling_period=1\. \* u\.ms'):
        io.to_mne(Channels(('a',), ('eeg',)))
    with pytest.raises(TypeError, match=r'from_mne\(RawArray, ...\) takes the options apply_proj; got labels'):
        io.from_mne(raw, labels=[])
    with pytest.raises(TypeError, match=r'needs the Info of the data'):
        io.from_mne(covariance)
    with pytest.raises(ValueError, match='got complex data'):
        io.from_mne(raw.copy().apply_hilbert())
    with pytest.raises(ValueError, match="an average; got 'standard_error'"):
        io.from_mne(epochs.standard_error())


def test_channels_that_are_missing_are_named(raw, covariance, forward):
    only_eeg = mne.pick_channels_forward(forward, [f'EEG {i:03d}' for i in range(12)])
    with pytest.raises(ValueError, match='lacks MEG 0001, MEG 0002, MEG 0003, MEG 0011, MEG 0012 and 8 more'):
        io.from_mne(only_eeg, info=raw.info)
    part = mne.pick_channels_cov(covariance, exclude=['EEG 001'])
    with pytest.raises(ValueError, match='lacks EEG 001'):
        io.from_mne(part, info=raw.info)
    with pytest.raises(ValueError, match='lacks a'):
        io.to_mne(Channels(('a',), ('eeg',)), sampling_period=1 * u.ms, like=raw.info)
    with pytest.raises(ValueError, match='got 1 stim, 1 eog'):
        io.from_mne(raw.copy().pick(['stim', 'eog']))
    with pytest.raises(ValueError, match='got 1 eeg, 1 of them marked bad'):
        io.from_mne(raw.copy().pick(['EEG 005']))


def test_sources_that_do_not_fit(forward, lead_field):
    with pytest.raises(ValueError, match=r'write areas=... \* u\.mm\*\*2'):
        io.from_mne(io.to_mne(lead_field))
    first = lead_field.sources.mask(np.arange(lead_field.n_sources) < 5)
    with pytest.raises(ValueError, match='has the vertices of the forward solution, 58; got others'):
        io.from_mne(forward, sources=first)
    moved = dataclasses.replace(lead_field.sources, positions=lead_field.sources.positions + 1 * u.mm)
    with pytest.raises(ValueError, match=r'up to 0\.001 m off'):
        io.from_mne(forward, sources=moved)
    twice = dataclasses.replace(lead_field.sources, vertices=np.zeros(58, int))
    with pytest.raises(ValueError, match='each vertex of the left hemisphere once; got 0 more than once'):
        io.to_mne(LeadField(lead_field.gain_si, lead_field.channels, twice))
    stc = mne.SourceEstimate(np.zeros((2, 1)), [[1], [2]], 0.0, 0.001)
    with pytest.raises(ValueError, match=r'lacks 1 \(left\), 2 \(right\)'):
        io.from_mne(stc, sources=lead_field.sources, unit=u.UNITLESS)
    with pytest.raises(UnitError, match=r'write unit=u\.amp'):
        io.from_mne(stc, sources=lead_field.sources)
    with pytest.raises(TypeError, match=r'write sources=lead_field\.sources'):
        io.from_mne(stc, unit=u.UNITLESS)
    vector = mne.VectorSourceEstimate(np.zeros((2, 3, 1)), [[1], [2]], 0.0, 0.001)
    with pytest.raises(TypeError, match=r'write stc\.magnitude'):
        io.from_mne(vector, sources=lead_field.sources, unit=u.UNITLESS)
    mixed = mne.MixedSourceEstimate(np.zeros((3, 1)), [[1], [2], [0]], 0.0, 0.001)
    with pytest.raises(TypeError, match=r'write stc\.surface\(\) or stc\.volume\(\)'):
        io.from_mne(mixed, sources=lead_field.sources, unit=u.UNITLESS)
    mixed = forward.copy()
    mixed['src'] = mne.SourceSpaces([*forward['src'], {**forward['src'][0], 'type': 'vol'}])
    with pytest.raises(ValueError, match='or in one volume; got surf, surf, vol'):
        io.from_mne(mixed)


def test_what_raw_and_estimates_cannot_hold(lead_field):
    recording = Recording(np.zeros((3, 1)), Channels(('a',), ('eeg',)), 2 * u.ms, -4 * u.ms)
    with pytest.raises(ValueError, match="write kind='evoked'"):
        io.to_mne(recording)
    with pytest.raises(ValueError, match='average of 3'):
        io.to_mne(dataclasses.replace(recording, nave=3))
    density = u.Quantity(np.zeros((2, lead_field.n_sources)), unit=nAm / u.mm**2)
    with pytest.raises(UnitError, match='in A \\* m; got m \\* nA'):
        io.to_mne(SourceEstimate(density, lead_field.sources, 1 * u.ms))


def test_average_reference_is_the_projector_of_mne(raw):
    eeg = raw.copy().pick('eeg', exclude='bads')
    ours = io.from_mne(eeg, apply_proj=False)
    np.testing.assert_allclose(
        ours.data_si @ average_reference(ours.channels), io.from_mne(eeg).data_si, atol=1e-12 * abs(ours.data_si).max()
    )
