"""Mixed norm: the conditions of the minimum, what holds of every solver, compiled code, and what is refused."""

import functools

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import datasets, records
from brainfwd._core.units import nAm
from brainfwd.inverse import MixedNorm

every_orientation = pytest.mark.parametrize('orientation', ['fixed', 'loose', 'free'])
PLAIN = {'alpha': 15.0, 'debias': False, 'tol': 1e-10}


def _relative(a, b):
    a, b = np.asarray(u.get_mantissa(a)), np.asarray(u.get_mantissa(b))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.fixture
def evoked(problem):
    """A lead field, its noise, and a recording of two sources with time courses."""

    def evoked(kinds='both', scale=1.0, times=9):
        lead_field, noise_cov = problem(kinds, scale=scale)
        rng = np.random.default_rng(5)
        moments = 30e-9 * rng.normal(size=(2, 3, times))
        y = np.einsum('mik,ikt->tm', lead_field.gain_si[:, [3, 20]], moments)
        y += 0.5 * np.sqrt(np.diagonal(noise_cov.matrix_si)) * rng.normal(size=y.shape)
        return lead_field, noise_cov, records.Recording(y, lead_field.channels, 2 * u.ms)

    return evoked


def _whitened(lead_field, noise_cov, recording, orientation, depth=0.8, loose=0.2):
    """Data (directions, times), gain (directions, sources, K) and the roots (sources, K, K) that weight it; SI."""
    is_eeg = np.array([kind == 'eeg' for kind in lead_field.channels.types])
    rows = []
    for block in (is_eeg, ~is_eeg):
        n = block.sum()
        reference = np.eye(n) - (block is is_eeg) / n
        values, vectors = np.linalg.eigh(reference @ noise_cov.matrix_si[np.ix_(block, block)] @ reference)
        kept = values > 1e-12 * values[-1]
        rows.append(np.zeros((kept.sum(), len(is_eeg))))
        rows[-1][:, block] = vectors[:, kept].T / np.sqrt(values[kept])[:, None] @ reference
    white, normals = np.concatenate(rows), lead_field.sources.normals
    gain = lead_field.gain_si
    if orientation == 'fixed':
        gain = (gain * normals).sum(axis=-1, keepdims=True)
    gain = np.einsum('rm,mnk->rnk', white, gain)
    along = normals[:, :, None] * normals[:, None, :]
    roots = {'fixed': np.ones((1, 1, 1)), 'loose': along + loose**0.5 * (np.eye(3) - along), 'free': np.eye(3)[None]}
    root = roots[orientation] * np.linalg.norm(gain, axis=(0, 2))[:, None, None] ** -depth
    return white @ recording.data_si.T, gain, root


def _solved(evoked, orientation, kinds='both', **options):
    """A fitted solver, its recording, and (sources, K, times) moments in A m."""
    lead_field, noise_cov, recording = evoked(kinds)
    solver = MixedNorm(orientation=orientation, **(PLAIN | options)).fit(lead_field, noise_cov)
    moments = solver.update(recording).data[..., None] if orientation == 'fixed' else solver.vectors(recording)
    return solver, recording, moments.to_decimal(u.amp * u.meter).transpose(1, 2, 0)


# ---- the minimum


@every_orientation
def test_conditions_of_the_minimum(orientation, evoked):
    """No source sees more of what is left than its threshold; those there are see just that, along themselves."""
    solver, recording, moments = _solved(evoked, orientation)
    data, gain, root = _whitened(*evoked()[:2], recording, orientation)
    seen = np.einsum('rnk,nkl->nrl', gain, root)
    left = data - np.einsum('rnk,nkt->rt', gain, moments)
    threshold = 0.15 * np.sqrt(np.square(seen.swapaxes(1, 2) @ data).sum(axis=(1, 2))).max()
    slope = seen.swapaxes(1, 2) @ left
    length = np.sqrt(np.square(slope).sum(axis=(1, 2)))
    assert length.max() <= threshold * (1 + 1e-4)
    active = moments.any(axis=(1, 2))
    assert 1 < active.sum() < 25
    x = np.linalg.solve(root[active], moments[active])
    sizes = np.sqrt(np.square(x).sum(axis=(1, 2)))
    np.testing.assert_allclose(slope[active], threshold * x / sizes[:, None, None], atol=1e-3 * threshold)
    # the certificate, from what is left alone
    dual = left * min(1.0, threshold / length.max())
    gap = np.square(left).sum() / 2 + threshold * sizes.sum() - (dual * data).sum() + np.square(dual).sum() / 2
    empty = np.square(data).sum() / 2
    assert -1e-12 < gap / empty < 1e-7
    assert solver.gap < 1e-10
    assert solver.converged
    assert solver.stopped.startswith(f'converged: after {solver.n_iter} steps')


