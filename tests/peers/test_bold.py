"""The balloon model and the kernels against The Virtual Brain."""

import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

pytestmark = pytest.mark.peers
equations = pytest.importorskip('tvb.datatypes.equations')


@pytest.fixture(scope='module')
def balloon():
    from tvb.analyzers.fmri_balloon import BalloonModel

    return BalloonModel()


def test_balloon_of_the_virtual_brain(balloon):
    """Rates, coefficients and signal with its parameters, V0 in percent there."""
    rng = np.random.default_rng(0)
    with brainstate.environ.context(precision=64):
        ours = bf.BOLDSignal(5, parameters='tvb').init_all_states()
        s, z = jnp.asarray(rng.normal(size=(2, 5)))
        f, v, q = jnp.asarray(rng.uniform(0.5, 2, (3, 5)))
        rates = ours.derivative(s / u.second, jnp.log(f), jnp.log(v), jnp.log(q), z)
        theirs = balloon.balloon_dfun(np.stack([s, f, v, q]), np.asarray(z)[None])
        got = [rates['s'].to_decimal(u.second**-2), *(
            x * rates[f'log_{name}'].to_decimal(u.second**-1) for name, x in (('f', f), ('v', v), ('q', q))
        )]  # fmt: skip
        np.testing.assert_allclose(got, theirs, rtol=1e-12)

        k = balloon.compute_derived_parameters()
        np.testing.assert_allclose(ours.coefficients, np.ravel([np.squeeze(each) for each in k]), rtol=1e-12)
        ours.log_v.value, ours.log_q.value = jnp.log(v), jnp.log(q)
        signal = balloon.V0 * (k[0] * (1 - q) + k[1] * (1 - q / v) + k[2] * (1 - v))
        np.testing.assert_allclose(100 * ours.bold(), signal, rtol=1e-12)


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [
        ('FirstOrderVolterra', bf.forward.Volterra()),
        ('Gamma', bf.forward.Gamma(delay=0 * u.second)),
        ('MixtureOfGammas', bf.forward.DoubleGamma((6.0, 1 * u.second), (13.0, 1 * u.second), ratio=0.4)),
    ],
)
def test_kernels_of_the_virtual_brain(theirs, ours):
    """Up to their heights, which are of several kinds there."""
    t = np.arange(0.02, 20, 0.02)
    expected, got = getattr(equations, theirs)().evaluate(t), ours.density(t)
    np.testing.assert_allclose(got / abs(got).max(), expected / abs(expected).max(), atol=1e-12)
