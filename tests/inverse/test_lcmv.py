"""LCMV against what defines it: what a filter lets through, what it silences, and where it fails."""

import inspect

import brainstate
import brainunit as u
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import records
from brainfwd._core.checks import ShapeError, UnitError
from brainfwd._core.units import nAm
from brainfwd.inverse import LCMV, MinimumNorm
from brainfwd.inverse.beamformers.directions import upwards

NORMS = ['unit-gain', 'unit-noise-gain', 'unit-noise-gain-invariant', 'nai']
ORIENTATIONS = ['fixed', 'free', 'vector']
every_norm = pytest.mark.parametrize('weight_norm', NORMS)
every_orientation = pytest.mark.parametrize('orientation', ORIENTATIONS)
GAIN_UNIT, V2 = u.volt / (u.amp * u.meter), u.volt**2


def _covariance(lead_field, noise_cov, active=(3, 11), moment=40e-9, mixing=None):
    """Of sources along their normals in noise; `mixing` is the covariance of their time courses, per moment squared."""
    gain = lead_field.fixed().gain_si[:, active]
    between = np.eye(len(active)) if mixing is None else np.asarray(mixing)
    matrix = moment**2 * gain @ between @ gain.T + noise_cov.matrix_si
    return records.NoiseCovariance(matrix, lead_field.channels)


def _problem_in_blocks(problem):
    """All types of channel, with noise of MEG and EEG that do not vary together: they are whitened apart."""
    lead_field, noise_cov = problem('both')
    is_eeg = np.array(lead_field.channels.types) == 'eeg'
    noise = noise_cov.matrix_si * (is_eeg == is_eeg[:, None])
    return lead_field, records.NoiseCovariance(noise, lead_field.channels)


def _si(kernel, channels):
    """(sources[, 3], sensors) SI numbers."""
    kernel = kernel if channels.is_mixed else {channels.kinds[0]: kernel}
    joined = np.empty((*next(iter(kernel.values())).shape[:-1], len(channels)))
    for kind, part in kernel.items():
        joined[..., channels.indices(kind)] = u.get_mantissa(part)
    return joined


def _relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.fixture(scope='module')
def eeg(problem):
    lead_field, noise_cov = problem('eeg')
    return lead_field, noise_cov, _covariance(lead_field, noise_cov)


@pytest.mark.parametrize('kinds', ['eeg', 'both'])
def test_unit_gain_lets_each_source_through_and_not_the_others(kinds, problem):
    lead_field, noise_cov = problem(kinds)
    data_cov = _covariance(lead_field, noise_cov)
    scalar = LCMV(weight_norm='unit-gain').fit(lead_field, noise_cov, data_cov=data_cov).resolution_matrix()
    np.testing.assert_allclose(np.diagonal(scalar), 1.0, rtol=1e-9)
    assert abs(scalar - np.diag(np.diagonal(scalar))).max() > 0.1
    vector = LCMV(weight_norm='unit-gain', orientation='vector').fit(lead_field, noise_cov, data_cov=data_cov)
    blocks = np.einsum('nanb->nab', vector.resolution_matrix())
    np.testing.assert_allclose(blocks, np.broadcast_to(np.eye(3), blocks.shape), atol=1e-9)


@every_norm
@every_orientation
def test_a_filter_does_not_know_of_other_sources(orientation, weight_norm, eeg):
    lead_field, noise_cov, data_cov = eeg
    few = np.isin(np.arange(30), [3, 4, 17])
    part = records.LeadField(lead_field.gain_si[:, few], lead_field.channels, lead_field.sources.mask(few))
    solver = LCMV(orientation=orientation, weight_norm=weight_norm)
    whole = u.get_mantissa(solver.fit(lead_field, noise_cov, data_cov=data_cov).kernel)[few]
    assert _relative(u.get_mantissa(solver.fit(part, noise_cov, data_cov=data_cov).kernel), whole) < 1e-12


@pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])
def test_unit_noise_gain_lets_noise_through_with_variance_1(kinds, problem):
    lead_field, noise_cov = _problem_in_blocks(problem) if kinds == 'both' else problem(kinds)
    data_cov = _covariance(lead_field, noise_cov)
    for orientation in ORIENTATIONS:
        for weight_norm in NORMS[1:3]:
            solver = LCMV(orientation=orientation, weight_norm=weight_norm).fit(
                lead_field, noise_cov, data_cov=data_cov
            )
            rows = _si(solver.kernel, lead_field.channels)
            rows = rows[:, None] if rows.ndim == 2 else rows
            passed = rows @ noise_cov.matrix_si @ rows.swapaxes(1, 2)
            if weight_norm == 'unit-noise-gain':  # each component by itself
                np.testing.assert_allclose(np.einsum('nkk->nk', passed), 1.0, rtol=1e-9)
            else:
                np.testing.assert_allclose(passed, np.broadcast_to(np.eye(passed.shape[1]), passed.shape), atol=1e-9)


def test_power_of_a_single_source_is_its_own_and_that_of_the_noise(problem):
    """By the matrix inversion lemma: 1 / (g' C^-1 g) = s^2 + 1 / (g' N^-1 g), for C = s^2 g g' + N."""
    lead_field, noise_cov = problem('meg')
    solver = LCMV(weight_norm='unit-gain', reg=0.0)
    for source in (0, 7, 29):
        data_cov = _covariance(lead_field, noise_cov, [source])
        power = solver.fit(lead_field, noise_cov, data_cov=data_cov).power(data_cov)
        gain = lead_field.fixed().gain_si[:, source]
        of_noise = 1 / (gain @ np.linalg.solve(noise_cov.matrix_si, gain))
        assert power.unit == nAm**2
        assert power[source].mantissa == pytest.approx((40e-9**2 + of_noise) * 1e18, rel=1e-9)


def test_no_filter_of_unit_gain_lets_less_through(eeg):
    lead_field, noise_cov, data_cov = eeg
    solver = LCMV(weight_norm='unit-gain', reg=0.0).fit(lead_field, noise_cov, data_cov=data_cov)
    row = _si(solver.kernel, lead_field.channels)[3]
    gain, rng = lead_field.fixed().gain_si[:, 3], np.random.default_rng(0)
    gain = gain - gain.mean()
    for change in rng.normal(size=(20, len(row))):
        change -= change.mean()
        other = row + 0.1 * np.linalg.norm(row) * (change - (change @ gain) * gain / (gain @ gain))
        assert other @ gain == pytest.approx(row @ gain)
        assert other @ data_cov.matrix_si @ other > row @ data_cov.matrix_si @ row


def test_sources_that_vary_together_silence_each_other(problem):
    lead_field, noise_cov = problem('both')
    power = []
    for correlation in (0.0, 0.99):
        mixing = [[1.0, correlation], [correlation, 1.0]]
        data_cov = _covariance(lead_field, noise_cov, moment=400e-9, mixing=mixing)
        solver = LCMV(weight_norm='unit-gain', reg=0.0).fit(lead_field, noise_cov, data_cov=data_cov)
        power.append(solver.power(data_cov)[np.array([3, 11])].mantissa / 400**2)
    np.testing.assert_allclose(power[0], 1.0, atol=0.02)
    # what is left is what one does without the other: 1 - 0.99^2, and noise
    np.testing.assert_allclose(power[1], 1 - 0.99**2, atol=0.02)


@pytest.mark.parametrize('reg', [0.0, 0.05])
def test_noise_alone_looks_alike_everywhere(reg, problem):
    lead_field, noise_cov = _problem_in_blocks(problem)
    stronger = records.NoiseCovariance(9 * noise_cov.matrix_si, lead_field.channels)
    unit = LCMV(weight_norm='unit-noise-gain', reg=reg).fit(lead_field, noise_cov, data_cov=stronger)
    np.testing.assert_allclose(unit.power(stronger), 9.0, rtol=1e-9)
    # the index knows the noise from the data
    index = LCMV(weight_norm='nai', orientation='free', reg=reg).fit(lead_field, noise_cov, data_cov=stronger)
    np.testing.assert_allclose(index.power(stronger), 1.0, rtol=1e-9)


