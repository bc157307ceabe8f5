"""A simulation that leaves the finite numbers stops, names the region and the time, and keeps what was recorded."""

import brainunit as u
import numpy as np
import pytest

import brainfwd as bf

LABELS = ('a', 'b', 'c', 'd')


def growing(linear, coupling=None):
    """The third region grows tenfold at every step of 1 ms: after 35, its slope 9e3 x is beyond float32, 3.4e38."""
    node = linear(4, method='euler', rate=np.array([0.0, 0.0, -9e3, 0.0]) * u.Hz, init_x=1.0 * u.mV)
    return bf.Simulator(bf.Network(node, coupling, labels=LABELS), dt=1 * u.ms)


def diverged(sim, **options):
    with pytest.raises(bf.SimulationError) as caught:
        sim.run(200 * u.ms, **options)
    return str(caught.value), caught.value.result


@pytest.mark.parametrize('period', [1, 2, 25])
def test_region_and_time(linear, period):
    said, result = diverged(growing(linear), sampling_period=period * u.ms)
    assert said.startswith('the simulation diverged: region 2 (c) is not finite at t = 0.036 s. Take a smaller dt')
    x = result['output'].mantissa
    assert len(x) == 35 // period
    assert np.isfinite(x).all()
    assert result.times.mantissa[-1] <= 0.035
    np.testing.assert_allclose(np.log10(x[:, 2]), result.times.mantissa * 1000, rtol=1e-5)


def test_without_labels(linear):
    sim = growing(linear)
    sim.network.labels = None
    assert 'region 2 is not finite' in diverged(sim)[0]


@pytest.mark.parametrize('delays', [None, 5 * u.ms])
def test_the_region_that_caused_it_is_named(linear, delays):
    # within one step what is not finite spreads to every region that listens
    coupling = bf.AdditiveCoupling(np.ones((4, 4)) - np.eye(4), k=1e-3 * u.Hz, delays=delays)
    said, result = diverged(growing(linear, coupling), sampling_period=10 * u.ms)
    assert 'region 2 (c) is not finite at t = 0.036 s' in said
    assert np.isfinite(result['output'].mantissa).all()


def test_all_at_once():
    # cubic growth: from 1e3 beyond float32 within two steps
    node = bf.HopfOscillator(4, init_x=np.array([0.1, 1e3, 2e3, 0.1]))
    coupling = bf.DiffusiveCoupling(np.ones((4, 4)), k=0.1)
    said, _ = diverged(bf.Simulator(bf.Network(node, coupling), dt=1 * u.ms))
    assert 'region 2 is not finite' in said
    assert 'nor what was smaller before (3 of the others)' in said


def test_in_the_transient_nothing_was_recorded(linear):
    said, result = diverged(growing(linear), transient=100 * u.ms)
    assert 't = 0.036 s' in said
    assert list(result) == []


def test_a_later_chunk(linear, monkeypatch):
    monkeypatch.setattr('brainfwd.simulator.simulator._CHUNK', 20)
    said, result = diverged(growing(linear))
    assert 't = 0.036 s' in said
    assert len(result['output']) == 35


def test_there_is_nothing_to_continue_from(linear):
    sim = growing(linear)
    _, result = diverged(sim)
    with pytest.raises(ValueError, match='is a run that diverged: there is nothing to continue from'):
        sim.run(10 * u.ms, resume=result)


def test_a_monitor_that_is_not_finite(linear):
    # the flow of blood ends where activity falls to nothing: the network is finite, what is seen is not
    node = linear(2, init_x=np.array([0.0, 1.0]) * u.mV)
    monitors = {
        'bold': bf.Monitor(bf.BOLDSignal(2, tr=0.5 * u.second), source=lambda net: net.read('x').mantissa),
        'x': 'x',
    }
    with pytest.raises(
        bf.SimulationError, match=r"the monitor 'bold' is not finite at t = .* s, first at index \(0,\)"
    ) as e:
        bf.Simulator(node, dt=10 * u.ms).run(
            10 * u.second, inputs={'inp': np.array([-2.0, 0.0]) * u.mV / u.second}, monitors=monitors
        )
    assert 'reached zero, or its source= gave what is not finite. .result' in str(e.value)
    bold = e.value.result['bold']
    assert 1 < len(bold) < 20
    assert np.isfinite(bold).all()


def test_a_function_of_the_user_may_mask(linear):
    # seconds before the threshold are NaN, and stay so
    monitors = {'log': lambda network: u.math.log(network.read('x').mantissa - 1.0)}
    node = linear(1, init_x=0.5 * u.mV)
    result = bf.Simulator(node, dt=10 * u.ms).run(
        1 * u.second, inputs={'inp': 1.0 * u.mV / u.second}, monitors=monitors
    )
    assert np.isnan(result['log'][0]).all()
    assert np.isfinite(result['log'][-1]).all()