def test_sources_of_a_real_head_in_few_steps():
    """4738 sources in all directions; the plain method needs thousands of steps."""
    lead_field = datasets.load_lead_field('eeg', orientation='free')
    rng, gain = np.random.default_rng(0), lead_field.gain_si
    moments = 50e-9 * rng.normal(size=(2, 3, 1)) * np.sin(np.arange(20) * [[[0.3]], [[0.5]]])
    y = np.einsum('mik,ikt->tm', gain[:, [1000, 3500]], moments)
    std = 0.3 * y.std()
    y += std * rng.normal(size=y.shape)
    noise_cov = records.NoiseCovariance.diagonal(std * u.volt, lead_field.channels)
    solver = MixedNorm(orientation='free', tol=1e-8).fit(lead_field, noise_cov)
    vectors = solver.vectors(y * u.volt).to_decimal(u.amp * u.meter)
    assert solver.converged
    assert solver.n_iter < 200
    assert 0 < vectors.any(axis=(0, 2)).sum() < 20
    assert np.square(y - np.einsum('mik,tik->tm', gain, vectors)).sum() < 0.5 * np.square(y).sum()


def test_a_smaller_tol_never_ends_with_a_larger_gap():
    """Down to rounding; no objective is further from the lowest than its gap says, and what is left certifies that."""
    lead_field = datasets.load_lead_field('eeg')
    few = np.arange(lead_field.n_sources) % 8 == 0
    lead_field = records.LeadField(
        lead_field.gain_si[:, few], lead_field.channels, lead_field.sources.mask(few), lead_field.head
    )
    rng = np.random.default_rng(0)
    y = 20e-9 * rng.normal(size=(40, 3)) @ lead_field.gain_si[:, [3, 200, 400]].T
    y += 0.3e-6 * rng.normal(size=y.shape)
    noise_cov = records.NoiseCovariance.diagonal(0.3 * u.uvolt, lead_field.channels)
    referenced = lead_field.gain_si - lead_field.gain_si.mean(axis=0)
    gain, data = referenced * np.linalg.norm(referenced, axis=0) ** -0.8, (y - y.mean(axis=1, keepdims=True)).T
    largest, empty = np.linalg.norm(gain.T @ data, axis=1).max(), np.square(data).sum() / 2
    for alpha in (50.0, 20.0, 5.0):
        threshold, gaps, values = alpha / 100 * largest, [], []
        for tol in (1e-6, 1e-8, 1e-10, 1e-12, 1e-14):
            solver = MixedNorm(alpha=alpha, debias=False, tol=tol).fit(lead_field, noise_cov)
            x = solver.update(y * u.volt).to_decimal(u.amp * u.meter).T
            x = x / np.linalg.norm(referenced, axis=0)[:, None] ** -0.8
            left = data - gain @ x
            values.append((np.square(left).sum() / 2 + threshold * np.linalg.norm(x, axis=1).sum()) / empty)
            gaps.append(solver.gap)
            assert solver.converged
            assert solver.n_iter < 200
        dual = left * min(1.0, threshold / np.linalg.norm(gain.T @ left, axis=1).max())
        lowest = ((dual * data).sum() - np.square(dual).sum() / 2) / empty
        assert abs(values[-1] - lowest) < 1e-9
        assert (np.diff(gaps) <= 0).all()
        assert (np.array(values) - values[-1] <= np.array(gaps) + 1e-13).all()


@every_orientation
def test_debiased_factors(orientation, evoked):
    """Each at least 1, and where above, what is left has nothing of the source."""
    _, recording, moments = _solved(evoked, orientation, alpha=60.0)
    _, _, scaled = _solved(evoked, orientation, alpha=60.0, debias=True)
    data, gain, _ = _whitened(*evoked()[:2], recording, orientation)
    active = moments.any(axis=(1, 2))
    assert np.array_equal(active, scaled.any(axis=(1, 2)))
    factor = np.sqrt(np.square(scaled[active]).sum(axis=(1, 2)) / np.square(moments[active]).sum(axis=(1, 2)))
    np.testing.assert_allclose(scaled[active], factor[:, None, None] * moments[active], rtol=1e-9)
    fields = np.einsum('rnk,nkt->nrt', gain[:, active], scaled[active])
    slope = np.einsum('nrt,rt->n', fields, data - fields.sum(axis=0)) / np.square(data).sum()
    assert factor.min() >= 1 - 1e-9
    assert factor.max() > 1.5
    above = factor > 1 + 1e-9
    assert abs(slope[above]).max() < 1e-9
    assert (slope[~above] < 1e-9).all()


def test_nothing_is_left_at_100_percent(evoked):
    lead_field, noise_cov, recording = evoked()
    for alpha, some in ((100.0, False), (99.0, True)):
        answer = MixedNorm(alpha=alpha, orientation='free').fit(lead_field, noise_cov).update(recording)
        assert answer.data.mantissa.any() == some


