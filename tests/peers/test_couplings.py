"""Couplings against brainmass and The Virtual Brain, delays included.

Both take what every target sees of every source; brainfwd gets the series itself, and keeps its own history. What is
called differently stands in the table of docs/coupling.md.
"""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

pytestmark = pytest.mark.peers

N, STEPS = 5, 12
RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(N, N))
DELAYS = RNG.integers(0, 6, (N, N))
SERIES = RNG.normal(size=(STEPS, N))
SEEN = [SERIES[np.maximum(t - DELAYS, 0), np.arange(N)] for t in range(STEPS)]


@pytest.fixture(autouse=True)
def _float64():
    brainstate.environ.set(precision=64)


def ours(coupling, k=0.7, **values):
    made = coupling(WEIGHTS, k=k, delays=DELAYS * u.ms, **values)
    with brainstate.environ.context(dt=1.0 * u.ms):
        made.init_all_states()
        return brainstate.transform.for_loop(lambda x: made(x, x), jnp.asarray(SERIES))


def assert_agree(received, theirs):
    """``theirs`` is a function of what is seen, [target, source], and of the targets."""
    expected = [np.asarray(theirs(seen, now)) for seen, now in zip(SEEN, SERIES, strict=True)]
    np.testing.assert_allclose(received, expected, rtol=1e-9, atol=1e-12)


# ---- brainmass


@pytest.fixture(scope='module')
def brainmass():
    return pytest.importorskip('brainmass')


def test_brainmass_additive(brainmass):
    assert_agree(ours(bf.AdditiveCoupling, offset=0.2), lambda x, _: brainmass.additive_coupling(x, WEIGHTS, 0.7, 0.2))


def test_brainmass_diffusive(brainmass):
    assert_agree(ours(bf.DiffusiveCoupling), lambda x, y: brainmass.diffusive_coupling(x, y, WEIGHTS, 0.7))


def test_brainmass_sigmoidal(brainmass):
    # a and b there move midpoint and slope
    assert_agree(
        ours(bf.SigmoidalCoupling, midpoint=(0.3 - 0.1) / 1.5, slope=0.8 * 1.5),
        lambda x, _: brainmass.sigmoidal_coupling(x, WEIGHTS, 0.7, a=1.5, b=0.1, slope=0.8, midpoint=0.3),
    )


def test_brainmass_hyperbolic_tangent(brainmass):
    assert_agree(
        ours(bf.HyperbolicTangentCoupling, scale=0.6),
        lambda x, _: brainmass.hyperbolic_tangent_coupling(x, WEIGHTS, 0.7, 0.6),
    )


def test_brainmass_sigmoidal_jansen_rit(brainmass):
    values = dict(cmin=0.1, cmax=2.0, midpoint=0.3, r=0.8)
    assert_agree(
        ours(bf.SigmoidalJansenRitCoupling, **values),
        lambda x, _: brainmass.sigmoidal_jansen_rit_coupling(x, WEIGHTS, 0.7, **values),
    )


@pytest.mark.parametrize('normalize', [None, 'rw', 'sym'])
def test_brainmass_laplacian(brainmass, normalize):
    laplacian = brainmass.laplacian_connectivity(jnp.asarray(WEIGHTS), normalize=normalize)
    coupling = bf.LaplacianCoupling(WEIGHTS, k=0.7, normalize=normalize).init_all_states()
    x = SERIES[0]
    np.testing.assert_allclose(coupling(x, x), 0.7 * laplacian @ x, rtol=1e-9)


def test_brainmass_kuramoto(brainmass):
    # the network of brainmass is a method of its model: with K over the number of regions, at once, without itself
    weights = WEIGHTS * (1 - np.eye(N))
    model = brainmass.KuramotoNetwork(N, K=0.7, alpha=0.3, conn=weights, normalize_by_n=True)
    coupling = bf.KuramotoCoupling(weights, k=0.7 / N, alpha=0.3).init_all_states()
    theta = jnp.asarray(SERIES[0])
    np.testing.assert_allclose(coupling(theta, theta), model._pairwise_coupling(theta), rtol=1e-9)


# ---- The Virtual Brain


@pytest.fixture(scope='module')
def tvb():
    module = pytest.importorskip('tvb.simulator.coupling')

    class History:
        """One coupled variable, or two for Jansen and Rit's sigmoid, of one mode."""

        es_weights = WEIGHTS[:, None, :, None]

        def __init__(self, seen, now):
            self.seen, self.now = seen, now

        def query(self, step):
            return np.stack(self.now)[:, :, None], np.stack(self.seen, axis=1)[..., None]

    def call(name, two=False, **values):
        made = getattr(module, name)(**{key: np.array([value]) for key, value in values.items()})

        def coupled(seen, now):
            history = History([seen, 0 * seen], [now, 0 * now]) if two else History([seen], [now])
            return module.Coupling.__call__(made, 0, history)[0, :, 0]

        return coupled

    return call


def test_tvb_linear(tvb):
    assert_agree(ours(bf.AdditiveCoupling, offset=0.2), tvb('Linear', a=0.7, b=0.2))
    assert_agree(ours(bf.AdditiveCoupling), tvb('Scaling', a=0.7))


def test_tvb_difference(tvb):
    assert_agree(ours(bf.DiffusiveCoupling), tvb('Difference', a=0.7))


def test_tvb_sigmoidal(tvb):
    values = dict(cmin=-1.0, cmax=2.0, midpoint=0.3)
    assert_agree(
        ours(bf.SigmoidalCoupling, k=1.0, slope=1.2 / 0.4, **values), tvb('Sigmoidal', a=1.2, sigma=0.4, **values)
    )


def test_tvb_hyperbolic_tangent(tvb):
    assert_agree(
        ours(bf.SigmoidalJansenRitCoupling, k=1.0, cmin=0.0, cmax=2 * 0.7, midpoint=0.3 / 1.1, r=2 * 1.1 / 0.8),
        tvb('HyperbolicTangent', a=0.7, b=1.1, midpoint=0.3, sigma=0.8),
    )


def test_tvb_sigmoidal_jansen_rit(tvb):
    values = dict(cmin=0.1, cmax=2.0, midpoint=0.3, r=0.8)
    assert_agree(ours(bf.SigmoidalJansenRitCoupling, **values), tvb('SigmoidalJansenRit', a=0.7, two=True, **values))


def test_tvb_kuramoto(tvb):
    assert_agree(ours(bf.KuramotoCoupling, k=0.7 / N), tvb('Kuramoto', a=0.7))
