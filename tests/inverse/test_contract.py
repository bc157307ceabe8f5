"""What holds for every solver."""

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
from brainfwd._core.units import nAm, uV
from brainfwd.inverse import DSPM, SLORETA, LinearInverse, MinimumNorm

SOLVERS = [MinimumNorm, DSPM, SLORETA]
every_solver = pytest.mark.parametrize('solver', SOLVERS)
every_orientation = pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
every_sensor = pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])


def _relative(a, b):
    a, b = np.asarray(u.get_mantissa(a)), np.asarray(u.get_mantissa(b))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def _numbers(kernel):
    parts = kernel.values() if isinstance(kernel, dict) else [kernel]
    return np.concatenate([part.mantissa for part in parts], axis=-1)


def solvers_of(base):
    """Those that can be made of what inherits from it."""
    return {base} if not inspect.isabstract(base) else set().union(*map(solvers_of, base.__subclasses__()))


def test_solvers_are_final_and_share_one_base():
    assert solvers_of(LinearInverse) == set(SOLVERS)
    assert not any(solver.__subclasses__() for solver in SOLVERS)
    with pytest.raises(TypeError, match='abstract'):
        LinearInverse()


@every_orientation
@every_sensor
@every_solver
def test_units_and_shapes(solver, kinds, orientation, problem, data):
    lead_field, noise_cov = problem(kinds)
    fitted = solver(orientation=orientation).fit(lead_field, noise_cov)
    kernel = fitted.kernel if kinds != 'eeg' else {'eeg': fitted.kernel}
    k = () if orientation == 'fixed' else (3,)
    for kind, part in kernel.items():
        assert part.shape == (30, *k, lead_field.channels.types.count(kind))
        assert u.have_same_dim(part.unit * records.SENSOR_UNITS[kind], solver.unit)
    answer = fitted.update(records.values(data(lead_field, (2, 7)), lead_field.channels))
    assert answer.shape == (2, 7, 30)
    assert u.get_unit(answer) == (nAm if solver is MinimumNorm else u.UNITLESS)
    assert (u.get_mantissa(answer) < 0).any() == (orientation == 'fixed')


@every_orientation
@every_solver
def test_update_is_the_kernel(solver, orientation, problem, data):
    lead_field, noise_cov = problem('both')
    fitted = solver(orientation=orientation).fit(lead_field, noise_cov)
    y = records.values(data(lead_field), lead_field.channels)
    parts = [np.einsum('n...m,tm->tn...', fitted.kernel[kind].mantissa, y[kind].mantissa) for kind in y]
    expected = sum(parts) if orientation == 'fixed' else np.linalg.norm(sum(parts), axis=-1)
    assert _relative(fitted.update(y), expected) < 1e-12


@every_solver
@hypothesis.given(exponent=st.floats(-13, 6), kinds=st.sampled_from(['eeg', 'meg', 'both']))
@hypothesis.settings(max_examples=15)
def test_invariant_to_the_scale_of_the_data(solver, exponent, kinds, problem, data):
    answers = []
    for a in (1.0, 10.0**exponent):
        lead_field, noise_cov = problem(kinds, scale=a)
        y = records.Recording(data(lead_field, scale=a), lead_field.channels, 2 * u.ms)
        answers.append(solver().fit(lead_field, noise_cov).update(y).data)
    assert _relative(*answers) < 1e-9


@every_orientation
@every_solver
@pytest.mark.parametrize('exponent', [-13, 6])
def test_invariant_to_the_scale_of_the_data_in_a_float32_loop(solver, orientation, exponent, problem, data):
    lead_field, noise_cov = problem('meg', scale=10.0**exponent)
    y = data(lead_field, scale=10.0**exponent)
    fitted = solver(orientation=orientation).fit(lead_field, noise_cov)
    inside = brainstate.transform.jit(fitted.update)(
        records.values(jnp.asarray(y, dtype=np.float32), lead_field.channels)
    )
    assert _relative(inside, fitted.update(records.values(y, lead_field.channels))) < 1e-5


@every_solver
def test_a_constant_on_all_electrodes_changes_nothing(solver, problem, data):
    lead_field, noise_cov = problem('both')
    y, eeg = data(lead_field), lead_field.channels.indices('eeg')
    fitted = solver().fit(lead_field, noise_cov)
    before = fitted.update(records.Recording(y, lead_field.channels, 2 * u.ms)).data
    y[:, eeg] += 100e-6
    assert _relative(fitted.update(records.Recording(y, lead_field.channels, 2 * u.ms)).data, before) < 1e-9
    # nor does the reference of the lead field and of the covariance
    gain, referenced = lead_field.gain_si.copy(), np.eye(len(lead_field.channels))
    gain[eeg] -= gain[eeg[0]]
    referenced[eeg, eeg[0]] -= 1
    other = solver(depth=0.0).fit(
        records.LeadField(gain, lead_field.channels, lead_field.sources),
        records.NoiseCovariance(referenced @ noise_cov.matrix_si @ referenced.T, lead_field.channels),
    )
    assert _relative(_numbers(other.kernel), _numbers(solver(depth=0.0).fit(lead_field, noise_cov).kernel)) < 1e-9


@every_orientation
@every_solver
def test_batch_equals_loop(solver, orientation, problem, data):
    lead_field, noise_cov = problem('both')
    fitted = solver(orientation=orientation).fit(lead_field, noise_cov)
    y = data(lead_field, (2, 3))
    batch = fitted.update(records.values(y, lead_field.channels))
    loop = [[u.get_mantissa(fitted.update(records.values(row, lead_field.channels))) for row in run] for run in y]
    assert _relative(batch, loop) < 1e-12