@pytest.mark.parametrize('weight_norm', ['unit-gain', 'unit-noise-gain'])
def test_the_direction_of_most_power_is_the_best_of_many(weight_norm, problem):
    lead_field, noise_cov = problem('meg')
    data_cov = _covariance(lead_field, noise_cov)
    free = LCMV(orientation='free', weight_norm=weight_norm, reg=0.0)
    free.fit(lead_field, noise_cov, data_cov=data_cov)
    np.testing.assert_allclose(np.linalg.norm(free.directions, axis=1), 1.0)
    assert (np.einsum('nk,nk->n', free.directions, lead_field.sources.normals) >= 0).all()
    many = np.random.default_rng(0).normal(size=(4000, 3))
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    for source in (3, 20):
        gain = lead_field.gain_si[:, source] @ np.concatenate([many, free.directions[[source]]]).T
        alone = LCMV(weight_norm=weight_norm, reg=0.0).fit(
            _as_quantities(gain, lead_field.channels), noise_cov.matrix, data_cov=data_cov.matrix
        )
        power = u.get_mantissa(alone.power(data_cov.matrix))
        assert power[:-1].max() <= power[-1] * (1 + 1e-12)
        assert power[:-1].max() > 0.99 * power[-1]
        assert u.get_mantissa(free.power(data_cov))[source] == pytest.approx(power[-1], rel=1e-9)


def _as_quantities(gain, channels):
    moment = u.amp * u.meter
    return {k: u.Quantity(gain[channels.indices(k)], unit=records.SENSOR_UNITS[k] / moment) for k in channels.kinds}


@pytest.mark.parametrize('orientation', ['free', 'vector'])
@every_norm
def test_directions_that_no_sensor_sees_are_left_out(weight_norm, orientation, problem):
    """Of dipoles in a sphere, MEG is silent to the radial one: two directions are left of three."""
    lead_field, noise_cov = problem('meg')
    radial = np.random.default_rng(1).normal(size=(30, 3))
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    tangential = np.eye(3) - radial[:, :, None] * radial[:, None, :]
    gain = np.einsum('mnk,nkl->mnl', lead_field.gain_si, tangential)
    seen = records.LeadField(gain, lead_field.channels, lead_field.sources)
    solver = LCMV(orientation=orientation, weight_norm=weight_norm)
    solver.fit(seen, noise_cov, data_cov=_covariance(lead_field, noise_cov))
    rows = _si(solver.kernel, lead_field.channels)
    assert np.isfinite(rows).all()
    if orientation == 'free':
        assert abs(np.einsum('nk,nk->n', solver.directions, radial)).max() < 1e-6
        return
    if weight_norm == 'unit-gain':
        blocks = np.einsum('nam,mnb->nab', rows * 1e-9, gain)
        np.testing.assert_allclose(blocks, tangential, atol=1e-6)
    if weight_norm == 'unit-noise-gain-invariant':
        np.testing.assert_allclose(rows @ noise_cov.matrix_si @ rows.swapaxes(1, 2), tangential, atol=1e-6)


@hypothesis.given(
    exponent=st.floats(-13, 6), orientation=st.sampled_from(ORIENTATIONS), weight_norm=st.sampled_from(NORMS)
)
@hypothesis.settings(max_examples=15)
def test_invariant_to_the_scale_of_the_data(exponent, orientation, weight_norm, problem, data):
    answers = []
    for a in (1.0, 10.0**exponent):
        lead_field, noise_cov = problem('both', scale=a)
        y = records.Recording(data(lead_field, scale=a), lead_field.channels, 2 * u.ms)
        solver = LCMV(orientation=orientation, weight_norm=weight_norm)
        solver.fit(lead_field, noise_cov, data_cov=_covariance(lead_field, noise_cov))
        answers.append(u.get_mantissa(solver.update(y).data))
    assert _relative(*answers) < 1e-9


def test_a_direction_without_normals_has_one_sign():
    directions = np.array([[0.6, -0.6, 0.53], [0.5, 0.5, -0.71], [-0.6, 0.53, 0.6], [0.0, 0.0, -1.0]])
    expected = directions * [[1], [-1], [-1], [-1]]
    for array in (directions, jnp.asarray(directions)):
        for sign in (1, -1):
            np.testing.assert_allclose(upwards(sign * array, None), expected, rtol=1e-6)