def test_silence_is_explained_by_nothing(evoked):
    lead_field, noise_cov, _ = evoked('eeg')
    solver = MixedNorm().fit(lead_field, noise_cov)
    assert not solver.update(np.zeros((4, 12)) * u.volt).mantissa.any()
    assert solver.converged


# ---- what holds of every solver


@pytest.mark.parametrize('scale', [1e-13, 1e6])
@pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])
def test_invariant_to_the_scale_of_the_data(kinds, scale, evoked):
    answers = []
    for a in (1.0, scale):
        lead_field, noise_cov, recording = evoked(kinds, scale=a)
        scaled = records.Recording(a * evoked(kinds)[2].data_si, recording.channels, 2 * u.ms)
        answers.append(MixedNorm(orientation='loose', tol=1e-12).fit(lead_field, noise_cov).update(scaled).data)
    assert _relative(*answers) < 1e-5


def test_size_of_the_noise_and_order_of_the_times_do_not_matter(evoked):
    lead_field, noise_cov, recording = evoked()
    solver = MixedNorm(orientation='free', tol=1e-12).fit(lead_field, noise_cov)
    expected = solver.update(recording).data
    order = np.random.default_rng(0).permutation(len(recording.data_si))
    turned = records.Recording(recording.data_si[order], recording.channels, 2 * u.ms)
    assert _relative(solver.update(turned).data, expected[order]) < 1e-5
    louder = records.NoiseCovariance(9 * noise_cov.matrix_si, noise_cov.channels)
    assert _relative(solver.fit(lead_field, louder, nave=4).update(recording).data, expected) < 1e-5


@every_orientation
def test_answers(orientation, evoked):
    lead_field, noise_cov, recording = evoked()
    solver = MixedNorm(orientation=orientation).fit(lead_field, noise_cov)
    estimate = solver.update(recording)
    assert isinstance(estimate, records.SourceEstimate)
    assert (estimate.method, estimate.sources) == ('MixedNorm', lead_field.sources)
    assert estimate.data.unit == nAm
    assert (estimate.data.mantissa < 0).any() == (orientation == 'fixed')
    # rows of exact zeros
    assert 0 < estimate.data.mantissa.any(axis=0).sum() < 25
    if orientation != 'fixed':
        vectors = solver.vectors(recording)
        assert vectors.shape == (9, 30, 3)
        assert _relative(np.linalg.norm(vectors.mantissa, axis=-1), estimate.data) < 1e-12
    again = brainstate.graph.treefy_merge(*brainstate.graph.treefy_split(solver))
    assert np.array_equal(again.update(recording).data.mantissa, estimate.data.mantissa)


def test_batch_equals_loop(evoked):
    lead_field, noise_cov, recording = evoked('eeg')
    solver = MixedNorm(orientation='free').fit(lead_field, noise_cov)
    y = np.stack([recording.data_si, recording.data_si[::-1] ** 3 * 1e10, 0 * recording.data_si])
    batch = solver.update(y * u.volt)
    assert batch.shape == (3, 9, 30)
    assert np.array_equal(batch.mantissa, [solver.update(one * u.volt).mantissa for one in y])
    assert np.array_equal(solver.update(y[0, 0] * u.volt).mantissa, solver.update(y[0, :1] * u.volt).mantissa[0])
    single = solver.update(jnp.asarray(y, jnp.float32) * u.volt)
    assert single.dtype == jnp.float32
    assert _relative(single, batch) < 1e-4


def test_repr():
    assert repr(MixedNorm(alpha=20.0, orientation='free', debias=False)) == (
        "MixedNorm(orientation='free', alpha=20, debias=False): not fitted"
    )
    solver = MixedNorm(max_iter=7)
    assert (solver.debias, solver.max_iter) == (True, 7)


# ---- compiled


@pytest.fixture(scope='module')
def small(problem):
    """A lead field of twelve sources, its noise, and data."""
    lead_field, noise_cov = problem('eeg', n=12)
    rng = np.random.default_rng(5)
    y = np.einsum('mik,ikt->tm', lead_field.gain_si[:, [3, 8]], 30e-9 * rng.normal(size=(2, 3, 4)))
    return lead_field, noise_cov, y + 0.2e-6 * rng.normal(size=y.shape)


@pytest.mark.parametrize('debias', [False, True])
def test_compiled_equals_outside(debias, small):
    lead_field, noise_cov, y = small
    solver = MixedNorm(orientation='free', debias=debias, tol=1e-11, max_iter=20_000).fit(lead_field, noise_cov)
    batch = np.stack([y, y[::-1] ** 3 * 1e10])
    expected = solver.update(batch * u.volt)
    y32 = jnp.asarray(batch, jnp.float32) * u.volt
    for inside in (brainstate.transform.jit(solver.update)(y32), brainstate.transform.vmap(solver.update)(y32)):
        assert inside.unit == nAm
        assert inside.dtype == jnp.float32
        assert _relative(inside, expected) < 1e-4
    assert (np.asarray(inside.mantissa) == 0).any()


