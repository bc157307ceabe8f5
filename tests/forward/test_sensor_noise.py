"""Noise of the sensors: what covariance it has, what it is drawn from, and how it meets a signal-to-noise ratio."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.fields import FixedState
from brainfwd.forward import EEGLeadFieldModel, LeadFieldModel, MEGLeadFieldModel
from brainfwd.forward.lead_field.sensor_noise import factor_of
from brainfwd.records import Channels, NoiseCovariance, si

MOMENT = u.nA * u.meter


def eeg(**options):
    return EEGLeadFieldModel(3, 4, np.ones((3, 4)) * u.volt / MOMENT, **options)


def random_cov(rng, n, rank=None, scale=1.0):
    A = rng.normal(size=(n, rank or n)) * np.geomspace(1, 10, n)[:, None]
    return A @ A.T * scale**2


@pytest.mark.parametrize('scale', [1e-15, 1e-6, 1.0])
@pytest.mark.parametrize('rank', [None, 2])
def test_factor(rng, scale, rank):
    C = random_cov(rng, 5, rank, scale)
    F = factor_of(C)
    np.testing.assert_allclose(F @ F.T, C, atol=1e-12 * C.max())
    assert np.linalg.matrix_rank(F) == (rank or 5)


def test_factor_does_not_depend_on_units():
    # one sensor in pT, one in fT, and one that is dead
    C = np.array([[4.0, 1e-3, 0], [1e-3, 1e-6, 0], [0, 0, 0]])
    D = np.diag([1.0, 1e-12, 1.0])
    np.testing.assert_allclose(factor_of(D @ C @ D), D @ factor_of(C), rtol=1e-9)


def test_femtotesla_in_float32():
    model = MEGLeadFieldModel(3, 4, np.ones((3, 4)) * u.tesla / MOMENT, noise_cov=np.eye(4) * u.ftesla**2, seed=0)
    drawn = model.update(np.zeros((4000, 3)) * MOMENT)
    assert drawn.mantissa.dtype == jnp.float32
    np.testing.assert_allclose(np.asarray(drawn.mantissa, np.float64).std(axis=0), 1e-15, rtol=0.05)


def test_a_covariance_of_mixed_channels(rng):
    channels = Channels(('a', 'b', 'c'), ('grad', 'mag', 'grad'))
    L = {'grad': np.ones((3, 2)) * u.tesla / u.meter / MOMENT, 'mag': np.ones((3, 1)) * u.tesla / MOMENT}
    C = random_cov(rng, 3) * np.outer([1e-12, 1e-14, 1e-12], [1e-12, 1e-14, 1e-12])
    model = MEGLeadFieldModel(3, 3, L, channels=channels, noise_cov=NoiseCovariance(C, channels), seed=0)
    drawn = np.asarray(si(model.update(np.zeros((40000, 3)) * MOMENT), channels), np.float64)
    std = np.sqrt(np.diag(C))
    np.testing.assert_allclose(np.cov((drawn / std).T), C / std / std[:, None], atol=0.03)


# -- draws ------------------------------------------------------------------------------------------------------------


def drawn(model, rows):
    return np.asarray(model.update(np.zeros((rows, 3)) * MOMENT).mantissa)


def test_draws_do_not_depend_on_chunks():
    models = [eeg(noise_cov=np.eye(4) * u.volt**2, seed=5) for _ in range(3)]
    whole = drawn(models[0], 6)
    np.testing.assert_array_equal(np.concatenate([drawn(models[1], 2), drawn(models[1], 4)]), whole)
    one_by_one = [models[2].update(np.zeros(3) * MOMENT).mantissa for _ in range(6)]
    np.testing.assert_array_equal(np.stack(one_by_one), whole)
    assert len(np.unique(whole)) == whole.size


def test_seeds():
    noise = dict(noise_cov=np.eye(4) * u.volt**2)
    model = eeg(seed=1, **noise)
    first = drawn(model, 3)
    model.seed(1)
    np.testing.assert_array_equal(drawn(model, 3), first)
    assert (drawn(eeg(seed=2, **noise), 3) != first).all()
    # fresh entropy without a seed
    assert (drawn(eeg(**noise), 3) != drawn(eeg(**noise), 3)).all()


def test_sensors_of_another_kind_draw_other_numbers_from_a_seed():
    volts = drawn(eeg(noise_cov=np.eye(4) * u.volt**2, seed=1), 2500)
    meg = MEGLeadFieldModel(3, 4, np.ones((3, 4)) * u.tesla / MOMENT, noise_cov=np.eye(4) * u.tesla**2, seed=1)
    correlation = np.corrcoef(volts.T, drawn(meg, 2500).T)[:4, 4:]
    assert abs(correlation).max() < 5 / np.sqrt(2500)


@pytest.mark.parametrize('key', [jax.random.key(3), jax.random.PRNGKey(3), np.array([0, 3], np.uint32)])
def test_keys_typed_and_raw(key):
    model, other = eeg(noise_cov=np.eye(4) * u.volt**2), eeg(noise_cov=np.eye(4) * u.volt**2)
    model.seed(key)
    other.seed(jax.random.key(3))
    np.testing.assert_array_equal(drawn(model, 2), drawn(other, 2))


def test_draws_survive_split_merge_and_loops():
    model = eeg(noise_cov=np.eye(4) * u.volt**2, seed=5)
    expected = drawn(eeg(noise_cov=np.eye(4) * u.volt**2, seed=5), 6)
    merged = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(model))
    np.testing.assert_array_equal(drawn(merged, 6), expected)
    looped = brainstate.transform.for_loop(lambda i: model.update(jnp.zeros(3) * MOMENT), jnp.arange(4))
    np.testing.assert_array_equal(looped.mantissa, expected[:4])
    np.testing.assert_array_equal(drawn(model, 2), expected[4:])
    assert jnp.issubdtype(model.noise.key.value.dtype, jax.dtypes.prng_key)
    jitted = eeg(noise_cov=np.eye(4) * u.volt**2, seed=5)
    update = brainstate.transform.jit(lambda x: jitted.update(x).mantissa)
    np.testing.assert_array_equal(np.stack([update(jnp.zeros(3) * MOMENT) for _ in range(6)]), expected)


def test_members_of_a_batch_draw_as_if_alone():
    noise = dict(noise_cov=np.eye(4) * u.volt**2, low_pass=None, high_pass=None)
    batch = eeg(seed=7, **noise).init_all_states(batch_size=3)
    together = np.stack([batch.sample().mantissa for _ in range(2)])
    alone = eeg(seed=7, **noise).init_all_states()
    # a run alone is member 0
    np.testing.assert_array_equal(np.stack([alone.sample().mantissa for _ in range(2)]), together[:, 0])
    for member in range(3):
        key = jax.random.fold_in(alone.noise.key.value, member)
        by_hand = [jax.random.normal(jax.random.fold_in(key, sample), (4,)) for sample in range(2)]
        np.testing.assert_array_equal(np.stack(by_hand), together[:, member])
    assert len(np.unique(together)) == together.size


def test_series_of_a_batch_draw_as_if_alone():
    noise = dict(noise_cov=np.eye(4) * u.volt**2, seed=7)
    together = np.asarray(eeg(**noise).update(np.zeros((2, 5, 3)) * MOMENT).mantissa)
    np.testing.assert_array_equal(together[0], drawn(eeg(**noise), 5))
    assert len(np.unique(together)) == together.size
    # the next samples of each member follow, however the axes of the batch are arranged
    model = eeg(**noise)
    parts = [model.update(np.zeros((2, 1, n, 3)) * MOMENT).mantissa[:, 0] for n in (2, 3)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), together)
    # samples of a simulation are drawn alike
    batch = eeg(**noise, low_pass=None, high_pass=None).init_all_states(batch_size=2)
    np.testing.assert_array_equal(np.stack([batch.sample().mantissa for _ in range(5)], axis=1), together)


@pytest.mark.parametrize(
    'mapped',
    [
        lambda model, x: jax.vmap(model)(x),
        lambda model, x: brainstate.transform.jit(jax.vmap(model, in_axes=2))(jnp.moveaxis(x, 0, 2)),
        lambda model, x: jax.vmap(brainstate.transform.jit(model))(x),
        lambda model, x: jax.vmap(jax.vmap(model))(x.reshape(3, 2, 5, 3)).reshape((6, 5, 4)),
        lambda model, x: jax.vmap(lambda rows: model(rows.reshape(1, 5, 3)))(x).reshape((6, 5, 4)),
    ],
    ids=['vmap', 'jit of vmap', 'vmap of jit', 'vmap of vmap', 'vmap of a batch'],
)
def test_vmap_over_signals_draws_as_a_batch(mapped):
    models = [eeg(noise_cov=np.eye(4) * u.volt**2, dipole_scale=1 * MOMENT, seed=1) for _ in range(2)]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 5, 3)))
    together = models[0].update(x).mantissa
    np.testing.assert_allclose(mapped(models[1], x).mantissa, together, rtol=1e-6, atol=1e-6)
    # draws go on after it
    np.testing.assert_array_equal(*(model.update(x).mantissa for model in models))


def test_vmap_through_a_loop_and_a_gradient():
    model, twin = (eeg(noise_cov=np.eye(4) * u.volt**2, dipole_scale=1 * MOMENT, seed=1) for _ in range(2))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))

    def looped(row):
        return brainstate.transform.for_loop(lambda _: model(row), jnp.arange(5))

    expected = twin.update(jnp.repeat(x[:, None], 5, axis=1)).mantissa
    np.testing.assert_allclose(jax.vmap(looped)(x).mantissa, expected, rtol=1e-6, atol=1e-6)
    slopes = jax.vmap(jax.grad(lambda row: (model(row).mantissa ** 2).sum()))(x)
    values = twin.update(x[:, None])[:, 0].mantissa
    np.testing.assert_allclose(slopes, 2 * values @ np.ones((4, 3)), rtol=1e-5)


def test_vmap_over_keys_is_fine():
    model = eeg(noise_cov=np.eye(4) * u.volt**2, dipole_scale=1 * MOMENT)
    graph, states = brainstate.graph.treefy_split(model)

    def one(key, x):
        merged = brainstate.graph.treefy_merge(graph, states)
        merged.seed(key)
        return merged.update(x).mantissa

    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.vmap(one)(keys, jnp.zeros((3, 3)))
    for i in range(3):
        np.testing.assert_array_equal(one(keys[i], jnp.zeros(3)), together[i])
    # signals mapped over beside the keys are members of each
    every = jax.vmap(jax.vmap(one, in_axes=(0, None)), in_axes=(None, 0))(keys, jnp.zeros((2, 3)))
    other = jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))(keys, jnp.zeros((2, 3)))
    for i in range(3):
        members = one(keys[i], jnp.zeros((2, 1, 3)))[:, 0]
        np.testing.assert_array_equal(every[:, i], members)
        np.testing.assert_array_equal(other[i], members)


# -- signal-to-noise ratio --------------------------------------------------------------------------------------------


@pytest.mark.parametrize('snr_db', [10.0, 0.0, -20.0])
@pytest.mark.parametrize('reference', [None, 'average'])
def test_snr_is_the_ratio_of_traces(rng, snr_db, reference):
    L = rng.normal(size=(3, 4)) * u.volt / MOMENT
    model = EEGLeadFieldModel(3, 4, L, snr_db=snr_db, reference=reference, seed=0)
    x = (5 + rng.normal(size=(400, 3))) * MOMENT
    model.fix_noise(model.project(x))
    signal = np.asarray(model.project(x).mantissa, np.float64)
    assert 10 * np.log10(np.trace(np.cov(signal.T)) / np.trace(model.noise_cov.matrix_si)) == pytest.approx(snr_db)
    noise = np.asarray(model.update(np.zeros((20000, 3)) * MOMENT).mantissa, np.float64)
    ratio = np.trace(np.cov(signal.T)) / np.trace(np.cov(noise.T))
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.1)
    assert np.linalg.matrix_rank(model.noise_cov.matrix_si) == (4 if reference is None else 3)


def test_snr_per_type_of_channel(meg_head, regions, density, rng):
    model = MEGLeadFieldModel.from_lead_field(meg_head, regions, dipole_scale=density, snr_db=3.0)
    x = rng.normal(size=(100, 3)) * u.mV
    model.fix_noise(model.project(x))
    for kind in ('mag', 'grad'):
        power = np.var(np.asarray(model.project(x)[kind].mantissa, np.float64), axis=0, ddof=1).sum()
        noise = np.trace(model.noise_cov.pick(kind).matrix_si)
        assert 10 * np.log10(power / noise) == pytest.approx(3.0, abs=1e-5)


def test_before_the_noise_is_known():
    model = eeg(snr_db=10.0, dipole_scale=1 * MOMENT).init_all_states()
    assert model.needs_pilot
    for ask in (lambda: model.update(np.ones(3)), model.sample, lambda: model.noise_cov):
        with pytest.raises(RuntimeError, match=r'snr_db=10 .* EEGLeadFieldModel\.fix_noise\(pilot\)'):
            ask()
    with model.silenced():
        assert not model.needs_pilot
        np.testing.assert_array_equal(model.update(np.ones(3)).mantissa, model.project(np.ones(3)).mantissa)
    assert model.needs_pilot


def test_silence_and_noise_compile_once():
    model = eeg(snr_db=10.0, dipole_scale=1 * MOMENT, seed=0)
    traces = []

    @jax.jit
    def run(parameters, x):
        traces.append(1)
        return brainstate.graph.treefy_merge(graph, parameters).update(x).mantissa

    with model.silenced():
        graph, states = brainstate.graph.treefy_split(model)
        clean = run(states, jnp.ones(3))
    model.fix_noise(np.random.default_rng(0).normal(size=(10, 4)) * u.volt)
    again, states = brainstate.graph.treefy_split(model)
    assert again == graph
    assert hash(again) == hash(graph)
    assert (run(states, jnp.ones(3)) != clean).all()
    assert len(traces) == 1
    # another pilot takes the place of the first, and compiles nothing either
    model.fix_noise(np.random.default_rng(1).normal(size=(10, 4)) * u.volt)
    assert brainstate.graph.treefy_split(model)[0] == graph
    # silence ends, and the noise is what it was
    before = model.noise_cov.matrix_si
    with model.silenced():
        assert (model.noise_cov.matrix_si == 0).all()
    np.testing.assert_array_equal(model.noise_cov.matrix_si, before)


def test_another_snr_needs_another_pilot():
    model = eeg(snr_db=10.0)
    model.fix_noise(np.random.default_rng(0).normal(size=(10, 4)) * u.volt)
    assert not model.needs_pilot
    model.snr_db = 0.0
    assert model.needs_pilot
    model.noise_cov = np.eye(4) * u.volt**2
    assert not model.needs_pilot
    assert model.snr_db is None
    model.noise_cov = None
    assert model.noise_cov is None


@pytest.mark.parametrize(
    ('name', 'value'),
    [('scale', 3 * MOMENT / u.mV), ('dipole_scale', 3 * MOMENT / u.mV), ('L', 3 * np.ones((3, 4)) * u.volt / MOMENT)],
)
def test_another_signal_needs_another_pilot(rng, name, value):
    model = eeg(snr_db=6.0, dipole_scale=1 * MOMENT / u.mV)
    x = rng.normal(size=(20, 3)) * u.mV
    model.fix_noise(model.project(x))
    before = model.noise_cov.matrix_si
    merged = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(model))
    assert not merged.needs_pilot
    setattr(model, name, value)
    assert model.needs_pilot
    assert 'before a pilot run' in repr(model)
    with pytest.raises(RuntimeError, match=r'none since L, the scale or snr_db were set.*fix_noise\(pilot\)'):
        model.update(x)
    # silence is possible all the same, and leaves the noise unknown
    with model.silenced():
        pilot = model.update(x)
    assert model.needs_pilot
    model.fix_noise(pilot)
    np.testing.assert_allclose(model.noise_cov.matrix_si, 9 * before, rtol=1e-5)
    assert 'by the last pilot run' in repr(model)


def test_what_is_fixed_in_silence_stays(rng):
    model = eeg(snr_db=6.0, dipole_scale=1 * MOMENT / u.mV)
    with model.silenced():
        model.fix_noise(model.update(rng.normal(size=(20, 3)) * u.mV))
    assert not model.needs_pilot
    assert np.trace(model.noise_cov.matrix_si) > 0


def test_a_covariance_that_is_given_stays_whatever_the_signal():
    model = eeg(noise_cov=np.eye(4) * u.volt**2, dipole_scale=1 * MOMENT / u.mV)
    model.scale = 2 * MOMENT / u.mV
    assert not model.needs_pilot
    np.testing.assert_allclose(model.noise_cov.matrix_si, np.eye(4))


def test_the_factor_is_no_parameter():
    model = eeg(noise_cov=np.eye(4) * u.volt**2)
    assert isinstance(model.noise.factor, FixedState)


@pytest.mark.parametrize(
    ('make', 'error', 'says'),
    [
        (lambda: eeg(snr_db=1.0, noise_cov=np.eye(4) * u.volt**2), ValueError, 'not both'),
        (lambda: eeg(noise_cov=np.eye(4)), UnitError, r'in V\^2; got a bare array'),
        (lambda: eeg(noise_cov=np.eye(4) * u.volt), UnitError, r'in V\^2; got V'),
        (lambda: eeg(noise_cov=np.eye(3) * u.volt**2), ShapeError, r'\(4, 4\) \(sensors, sensors\); got \(3, 3\)'),
        (lambda: eeg(noise_cov=-np.eye(4) * u.volt**2), ValueError, 'negative'),
        (lambda: eeg(snr_db=np.nan), ValueError, 'finite'),
        (lambda: eeg(snr_db=[3, 3]), ValueError, r'snr_db=...\) is one number; got \[3, 3\]'),
        (lambda: eeg(snr_db='3'), ValueError, "one number; got '3'"),
        (lambda: eeg(snr_db=3 * u.mV), UnitError, 'without a unit; got one in mV'),
        (lambda: eeg(snr_db=3.0, snr_band=8 * u.Hz), ValueError, 'two frequencies.*; got 8 Hz'),
        (lambda: eeg().fix_noise(np.ones((5, 4)) * u.volt), ValueError, 'made with snr_db'),
        (lambda: eeg(snr_db=1.0).fix_noise(np.ones((5, 4)) * u.volt), ValueError, 'eeg channels show no signal'),
        (lambda: eeg(snr_db=1.0).fix_noise(np.ones((1, 4)) * u.volt), ShapeError, 'two times at least'),
        (lambda: eeg(snr_db=1.0).fix_noise(np.ones((5, 4))), UnitError, 'in V; got a bare array'),
        (lambda: eeg(seed=0).seed(jax.random.split(jax.random.key(0), (3, 2))), ValueError, 'one threefry key'),
        (
            lambda: eeg(
                channels=Channels(tuple('abcd'), ('eeg',) * 4),
                noise_cov=NoiseCovariance(np.eye(4), Channels(tuple('abce'), ('eeg',) * 4)),
            ),
            ValueError,
            "channels of the model.*'e' .* at 3, in place of 'd'",
        ),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_mixed_channels_have_no_covariance_in_one_unit(meg_head, regions):
    with pytest.raises(UnitError, match='give a NoiseCovariance'):
        MEGLeadFieldModel.from_lead_field(meg_head, regions, noise_cov=np.eye(5) * u.tesla**2)


def test_a_record_names_the_channels():
    channels = Channels(('Fz', 'Cz'), ('eeg',) * 2)
    record = NoiseCovariance.diagonal(1 * u.uvolt, channels)
    assert LeadFieldModel(3, 2, np.ones((3, 2)) * u.volt / MOMENT, noise_cov=record).channels == channels
