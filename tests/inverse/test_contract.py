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
from brainfwd.inverse import DICS, LCMV, SLORETA, LinearInverse, MinimumNorm

MOMENTS = ('MinimumNorm', 'ELORETA', 'GammaMAP', 'BayesianMinimumNorm', 'LCMV unit-gain')
# one for each way to answer: with a sign, complex, with a length
every_answer = pytest.mark.parametrize('name', ['MinimumNorm fixed', 'DICS complex free', 'LCMV nai vector'])


def _relative(a, b):
    a, b = np.asarray(u.get_mantissa(a)), np.asarray(u.get_mantissa(b))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def _parts(kernel, channels):
    return kernel if channels.is_mixed else {channels.kinds[0]: kernel}


def _numbers(kernel):
    parts = kernel.values() if isinstance(kernel, dict) else [kernel]
    return np.concatenate([part.mantissa for part in parts], axis=-1)


def solvers_of(base):
    """Those that can be made of what inherits from it."""
    return {base} if not inspect.isabstract(base) else set().union(*map(solvers_of, base.__subclasses__()))


def test_solvers_are_final_listed_and_share_one_base(make, cases):
    listed = {type(make(name)) for name in cases}
    assert solvers_of(LinearInverse) == listed
    assert not any(solver.__subclasses__() for solver in listed)
    with pytest.raises(TypeError, match='abstract'):
        LinearInverse()


# ---- units and shapes


@pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])
def test_units_and_shapes(each_case, kinds, problem, data, fit):
    lead_field, noise_cov = problem(kinds)
    fitted = fit(each_case, lead_field, noise_cov)
    unit = nAm if each_case.startswith(MOMENTS) else u.UNITLESS
    assert fitted.unit == unit
    is_vector = each_case.split()[-1] in ('loose', 'vector') or (
        each_case.endswith('free') and not isinstance(fitted, LCMV | DICS)
    )
    for kind, part in _parts(fitted.kernel, lead_field.channels).items():
        assert part.shape == (30, *(3,) * is_vector, lead_field.channels.types.count(kind))
        assert u.have_same_dim(part.unit * records.SENSOR_UNITS[kind], unit)
    answer = fitted.update(records.values(data(lead_field, (2, 7)), lead_field.channels))
    assert answer.shape == (2, 7, 30)
    assert u.get_unit(answer) == unit
    assert (np.real(u.get_mantissa(answer)) < 0).any() != is_vector


def test_update_is_the_kernel(each_case, problem, data, fit):
    lead_field, noise_cov = problem('both')
    fitted = fit(each_case, lead_field, noise_cov)
    y = records.values(data(lead_field), lead_field.channels)
    kernel = fitted.kernel
    parts = sum(np.einsum('n...m,tm->tn...', kernel[kind].mantissa, y[kind].mantissa) for kind in y)
    if parts.ndim == 2:
        assert _relative(fitted.update(y), parts) < 1e-12
    else:
        assert _relative(fitted.vectors(y), parts) < 1e-12
        assert _relative(fitted.update(y), np.linalg.norm(parts, axis=-1)) < 1e-12
        assert u.get_unit(fitted.vectors(y)) == fitted.unit


def test_resolution_matrix_is_the_kernel_after_the_gain(each_case, problem, fit):
    lead_field, noise_cov = problem('both')
    fitted = fit(each_case, lead_field, noise_cov)
    kernel, gain = fitted.kernel, lead_field.gain
    if _numbers(kernel).ndim == 2:
        axes = fitted.directions if fitted.orientation == 'free' else lead_field.sources.normals
        gain = {kind: (part * axes).sum(axis=-1) for kind, part in gain.items()}
    expected = sum(
        u.Quantity(np.tensordot(kernel[k].mantissa, gain[k].mantissa, 1), unit=kernel[k].unit * gain[k].unit)
        for k in kernel
    )
    matrix = fitted.resolution_matrix()
    assert u.get_unit(matrix) == fitted.unit / nAm
    assert _relative(matrix, u.get_mantissa(expected / (1 * fitted.unit / nAm))) < 1e-12


