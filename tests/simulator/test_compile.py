"""New values do not compile again."""

import brainunit as u
import numpy as np

import brainfwd as bf
from brainfwd._core.module import set_parameter


def test_new_values_do_not_compile_again(everything, compilations):
    sim, monitors = everything()
    rng = np.random.default_rng(0)

    def run(seed, p):
        given = {'x_inp': p, 'y_inp': np.full((240, 4), p)}
        return sim.run(100 * u.ms, inputs=given, monitors=monitors, transient=20 * u.ms, seed=seed)

    with compilations as first:
        before = run(0, 0.1)
    assert first.count > 0

    network = sim.network
    new = {
        'node.a': -0.2,
        'node.frequency': 11.0 * u.Hz,
        'node.tau': 0.004 * u.second,
        'node.init_x': 0.3,
        'coupling.0.k': 0.2,
        'coupling.0.conn': network.coupling[0].conn * rng.uniform(0.5, 1.5, (4, 4)),
        'noise.x_inp.mean': 0.1,
        'noise.x_inp.std': 0.2,
        'noise.x_inp.tau': 20.0 * u.ms,
        'noise.y.noise_amplitude': 0.05 / u.second**0.5,
    }
    for name, value in new.items():
        set_parameter(network, name, value)
    eeg, bold = monitors['eeg'], monitors['bold'].what
    eeg.dipole_scale = -3.0 * u.nA * u.meter
    eeg.L = 2 * eeg.L
    eeg.noise_cov = 0.04 * np.eye(3) * u.uvolt**2
    bold.tau_0 = 1.0 * u.second
    with compilations as second:
        after = run(1, 0.2)
    assert second.count == 0
    for name in ('x', 'noise', 'bold'):
        assert abs(np.asarray(after[name]) - np.asarray(before[name])).max() > 1e-6


def test_a_run_that_goes_on_does_not_compile_again(everything, compilations):
    sim, monitors = everything()
    result = sim.run(60 * u.ms, monitors=monitors, seed=0)
    result = sim.run(60 * u.ms, monitors=monitors, resume=result)
    with compilations as third:
        sim.run(60 * u.ms, monitors=monitors, resume=result)
    assert third.count == 0


def test_long_runs_compile_once_for_all_chunks(linear, compilations, monkeypatch):
    sim = bf.Simulator(linear(7), dt=1 * u.ms)
    monkeypatch.setattr('brainfwd.simulator.simulator._CHUNK', 50)
    sim.run(50 * u.ms)
    with compilations as whole:
        result = sim.run(1 * u.second)
    assert whole.count == 0
    assert result['output'].shape == (1000, 7)


def test_what_a_function_closes_over_is_read_anew(linear):
    drive, gain = 1.0, 1.0
    inputs = {'inp': lambda t: drive * u.mV / u.second}
    monitors = {'x': lambda network: gain * network.read('x')}
    sim = bf.Simulator(linear(2), dt=1 * u.ms)
    run = lambda: sim.run(10 * u.ms, inputs=inputs, monitors=monitors)['x'].mantissa[-1]  # noqa: E731
    np.testing.assert_allclose(run(), 0.01, rtol=1e-5)
    drive = 3.0
    np.testing.assert_allclose(run(), 0.03, rtol=1e-5)
    gain = 2.0
    np.testing.assert_allclose(run(), 0.06, rtol=1e-5)


def test_what_a_monitor_reads_besides_the_network_is_an_input_too(linear, eeg, compilations):
    model = eeg(noise_cov=None)
    monitors = {'seen': lambda network: model.project(network.read('x').mantissa)}
    sim = bf.Simulator(linear(4, init_x=1.0 * u.mV), dt=1 * u.ms)
    before = sim.run(2 * u.ms, monitors=monitors)['seen']
    model.dipole_scale = 2 * model.dipole_scale
    with compilations as second:
        after = sim.run(2 * u.ms, monitors=monitors)['seen']
    assert second.count == 0
    np.testing.assert_allclose(after.mantissa, 2 * before.mantissa, rtol=1e-6)