@every_norm
def test_axes_do_not_matter_but_to_norms_of_single_components(weight_norm, problem, data):
    lead_field, noise_cov = problem('eeg')
    data_cov, y = _covariance(lead_field, noise_cov), data(lead_field) * u.volt
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = records.LeadField(lead_field.gain_si @ turn, lead_field.channels, lead_field.sources)
    solver = LCMV(orientation='vector', weight_norm=weight_norm)
    lengths = [u.get_mantissa(solver.fit(g, noise_cov, data_cov=data_cov).update(y)) for g in (lead_field, turned)]
    assert (_relative(*lengths) < 1e-9) == (weight_norm in ('unit-gain', 'unit-noise-gain-invariant'))


def test_a_rule_chooses_as_for_all_solvers(eeg):
    lead_field, noise_cov, data_cov = eeg
    for rule in ('evidence', 'gcv', 'discrepancy'):
        chosen = LCMV(regularisation=rule).fit(lead_field, noise_cov, data_cov=data_cov)
        other = MinimumNorm(regularisation=rule, depth=0.0).fit(lead_field, noise_cov, data_cov=data_cov)
        lambda2 = other.chosen_lambda2
        # 11 directions of 12 electrodes are left by the average reference
        assert chosen.chosen_reg == pytest.approx(lambda2 / (1 + lambda2) * 12 / 11, rel=1e-6)
        given = LCMV(reg=chosen.chosen_reg).fit(lead_field, noise_cov, data_cov=data_cov)
        assert _relative(u.get_mantissa(chosen.kernel), u.get_mantissa(given.kernel)) < 1e-12


@pytest.fixture(scope='module')
def of_the_model():
    """Twelve magnetometers, and data of six sources of equal power in white noise: what a rule takes them to be."""
    gain = 2e-6 * np.random.default_rng(3).normal(size=(12, 6))
    noise = 20e-15**2 * np.eye(12)
    return gain, noise, 50e-9**2 * gain @ gain.T + noise


@pytest.mark.parametrize('n_sensors', [12, 60])
def test_what_a_rule_adds_is_the_noise(n_sensors, of_the_model):
    """In however many sensors: those of 12 directions that are mixed into 60 see and say the same."""
    gain, noise, data = of_the_model
    mixing = np.linalg.qr(np.random.default_rng(4).normal(size=(n_sensors, 12)))[0]
    solver = LCMV(regularisation='evidence', weight_norm='unit-gain').fit(
        mixing @ gain * u.tesla / (u.amp * u.meter),
        mixing @ noise @ mixing.T * u.tesla**2,
        data_cov=mixing @ data @ mixing.T * u.tesla**2,
    )
    rows = np.linalg.solve(data + noise, gain).T
    expected = 1e9 * rows / (rows * gain.T).sum(axis=1, keepdims=True)
    assert _relative(u.get_mantissa(solver.kernel) @ mixing, expected) < 1e-6


@pytest.mark.parametrize('weight_norm', ['unit-gain', 'nai'])
def test_without_noise_it_is_alike_on_all_sensors(weight_norm, eeg):
    lead_field, _, data_cov = eeg
    solver = LCMV(weight_norm=weight_norm, orientation='free')
    without = u.get_mantissa(solver.fit(lead_field, data_cov=data_cov).kernel)
    for std in (1e-9, 1.0):
        alike = records.NoiseCovariance.diagonal(std * u.volt, lead_field.channels)
        assert _relative(u.get_mantissa(solver.fit(lead_field, alike, data_cov=data_cov).kernel), without) < 1e-9


def test_without_noise_where_it_matters(eeg, problem):
    lead_field, _, data_cov = eeg
    with pytest.raises(TypeError, match=r"for weight_norm='unit-noise-gain', which is in units of it; got None: write"):
        LCMV(weight_norm='unit-noise-gain').fit(lead_field, data_cov=data_cov)
    with pytest.raises(TypeError, match="for regularisation='gcv'; got None"):
        LCMV(weight_norm='nai', regularisation='gcv').fit(lead_field, data_cov=data_cov)
    mixed, noise_cov = problem('meg')
    with pytest.raises(TypeError, match='to compare mag, grad; got None'):
        LCMV(weight_norm='unit-gain').fit(mixed, data_cov=noise_cov)