def test_batch_equals_loop(each_case, problem, data, fit):
    lead_field, noise_cov = problem('both')
    fitted = fit(each_case, lead_field, noise_cov)
    y = data(lead_field, (2, 3))
    batch = fitted.update(records.values(y, lead_field.channels))
    loop = [[u.get_mantissa(fitted.update(records.values(row, lead_field.channels))) for row in run] for run in y]
    assert _relative(batch, loop) < 1e-12


# ---- invariances


@hypothesis.given(exponent=st.floats(-13, 6), kinds=st.sampled_from(['eeg', 'meg', 'both']))
@hypothesis.settings(max_examples=5)
def test_invariant_to_the_scale_of_the_data(each_case, exponent, kinds, problem, data, fit):
    answers = []
    for a in (1.0, 10.0**exponent):
        lead_field, noise_cov = problem(kinds, scale=a)
        y = records.values(data(lead_field, scale=a), lead_field.channels)
        answers.append(fit(each_case, lead_field, noise_cov).update(y))
    assert _relative(*answers) < 1e-9


def test_a_constant_on_all_electrodes_changes_nothing(each_case, problem, data, make, data_cov):
    lead_field, noise_cov = problem('both')
    y, eeg = data(lead_field), lead_field.channels.indices('eeg')
    solver = make(each_case)
    extra = data_cov(solver, noise_cov)
    before = solver.fit(lead_field, noise_cov, **extra).update(records.values(y, lead_field.channels))
    y[:, eeg] += 100e-6
    assert _relative(solver.update(records.values(y, lead_field.channels)), before) < 1e-9
    # nor does the reference of the lead field and of the covariances, but that of the lead field for its depths
    if 'depth' in solver.parameter_fields:
        solver.depth = 0.0
    kernel = _numbers(solver.fit(lead_field, noise_cov, **extra).kernel)
    reference = lead_field.channels.names[eeg[0]]
    lead_field, noise_cov = lead_field.referenced(reference), _with_shared_noise(noise_cov, eeg)
    extra = {name: cov.referenced(reference) for name, cov in extra.items()}
    assert _relative(_numbers(solver.fit(lead_field, noise_cov, **extra).kernel), kernel) < 1e-9


def _with_shared_noise(noise_cov, eeg):
    """As with a reference that is noisy: what it does to all electrodes alike."""
    shared = np.zeros(len(noise_cov.channels))
    shared[eeg] = 3 * np.sqrt(noise_cov.matrix_si[eeg[0], eeg[0]])
    return records.NoiseCovariance(noise_cov.matrix_si + np.outer(shared, shared), noise_cov.channels)


def test_order_of_channels_does_not_matter(each_solver, problem, data, make, fit, data_cov):
    lead_field, noise_cov = problem('both')
    fitted, y = fit(each_solver, lead_field, noise_cov), data(lead_field)
    expected = fitted.update(records.values(y, lead_field.channels))
    order = np.random.default_rng(0).permutation(len(lead_field.channels))
    shuffled = lead_field.channels.at(order)

    def permuted(cov):
        return type(cov)(cov.matrix_si[np.ix_(order, order)], shuffled)

    extra = {name: permuted(cov) for name, cov in data_cov(fitted, noise_cov).items()}
    other = make(each_solver).fit(lead_field, permuted(noise_cov), **extra)
    assert _relative(other.update(records.values(y, lead_field.channels)), expected) < 1e-9
    moved = records.LeadField(lead_field.gain_si[order], shuffled, lead_field.sources)
    other = fit(each_solver, moved, noise_cov)
    assert _relative(other.update(records.values(y[:, order], shuffled)), expected) < 1e-9


# ---- records


