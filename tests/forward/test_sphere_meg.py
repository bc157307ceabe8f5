"""The field of dipoles in a sphere obeys Maxwell's equations and Sarvas' symmetries."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from brainfwd.datasets import load_helmet
from brainfwd.forward.heads.sphere_meg import magnetic_gain
from brainfwd.records import Channels

CENTRE = np.array([0.003, -0.004, 0.042])
MU = 1e-7


def sensors(places, axes=None, coil='point magnetometer', kind='mag'):
    n = len(places)
    axes = np.tile(np.eye(3), (n, 1, 1)) if axes is None else axes
    return Channels(tuple(f'M{i}' for i in range(n)), (kind,) * n, places * u.meter, (coil,) * n, axes)


def magnetometers(places):
    """Three at each place, along x, y and z."""
    turns = np.array([np.roll(np.eye(3), -k, axis=0) for k in (1, 2, 3)])
    return sensors(np.repeat(places, 3, axis=0), np.tile(turns, (len(places), 1, 1)))


def gain(positions, channels, centre=CENTRE):
    with jax.enable_x64(True):
        return np.asarray(magnetic_gain(positions * u.meter, channels, centre * u.meter))


def directions(rng, n):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope='module')
def drawn():
    rng = np.random.default_rng(5)
    sources = CENTRE + directions(rng, 6) * rng.uniform(0.02, 0.08, (6, 1))
    places = CENTRE + directions(rng, 4) * rng.uniform(0.1, 0.13, (4, 1))
    return sources, places


@pytest.fixture(scope='module')
def helmet():
    channels = load_helmet()
    return channels.at(np.arange(0, 306, 20))


def test_radial_component_is_that_of_the_dipole_alone(drawn):
    # volume currents of a sphere have no radial field: Biot and Savart, B_r = mu0/4pi Q x a . r / |a|^3
    sources, places = drawn
    out = (places - CENTRE) / np.linalg.norm(places - CENTRE, axis=1, keepdims=True)
    field = gain(sources, magnetometers(places)).reshape(len(places), 3, len(sources), 3)
    radial = np.einsum('pc,pcsk->psk', out, field)
    a = places[:, None] - sources
    expected = MU * np.cross(a, out[:, None]) / np.linalg.norm(a, axis=-1, keepdims=True) ** 3
    np.testing.assert_allclose(radial, expected, rtol=1e-9, atol=1e-12 * abs(expected).max())


def test_field_outside_has_neither_sources_nor_turns(drawn):
    sources, places = drawn
    step = 1e-4
    around = (places[:, None, None] + step * np.array([1, -1])[:, None, None] * np.eye(3)).reshape(-1, 3)
    field = gain(sources, magnetometers(around)).reshape(len(places), 2, 3, 3, len(sources), 3)
    # [place, along which axis, component, source, moment]
    slope = (field[:, 0] - field[:, 1]) / (2 * step)
    size = np.sqrt((slope**2).sum(axis=(1, 2)))
    divergence = np.einsum('pccsk->psk', slope)
    curl = slope - slope.swapaxes(1, 2)
    assert (abs(divergence) / size).max() < 1e-4
    assert (abs(curl).max(axis=(1, 2)) / size).max() < 1e-4


def test_radial_dipoles_are_silent(drawn, helmet):
    sources, _ = drawn
    out = sources - CENTRE
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    field = gain(sources, helmet)
    assert abs(np.einsum('msk,sk->ms', field, out)).max() < 1e-13 * abs(field).max()


def test_a_dipole_at_the_centre_is_silent(helmet):
    total = jax.jacobian(lambda x: magnetic_gain(x * u.meter, helmet, CENTRE * u.meter))
    centre = jnp.asarray(CENTRE)[None]
    assert not np.asarray(magnetic_gain(centre * u.meter, helmet, CENTRE * u.meter)).any()
    assert np.isfinite(total(centre)).all()


def test_no_direction_is_special(drawn, helmet):
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    shift = rng.normal(size=3)
    sources, _ = drawn
    moved = Channels(
        helmet.names, helmet.types, (helmet.positions.mantissa @ turn.T + shift) * u.meter, helmet.coils,
        helmet.coil_axes @ turn.T,
    )  # fmt: skip
    expected = gain(sources, helmet) @ turn.T
    turned = gain(sources @ turn.T + shift, moved, turn @ CENTRE + shift)
    np.testing.assert_allclose(turned, expected, rtol=1e-8, atol=1e-11 * abs(expected).max())


@pytest.mark.parametrize('distance', [0.3, 1.0])
def test_a_small_planar_gradiometer_measures_the_slope(drawn, distance):
    # far off its size, 17 mm, the derivative of the field along its normal; the next term is (size / distance)^2
    sources, _ = drawn
    place = CENTRE + distance * np.array([0.0, 0.6, 0.8])
    axes = np.array([[1.0, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])[None]
    planar = gain(sources, sensors(place[None], axes, 'neuromag planar gradiometer', 'grad'))[0]
    # the chip's loops lie 0.3 mm above its place
    step, above = 1e-4 * np.eye(3)[0], place + 3e-4 * axes[0, 2]
    pair = gain(sources, sensors(np.array([above + step, above - step]), np.repeat(axes, 2, axis=0)))
    slope = (pair[0] - pair[1]) / 2e-4
    assert abs(planar - slope).max() < (1e-4 + 5 * (0.017 / distance) ** 2) * abs(slope).max()


def test_single_precision(drawn, helmet):
    sources, _ = drawn
    expected = gain(sources, helmet)
    single = magnetic_gain(sources.astype(np.float32) * u.meter, helmet, CENTRE * u.meter)
    assert single.dtype == jnp.float32
    scale = abs(expected).max(axis=(1, 2), keepdims=True)
    assert (abs(single - expected) / scale).max() < 1e-5


def test_gradient(drawn, helmet):
    sources, _ = drawn
    with jax.enable_x64(True):
        weights = jnp.asarray(np.random.default_rng(0).normal(size=(len(helmet), len(sources), 3)))

        def total(x):
            return (weights * magnetic_gain(x * u.meter, helmet, CENTRE * u.meter)).sum() * 1e6

        check_grads(total, (jnp.asarray(sources),), order=1, modes=['rev', 'fwd'], eps=1e-6, rtol=1e-5)


def test_batches_and_blocks(drawn, helmet, monkeypatch):
    sources, _ = drawn
    whole = magnetic_gain(sources * u.meter, helmet, CENTRE * u.meter)
    each = jax.jit(jax.vmap(lambda x: magnetic_gain(x[None] * u.meter, helmet, CENTRE * u.meter)[:, 0], out_axes=1))
    scale = float(abs(whole).max())
    np.testing.assert_allclose(each(jnp.asarray(sources)), whole, rtol=1e-4, atol=1e-6 * scale)
    # of another shape, so that it is traced again
    monkeypatch.setattr('brainfwd.forward.heads.sphere_meg._BLOCK', 1)
    one_by_one = magnetic_gain(sources[:5] * u.meter, helmet, CENTRE * u.meter)
    np.testing.assert_allclose(one_by_one, whole[:, :5], rtol=1e-4, atol=1e-6 * scale)


def test_only_meg_in_its_order(drawn, helmet):
    sources, _ = drawn
    mixed = Channels(
        ('E', *helmet.names), ('eeg', *helmet.types),
        np.r_[np.zeros((1, 3)), helmet.positions.mantissa] * u.meter, ('', *helmet.coils),
        np.r_[np.zeros((1, 3, 3)), helmet.coil_axes],
    )  # fmt: skip
    np.testing.assert_array_equal(gain(sources, mixed), gain(sources, helmet))
    backwards = np.arange(len(helmet))[::-1]
    np.testing.assert_allclose(gain(sources, helmet.at(backwards)), gain(sources, helmet)[backwards], rtol=1e-9)


def test_bad_input(drawn, helmet):
    sources, places = drawn
    with pytest.raises(u.UnitMismatchError, match=r'write <array> \* u.meter'):
        magnetic_gain(sources, helmet, CENTRE * u.meter)
    with pytest.raises(u.UnitMismatchError, match='centre of the sphere'):
        magnetic_gain(sources * u.meter, helmet, CENTRE)
    with pytest.raises(ValueError, match='has mag or grad channels'):
        magnetic_gain(sources * u.meter, Channels(('E',), ('eeg',), places[:1] * u.meter), CENTRE * u.meter)
    with pytest.raises(ValueError, match=r'nearer to the centre than every coil, .* at 6'):
        magnetic_gain(np.r_[sources, [CENTRE + [0, 0, 0.2]]] * u.meter, helmet, CENTRE * u.meter)
    with pytest.raises(ValueError, match='must be finite'):
        magnetic_gain(np.full((1, 3), np.nan) * u.meter, helmet, CENTRE * u.meter)