@every_solver
def test_compiled_equals_outside(solver, problem, data):
    lead_field, noise_cov = problem('both')
    fitted = solver(orientation='loose').fit(lead_field, noise_cov)
    y = records.values(data(lead_field), lead_field.channels)
    outside = fitted.update(y)
    y32 = jax.tree.map(lambda x: jnp.asarray(x, dtype=jnp.float32), y)
    looped = brainstate.transform.for_loop(fitted.update, y32)
    mapped = brainstate.transform.vmap(fitted.update)(y32)
    for inside in (brainstate.transform.jit(fitted.update)(y32), looped, mapped):
        assert u.get_unit(inside) == solver.unit
        assert inside.dtype == jnp.float32
        assert _relative(inside, outside) < 1e-5
    # nothing was rounded on the way
    assert u.get_mantissa(fitted.update(y)).dtype == np.float64
    assert np.array_equal(u.get_mantissa(fitted.update(y)), u.get_mantissa(outside))


@every_solver
def test_float64_in_compiled_code(solver, problem, data):
    lead_field, noise_cov = problem('eeg')
    fitted = solver().fit(lead_field, noise_cov)
    y = data(lead_field)
    brainstate.environ.set(precision=64)
    inside = brainstate.transform.jit(fitted.update)(jnp.asarray(y) * u.volt)
    assert _relative(inside, fitted.update(y * u.volt)) < 1e-12


@every_solver
def test_a_new_fit_does_not_compile_again(solver, problem, data):
    lead_field, noise_cov = problem('eeg')
    fitted, traces = solver().fit(lead_field, noise_cov), []

    @brainstate.transform.jit
    def run(y):
        traces.append(1)
        return fitted.update(y)

    y = jnp.asarray(data(lead_field), dtype=jnp.float32) * u.volt
    first = run(y)
    n = len(traces)
    fitted.snr = 1.0
    fitted.fit(lead_field, noise_cov)
    second = run(y)
    assert len(traces) == n
    assert _relative(second, fitted.update(data(lead_field) * u.volt)) < 1e-5
    assert _relative(second, first) > 0.01


@every_orientation
@every_solver
def test_gradient(solver, orientation, problem, data):
    lead_field, noise_cov = problem('meg')
    fitted = solver(orientation=orientation).fit(lead_field, noise_cov)
    brainstate.environ.set(precision=64)
    scale = data(lead_field, (), seed=2)

    def loss(x):
        return (u.get_mantissa(fitted.update(records.values(x * scale, lead_field.channels))) ** 2).sum()

    x = jnp.asarray(np.random.default_rng(3).normal(size=len(scale)))
    gradient, step = jax.grad(loss)(x), 1e-6
    numeric = [(loss(x + step * e) - loss(x - step * e)) / (2 * step) for e in jnp.eye(len(x))]
    assert _relative(gradient, numeric) < 1e-6
    # a silent sensor array is no reason for NaN
    length = jax.grad(lambda x: u.get_mantissa(fitted.update(records.values(x * scale, lead_field.channels))).sum())
    assert np.isfinite(length(jnp.zeros(len(scale)))).all()


@every_solver
def test_split_and_merged_by_brainstate(solver, problem, data):
    lead_field, noise_cov = problem('eeg')
    fitted = solver().fit(lead_field, noise_cov)
    again = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(fitted))
    y = data(lead_field) * u.volt
    assert np.array_equal(u.get_mantissa(again.update(y)), u.get_mantissa(fitted.update(y)))


@every_solver
def test_order_of_channels_does_not_matter(solver, problem, data):
    lead_field, noise_cov = problem('both')
    fitted = solver().fit(lead_field, noise_cov)
    y = data(lead_field)
    expected = fitted.update(records.Recording(y, lead_field.channels, 2 * u.ms)).data
    order = np.random.default_rng(0).permutation(len(lead_field.channels))
    names, types = lead_field.channels.names, lead_field.channels.types
    shuffled = records.Channels(tuple(names[i] for i in order), tuple(types[i] for i in order))
    assert _relative(fitted.update(records.Recording(y[:, order], shuffled, 2 * u.ms)).data, expected) < 1e-12
    other_cov = records.NoiseCovariance(noise_cov.matrix_si[np.ix_(order, order)], shuffled)
    other = solver().fit(lead_field, other_cov).update(records.Recording(y, lead_field.channels, 2 * u.ms)).data
    assert _relative(other, expected) < 1e-9


@every_solver
def test_recording_in_estimate_out(solver, problem, data):
    lead_field, noise_cov = problem('eeg')
    recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms, start=1 * u.second, head='another')
    estimate = solver().fit(lead_field, noise_cov).update(recording)
    assert isinstance(estimate, records.SourceEstimate)
    assert (estimate.method, estimate.sources) == (solver.__name__, lead_field.sources)
    assert np.array_equal(estimate.times.mantissa, recording.times.mantissa)
    millivolts = solver().fit(lead_field, noise_cov).update(recording.data.in_unit(uV))
    assert _relative(millivolts, estimate.data) < 1e-12


def test_repr_tells_what_differs_and_what_was_fitted(problem):
    assert repr(SLORETA(snr=1.0)) == 'SLORETA(snr=1): not fitted'
    assert '30 sources from Channels(12 eeg)' in repr(DSPM(orientation='loose', loose=0.5).fit(*problem('eeg')))
    assert 'snr=3.0' in str(MinimumNorm.__signature__)
