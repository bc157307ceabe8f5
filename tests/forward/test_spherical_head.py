"""A head of spheres: what sensors see, and what is refused."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import ShapeError, UnitError
from brainfwd.forward import SphericalHead
from brainfwd.records import Channels, SourceSpace

S_PER_M = u.siemens / u.meter
CENTRE = np.array([0.0, 0.0, 0.04])


def _unit(rng, n):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _electrodes(places):
    return Channels(tuple(f'E{i}' for i in range(len(places))), ('eeg',) * len(places), places * u.meter)


def _sources(places, normals):
    n = len(places)
    return SourceSpace(
        places * u.meter, normals, np.ones(n) * u.mm**2, np.zeros(n, int), np.arange(n), np.zeros(n, int)
    )


@pytest.fixture(scope='module')
def head():
    return SphericalHead()


@pytest.fixture(scope='module')
def places():
    rng = np.random.default_rng(0)
    return CENTRE + 0.08 * rng.uniform(size=(8, 1)) * _unit(rng, 8)


@pytest.fixture(scope='module')
def eeg():
    return _electrodes(CENTRE + 0.09 * _unit(np.random.default_rng(1), 6))


@pytest.fixture(scope='module')
def mixed(eeg):
    """Magnetometers, and electrodes between them."""
    rng = np.random.default_rng(2)
    names, types, coils = zip(
        ('M0', 'mag', 'point magnetometer'), ('E0', 'eeg', ''), ('M1', 'mag', 'point magnetometer'), ('E1', 'eeg', ''),
        strict=True,
    )  # fmt: skip
    where = CENTRE + np.array([0.12, 0.09, 0.12, 0.09])[:, None] * _unit(rng, 4)
    axes = np.linalg.qr(rng.normal(size=(4, 3, 3)))[0] * np.array([1, 0, 1, 0])[:, None, None]
    return Channels(names, types, where * u.meter, coils, axes)


@pytest.fixture(scope='module')
def lead_field(head, places, eeg):
    return head.lead_field(_sources(places, _unit(np.random.default_rng(3), len(places))), eeg)


def test_defaults_are_those_of_mne(head):
    np.testing.assert_allclose(head.radii.in_unit(u.mm).mantissa, [81, 82.8, 87.3, 90])
    np.testing.assert_allclose(head.conductivities.in_unit(S_PER_M).mantissa, [0.33, 1, 0.004, 0.33])
    np.testing.assert_allclose(head.centre.in_unit(u.meter).mantissa, CENTRE)


def test_dipole_at_the_centre():
    """Of one sphere, by hand: V = 3 q cos / (4 pi sigma R^2)."""
    head = SphericalHead(np.array([80.0]) * u.mm, np.array([0.4]) * S_PER_M, np.zeros(3) * u.meter)
    electrodes = _electrodes(0.08 * np.eye(3))
    field = head.lead_field(_sources(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])), electrodes)
    expected = 3 / (4 * np.pi * 0.4 * 0.08**2) * np.eye(3)
    np.testing.assert_allclose(field.gain_si[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_equal_conductivities_are_one_sphere(places, eeg):
    sources = _sources(places, _unit(np.random.default_rng(3), len(places)))
    radii = SphericalHead().radii
    alike = SphericalHead(radii, np.full(4, 0.33) * S_PER_M).lead_field(sources, eeg)
    one = SphericalHead(radii[-1:], [0.33] * S_PER_M).lead_field(sources, eeg)
    np.testing.assert_allclose(alike.gain_si, one.gain_si, rtol=0, atol=1e-6 * abs(one.gain_si).max(axis=0).min())


def test_turning_and_shifting_everything_changes_nothing(head, places, eeg, lead_field):
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shift = np.array([0.1, -0.2, 0.3])

    def move(where):
        return (where - CENTRE) @ turn.T + shift

    moved = SphericalHead(head.radii, head.conductivities, shift * u.meter)
    sources = _sources(move(places), lead_field.sources.normals @ turn.T)
    gain = moved.lead_field(sources, _electrodes(move(eeg.positions.mantissa))).gain_si
    np.testing.assert_allclose(gain @ turn, lead_field.gain_si, rtol=0, atol=1e-9 * abs(gain).max())


def test_electrodes_are_projected(head, eeg, lead_field):
    lifted = _electrodes(CENTRE + 1.1 * (eeg.positions.mantissa - CENTRE))
    np.testing.assert_allclose(head.lead_field(lead_field.sources, lifted).gain_si, lead_field.gain_si, rtol=1e-9)


def test_orientations(head, eeg, lead_field):
    fixed = head.lead_field(lead_field.sources, eeg, 'fixed')
    assert (lead_field.orientation, fixed.orientation) == ('free', 'fixed')
    np.testing.assert_allclose(fixed.gain_si, (lead_field.gain_si * lead_field.sources.normals).sum(axis=-1))


def test_rows_follow_the_channels(head, places, mixed):
    gain = np.asarray(head.gain_si(places * u.meter, mixed))
    assert gain.shape == (4, len(places), 3)
    for kind in ('eeg', 'mag'):
        picked, index = mixed.pick(kind)
        np.testing.assert_allclose(gain[index], head.gain_si(places * u.meter, picked), rtol=1e-5)
    # V/(A m) are many, T/(A m) few
    assert abs(gain[[1, 3]]).min(axis=(1, 2)).max() > 1e3 * abs(gain[[0, 2]]).max()


def test_gain_in_single_precision_and_any_unit_of_length(head, places, eeg, lead_field):
    gain = head.gain_si(1e3 * places * u.mm, eeg)
    assert gain.dtype == jnp.float32
    largest = abs(lead_field.gain_si).max(axis=(0, 2))[:, None]
    assert (abs(gain - lead_field.gain_si) < 3e-5 * largest).all()


def test_gain_under_jit_vmap_and_grad(head, places, mixed):
    def seen(place):
        return head.gain_si(place[None] * u.meter, mixed)[:, 0]

    with jax.enable_x64(True):
        mapped = jax.jit(jax.vmap(seen, out_axes=1))
        np.testing.assert_allclose(mapped(places), head.gain_si(places * u.meter, mixed), rtol=1e-9)
        slopes = jax.jit(jax.vmap(jax.jacrev(seen), out_axes=1))(places)
        step = 1e-6
        for k, h in enumerate(step * np.eye(3)):
            differences = (mapped(places + h) - mapped(places - h)) / (2 * step)
            for row, expected in zip(slopes[..., k], differences, strict=True):
                np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6 * abs(expected).max())


def test_berg_scherg_is_near_the_series(head, eeg, lead_field):
    near = SphericalHead(head.radii, head.conductivities, head.centre, 'berg-scherg')
    assert near.n_terms == 0
    gain = near.lead_field(lead_field.sources, eeg).gain_si
    error = np.linalg.norm(gain - lead_field.gain_si) / np.linalg.norm(lead_field.gain_si)
    assert 1e-6 < error < 2.5 * near.equivalent_dipoles.error


def test_terms_follow_the_tolerance(head):
    rough = SphericalHead(tolerance=1e-3)
    assert 0 < rough.n_terms < head.n_terms < SphericalHead(tolerance=1e-12).n_terms


def test_outside_the_innermost_sphere_eeg_is_nan(head, eeg):
    gain = head.gain_si((CENTRE + [[0.0, 0.0, 0.0811], [0.0, 0.0, 0.0809]]) * u.meter, eeg)
    assert np.isnan(gain[:, 0]).all()
    assert np.isfinite(gain[:, 1]).all()


def test_sources_outside_are_counted(head, eeg):
    reach = np.array([[0.0, 0, 0.05], [0, 0, 0.085], [0, 0.09, 0]])
    sources = _sources(CENTRE + reach, np.tile([0.0, 0, 1], (3, 1)))
    np.testing.assert_array_equal(head.inside(sources.positions), [True, False, False])
    with pytest.raises(ValueError, match=r'got 2 of 3 that do not, the first at 1, 85\.0 mm .*sources\.mask'):
        head.lead_field(sources, eeg)
    inside = sources.mask(head.inside(sources.positions))
    assert head.lead_field(inside, eeg).n_sources == 1


def test_description_tells_heads_apart(head, lead_field):
    assert lead_field.head == head.description
    same = SphericalHead(u.Quantity(np.float32([81, 82.8, 87.3, 90]), unit=u.mm), method='berg-scherg')
    assert same.description == head.description
    others = [
        SphericalHead(head.radii * 1.001),
        SphericalHead(conductivities=[0.33, 1.0, 0.0042, 0.33] * S_PER_M),
        SphericalHead(centre=[0.0, 0.0, 0.041] * u.meter),
    ]
    assert len({each.description for each in (head, *others)}) == 4


@pytest.mark.parametrize('as_channels', [True, False])
def test_around_finds_the_sphere(as_channels):
    rng = np.random.default_rng(7)
    centre, up = np.array([0.003, 0.015, 0.042]), _unit(rng, 40) * [1, 1, 0.5] + [0, 0, 0.4]
    where = centre + 0.095 * up / np.linalg.norm(up, axis=1, keepdims=True)
    head = SphericalHead.around(_electrodes(where) if as_channels else where * u.meter, relative_radii=(0.8, 0.9, 1),
                                conductivities=[0.3, 0.01, 0.3] * S_PER_M)  # fmt: skip
    np.testing.assert_allclose(head.radii.mantissa, 95 * np.array([0.8, 0.9, 1]), rtol=1e-8)
    np.testing.assert_allclose(head.centre.mantissa, centre, atol=1e-10)
    np.testing.assert_allclose(head.conductivities.mantissa, [0.3, 0.01, 0.3])


def test_around_is_least_squares():
    rng = np.random.default_rng(8)
    where = CENTRE + 0.09 * _unit(rng, 60) * rng.uniform(0.9, 1.1, (60, 1))
    head = SphericalHead.around(where * u.meter)

    def cost(centre, radius):
        return np.square(np.linalg.norm(where - centre, axis=1) - radius).sum()

    centre, radius = head.centre.mantissa, 1e-3 * head.radii.mantissa[-1]
    for step in 1e-4 * np.concatenate([np.eye(4), -np.eye(4)]):
        assert cost(centre + step[:3], radius + step[3]) > cost(centre, radius)


@pytest.mark.parametrize(
    ('arguments', 'error', 'says'),
    [
        ({'radii': [81.0, 90.0]}, UnitError, 'u.mm'),
        ({'radii': 90.0 * u.mm}, ShapeError, r'\(shells,\)'),
        ({'radii': [81.0, 90.0] * u.mm}, ShapeError, 'conductivities'),
        ({'radii': [90.0, 87.3, 82.8, 81.0] * u.mm}, ValueError, 'grow from the inside out'),
        ({'radii': [0.0, 82.8, 87.3, 90.0] * u.mm}, ValueError, 'above zero'),
        ({'conductivities': [0.33, 1.0, 0.004, 0.33]}, UnitError, r'S / m|S/m'),
        ({'conductivities': [0.33, 1.0, 0.0, 0.33] * S_PER_M}, ValueError, 'above zero'),
        ({'centre': [0.0, 0.04] * u.meter}, ShapeError, 'centre'),
        ({'centre': [0.0, np.nan, 0.04] * u.meter}, ValueError, 'finite'),
        ({'method': 'bergscherg'}, ValueError, "Did you mean 'berg-scherg'"),
        ({'tolerance': 1.0}, ValueError, 'between 0 and 1'),
    ],
)
def test_bad_spheres(arguments, error, says):
    with pytest.raises(error, match=says):
        SphericalHead(**arguments)


def test_shells_too_thin():
    with pytest.raises(ValueError, match='more than 100000 orders'):
        _ = SphericalHead([89.9999, 90.0] * u.mm, [0.3, 0.1] * S_PER_M).n_terms


@pytest.mark.parametrize(
    ('factor', 'kind', 'says'),
    [(0.7, 'eeg', "'E0', 63.0 mm"), (1000.0, 'eeg', 'in the head frame, in m'), (0.99, 'mag', 'MEG sensors outside')],
)
def test_sensors_where_none_can_be(head, places, factor, kind, says):
    where = CENTRE + 0.09 * factor * np.eye(3)
    coils = {} if kind == 'eeg' else {'coils': ('point magnetometer',) * 3, 'coil_axes': np.tile(np.eye(3), (3, 1, 1))}
    channels = Channels(('E0', 'E1', 'E2'), (kind,) * 3, where * u.meter, **coils)
    with pytest.raises(ValueError, match=says):
        head.gain_si(places * u.meter, channels)


def test_bad_input(head, places, eeg, lead_field):
    nowhere = Channels(('E0',), ('eeg',))
    with pytest.raises(ValueError, match='no positions'):
        head.gain_si(places * u.meter, nowhere)
    with pytest.raises(ValueError, match='no positions'):
        SphericalHead.around(nowhere)
    with pytest.raises(ValueError, match='must be finite'):
        head.gain_si(places * u.meter, Channels(('E0',), ('eeg',), [[np.nan, 0, 0]] * u.meter))
    with pytest.raises(UnitError, match=r'u\.meter'):
        head.gain_si(places, eeg)
    with pytest.raises(ShapeError, match=r'\(sources, 3\)'):
        head.gain_si(places[0] * u.meter, eeg)
    with pytest.raises(TypeError, match='is a SourceSpace'):
        head.lead_field(places * u.meter, eeg)
    with pytest.raises(TypeError, match='is a Channels'):
        head.lead_field(lead_field.sources, lead_field)
    with pytest.raises(ValueError, match='orientation'):
        head.lead_field(lead_field.sources, eeg, 'loose')


def test_around_what_fixes_no_sphere(mixed):
    with pytest.raises(ValueError, match='take EEG channels'):
        SphericalHead.around(mixed.pick('mag')[0])
    with pytest.raises(ValueError, match='four places or more'):
        SphericalHead.around(0.09 * np.eye(3) * u.meter)
    angle = np.linspace(0, 6, 20)
    circle = 0.09 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    with pytest.raises(ValueError, match='not all in a plane'):
        SphericalHead.around(circle * u.meter)
    with pytest.raises(UnitError):
        SphericalHead.around(circle)


def test_equal_heads_compile_once(places, eeg, compilations):
    sources = _sources(places, _unit(np.random.default_rng(3), len(places)))
    heads = [SphericalHead(np.array([85.0]) * u.mm, np.array([0.41]) * S_PER_M) for _ in range(3)]
    first = heads[0].lead_field(sources, eeg), heads[0].gain_si(places * u.meter, eeg)
    with compilations as second:
        again = heads[1].lead_field(sources, eeg), heads[2].gain_si(places * u.meter, eeg)
    assert second.count == 0
    np.testing.assert_array_equal(again[0].gain_si, first[0].gain_si)
    np.testing.assert_array_equal(again[1], first[1])
    assert len(set(heads)) == 1
    # twice the conductivity is half the potential
    other = SphericalHead(heads[0].radii, 2 * heads[0].conductivities)
    np.testing.assert_allclose(2 * other.lead_field(sources, eeg).gain_si, first[0].gain_si, rtol=1e-12)
    np.testing.assert_allclose(2 * other.gain_si(places * u.meter, eeg), first[1], rtol=1e-5)


def test_equality_is_of_all_that_is_given(head):
    four = head.radii, head.conductivities, head.centre
    others = [
        SphericalHead(1.01 * head.radii),
        SphericalHead(conductivities=2 * head.conductivities),
        SphericalHead(centre=head.centre + 1 * u.mm),
        SphericalHead(method='berg-scherg'),
        SphericalHead(tolerance=1e-6),
        SphericalHead(*(each[:3] if each is not head.centre else each for each in four)),
    ]
    assert head == SphericalHead(*four)
    assert len({head, *others}) == 7
    assert head != 'head'