def test_recording_in_estimate_out(each_solver, problem, data, fit):
    lead_field, noise_cov = problem('both')
    y, channels = data(lead_field), lead_field.channels
    recording = records.Recording(y, channels, 2 * u.ms, start=1 * u.second, head='another')
    fitted = fit(each_solver, lead_field, noise_cov)
    if each_solver == 'DICS complex':
        with pytest.raises(ValueError, match='is a Recording for real filters'):
            fitted.update(recording)
        return
    estimate = fitted.update(recording)
    assert isinstance(estimate, records.SourceEstimate)
    assert (estimate.method, estimate.sources) == (type(fitted).__name__, lead_field.sources)
    assert np.array_equal(estimate.times.mantissa, recording.times.mantissa)
    assert np.array_equal(u.get_mantissa(estimate.data), u.get_mantissa(fitted.update(records.values(y, channels))))
    # of channels in another order
    order = np.random.default_rng(0).permutation(len(channels))
    shuffled = records.Recording(y[:, order], channels.at(order), 2 * u.ms)
    assert _relative(fitted.update(shuffled).data, estimate.data) < 1e-12


def test_data_in_any_unit_and_kind_of_number(problem, data, fit):
    lead_field, noise_cov = problem('eeg')
    fitted, y = fit('MinimumNorm', lead_field, noise_cov), data(lead_field)
    expected = fitted.update(y * u.volt)
    assert _relative(fitted.update((y * u.volt).in_unit(uV)), expected) < 1e-12
    assert _relative(fitted.update(np.arange(12) * u.volt), fitted.update(np.arange(12.0) * u.volt)) < 1e-12
    # the signal and its Hilbert transform, or Fourier coefficients
    assert _relative(fitted.update(y * (1 + 2j) * u.volt), (1 + 2j) * expected.mantissa) < 1e-12


def test_vectors_of_a_recording(problem, data, fit):
    lead_field, noise_cov = problem('both')
    fitted = fit('SLORETA free', lead_field, noise_cov)
    recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms)
    vectors = fitted.vectors(recording)
    assert vectors.shape == (7, 30, 3)
    assert _relative(np.linalg.norm(vectors, axis=-1), fitted.update(recording).data) < 1e-12


def test_a_gain_alone_is_of_the_channels_of_the_covariance(problem, data, fit):
    """Its types may come in any order, as JAX hands dicts back sorted."""
    lead_field, noise_cov = problem('both', 'fixed')
    gain = lead_field.gain
    backwards = {kind: gain[kind] for kind in reversed(gain)}
    fitted = [fit('MinimumNorm', given, noise_cov) for given in (lead_field, backwards)]
    y = records.values(data(lead_field), lead_field.channels)
    assert np.array_equal(*(each.update(y).mantissa for each in fitted))
    assert np.array_equal(*(each.resolution_matrix() for each in fitted))


def test_repr_tells_what_differs_and_what_was_fitted(problem, fit):
    assert repr(SLORETA(snr=1.0)) == 'SLORETA(snr=1): not fitted'
    assert repr(fit('DSPM loose', *problem('eeg'), loose=0.5)) == (
        "DSPM(orientation='loose', loose=0.5): 30 sources from Channels(12 eeg)"
    )
    assert 'snr=3.0' in str(MinimumNorm.__signature__)


# ---- compiled


@pytest.mark.parametrize('scale', [1e-13, 1.0, 1e6])
@every_answer
def test_compiled_equals_outside(name, scale, problem, data, fit):
    lead_field, noise_cov = problem('both', scale=scale)
    fitted = fit(name, lead_field, noise_cov)
    y = records.values(data(lead_field, scale=scale), lead_field.channels)
    outside = fitted.update(y)
    y32 = jax.tree.map(lambda x: jnp.asarray(x, dtype=jnp.float32), y)
    looped = brainstate.transform.for_loop(fitted.update, y32)
    mapped = brainstate.transform.vmap(fitted.update)(y32)
    for inside in (brainstate.transform.jit(fitted.update)(y32), looped, mapped):
        assert u.get_unit(inside) == fitted.unit
        assert inside.dtype == (jnp.complex64 if 'complex' in name else jnp.float32)
        assert _relative(inside, outside) < 1e-5
    # nothing was rounded on the way
    assert np.array_equal(u.get_mantissa(fitted.update(y)), u.get_mantissa(outside))


