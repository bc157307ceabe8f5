"""The choice of lambda2 by the data, against the textbook with dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from brainfwd import records
from brainfwd.inverse import DSPM, ELORETA, SLORETA, MinimumNorm
from brainfwd.inverse.regularisation import RULES, choose_lambda2
from brainfwd.records.whitening import whitener

N = 16
every_rule = pytest.mark.parametrize('rule', RULES)


def _choose(rule, model, data):
    return choose_lambda2(rule, model, data, N, 'MinimumNorm')


def _model(seed=0, sources=40):
    """Sources that decay over the modes as those of a head do."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(N, sources)) * np.exp(-rng.uniform(0, 3, N))[:, None]
    model = gain @ gain.T
    return model * N / np.trace(model)


def _samples(model, lambda2, n_samples=400, seed=1):
    root = np.linalg.cholesky(model / lambda2 + np.eye(N))
    return np.random.default_rng(seed).normal(size=(n_samples, N)) @ root.T


def _covariance(y):
    return y.T @ y / len(y)


def _residual(lambda2, model):
    return np.eye(N) - model @ np.linalg.inv(model + lambda2 * np.eye(N))


def _textbook(rule, model, y):
    data = _covariance(y)

    def evidence(t):
        sigma = model / np.exp(t) + np.eye(N)
        return np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, data))

    def gcv(t):
        residual = _residual(np.exp(t), model)
        return np.mean(np.square(y @ residual.T).sum(axis=1)) / np.trace(residual) ** 2

    def discrepancy(t):
        return np.mean(np.square(y @ _residual(np.exp(t), model).T).sum(axis=1)) - N

    if rule == 'discrepancy':
        return np.exp(scipy.optimize.brentq(discrepancy, -20, 8, xtol=1e-12))
    least = {'evidence': evidence, 'gcv': gcv}[rule]
    return _least(least)


def _least(function):
    return np.exp(scipy.optimize.minimize_scalar(function, bounds=(-12, 8), options={'xatol': 1e-10}).x)


@every_rule
@pytest.mark.parametrize('lambda2', [0.01, 0.2, 3.0])
def test_textbook(rule, lambda2):
    model = _model()
    y = _samples(model, lambda2)
    assert _choose(rule, model, _covariance(y)) == pytest.approx(_textbook(rule, model, y), rel=1e-6)


def test_evidence_finds_what_the_data_were_drawn_with():
    """Its errors are those that the information in the data allows (Fisher), no larger and no smaller."""
    model, lambda2, n_samples = _model(), 0.3, 300
    m = np.linalg.eigvalsh(model)
    deviation = np.sqrt(2 / n_samples / np.square(m / (m + lambda2)).sum())
    found = [_choose('evidence', model, _covariance(_samples(model, lambda2, n_samples, seed))) for seed in range(100)]
    errors = np.log(np.array(found) / lambda2) / deviation
    assert abs(errors.mean()) < 0.4
    assert 0.8 < errors.std() < 1.2


def test_gcv_is_leaving_one_out_where_all_sensors_are_alike():
    """In the rotation of Golub, Heath & Wahba, of real numbers, with every prediction from a fit to the others."""
    _, vectors = np.linalg.eigh(_model())
    rotation = scipy.linalg.hadamard(N) / 4 @ vectors.T
    model, y = rotation @ _model() @ rotation.T, _samples(_model(), 0.2) @ rotation.T

    def left_out(t):
        error = 0.0
        for i in range(N):
            others = np.delete(np.arange(N), i)
            weights = np.linalg.solve(model[np.ix_(others, others)] + np.exp(t) * np.eye(N - 1), model[others, i])
            error += np.mean((y[:, i] - y[:, others] @ weights) ** 2)
        return error

    chosen = _choose('gcv', model, _covariance(y))
    assert chosen == pytest.approx(_least(left_out), rel=1e-6)


def test_discrepancy_leaves_the_power_of_the_noise():
    model = _model()
    y = _samples(model, 0.1)
    residual = y @ _residual(_choose('discrepancy', model, _covariance(y)), model).T
    assert np.mean(np.square(residual).sum(axis=1)) == pytest.approx(N, rel=1e-6)


def test_gcv_needs_no_noise_level():
    model, data = _model(), _covariance(_samples(_model(), 0.2))
    assert _choose('gcv', model, 5 * data) == pytest.approx(_choose('gcv', model, data), rel=1e-6)


@every_rule
def test_scale_of_the_prior_and_axes_of_the_sensors(rule):
    model, data = _model(), _covariance(_samples(_model(), 0.2))
    chosen = _choose(rule, model, data)
    assert _choose(rule, 1e-7 * model, data) == pytest.approx(1e-7 * chosen, rel=1e-6)
    turn = scipy.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0]
    assert _choose(rule, turn @ model @ turn.T, turn @ data @ turn.T) == pytest.approx(chosen, rel=1e-6)


@every_rule
@pytest.mark.parametrize('sources', [40, 5])
def test_rows_without_noise_do_not_count(rule, sources):
    """As whitening leaves them where the rank is not known to the compiler; also with sources of a lower rank."""
    model = _model(sources=sources)
    data = _covariance(_samples(model, 0.2))
    padded = [np.pad(matrix, ((2, 1), (2, 1))) for matrix in (model, data)]
    assert _choose(rule, *padded) == pytest.approx(_choose(rule, model, data), rel=1e-6)


