"""Solvers as they are likely to be called at first: what is meant works, what cannot be says what to write."""

import re

import brainunit as u
import jax
import jax.numpy as jnp
import mne
import numpy as np
import pandas as pd
import pytest

from brainfwd import io, records
from brainfwd.inverse import DSPM, ELORETA, LCMV, SLORETA, BayesianMinimumNorm, GammaMAP, MinimumNorm

V2 = u.volt**2


def _assert_says(error, *parts):
    return pytest.raises(error, match='.*'.join(map(re.escape, parts)))


@pytest.fixture(scope='module')
def in_a_volume():
    """As MNE-Python gives it, and noise of the same channels."""
    with mne.utils.use_log_level('error'):
        info = mne.create_info(['Fz', 'Cz', 'Pz', 'C3', 'C4', 'Oz'], 250.0, 'eeg')
        info.set_montage('standard_1020')
        sphere = mne.make_sphere_model((0.0, 0.0, 0.045), 0.09)
        grid = mne.setup_volume_source_space(pos=40.0, sphere=sphere)
        lead_field = io.from_mne(mne.make_forward_solution(info, None, grid, sphere))
    return lead_field, records.NoiseCovariance.diagonal(1 * u.uvolt, lead_field.channels)


@pytest.mark.parametrize(
    ('solver', 'orientation', 'write'),
    [
        (SLORETA, 'fixed', "write orientation='free', or"),
        (ELORETA, 'loose', "write orientation='free', or"),
        (LCMV, 'fixed', "write orientation='free' or orientation='vector', or"),
    ],
)
def test_a_volume_has_no_normals_to_look_along(solver, orientation, write, in_a_volume):
    lead_field, noise_cov = in_a_volume
    extra = {'data_cov': noise_cov} if solver is LCMV else {}
    with _assert_says(ValueError, f'for orientation={orientation!r}; got a volume, where there are none', write):
        solver(orientation=orientation).fit(lead_field, noise_cov, **extra)
    assert solver(orientation='free').fit(lead_field, noise_cov, **extra).kernel.shape[0] == lead_field.n_sources
    # said in so many words it is done
    fixed = solver().fit(lead_field.fixed(), noise_cov, **extra)
    assert fixed.kernel.shape == (lead_field.n_sources, 6)


def test_types_of_channel_come_in_one_order(problem):
    lead_field, noise_cov = problem('both', n=5)
    outside = MinimumNorm().kernel_for(lead_field, noise_cov)
    inside = jax.jit(lambda cov: MinimumNorm().kernel_for(lead_field, cov))(noise_cov.matrix)
    assert list(outside) == list(inside) == ['eeg', 'grad', 'mag']
    assert list(MinimumNorm().fit(lead_field, noise_cov).kernel) == list(outside)
    for one, other in zip(outside.values(), inside.values(), strict=True):
        np.testing.assert_allclose(one.mantissa, other.mantissa, rtol=1e-5, atol=1e-6 * abs(one.mantissa).max())


def test_repetitions_count_where_they_change_the_answer(problem, data, data_cov):
    lead_field, noise_cov = problem('eeg')
    average = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms, nave=4)
    for solver in (MinimumNorm(), ELORETA(), LCMV(), DSPM(), SLORETA()):
        extra = data_cov(solver, noise_cov)
        fitted = solver.fit(lead_field, noise_cov, **extra)
        if solver.counts_nave:
            with _assert_says(ValueError, 'average of 4 repetitions', 'write fit(..., nave=4)'):
                fitted.update(average)
            continue
        once = fitted.update(average).data
        again = solver.fit(lead_field, noise_cov, nave=4, **extra).update(average).data
        assert np.array_equal(u.get_mantissa(once), u.get_mantissa(again))


def test_units_of_the_resolution_matrix(problem):
    lead_field, noise_cov = problem('eeg', n=5)
    matrix = SLORETA().fit(lead_field, noise_cov).resolution_matrix()
    assert str(u.get_unit(matrix)).replace(' ', '') == '1/(m*nA)'