def test_float64_in_compiled_code(each_solver, problem, data, fit):
    lead_field, noise_cov = problem('eeg')
    fitted = fit(each_solver, lead_field, noise_cov)
    y = data(lead_field)
    brainstate.environ.set(precision=64)
    inside = brainstate.transform.jit(fitted.update)(jnp.asarray(y) * u.volt)
    assert _relative(inside, fitted.update(y * u.volt)) < 1e-12


def test_a_new_fit_does_not_compile_again(each_solver, problem, data, fit, data_cov):
    lead_field, noise_cov = problem('eeg')
    fitted, traces = fit(each_solver, lead_field, noise_cov), []

    @brainstate.transform.jit
    def run(y):
        traces.append(1)
        return fitted.update(y)

    y = jnp.asarray(data(lead_field), dtype=jnp.float32) * u.volt
    first = run(y)
    n = len(traces)
    setattr(fitted, next(iter(fitted.parameter_fields)), 0.5)
    fitted.fit(lead_field, noise_cov, **data_cov(fitted, noise_cov))
    second = run(y)
    assert len(traces) == n
    assert _relative(second, fitted.update(data(lead_field) * u.volt)) < 1e-5
    assert _relative(second, first) > 0.01


def test_split_and_merged_by_brainstate(each_solver, problem, data, fit):
    lead_field, noise_cov = problem('eeg')
    fitted = fit(each_solver, lead_field, noise_cov)
    again = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(fitted))
    y = data(lead_field) * u.volt
    assert np.array_equal(u.get_mantissa(again.update(y)), u.get_mantissa(fitted.update(y)))
    assert repr(again) == repr(fitted)


@every_answer
def test_gradient_with_respect_to_the_data(name, problem, data, fit):
    """Of the power of the answer, twice the kernel applied forth and back."""
    lead_field, noise_cov = problem('meg')
    fitted, scale = fit(name, lead_field, noise_cov), data(lead_field, (), seed=2)

    def update(x):
        return u.get_mantissa(fitted.update(records.values(x * scale, lead_field.channels)))

    kernel = np.empty((*_numbers(fitted.kernel).shape[:-1], 15), complex)
    for kind, part in fitted.kernel.items():
        kernel[..., lead_field.channels.indices(kind)] = part.mantissa
    kernel = (kernel * scale).reshape(-1, 15)
    x = np.random.default_rng(3).normal(size=15)
    gradient = jax.grad(lambda x: (abs(update(x)) ** 2).sum())(jnp.asarray(x, jnp.float32))
    assert _relative(gradient, 2 * (kernel.conj().T @ (kernel @ x)).real) < 1e-5
    # silent sensors are no reason for NaN
    assert np.isfinite(jax.grad(lambda x: abs(update(x)).sum())(jnp.zeros(15))).all()


def test_fitted_in_compiled_code(problem, data, fit):
    lead_field, noise_cov = problem('eeg')
    y = jnp.asarray(data(lead_field), jnp.float32) * u.volt
    outside = fit('MinimumNorm', lead_field, records.NoiseCovariance(4 * noise_cov.matrix_si, noise_cov.channels))
    recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms)

    @brainstate.transform.jit
    def run(noise_cov, y):
        inside = MinimumNorm().fit(lead_field, noise_cov)
        with pytest.raises(TypeError, match=r'in compiled code; got a Recording: write recording\.data'):
            inside.update(recording)
        return inside.update(y), outside.fit(lead_field, noise_cov).update(y)

    expected = fit('MinimumNorm', lead_field, noise_cov)
    for answer in run(noise_cov.matrix, y):
        assert _relative(answer, expected.update(y)) < 1e-6
    # what was fitted there is there to be used
    assert _relative(outside.update(recording).data, expected.update(recording).data) < 1e-6
    assert _relative(outside.resolution_matrix(), expected.resolution_matrix()) < 1e-6
    never = MinimumNorm()
    with pytest.raises(RuntimeError, match='of a solver that was made there, or fitted before'):
        brainstate.transform.jit(lambda noise_cov: never.fit(lead_field, noise_cov).update(y))(noise_cov.matrix)
    assert repr(never) == 'MinimumNorm(): not fitted'
