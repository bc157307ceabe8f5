"""Regions hold the truth as often as they say: at once under the model, after recalibration of what was learned."""

import brainunit as u
import numpy as np
import pytest

from brainfwd import records, uncertainty
from brainfwd._core.units import nAm
from brainfwd.inverse import DSPM, ELORETA, SLORETA, BayesianMinimumNorm, Champagne, GammaMAP, MinimumNorm

_few = {'tol': 0.1, 'max_iter': 20}
MODELS = {
    'MinimumNorm': lambda o: MinimumNorm(orientation=o),
    'DSPM': lambda o: DSPM(orientation=o),
    'SLORETA': lambda o: SLORETA(orientation=o),
    'ELORETA': lambda o: ELORETA(orientation=o),
    'GammaMAP': lambda o: GammaMAP(orientation=o, **_few),
    'GammaMAP sFLEX': lambda o: GammaMAP(orientation=o, sigma=20 * u.mm, **_few),
    'GammaMAP level': lambda o: GammaMAP(orientation=o, noise='level', **_few),
    'BayesianMinimumNorm': lambda o: BayesianMinimumNorm(orientation=o, **_few),
    'BayesianMinimumNorm sensors': lambda o: BayesianMinimumNorm(orientation=o, noise='sensors', **_few),
}
LEVELS = (0.5, 0.9, 0.99)
every_model = pytest.mark.parametrize('name', MODELS)


@pytest.fixture
def fitted(problem, data_cov):
    def fitted(name, orientation, kinds='eeg', nave=1):
        solver, (lead_field, noise_cov) = MODELS[name](orientation), problem(kinds)
        return solver.fit(lead_field, noise_cov, **data_cov(solver, noise_cov), nave=nave)

    return fitted


# ---- with the hyperparameters that the data were drawn with


@every_model
@pytest.mark.parametrize(
    ('orientation', 'kinds', 'nave'), [('fixed', 'both', 4), ('loose', 'meg', 1), ('free', 'eeg', 2)]
)
def test_regions_hold_what_they_say(name, orientation, kinds, nave, fitted):
    solver = fitted(name, orientation, kinds, nave)
    truth, data = solver.model.sample(2000, seed=7)
    posterior = solver.posterior(data)
    spread = {'variance': posterior.variance} if orientation == 'fixed' else {'blocks': posterior.blocks}
    # the largest estimate of each data set: choosing by the data does no harm to a posterior that is right
    size = posterior.mean.mantissa**2 if orientation == 'fixed' else (posterior.mean.mantissa**2).sum(axis=-1)
    chosen = size == size.max(axis=-1, keepdims=True)
    curves = uncertainty.coverage_curves(
        truth, posterior.mean, **spread, selected=chosen, levels=LEVELS, independent=2000
    )
    assert curves['all'].n_certain == 0
    for curve in curves.values():
        # four standard deviations of 2000 independent entries, and never more than two in a hundred
        margin = np.minimum(4 * np.sqrt(curve.levels * (1 - curve.levels) / 2000), [0.045, 0.02, 0.01])
        assert (abs(curve.empirical - curve.levels) < margin + 0.005 * (curve is curves['selected'])).all()
        assert curve.verdict == 'calibrated'


@pytest.mark.parametrize(('name', 'orientation'), [('ELORETA', 'fixed'), ('GammaMAP sFLEX', 'free')])
def test_ranks_of_the_truth_among_samples_are_uniform(name, orientation, fitted):
    solver = fitted(name, orientation)
    truth, data = solver.model.sample(1000, seed=8)
    posterior = solver.posterior(data)
    for what in (posterior, posterior.aggregate(np.full((30, 1), 1 / 30))):
        true = truth.mantissa if what is posterior else truth.mantissa.mean(axis=1, keepdims=True)
        ranks = uncertainty.sbc_ranks(true * nAm, what.sample(19, seed=9)).reshape(1000, -1)
        for entry in ranks.T[:3]:
            assert uncertainty.uniformity(entry, n_samples=19).p_value > 1e-3


