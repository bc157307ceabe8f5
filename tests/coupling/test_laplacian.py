"""Diffusion by the graph Laplacian."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf

RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(5, 5))
SYMMETRIC = WEIGHTS + WEIGHTS.T


def call(coupling, x):
    return np.asarray(coupling.init_all_states()(x, x))


def relaxed(normalize, start, time=0.5):
    node = bf.LinearModel(5, gamma=0.0 * u.Hz, init_x=start)
    network = bf.Network(node, bf.LaplacianCoupling(SYMMETRIC, k=4.0 * u.Hz, normalize=normalize))
    return bf.Simulator(network, dt=1 * u.ms).run(time * u.second)['output'][-1]


@pytest.mark.parametrize(('normalize', 'kept'), [(None, 0.0), ('rw', 1.0), ('sym', 0.5)])
def test_what_diffusion_keeps(normalize, kept):
    # from W = W': 1, D and D^(1/2) are left null vectors of the three Laplacians
    brainstate.environ.set(precision=64)
    start = RNG.normal(size=5)
    weight = SYMMETRIC.sum(axis=1) ** kept
    assert weight @ relaxed(normalize, start) == pytest.approx(weight @ start, rel=1e-9)


def test_modes_decay_with_the_eigenvalues():
    brainstate.environ.set(precision=64)
    strength = SYMMETRIC.sum(axis=1)
    values, modes = np.linalg.eigh(SYMMETRIC / np.sqrt(strength[:, None] * strength) - np.eye(5))
    mode = modes[:, 2]
    np.testing.assert_allclose(relaxed('sym', mode, 0.3), np.exp(4.0 * 0.3 * values[2]) * mode, atol=1e-5)
    # similar matrices: the same eigenvalues, other modes
    mode = mode / np.sqrt(strength)
    np.testing.assert_allclose(relaxed('rw', mode, 0.3), np.exp(4.0 * 0.3 * values[2]) * mode, atol=1e-5)


def test_not_normalised_it_is_diffusive_coupling():
    x = RNG.normal(size=5)
    np.testing.assert_array_equal(
        call(bf.LaplacianCoupling(WEIGHTS, k=0.3), x), call(bf.DiffusiveCoupling(WEIGHTS, k=0.3), x)
    )


@pytest.mark.parametrize('normalize', ['rw', 'sym'])
def test_a_region_without_connections_receives_nothing(normalize):
    weights = WEIGHTS.copy()
    weights[2] = weights[:, 2] = 0
    x = RNG.normal(size=5)
    received = call(bf.LaplacianCoupling(weights, normalize=normalize), x)
    assert received[2] == 0
    assert (received[[0, 1, 3, 4]] != 0).all()

    def loss(weights):
        coupling = bf.LaplacianCoupling(weights, normalize=normalize).init_all_states()
        return (coupling(x, x) ** 2).sum()

    assert np.isfinite(jax.grad(loss)(jax.numpy.asarray(weights, jax.numpy.float32))).all()


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"LaplacianCoupling\.normalize, .*, is one of 'rw', 'sym'; got 'row'"):
        bf.LaplacianCoupling(WEIGHTS, normalize='row')
    with pytest.raises(ValueError, match=r'LaplacianCoupling\.conn must not be negative; got -1'):
        bf.LaplacianCoupling(-np.eye(2))
    coupling = bf.LaplacianCoupling(np.eye(2))
    with pytest.raises(ValueError, match=r'LaplacianCoupling\.conn must not be negative'):
        coupling.conn = -np.eye(2)