@pytest.mark.parametrize('debias', [False, True])
def test_gradient_is_that_of_the_minimum(debias, small):
    lead_field, noise_cov, y = small
    brainstate.environ.set(precision=64)
    solver = MixedNorm(orientation='free', debias=debias, tol=1e-13, max_iter=20_000).fit(lead_field, noise_cov)
    weights = np.random.default_rng(1).normal(size=(4, 12))

    def score(y):
        return (solver.update(y * u.volt).mantissa * weights).sum()

    along = 1e-6 * np.random.default_rng(2).normal(size=y.shape)
    gradient = (jax.grad(score)(jnp.asarray(y)) * along).sum()
    step = 1e-3
    assert gradient == pytest.approx((score(y + step * along) - score(y - step * along)) / (2 * step), rel=1e-3)


def test_fitted_in_compiled_code(small):
    lead_field, noise_cov, y = small
    make = functools.partial(MixedNorm, tol=1e-9, debias=False)
    y32 = jnp.asarray(y, jnp.float32) * u.volt
    inside = brainstate.transform.jit(lambda cov, y: make().fit(lead_field, cov).update(y))(noise_cov.matrix, y32)
    assert _relative(inside, make().fit(lead_field, noise_cov).update(y * u.volt)) < 1e-3


# ---- what is refused


def test_a_warning_where_it_did_not_converge(evoked):
    lead_field, noise_cov, recording = evoked()
    solver = MixedNorm(max_iter=1, tol=1e-9).fit(lead_field, noise_cov)
    with pytest.warns(UserWarning, match=r'after max_iter=1 steps the duality gap is .* write a larger max_iter'):
        solver.update(recording)
    assert not solver.converged
    assert solver.n_iter == 1
    assert solver.stopped.startswith('out of iterations: after 1')


def test_rounding_is_said_to_be_what_stopped_it(evoked):
    lead_field, noise_cov, recording = evoked()
    solver = MixedNorm(tol=1e-30, alpha=20.0).fit(lead_field, noise_cov)
    with pytest.warns(UserWarning, match=r'and rounding leaves no less: write a larger tol\.$'):
        solver.update(recording)
    assert abs(solver.gap) < 1e-13
    assert solver.n_iter < solver.max_iter
    assert solver.stopped.startswith(f'at the limit of rounding: after {solver.n_iter} steps')


def test_bad_settings():
    for options, message in (
        ({'alpha': 101.0}, r'MixedNorm\.alpha is at most 100: .*; got 101'),
        ({'alpha': 0.0}, r'MixedNorm\.alpha is sparsity, .* and positive; got 0'),
        ({'loose': 1.5}, r'MixedNorm\.loose is at most 1: '),
        ({'tol': 0.0}, r'MixedNorm\.tol is duality gap at which to stop, and positive'),
        ({'max_iter': 0}, r'MixedNorm\(max_iter=\.\.\.\)'),
        ({'orientation': 'vector'}, r"is one of 'fixed', 'loose', 'free'; got 'vector'"),
    ):
        with pytest.raises(ValueError, match=message):
            MixedNorm(**options)
    with pytest.raises(TypeError, match=r'debias=\.\.\.\) is True or False; got 1'):
        MixedNorm(debias=1)
    with pytest.raises(TypeError, match=r'write MixedNorm\(alpha=\.\.\.\)'):
        MixedNorm(regularisation='gcv')


def test_bad_use(evoked):
    lead_field, noise_cov, recording = evoked('eeg')
    solver = MixedNorm()
    with pytest.raises(RuntimeError, match=r'\.fit\(lead_field, noise_cov\) first'):
        solver.update(recording)
    with pytest.raises(TypeError, match='is for solvers that are made from it: leave it out'):
        solver.fit(lead_field, noise_cov, data_cov=noise_cov)
    with pytest.raises(RuntimeError, match=r'write \.update\(y\) first'):
        _ = solver.fit(lead_field, noise_cov).gap
    with pytest.raises(ValueError, match='this one answers along one direction'):
        solver.vectors(recording)
    with pytest.raises(TypeError, match='real data; got complex numbers'):
        solver.update(recording.data_si * 1j * u.volt)
    for name in ('posterior', 'posterior_variance', 'model'):
        with pytest.raises(AttributeError, match=r'this one has none: take bf\.inverse\.GammaMAP'):
            getattr(solver, name)
    for name in ('kernel', 'kernel_for', 'resolution_matrix'):
        with pytest.raises(AttributeError, match='this one is not linear in the data'):
            getattr(solver, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = solver.nothing
