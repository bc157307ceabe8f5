"""Couplings that saturate: sigmoidal, hyperbolic tangent, and Jansen and Rit's."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

WEIGHTS = np.array([[0.0, 1.0, 0.2], [0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])


def call(coupling, x):
    return np.asarray(coupling.init_all_states()(x, x))


def test_limits_and_midpoint():
    source = np.array([1.0, 1.0, 1.0])
    ones = np.eye(3)
    shape = dict(cmin=-0.5, cmax=2.0, midpoint=1.0, slope=3.0)
    for factor, expected in ((1e3, 2.0), (-1e3, -0.5), (1.0, 0.75)):
        np.testing.assert_allclose(call(bf.SigmoidalCoupling(ones, **shape), factor * source), expected, rtol=1e-6)
    np.testing.assert_allclose(call(bf.HyperbolicTangentCoupling(ones, k=0.3), 1e3 * source), 0.3, rtol=1e-6)
    small = bf.HyperbolicTangentCoupling(ones, k=0.3, scale=4.0)
    np.testing.assert_allclose(call(small, 1e-4 * source), 0.3 * 4e-4, rtol=1e-4)


def test_after_the_sum_a_target_saturates_and_before_it_a_source():
    many = np.zeros((30, 30))
    many[0, 1:] = 1.0  # all onto the first
    loud = np.full(30, 100.0)
    after = call(bf.SigmoidalCoupling(many), loud)
    assert after[0] == pytest.approx(1.0)
    before = call(bf.SigmoidalJansenRitCoupling(many, cmin=0.0, cmax=1.0, midpoint=0.0, r=1.0), loud)
    assert before[0] == pytest.approx(29.0)


def test_a_tangent_is_a_sigmoid_from_minus_one_to_one():
    x = np.random.default_rng(0).normal(size=3)
    tangent = bf.HyperbolicTangentCoupling(WEIGHTS, k=0.3, scale=0.7)
    sigmoid = bf.SigmoidalCoupling(WEIGHTS, k=0.3, cmin=-1.0, cmax=1.0, slope=1.4)
    np.testing.assert_allclose(call(tangent, x), call(sigmoid, x), rtol=1e-5)


def test_of_potentials_is_of_firing_rates():
    # what a column does with its own potential, the coupling does with it on the way
    def run(coupling):
        network = bf.Network(bf.JansenRitModel(3), coupling)
        return bf.Simulator(network, dt=0.5 * u.ms).run(200 * u.ms)['output'].mantissa

    delays = np.array([[0.0, 3.0, 9.0], [1.0, 0.0, 0.0], [0.0, 20.0, 0.0]]) * u.ms
    by_rate = bf.AdditiveCoupling(WEIGHTS, k=4.0, delays=delays, source='firing_rate')
    by_potential = bf.SigmoidalJansenRitCoupling(WEIGHTS, k=4.0, delays=delays)
    np.testing.assert_allclose(run(by_potential), run(by_rate), rtol=2e-4)


def test_units_go_with_what_is_read():
    def network(coupling, **values):
        return bf.Network(bf.JansenRitModel(3), coupling(WEIGHTS, **values))

    ends = r'from output of JansenRitModel \(mV\) into its input p \(Hz\), in '
    with pytest.raises(
        bf.UnitError,
        match=rf'SigmoidalCoupling\.midpoint is the total in the middle .*, {ends}mV; got a bare number',
    ):
        network(bf.SigmoidalCoupling, k=100.0 * u.Hz)
    with pytest.raises(bf.UnitError, match=rf'SigmoidalCoupling\.slope is the steepness .*, {ends}1 / mV; got a bare'):
        network(bf.SigmoidalCoupling, k=100.0 * u.Hz, midpoint=6.0 * u.mV)
    sigmoid = dict(midpoint=6.0 * u.mV, slope=0.56 / u.mV)
    with pytest.raises(bf.UnitError, match=r'SigmoidalCoupling\.k is what turns output .*, in Hz; got a bare number'):
        network(bf.SigmoidalCoupling, **sigmoid)
    with pytest.raises(bf.UnitError, match=rf'HyperbolicTangentCoupling\.scale is the steepness \(s\), {ends}1 / mV;'):
        network(bf.HyperbolicTangentCoupling, k=100.0 * u.Hz)
    with pytest.raises(bf.UnitError, match=r'SigmoidalJansenRitCoupling\.cmin is the rate far below .*dimensionless;'):
        network(bf.SigmoidalJansenRitCoupling, cmax=1.0)
    coupling = network(bf.SigmoidalCoupling, k=100.0 * u.Hz, **sigmoid).coupling[0]
    coupling.midpoint = 5e3 * u.uvolt
    assert coupling.midpoint.mantissa == 5.0
    with pytest.raises(bf.UnitError, match=r'SigmoidalCoupling\.slope .* in 1 / mV; got mV'):
        coupling.slope = 1.0 * u.mV