def test_averaged_data_are_believed_more():
    """The sources of a response are as strong in an average of four, and the noise a quarter: lambda2 falls to that."""
    model = _model()
    signal, noise = _samples(model, 1e-3, seed=1), _samples(model, 1e6, seed=2)
    once, four = (_choose('evidence', model, n * _covariance(signal + noise / np.sqrt(n))) for n in (1, 4))
    assert once / four == pytest.approx(4.0, rel=0.02)


@every_rule
def test_no_signal_is_an_error(rule):
    with pytest.raises(ValueError, match='MinimumNorm finds no signal in data of 1 times the power of the noise'):
        _choose(rule, _model(), np.eye(N))
    with pytest.raises(ValueError, match='finds no signal in data of 0 times'):
        _choose(rule, _model(), np.zeros((N, N)))


@every_rule
def test_no_noise_is_an_error(rule):
    with pytest.raises(
        ValueError, match=r'MinimumNorm asks for no regularisation at all of data of .* there is no noise in them'
    ):
        _choose(rule, _model(), 1e30 * _model() @ _model())


def test_sources_that_cannot_explain_the_data():
    with pytest.raises(ValueError, match='or the lead field does not explain them'):
        _choose('discrepancy', _model(sources=5), 10 * np.eye(N))


def test_unknown_rule():
    with pytest.raises(ValueError, match=r"'evidence', 'gcv', 'discrepancy'; got 'evidnce'\. Did you mean 'evidence'"):
        _choose('evidnce', _model(), np.eye(N))


@every_rule
def test_compiled_and_batched(rule):
    model = _model()
    data = np.stack([_covariance(_samples(model, lambda2)) for lambda2 in (0.02, 0.3)] + [np.eye(N)])
    with jax.enable_x64(True):

        def total(data):
            found = jax.vmap(lambda each: _choose(rule, jnp.asarray(model), each))(data)
            return found.sum(), found

        (_, found), slope = jax.jit(jax.value_and_grad(total, has_aux=True))(jnp.asarray(data))
        found = np.asarray(found)
    assert found[:2] == pytest.approx([_choose(rule, model, d) for d in data[:2]], rel=1e-6)
    # no error in compiled code: as good as nothing of the data is believed
    assert found[2] > 1e3 * np.linalg.eigvalsh(model)[-1]
    assert not np.any(slope)


@pytest.fixture(scope='module')
def drawn(problem):
    """A problem, and the covariance of data drawn with equal priors and a lambda2 of 0.2; for several units."""

    def make(scale=1.0):
        lead_field, noise_cov = problem('eeg', 'fixed', scale=scale)
        white = whitener(noise_cov, 'test')
        gain = lead_field.gain_si
        signal = gain @ gain.T * len(white) / np.square(white @ gain).sum() / 0.2
        return lead_field, noise_cov, records.NoiseCovariance(noise_cov.matrix_si + signal, lead_field.channels)

    return make


@pytest.mark.parametrize('solver', [MinimumNorm, DSPM, SLORETA, ELORETA])
def test_every_solver_chooses(solver, drawn):
    settings = {} if solver is ELORETA else {'depth': 0.0}
    lead_field, noise_cov, data_cov = drawn()
    fitted = solver(regularisation='evidence', **settings).fit(lead_field, noise_cov, data_cov=data_cov)
    assert fitted.chosen_lambda2 == pytest.approx(0.2, rel=1e-6)
    given = solver(lambda2=0.2, **settings).fit(lead_field, noise_cov)
    assert given.chosen_lambda2 == 0.2
    ours, theirs = fitted.kernel.mantissa, given.kernel.mantissa
    assert np.allclose(ours, theirs, rtol=0, atol=1e-6 * abs(theirs).max())


@every_rule
def test_choice_does_not_depend_on_units(rule, drawn):
    chosen = []
    for scale in (1.0, 1e-13, 1e6):
        lead_field, noise_cov, data_cov = drawn(scale)
        fitted = MinimumNorm(regularisation=rule).fit(lead_field, noise_cov, data_cov=data_cov)
        chosen.append(fitted.chosen_lambda2)
    assert chosen == pytest.approx([chosen[0]] * 3, rel=1e-6)


def test_chosen_in_compiled_code_of_any_precision(drawn):
    lead_field, noise_cov, data_cov = drawn()
    solver = MinimumNorm(regularisation='evidence')
    expected = solver.fit(lead_field, noise_cov, data_cov=data_cov).kernel.mantissa

    def kernel(scale):
        noise = noise_cov.matrix.mantissa * scale * noise_cov.matrix.unit
        return solver.kernel_for(lead_field, noise, data_cov=data_cov.matrix).mantissa

    found = jax.jit(jax.vmap(kernel))(jnp.array([1.0, 0.9]))
    assert found.dtype == jnp.float32
    assert np.allclose(found[0], expected, rtol=0, atol=1e-6 * abs(expected).max())
    assert abs(found[1] - expected).max() > 1e-3 * abs(expected).max()


def test_the_solver_is_named(drawn):
    lead_field, noise_cov, _ = drawn()
    solver = DSPM(regularisation='gcv')
    with pytest.raises(ValueError, match=r"DSPM\(regularisation='gcv'\) finds no signal in data of 1 times"):
        solver.fit(lead_field, noise_cov, data_cov=noise_cov)
    with pytest.raises(TypeError, match=r'data_cov=recording\.covariance\(\)'):
        solver.fit(lead_field, noise_cov)
