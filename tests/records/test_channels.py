import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd.records import SENSOR_UNITS, ChannelGroups, Channels, average_reference, si, values
from brainfwd.records.channels import check_same_sensors

some_channels = st.lists(st.sampled_from(sorted(SENSOR_UNITS)), min_size=1, max_size=12).map(
    lambda types: Channels(tuple(f'c{i}' for i in range(len(types))), tuple(types))
)


@given(some_channels, st.lists(st.integers(1, 3), max_size=2), st.integers(0, 2**32 - 1))
def test_split_and_joined_undo_each_other(channels, leading, seed):
    numbers = np.random.default_rng(seed).standard_normal((*leading, len(channels))) * 1e-13
    groups = ChannelGroups.split(numbers, channels)
    assert groups.shape == numbers.shape
    np.testing.assert_array_equal(groups.joined(), numbers)
    for kind, group in groups.items():
        assert group.unit == SENSOR_UNITS[kind]
        np.testing.assert_array_equal(group.mantissa, numbers[..., np.array(channels.types) == kind])


@given(some_channels, st.integers(0, 2**32 - 1))
def test_values_and_si_undo_each_other(channels, seed):
    numbers = np.random.default_rng(seed).standard_normal((4, len(channels)))
    with_units = values(numbers, channels)
    assert isinstance(with_units, ChannelGroups if channels.is_mixed else u.Quantity)
    np.testing.assert_array_equal(si(with_units, channels), numbers)


def test_groups_convert_to_si(mixed):
    groups = ChannelGroups(
        {
            'mag': jnp.ones((2, 2)) * u.ftesla,
            'grad': jnp.ones((2, 2)) * u.ftesla / u.cm,
            'eeg': jnp.ones((2, 1)) * u.uvolt,
        },
        mixed,
    )
    np.testing.assert_allclose(groups.joined(), np.tile([1e-13, 1e-15, 1e-13, 1e-6, 1e-15], (2, 1)), rtol=1e-6)


def test_groups_pass_through_jax(mixed):
    numbers = np.arange(15.0).reshape(3, 5)
    groups = values(numbers, mixed)

    doubled = jax.jit(lambda g: jax.tree.map(lambda x: 2 * x, g))(groups)
    np.testing.assert_allclose(doubled.joined(), 2 * numbers)
    assert doubled['mag'].unit == u.tesla
    assert doubled.channels == mixed

    batched = jax.vmap(lambda row: values(row, mixed))(jnp.asarray(numbers))
    np.testing.assert_allclose(batched.joined(), numbers)

    _, scanned = jax.lax.scan(lambda carry, row: (carry, values(row, mixed)), 0.0, jnp.asarray(numbers))
    np.testing.assert_allclose(scanned.joined(), numbers)


def test_equal_channels_compile_once(mixed):
    compiled = []

    @jax.jit
    def total(groups):
        compiled.append(1)
        return groups.joined().sum()

    again = Channels(mixed.names, mixed.types)
    total(values(np.ones((2, 5)), mixed))
    total(values(np.ones((2, 5)), again))
    assert len(compiled) == 1


def test_channels_know_their_types(mixed, eeg):
    assert mixed.kinds == ('grad', 'mag', 'eeg')
    assert mixed.is_mixed
    assert not eeg.is_mixed
    assert eeg.unit == u.volt
    np.testing.assert_array_equal(mixed.indices('mag'), [1, 4])
    np.testing.assert_allclose(eeg.positions.to_decimal(u.meter)[1], [0.03, 0.04, 0.05])
    with pytest.raises(UnitError, match='grad, mag, eeg'):
        _ = mixed.unit


def test_pick_by_type_and_name_keeps_the_order(mixed, eeg):
    meg, index = mixed.pick('meg')
    assert meg.names == ('G1', 'M1', 'G2', 'M2')
    np.testing.assert_array_equal(index, [0, 1, 2, 4])
    picked, index = eeg.pick(['Pz', 'Fz'])
    assert picked.names == ('Fz', 'Pz')
    np.testing.assert_array_equal(picked.positions.mantissa, eeg.positions.mantissa[[0, 2]])
    with pytest.raises(ValueError, match="there is no 'mga': near are 'mag'"):
        mixed.pick('mga')
    with pytest.raises(ValueError, match=r"of Channels\(3 eeg\); there is no 'PZ9': near are 'Pz'"):
        eeg.pick(['Fz', 'PZ9'])
    with pytest.raises(ValueError, match="there is no 'mag': there are 'eeg', 'Fz', 'Cz', 'Pz'"):
        eeg.pick('mag')


def test_channels_are_equal_by_content(eeg):
    same = Channels(eeg.names, eeg.types, eeg.positions)
    assert same == eeg
    assert hash(same) == hash(eeg)
    assert Channels(eeg.names, eeg.types) != eeg
    assert Channels(eeg.names, ('eeg', 'eeg', 'mag')) != Channels(eeg.names, eeg.types)


def test_same_sensors_wherever_they_are(eeg):
    assert eeg.same_sensors(Channels(eeg.names, eeg.types))
    assert not eeg.same_sensors(Channels(eeg.names, ('eeg', 'eeg', 'mag')))
    assert not eeg.same_sensors(Channels(eeg.names[::-1], eeg.types))


