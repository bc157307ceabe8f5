"""Additive coupling: baseline and offset."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

WEIGHTS = np.array([[0.0, 1.0, 0.2], [0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])


def columns(p, coupling, **how):
    network = bf.Network(bf.JansenRitModel(3), coupling)
    return bf.Simulator(network, dt=0.5 * u.ms).run(100 * u.ms, inputs={'p': p * u.Hz}, **how)['output'].mantissa


def test_an_offset_is_an_input():
    coupling = bf.AdditiveCoupling(WEIGHTS, k=3.0, source='firing_rate', offset=np.array([30.0, 0.0, -10.0]) * u.Hz)
    plain = bf.AdditiveCoupling(WEIGHTS, k=3.0, source='firing_rate')
    np.testing.assert_allclose(columns(200.0, coupling), columns([230.0, 200.0, 190.0], plain), rtol=1e-4)


def test_with_the_level_of_rest_as_baseline_a_network_rests_where_its_regions_rest():
    column = bf.Simulator(bf.JansenRitModel(1), dt=0.5 * u.ms)
    rest = column.run(1 * u.ms, inputs={'p': 60.0 * u.Hz}, transient=3 * u.second, monitors=['output', 'firing_rate'])
    level, rate = rest['output'].mantissa[-1, 0], rest['firing_rate'][-1, 0]
    names = [f'y{i}' for i in range(6)]
    start = column.run(1 * u.ms, inputs={'p': 60.0 * u.Hz}, transient=3 * u.second, monitors=names)
    node = bf.JansenRitModel(3, **{f'init_{name}': start[name][-1, 0] for name in names})

    def drifted(baseline):
        coupling = bf.AdditiveCoupling(WEIGHTS, k=20.0, source='firing_rate', baseline=baseline, delays=3 * u.ms)
        simulator = bf.Simulator(bf.Network(node, coupling), dt=0.5 * u.ms)
        run = simulator.run(300 * u.ms, inputs={'p': 60.0 * u.Hz})
        return np.abs(run['output'].mantissa - level).max()

    assert drifted(rate) < 1e-3
    assert drifted(None) > 0.1


def test_units_are_those_of_what_is_read_and_fed():
    def network(**values):
        return bf.Network(bf.JansenRitModel(3), bf.AdditiveCoupling(WEIGHTS, k=1.0 * u.Hz / u.mV, **values))

    ends = r'from output of JansenRitModel \(mV\) into its input p \(Hz\), in '
    with pytest.raises(bf.UnitError, match=rf'AdditiveCoupling\.offset is the offset, {ends}Hz; got a bare number'):
        network(offset=5.0)
    with pytest.raises(bf.UnitError, match=rf'\.baseline is the level of the source that does .*, {ends}mV; got Hz'):
        network(baseline=5.0 * u.Hz)
    coupling = network(baseline=5e3 * u.uvolt, offset=1.0 * u.Hz).coupling[0]
    assert coupling.baseline.mantissa == 5.0  # in mV
    with pytest.raises(bf.UnitError, match=r'\.offset is the offset'):
        coupling.offset = 2.0
    with pytest.raises(bf.ShapeError, match=r'AdditiveCoupling\.baseline is a number or an array that fits \(3,\)'):
        coupling.baseline = np.ones(2) * u.mV
    with pytest.raises(bf.UnitError, match=r"AdditiveCoupling\.offset is the offset, .*; got the text 'a'"):
        coupling.offset = 'a'