def test_three_times_too_narrow_is_overconfident(fitted):
    solver = fitted('ELORETA', 'fixed')
    truth, data = solver.model.sample(2000, seed=10)
    posterior = solver.posterior(data)
    curve = uncertainty.coverage(truth, posterior.mean, posterior.variance / 9, independent=2000)
    assert curve.verdict == 'overconfident'
    # erf(1.645 / 3 / sqrt 2)
    assert curve.at(0.9) == pytest.approx(0.4165, abs=0.02)
    scale = uncertainty.ScaleRecalibration().fit(truth[:1000], posterior.mean[:1000], posterior.variance / 9)
    assert scale.factor == pytest.approx(3, rel=0.03)


# ---- with hyperparameters that the same data were learned from

ACTIVE, SETS = 4, 800


def _learned(problem, n_times, snr_db):
    """Of the first sample of each data set: truth, and means and variances of Champagne and of minimum norm."""
    lead_field, _ = problem('eeg', 'fixed')
    gain, channels = lead_field.referenced('average').gain_si, lead_field.channels
    rng, found = np.random.default_rng(n_times), []
    solvers = Champagne(tol=1e-2, max_iter=1000), BayesianMinimumNorm(tol=1e-3)
    for _ in range(SETS):
        truth = np.zeros((n_times, 30))
        truth[:, rng.choice(30, ACTIVE, replace=False)] = 10 * rng.normal(size=(n_times, ACTIVE))
        clean = 1e-9 * truth @ gain.T
        level = np.sqrt((clean**2).mean() / 10 ** (snr_db / 10))
        data = clean + level * rng.normal(size=clean.shape)
        noise_cov = records.NoiseCovariance(level**2 * np.eye(12), channels)
        data_cov = records.Recording(data, channels, 1 * u.ms).covariance(centred=False)
        posteriors = [s.fit(lead_field, noise_cov, data_cov=data_cov).posterior(data[0] * u.volt) for s in solvers]
        found.append((truth[0], *(x.mantissa for p in posteriors for x in (p.mean, p.variance))))
    return [np.stack(x) for x in zip(*found, strict=True)]


def _selected(mean, variance):
    """As many sources as are active, those of the largest estimates."""
    size = abs(mean)
    return (size >= np.sort(size, axis=-1)[:, [-ACTIVE]]) & (variance > 0)


@pytest.fixture(scope='module')
def one_sample(problem):
    return _learned(problem, 1, 10.0)


def _halves(*arrays):
    return [x[: SETS // 2] for x in arrays], [x[SETS // 2 :] for x in arrays]


def test_from_one_sample_a_sparse_solver_is_overconfident_about_active_sources(one_sample):
    truth, mean, variance, *_ = one_sample
    curves = uncertainty.coverage_curves(truth, mean, variance, selected=_selected(mean, variance), independent=SETS)
    assert curves['active'].verdict == curves['selected'].verdict == 'overconfident'
    assert curves['active'].at(0.9) < 0.6
    # what most sources are, 0 in truth and left out, hides it
    assert curves['all'].at(0.9) > 0.85
    assert curves['active'].n_certain > 0.1 * curves['active'].n
    assert curves['active'].n_certain_right == 0


def test_no_factor_widens_what_has_no_variance(one_sample):
    truth, mean, variance, *_ = one_sample
    for kind in (uncertainty.ScaleRecalibration, uncertainty.IsotonicRecalibration):
        with pytest.raises(ValueError, match='prune less'):
            kind().fit(truth, mean, variance, where='active')


@pytest.mark.parametrize('kind', [uncertainty.ScaleRecalibration, uncertainty.IsotonicRecalibration])
@pytest.mark.parametrize('of', ['active', 'selected'])
def test_recalibrated_on_held_out_data_regions_hold_what_they_say(kind, of, one_sample):
    truth, mean, variance, _, left_open = one_sample
    where = truth != 0 if of == 'active' else _selected(mean, variance)
    # of what was left out, as much is open as a solver says that leaves nothing out
    spread = variance + left_open if of == 'active' else variance
    fit, test = _halves(truth, mean, spread, where)
    recalibration = kind().fit(*fit[:3], where=fit[3])
    assert 0.88 < recalibration.coverage(*test[:3], where=test[3]).at(0.9) < 0.92