def test_errors(eeg, problem):
    lead_field, noise_cov, data_cov = eeg
    with pytest.raises(TypeError, match=r'data_cov=\.\.\.\) is the covariance of the data; got None: write data_cov='):
        LCMV().fit(lead_field, noise_cov)
    with pytest.raises(UnitError, match=r'data_cov=\.\.\.\) is the covariance, in V\^2; got V'):
        LCMV().fit(lead_field, noise_cov, data_cov=data_cov.matrix_si * u.volt)
    with pytest.raises(ShapeError, match=r'\(12, 12\)'):
        LCMV().fit(lead_field, noise_cov, data_cov=np.eye(3) * V2)
    with pytest.raises(ValueError, match='lacks eeg0'):
        LCMV().fit(lead_field, noise_cov, data_cov=data_cov.pick(data_cov.channels.names[1:]))
    few = np.random.default_rng(0).normal(size=(5, 12))
    few = records.NoiseCovariance(1e-12 * few.T @ few, lead_field.channels)
    with pytest.raises(ValueError, match=r'varies in 5 of the 11 directions .* reg=0 leaves it singular: write reg='):
        LCMV(reg=0.0).fit(lead_field, noise_cov, data_cov=few)
    assert np.isfinite(LCMV().fit(lead_field, noise_cov, data_cov=few).kernel.mantissa).all()
    nothing = records.NoiseCovariance(np.zeros((12, 12)), lead_field.channels)
    with pytest.raises(ValueError, match='is zero in all directions in which there is noise'):
        LCMV().fit(lead_field, noise_cov, data_cov=nothing)
    with pytest.raises(ValueError, match='rank 0'):
        LCMV().fit(lead_field, nothing, data_cov=data_cov)
    with pytest.raises(ValueError, match=r"one of 'fixed', 'free', 'vector'; got 'loose'"):
        LCMV(orientation='loose')
    with pytest.raises(ValueError, match=r"got 'unitgain'\. Did you mean 'unit-gain'"):
        LCMV(weight_norm='unitgain')
    with pytest.raises(ValueError, match=r'LCMV\.reg is .*; got -0\.1'):
        LCMV(reg=-0.1)
    with pytest.raises(ValueError, match="of orientation='free'; this one has orientation='fixed'"):
        LCMV().fit(lead_field, noise_cov, data_cov=data_cov).directions  # noqa: B018
    with pytest.raises(RuntimeError, match='no kernel'):
        LCMV().power(data_cov)


def test_signature_tells_all_that_it_takes():
    expected = ['weight_norm', 'orientation', 'rank', 'regularisation', 'name', 'reg']
    assert list(inspect.signature(LCMV).parameters) == expected


def test_order_of_channels_does_not_matter(problem):
    lead_field, noise_cov = problem('both')
    data_cov = _covariance(lead_field, noise_cov)
    order = np.random.default_rng(0).permutation(len(lead_field.channels))
    names = tuple(lead_field.channels.names[i] for i in order)
    types = tuple(lead_field.channels.types[i] for i in order)
    shuffled = records.NoiseCovariance(data_cov.matrix_si[np.ix_(order, order)], records.Channels(names, types))
    solver = LCMV().fit(lead_field, noise_cov, data_cov=data_cov)
    expected = _si(solver.kernel, lead_field.channels)
    np.testing.assert_allclose(solver.power(shuffled), solver.power(data_cov), rtol=1e-9)
    solver.fit(lead_field, noise_cov, data_cov=shuffled)
    assert _relative(_si(solver.kernel, lead_field.channels), expected) < 1e-12


@pytest.fixture(scope='module')
def small():
    """Because compiling takes its time."""
    rng = np.random.default_rng(0)
    gain = 50.0 * rng.normal(size=(6, 4, 3))
    noise = [np.eye(6) + 0.2 * (a @ a.T) for a in rng.normal(size=(3, 6, 6))]
    moments = 2e-8 * rng.normal(size=(12, 40))
    data = np.cov(gain.reshape(6, -1) @ moments + 1e-6 * rng.normal(size=(6, 40)))
    return gain, 1e-12 * np.array(noise), data


