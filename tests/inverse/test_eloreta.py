"""eLORETA against what was published of it."""

import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainfwd import records
from brainfwd.inverse import ELORETA, WhitenedProblem
from brainfwd.inverse.minimum_norm import eloreta

LAMBDA2 = 1 / 9
RANK, N = 12, 40
fixed_and_free = pytest.mark.parametrize('orientation', ['fixed', 'free'])


def _solved(orientation, seed=0):
    """A whitened problem of unequal sources and sensors, its kernel, and what the kernel says of the model.

    The last is N, the inverse of the covariance :math:`G R G^T + \\lambda^2 I`, from :math:`G K = I - \\lambda^2 N`.
    """
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(RANK, N, 1 if orientation == 'fixed' else 3))
    gain *= rng.uniform(0.1, 1.0, (1, N, 1)) * np.exp(-rng.uniform(0, 2, (RANK, 1, 1)))
    kernel = ELORETA(orientation=orientation).whitened_kernel(WhitenedProblem(gain, np.eye(RANK), RANK))
    return gain, kernel, (np.eye(RANK) - np.einsum('rnk,nks->rs', gain, kernel)) / LAMBDA2


@fixed_and_free
def test_prior_solves_its_equation(orientation):
    gain, kernel, inverse = _solved(orientation)
    values, vectors = np.linalg.eigh(np.einsum('rnk,rs,snl->nkl', gain, inverse, gain))
    prior = np.einsum('nab,nb,ncb->nac', vectors, values**-0.5, vectors)
    prior *= RANK / np.einsum('rnk,nkl,rnl->', gain, prior, gain)
    model_cov = np.einsum('rnk,nkl,snl->rs', gain, prior, gain)
    expected = np.einsum('nkl,rnl,rs->nks', prior, gain, np.linalg.inv(model_cov + LAMBDA2 * np.eye(RANK)))
    assert np.linalg.norm(kernel - expected) < 1e-5 * np.linalg.norm(expected)


@fixed_and_free
@pytest.mark.parametrize('snr', [0.3, 3.0, 30.0])
@pytest.mark.parametrize('kinds', ['eeg', 'meg', 'both'])
def test_peaks_at_every_single_source(kinds, snr, orientation, problem):
    lead_field, noise_cov = problem(kinds)
    fitted = ELORETA(orientation=orientation, snr=snr).fit(lead_field, noise_cov)
    if orientation == 'fixed':
        gain = lead_field.fixed().gain_si
    else:
        gain = np.einsum('mnk,nk->mn', lead_field.gain_si, np.random.default_rng(0).normal(size=(30, 3)))
    maps = fitted.update(records.values(gain.T * 1e-8, lead_field.channels))
    assert np.array_equal(abs(maps.mantissa).argmax(axis=-1), np.arange(30))


@fixed_and_free
@pytest.mark.parametrize('strength', [0.01, 1.0])
def test_structured_noise_does_not_move_the_peak(orientation, strength):
    """On average over noise of the covariance of the model, however weak the source in it."""
    gain, kernel, inverse = _solved(orientation)
    noise_cov = np.linalg.inv(inverse)
    of_noise = np.einsum('nkr,rs,nks->n', kernel, noise_cov, kernel)
    assert np.allclose(of_noise, of_noise[0], rtol=1e-4)
    moments = np.random.default_rng(1).normal(size=(N, gain.shape[2]))
    data = np.einsum('rnk,nk->nr', gain, moments / np.linalg.norm(moments, axis=1, keepdims=True))
    # as strong at the sensors from every source, or what is small beside the noise would be rounding
    data *= strength * np.sqrt(np.trace(noise_cov)) / np.linalg.norm(data, axis=1, keepdims=True)
    power = np.square(np.einsum('nkr,tr->tnk', kernel, data)).sum(axis=-1) + of_noise
    assert np.array_equal(power.argmax(axis=1), np.arange(N))


def test_orientations_meet_at_the_ends(problem):
    lead_field, noise_cov = problem('eeg')
    normals = lead_field.sources.normals

    def kernel(orientation, loose=0.2):
        return ELORETA(orientation=orientation, loose=loose).fit(lead_field, noise_cov).kernel.mantissa

    fixed, free = kernel('fixed'), kernel('free')
    assert np.allclose(kernel('loose', 1.0), free, rtol=0, atol=1e-9 * abs(free).max())
    assert np.allclose(
        kernel('loose', 1e-12), fixed[:, None] * normals[:, :, None], rtol=0, atol=1e-5 * abs(fixed).max()
    )


def test_a_direction_that_no_sensor_sees(problem):
    """As along the radius of a sphere, by MEG: nothing is said about it, and the others are as if it were not there."""
    lead_field, noise_cov = problem('meg')
    normals = lead_field.sources.normals
    silent = lead_field.gain_si - np.einsum('mnk,nk->mn', lead_field.gain_si, normals)[:, :, None] * normals
    blind = records.LeadField(silent, lead_field.channels, lead_field.sources)
    kernel = ELORETA(orientation='free').fit(blind, noise_cov).kernel
    for part in kernel.values():
        assert abs(np.einsum('nkm,nk->nm', part.mantissa, normals)).max() < 1e-9 * abs(part.mantissa).max()
    moments = np.cross(np.random.default_rng(1).normal(size=(30, 3)), normals)
    data = records.values(np.einsum('mnk,nk->nm', silent, moments) * 1e-8, lead_field.channels)
    maps = ELORETA(orientation='free').fit(blind, noise_cov).update(data)
    assert np.array_equal(maps.mantissa.argmax(axis=-1), np.arange(30))


def test_compiled(problem):
    """The same steps, which compiled code does not leave out; and a derivative, through all of them."""
    lead_field, noise_cov = problem('eeg', n=15)
    solver = ELORETA(orientation='free')
    gain, cov = lead_field.gain, noise_cov.matrix
    direction = np.random.default_rng(0).normal(size=gain.shape) * abs(gain.mantissa).max()

    def total(x):
        kernel = solver.kernel_for(gain + x * direction * gain.unit, cov).mantissa
        return jnp.square(kernel).sum(), kernel

    with jax.enable_x64(True):
        (_, kernel), slope = jax.jit(jax.value_and_grad(total, has_aux=True))(0.0)
    expected = solver.fit(lead_field, noise_cov).kernel.mantissa
    assert np.linalg.norm(np.asarray(kernel) - expected) < 1e-9 * np.linalg.norm(expected)
    step = 1e-5
    ends = [np.square(solver.kernel_for(gain + x * direction * gain.unit, cov).mantissa).sum() for x in (step, -step)]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


def test_settings(problem):
    with pytest.raises(ValueError, match='an argument of ELORETA is one of'):
        ELORETA(depth=0.8)
    lead_field, noise_cov = problem('eeg')
    assert ELORETA().fit(lead_field, noise_cov).kernel.unit == u.nA * u.meter / u.volt


def test_says_when_it_has_not_settled(problem, monkeypatch):
    lead_field, noise_cov = problem('eeg')
    monkeypatch.setattr(eloreta, '_ROUNDS', 3)
    with pytest.warns(UserWarning, match='after 3 steps, so that single sources are found with an error') as caught:
        ELORETA().fit(lead_field, noise_cov)
    # shown at the line that called fit
    assert caught[0].filename == __file__