def test_data_as_a_dict_by_type(problem, data):
    lead_field, noise_cov = problem('both')
    fitted = MinimumNorm().fit(lead_field, noise_cov)
    y = records.values(data(lead_field), lead_field.channels)
    as_dict = {kind: y[kind] for kind in ('mag', 'grad', 'eeg')}
    assert np.array_equal(fitted.update(as_dict).mantissa, fitted.update(y).mantissa)
    one = {'eeg': y['eeg']}
    with _assert_says(ValueError, 'has one Quantity for each of', 'got eeg'):
        fitted.update(one)
    of_eeg = MinimumNorm().fit(lead_field.pick('eeg'), noise_cov.pick('eeg'))
    assert np.array_equal(of_eeg.update(one).mantissa, of_eeg.update(y['eeg']).mantissa)


def test_data_of_others(problem, data):
    lead_field, noise_cov = problem('eeg')
    fitted, y = DSPM().fit(lead_field, noise_cov), data(lead_field)
    info = mne.create_info(list(lead_field.channels.names), 500.0, 'eeg')
    for theirs in (mne.io.RawArray(y.T, info, verbose='error'), mne.EvokedArray(y.T, info)):
        with _assert_says(u.UnitMismatchError, 'Array of MNE-Python: write bf.io.from_mne(...)'):
            fitted.update(theirs)
    with _assert_says(u.UnitMismatchError, 'got DataFrame: write its .to_numpy() * u.volt'):
        fitted.update(pd.DataFrame(y))


@pytest.mark.parametrize('method', ['fit', 'kernel_for', 'update', 'vectors', 'power', 'resolution_matrix'])
def test_called_of_the_class(method, problem):
    lead_field, _ = problem('eeg')
    with _assert_says(TypeError, f'{method} is of a solver', 'write the parentheses after the name of the class'):
        getattr(LCMV, method)(lead_field)
    with _assert_says(TypeError, f'{method} is of a solver', 'got none'):
        getattr(LCMV, method)()


def test_arguments_that_are_missing_or_not_named(problem):
    lead_field, noise_cov = problem('eeg')
    with _assert_says(TypeError, 'got None: write noise_cov=recording.noise_cov, or recording.covariance(stop=...)'):
        MinimumNorm().fit(lead_field)
    for call in (LCMV().fit, LCMV().kernel_for):
        with _assert_says(TypeError, 'takes lead_field, noise_cov by place', 'data_cov=...'):
            call(lead_field, noise_cov, noise_cov)
    mixed, noise_cov = problem('both')
    with _assert_says(TypeError, 'write records.NoiseCovariance(<array in SI units>, channels)'):
        MinimumNorm().fit(mixed, noise_cov.matrix_si)


def test_settings_that_contradict_each_other(problem):
    for given in ({'snr': 3.0, 'lambda2': 0.5}, {'snr': 3.0, 'regularisation': 'gcv'}):
        with _assert_says(ValueError, 'MinimumNorm takes one of snr, lambda2, regularisation; got', ', '.join(given)):
            MinimumNorm(**given)
    with _assert_says(ValueError, 'LCMV takes one of reg, regularisation; got reg, regularisation'):
        LCMV(reg=0.1, regularisation='gcv')
    lead_field, noise_cov = problem('eeg')
    with _assert_says(
        TypeError, "data_cov=...) is for regularisation='evidence'", 'write MinimumNorm(regularisation=...)'
    ):
        MinimumNorm().fit(lead_field, noise_cov, data_cov=noise_cov)


def test_a_rule_that_finds_nothing_names_the_setting_of_the_solver(problem):
    lead_field, noise_cov = problem('eeg')
    for solver, setting in ((LCMV, 'reg'), (MinimumNorm, 'snr')):
        with _assert_says(ValueError, 'finds no signal', f'or write {setting}=... instead'):
            solver(regularisation='evidence').fit(lead_field, noise_cov, data_cov=noise_cov)


