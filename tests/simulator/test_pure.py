"""A run as a pure function of parameters and key."""

import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainfwd as bf

MOMENT = u.nA * u.meter


@pytest.fixture
def _float64():
    brainstate.environ.set(precision=64)


def key(seed):
    return jax.random.key(seed, impl='threefry2x32')


def test_equals_a_run_and_leaves_the_network_as_it_is(everything):
    sim, monitors = everything()
    run = sim.run(60 * u.ms, monitors=monitors, transient=40 * u.ms, seed=5)
    simulate = sim.simulation(60 * u.ms, monitors=monitors, transient=40 * u.ms)
    samples = jax.jit(simulate)(key=key(5))
    for name in run:
        got = np.asarray(u.get_mantissa(samples[name]))
        expected = run[name].data_si if name == 'eeg' else np.asarray(run[name])
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())
        np.testing.assert_allclose(simulate.times[name].mantissa, run.times_of(name).mantissa, rtol=1e-12)
    assert sim.network.node.a == -0.1
    assert int(sim.network.step.value) == 0


def test_parameters_by_name(everything):
    sim, monitors = everything()
    simulate = sim.simulation(30 * u.ms, monitors=monitors)
    assert {'node.a', 'node.init_x', 'coupling.0.k', 'coupling.0.conn', 'noise.x_inp.mean', 'noise.y.noise_amplitude',
            'monitors.eeg.scale', 'monitors.eeg.L', 'monitors.bold.epsilon'} <= set(simulate.parameters)  # fmt: skip
    assert simulate.parameters['noise.x_inp.tau'] == 10.0 * u.ms
    with pytest.raises(ValueError, match=r"a parameter of the simulation is one of .*got 'node\.b'"):
        simulate({'node.b': 1.0})
    with pytest.raises(
        bf.UnitError, match=r'HopfOscillator\.frequency is the frequency of the oscillation, in Hz; got a'
    ):
        simulate({'node.frequency': 10.0})
    # delays are counted in steps beforehand
    with pytest.raises(ValueError, match=r"got 'coupling\.0\.conduction_speed'"):
        simulate({'coupling.0.conduction_speed': 3.0 * u.meter / u.second})


def test_every_parameter_listed_is_one_that_can_be_set(everything):
    sim, monitors = everything()
    simulate = sim.simulation(30 * u.ms, monitors=monitors)
    samples = jax.eval_shape(lambda: simulate(dict(simulate.parameters), key(0)))
    assert set(samples) == set(monitors)


def test_initial_values_of_node_and_monitor(linear):
    sim = bf.Simulator(linear(2), dt=1 * u.ms)
    simulate = sim.simulation(2 * u.ms, monitors={'x': 'x', 'bold': bf.Monitor(bf.BOLDSignal(2, tr=1 * u.ms), _one)})
    given = {'node.init_x': 3.0 * u.mV, 'monitors.bold.init_log_q': -0.1}
    samples = simulate(given)
    np.testing.assert_allclose(samples['x'].mantissa, 3.0)
    assert (samples['bold'] > 1e-3).all()
    assert abs(simulate()['bold']).max() < 1e-4


def _one(network):
    return 0.0 * network.read('x').mantissa


def test_a_batch_of_parameters_and_keys(network):
    simulate = bf.Simulator(network(), dt=0.5 * u.ms).simulation(20 * u.ms, sampling_period=2 * u.ms)
    output = lambda a, key: simulate({'node.a': a}, key)['output']  # noqa: E731
    a, keys = jnp.array([-0.1, -0.5]), jnp.stack([key(1), key(2)])
    together, alone = jax.jit(jax.vmap(output))(a, keys), jax.jit(output)
    for member in range(2):
        np.testing.assert_allclose(together[member], alone(a[member], keys[member]), atol=1e-5)


def test_one_key_for_a_batch_of_parameters_is_noise_in_common(network):
    simulate = bf.Simulator(network(), dt=0.5 * u.ms).simulation(20 * u.ms, monitors={'noise': _noise})
    together = jax.vmap(lambda a: simulate({'node.a': a}, 7)['noise'])(jnp.array([-0.1, -0.5]))
    np.testing.assert_array_equal(together[0], together[1])


def _noise(network):
    return network.noise['x_inp'].value


def test_an_snr_needs_a_pilot_run_first(network, eeg):
    model = eeg(noise_cov=None, snr_db=10.0)
    sim = bf.Simulator(network(), dt=0.5 * u.ms)
    with pytest.raises(ValueError, match="the noise of 'eeg' is relative to a signal: give noise_cov, or run once"):
        sim.simulation(30 * u.ms, monitors={'eeg': model})


@pytest.mark.usefixtures('_float64')
def test_gradient_through_the_whole_chain_equals_finite_differences(network, eeg):
    """Network with delays and noise, electrodes with filters and noise; stable (a < 0), so that it says something."""
    rng = np.random.default_rng(0)
    sim = bf.Simulator(network(), dt=0.5 * u.ms)
    simulate = sim.simulation(60 * u.ms, monitors={'eeg': eeg()}, transient=20 * u.ms)
    target = jnp.asarray(rng.normal(size=(30, 3)))

    @jax.jit
    def loss(parameters):
        y = simulate(parameters, key(0))['eeg'].in_unit(u.uvolt).mantissa
        return ((y - target) ** 2).mean()

    names = [
        *(f'node.{name}' for name in ('a', 'frequency', 'tau', 'init_x')),
        *(f'coupling.0.{name}' for name in ('k', 'conn')),
        *(f'noise.{name}' for name in ('x_inp.mean', 'x_inp.std', 'x_inp.tau', 'y.noise_amplitude')),
        *(f'monitors.eeg.{name}' for name in ('scale', 'L')),
    ]
    at = {name: jax.tree.map(jnp.asarray, simulate.parameters[name]) for name in names}
    at['node.a'] = jnp.asarray([-0.1, -0.2, -0.15, -0.3])  # one per region too
    gradient = jax.grad(loss)(at)
    for name in names:
        value = at[name]
        direction = jax.tree.map(lambda x: jnp.asarray(rng.uniform(0.5, 1, x.shape)) * x, value)
        step = 1e-5
        moved = [loss({**at, name: jax.tree.map(lambda x, d, s=s: x + s * d, value, direction)}) for s in (step, -step)]
        numeric = float(moved[0] - moved[1]) / (2 * step)
        along = sum(
            float((g * d).sum()) for g, d in zip(*map(jax.tree.leaves, (gradient[name], direction)), strict=True)
        )
        assert along == pytest.approx(numeric, rel=1e-6, abs=1e-10), name
        assert abs(numeric) > 1e-6, f'{name} has no effect'