@pytest.mark.parametrize(
    ('names', 'types', 'says'),
    [
        (('Fz', 'Pz', 'Cz'), ('eeg',) * 3, r"'Pz' \(eeg\) at 1, in place of 'Cz' \(eeg\): the same in another order\."),
        (('Fz', 'Cz', 'Oz'), ('eeg',) * 3, r"'Oz' \(eeg\) at 2, in place of 'Pz' \(eeg\)\."),
        (('Fz', 'Cz', 'Pz'), ('eeg', 'mag', 'eeg'), r"'Cz' \(mag\) at 1, in place of 'Cz' \(eeg\)\."),
        (('Fz', 'Cz'), ('eeg',) * 2, r'Channels\(3 eeg\); got Channels\(2 eeg\)\.'),
    ],
)
def test_the_first_channel_that_differs_is_named(eeg, names, types, says):
    with pytest.raises(ValueError, match=r'x is of the channels of the model, in their order.*' + says):
        check_same_sensors(Channels(names, types), eeg, 'x', 'the model')


def test_average_reference_is_a_projector_of_the_electrodes_alone(mixed):
    projector = average_reference(mixed)
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-15)
    np.testing.assert_allclose(projector @ np.arange(5.0), np.where(np.array(mixed.types) == 'eeg', 0, np.arange(5.0)))


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (lambda: Channels(('a', 'b'), ('eeg',)), ShapeError, 'one type per name, 2; got 1'),
        (lambda: Channels(('a', 'a'), ('eeg', 'eeg')), ValueError, "'a' more than once"),
        (lambda: Channels(('a',), ('meg',)), ValueError, "'mag'"),
        (lambda: Channels(('a',), ('eeg',), np.zeros((1, 3))), UnitError, r'u\.meter'),
        (lambda: Channels(('a',), ('eeg',), np.zeros((3, 1)) * u.meter), ShapeError, r'\(1, 3\)'),
    ],
)
def test_bad_channels(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_bad_groups(mixed, eeg):
    good = dict(values(np.ones((2, 5)), mixed))
    with pytest.raises(ValueError, match='one Quantity for each of grad, mag, eeg'):
        ChannelGroups({'mag': good['mag']}, mixed)
    with pytest.raises(UnitError, match='T / m'):
        ChannelGroups(good | {'grad': good['mag']}, mixed)
    with pytest.raises(ShapeError, match=r'\(2, 1\)'):
        ChannelGroups(good | {'eeg': np.ones((3, 1)) * u.volt}, mixed)
    with pytest.raises(ValueError, match="one of 'grad', 'mag', 'eeg'"):
        _ = ChannelGroups(good, mixed)['meg']
    with pytest.raises(ShapeError, match=r'\(2, 5\)'):
        ChannelGroups.split(np.ones((2, 4)), mixed)
    with pytest.raises(UnitError, match='no one unit fits'):
        si(np.ones((2, 5)) * u.tesla, mixed)
    with pytest.raises(UnitError, match='bare array'):
        si(np.ones((2, 3)), eeg)
    with pytest.raises(ValueError, match=r"the first that differs is 'G1' \(grad\) at 0"):
        si(values(np.ones((2, 5)), mixed), eeg)


AXES = np.stack([np.zeros((3, 3)), np.eye(3)[[1, 2, 0]], np.eye(3)])


def coiled(coils=('', 'a', 'b'), axes=AXES, names='EMG'):
    return Channels(tuple(names), ('eeg', 'mag', 'grad'), None, coils, axes)


def test_coils_go_with_their_channels():
    channels = coiled()
    picked, index = channels.pick('meg')
    assert picked.coils == ('a', 'b')
    np.testing.assert_array_equal(picked.coil_axes, AXES[index])
    assert channels.at([2, 0]).coils == ('b', '')
    assert channels == coiled()
    assert channels != coiled(coils=('', 'a', 'c'))
    assert channels != coiled(axes=AXES[[0, 2, 1]])
    assert channels.same_sensors(coiled(axes=AXES[[0, 2, 1]]))


@pytest.mark.parametrize(
    ('coils', 'axes', 'error', 'words'),
    [
        (('', 'a'), AXES, ShapeError, 'one name per sensor, 3'),
        (('', 'a', 'b'), AXES[:2], ShapeError, r'\(3, 3, 3\)'),
        (('', 'a', 'b'), None, ValueError, 'come together'),
        (('x', 'a', 'b'), AXES, ValueError, "'' for EEG"),
        (('', '', 'b'), AXES, ValueError, "'' for EEG"),
        (('', 'a', 'b'), 2 * AXES, ValueError, 'right angles'),
        (('', 'a', 'b'), AXES * np.nan, ValueError, 'right angles'),
        (('', 'a', 'b'), AXES * [1, 1, -1], ValueError, 'right-handed, z = x cross y; got left-handed ones at 1'),
    ],
)
def test_coils_that_do_not_fit_are_refused(coils, axes, error, words):
    with pytest.raises(error, match=words):
        coiled(coils, axes)