def test_the_inverse_crime_names_a_head_that_there_is(problem, data):
    for kinds, head in (('eeg', "datasets.load_lead_field('eeg', head='second')"), ('meg', 'SphericalHead.around(')):
        lead_field, noise_cov = problem(kinds)
        recording = records.Recording(data(lead_field), lead_field.channels, 2 * u.ms, head=lead_field.head)
        with _assert_says(ValueError, 'another head, as', head, 'inverse_crime=True'):
            MinimumNorm().fit(lead_field, noise_cov).update(recording)


def test_a_record_cannot_be_made_of_what_is_traced(problem):
    lead_field, noise_cov = problem('eeg', n=5)
    covariances = jnp.stack([noise_cov.matrix_si * a for a in (1e12, 2e12)])

    def by_record(cov):
        return MinimumNorm().kernel_for(lead_field, records.NoiseCovariance(cov, lead_field.channels))

    with _assert_says(TypeError, 'jit, vmap and grad', 'write cov * u.volt**2'):
        jax.vmap(by_record)(covariances)
    kernels = jax.vmap(lambda cov: MinimumNorm().kernel_for(lead_field, cov * u.uvolt**2))(covariances)
    twice = records.NoiseCovariance(2 * noise_cov.matrix_si, lead_field.channels)
    np.testing.assert_allclose(
        kernels[1].mantissa, MinimumNorm().kernel_for(lead_field, twice).mantissa, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize('solver', [GammaMAP(max_iter=1), BayesianMinimumNorm(max_iter=1)])
def test_a_warning_points_at_the_line_of_the_user(solver, problem):
    lead_field, noise_cov = problem('eeg')
    data_cov = {'data_cov': records.NoiseCovariance(4 * noise_cov.matrix_si, noise_cov.channels)}
    with pytest.warns(UserWarning, match='has not settled') as caught:
        solver.fit(lead_field, noise_cov, **data_cov)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize('make', [GammaMAP, BayesianMinimumNorm])
def test_a_moment_that_does_not_change_is_found(make, problem):
    """A prior of mean 0 is learned from the data with their mean."""
    lead_field, noise_cov = problem('eeg', 'fixed')
    std = np.sqrt(np.diagonal(noise_cov.matrix_si))
    data = 50e-9 * lead_field.gain_si[:, 3] + 0.1 * std * np.random.default_rng(0).normal(size=(100, 12))
    recording = records.Recording(data, lead_field.channels, 1 * u.ms)
    solver = make().fit(lead_field, noise_cov, data_cov=recording.covariance(centred=False))
    mean = solver.posterior(recording).mean.mantissa.mean(axis=0)
    seen, clean = (x - x.mean() for x in (lead_field.gain_si @ mean, 50 * lead_field.gain_si[:, 3]))
    assert np.linalg.norm(seen - clean) < (0.1 if make is GammaMAP else 0.7) * np.linalg.norm(clean)
    if make is GammaMAP:
        assert mean[3] == pytest.approx(50, rel=0.1)


def test_what_an_average_leaves_open_is_that_of_an_average(problem, data):
    lead_field, noise_cov = problem('eeg', 'fixed')
    average = records.Recording(data(lead_field), lead_field.channels, 1 * u.ms, nave=10)
    with _assert_says(ValueError, 'MinimumNorm.posterior(y) is an average of 10 repetitions; fitted for 1', 'nave=10'):
        MinimumNorm().fit(lead_field, noise_cov).posterior(average)
    single = MinimumNorm().fit(lead_field, noise_cov).posterior(average.data)
    of_ten = MinimumNorm().fit(lead_field, noise_cov, nave=10).posterior(average)
    np.testing.assert_allclose(of_ten.variance.mantissa, single.variance.mantissa / 10, rtol=1e-9)


def test_draws_of_a_model_and_of_a_posterior_with_one_seed_are_independent(problem):
    lead_field, noise_cov = problem('eeg', 'fixed')
    solver = MinimumNorm().fit(lead_field, noise_cov)
    sources, y = solver.model.sample(500, seed=0)
    posterior = solver.posterior(y)
    truth, drawn = (x.mantissa - posterior.mean.mantissa for x in (sources, posterior.sample(1, seed=0)[0]))
    together = (truth * drawn).mean(axis=0) / posterior.variance.mantissa
    assert abs(together).max() < 5 / np.sqrt(500)