class TestCompiled:
    """The same kernel in code that JAX compiles."""

    @pytest.mark.parametrize(('orientation', 'weight_norm'), [('free', 'nai'), ('vector', 'unit-noise-gain-invariant')])
    def test_many_noises_at_once_equal_one_after_the_other(self, orientation, weight_norm, small):
        gain, noises, data = small
        solver = LCMV(orientation=orientation, weight_norm=weight_norm)
        batch = jax.jit(jax.vmap(lambda noise: solver.kernel_for(gain * GAIN_UNIT, noise, data_cov=data * V2)))(
            jnp.asarray(noises * 1e12) * u.uvolt**2
        )
        assert solver._kernel.value is None
        for one, noise in zip(u.get_mantissa(batch), noises, strict=True):
            solver.fit(gain * GAIN_UNIT, noise * V2, data_cov=data * V2)
            assert _relative(one, u.get_mantissa(solver.kernel)) < 1e-5

    @pytest.mark.parametrize('reg', [0.05, 0.0])
    def test_noise_in_fewer_directions_than_sensors(self, reg, small):
        gain, noises, data = small
        solver = LCMV(orientation='free', weight_norm='nai', reg=reg, rank={'eeg': 4})
        solver.fit(gain * GAIN_UNIT, noises[0] * V2, data_cov=data * V2)
        inside = jax.jit(lambda noise: solver.kernel_for(gain * GAIN_UNIT, noise, data_cov=data * V2))(
            jnp.asarray(noises[0] * 1e12) * u.uvolt**2
        )
        assert _relative(u.get_mantissa(inside), u.get_mantissa(solver.kernel)) < 1e-5

    def test_a_dead_channel_in_the_data_is_no_direction_without_noise(self, of_the_model):
        gain, noise, data = of_the_model
        data = data * 1e30 * (np.outer(np.arange(12) != 4, np.arange(12) != 4))
        solver, gain = LCMV(weight_norm='unit-gain'), gain * u.tesla / (u.amp * u.meter)
        solver.fit(gain, noise * 1e30 * u.ftesla**2, data_cov=data * u.ftesla**2)
        inside = jax.jit(lambda noise, data: solver.kernel_for(gain, noise * u.ftesla**2, data_cov=data * u.ftesla**2))(
            *map(jnp.asarray, (noise * 1e30, data))
        )
        assert _relative(u.get_mantissa(inside), u.get_mantissa(solver.kernel)) < 1e-5

    @pytest.mark.parametrize(('orientation', 'weight_norm'), [('free', 'nai'), ('vector', 'unit-noise-gain-invariant')])
    def test_gradient(self, orientation, weight_norm, small):
        gain, noises, data = small
        solver = LCMV(orientation=orientation, weight_norm=weight_norm)
        brainstate.environ.set(precision=64)

        @jax.jit
        def loss(scaled):
            gain, noise, data = scaled
            kernel = solver.kernel_for(gain * 50.0 * GAIN_UNIT, noise * u.uvolt**2, data_cov=data * u.uvolt**2)
            return (u.get_mantissa(kernel) ** 2).sum()

        at = tuple(map(jnp.asarray, (gain / 50.0, noises[0] * 1e12, data * 1e12)))
        rng, gradient = np.random.default_rng(1), jax.grad(loss)(at)
        for i in range(3):
            step = rng.normal(size=at[i].shape)
            step = step + step.T if i else step
            ends = [loss((*at[:i], at[i] + h * step, *at[i + 1 :])) for h in (1e-5, -1e-5)]
            assert float((gradient[i] * step).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-5, rel=1e-5)

    def test_gradient_where_all_directions_are_alike(self, small):
        """Three sensors see x, y and z of each source alike, in white noise: no direction has the most power."""
        gain = np.stack([np.eye(3), 2 * np.eye(3)], axis=1)
        solver = LCMV(orientation='free', weight_norm='nai')

        def loss(gain):
            noise = np.eye(3) * u.ftesla**2
            kernel = solver.kernel_for(gain * 1e-6 * u.tesla / (u.amp * u.meter), noise, data_cov=2 * noise)
            return (u.get_mantissa(kernel) ** 2).sum()

        assert np.isfinite(jax.jit(jax.grad(loss))(jnp.asarray(gain))).all()

    def test_in_a_loop_in_float32(self, eeg, data):
        lead_field, noise_cov, data_cov = eeg
        for orientation in ('free', 'vector'):
            fitted = LCMV(orientation=orientation).fit(lead_field, noise_cov, data_cov=data_cov)
            y = data(lead_field)
            inside = brainstate.transform.for_loop(fitted.update, jnp.asarray(y, jnp.float32) * u.volt)
            assert inside.dtype == jnp.float32
            assert _relative(np.asarray(inside), fitted.update(y * u.volt)) < 1e-5
