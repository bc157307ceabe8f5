import brainunit as u
import numpy as np
import pytest

from brainfwd.datasets import load_connectome, load_lead_field

MOMENT = u.amp * u.meter


@pytest.fixture(scope='module')
def first():
    return load_lead_field('eeg')


@pytest.fixture(scope='module')
def second():
    return load_lead_field('eeg', head='second')


@pytest.fixture(scope='module')
def meg():
    return load_lead_field('meg')


def median_gain_of_regions(field, unit):
    """One nA m spread over each region by area: the median over sensors and regions."""
    sources = field.sources
    inside = sources.region_ids[:, None] == np.unique(sources.region_ids)
    weights = inside * sources.areas.mantissa[:, None]
    mean = field.gain_si @ (weights / weights.sum(axis=0))
    return np.median(abs(mean).max(axis=0)) * (1 * field.channels.unit / MOMENT * (u.nA * u.meter)).to_decimal(unit)


def test_sources(first, second, meg):
    sources = first.sources
    # 5124 sources, 386 of them on the medial wall
    assert sources.n_sources == 5124 - 386
    for field in (second, meg):
        np.testing.assert_array_equal(field.sources.vertices, sources.vertices)
    cortical = load_connectome().cortical()
    assert set(sources.region_ids) == set(cortical.region_ids)
    np.testing.assert_array_equal(sources.hemisphere, sources.region_ids // 1000 - 1)
    # head frame: x to the right
    x = sources.positions.to_decimal(u.meter)[:, 0]
    assert x[sources.hemisphere == 0].mean() < -0.01 < 0.01 < x[sources.hemisphere == 1].mean()


def test_areas(first):
    areas = first.sources.areas.to_decimal(u.mm**2)
    regions = np.array([areas[first.sources.region_ids == r].sum() for r in np.unique(first.sources.region_ids)])
    assert regions.mean() == pytest.approx(2094, rel=0.1)
    assert 25 < regions.max() / regions.min() < 100


def test_normals_point_outward(first):
    positions = first.sources.positions.mantissa
    outward = positions - positions.mean(axis=0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # the cortex folds, but on the whole its outside is outside
    assert (outward * first.sources.normals).sum(axis=1).mean() > 0.2


def test_units(first, meg):
    assert first.gain.unit == u.volt / MOMENT
    assert meg.gain['mag'].unit == u.tesla / MOMENT
    assert meg.gain['grad'].unit == u.tesla / u.meter / MOMENT
    assert meg.pick('mag').gain.unit == u.tesla / MOMENT


def test_meg_types_by_name(meg):
    assert [meg.channels.types.count(kind) for kind in ('mag', 'grad')] == [102, 204]
    for name, kind in zip(meg.channels.names, meg.channels.types, strict=True):
        assert kind == {'1': 'mag', '2': 'grad', '3': 'grad'}[name[-1]]


def test_gains_have_the_size_of_the_field(first, meg):
    # a cortical source of 1 nA m: some 0.1 uV, some 10 fT, some fT/cm at the closest sensor
    assert 0.02 < median_gain_of_regions(first, u.uvolt) < 1
    assert 1 < median_gain_of_regions(meg.pick('mag'), u.ftesla) < 50
    assert 0.3 < median_gain_of_regions(meg.pick('grad'), u.ftesla / u.cm) < 20


def test_sensors_surround_the_head(first, meg):
    brain = first.sources.positions.mantissa
    middle = brain.mean(axis=0)
    for field in (first, meg):
        distance = np.linalg.norm(field.channels.positions.to_decimal(u.meter) - middle, axis=1)
        assert 0.05 < distance.min() < distance.max() < 0.2
        # a sensor is farther out than the cortex below it
        closest = np.linalg.norm(field.channels.positions.mantissa[:, None] - brain, axis=-1).min(axis=1)
        assert closest.min() > 0.005
    # the left sees the left: names of the 10-05 system are odd on the left
    places = dict(zip(first.channels.names, first.channels.positions.mantissa, strict=True))
    assert places['C3'][0] < -0.03 < 0.03 < places['C4'][0]
    assert places['Oz'][1] < 0 < places['Fpz'][1]


def test_second_head_is_close_to_the_first_and_not_the_same(first, second):
    a, b = first.gain_si, second.gain_si
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    correlation = (a * b).sum(axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)
    np.testing.assert_allclose(np.percentile(correlation, [5, 50, 95]), [0.965, 0.983, 0.995], atol=2e-3)
    assert np.median(np.linalg.norm(b, axis=0) / np.linalg.norm(a, axis=0)) == pytest.approx(1.75, rel=0.02)
    assert first.channels.names == second.channels.names
    shift = np.linalg.norm((first.channels.positions - second.channels.positions).to_decimal(u.mm), axis=1)
    assert shift.mean() == pytest.approx(5, abs=1.5)
    assert first.head != second.head


def test_free_orientation_is_the_same_head(first):
    free = load_lead_field('eeg', orientation='free')
    assert free.gain_si.shape == (64, 4738, 3)
    assert free.head == first.head
    np.testing.assert_allclose(free.fixed().gain_si, first.gain_si)


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        ({'kind': 'egg'}, r"load_lead_field\(kind\) is one of 'eeg', 'meg'; got 'egg'"),
        ({'kind': 'eeg', 'head': 'secnod'}, "Did you mean 'second'"),
        ({'kind': 'meg', 'head': 'second'}, "'first'; got 'second'"),
        ({'kind': 'meg', 'orientation': 'free'}, "'fixed'; got 'free'"),
        ({'kind': 'eeg', 'head': 'second', 'orientation': 'free'}, "'fixed'; got 'free'"),
    ],
)
def test_what_does_not_exist(arguments, says):
    with pytest.raises(ValueError, match=says):
        load_lead_field(**arguments)
