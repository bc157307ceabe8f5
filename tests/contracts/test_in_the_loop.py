"""Every forward model and every solver inside the compiled loop. A new one is one line in a list.

What they answer is tested where they live; here, that a network, sensors and solvers fit together.
"""

import inspect

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd import records

MOMENT = u.nA * u.meter
PERIOD, DT = 4 * u.ms, 1 * u.ms
RNG = np.random.default_rng(0)
N_SOURCES = 12


def gains(n_sensors):
    return np.random.default_rng(n_sensors).normal(size=(3, n_sensors))


def mixed():
    channels = records.Channels(('a', 'b', 'c'), ('grad', 'mag', 'grad'))
    L = {'grad': gains(2) * u.ftesla / u.cmeter / MOMENT, 'mag': gains(1) * u.ftesla / MOMENT}
    noise_cov = records.NoiseCovariance(np.diag([1e-26, 1e-30, 1e-26]), channels)
    return bf.MEGLeadFieldModel(3, 3, L, channels=channels, dipole_scale=1.0 * MOMENT, noise_cov=noise_cov,
                                sampling_period=PERIOD)  # fmt: skip


# each sees the x of Hopf oscillators
FORWARD = {
    'lead field': lambda: bf.LeadFieldModel(
        3, 2, gains(2) * u.uvolt / MOMENT, sensor_unit=u.volt, scale=2 * MOMENT, sampling_period=PERIOD
    ),
    'EEG': lambda: bf.EEGLeadFieldModel(
        3, 4, gains(4) * u.uvolt / MOMENT, dipole_scale=-2 * MOMENT, noise_cov=np.eye(4) * u.uvolt**2,
        reference='average', sampling_period=PERIOD,
    ),
    'MEG': lambda: bf.MEGLeadFieldModel(
        3, 2, gains(2) * u.ftesla / MOMENT, dipole_scale=1 * MOMENT, sampling_period=PERIOD
    ),
    'mixed MEG': mixed,
    'BOLD': lambda: bf.BOLDSignal(3, tr=PERIOD),
    'convolved BOLD': lambda: bf.HRFBold(3, tr=PERIOD),
}  # fmt: skip
SOLVERS = [
    bf.inverse.MinimumNorm, bf.inverse.DSPM, bf.inverse.SLORETA, bf.inverse.ELORETA, bf.inverse.LCMV, bf.inverse.DICS,
    bf.inverse.GammaMAP, bf.inverse.BayesianMinimumNorm,
]  # fmt: skip

every_forward_model = pytest.mark.parametrize('make', FORWARD.values(), ids=FORWARD)
every_solver = pytest.mark.parametrize('solver', SOLVERS, ids=lambda cls: cls.__name__)


def network(**values):
    node = bf.HopfOscillator(3, **{'a': 0.2, 'tau': 5 * u.ms, 'init_x': [0.1, -0.2, 0.3], **values})
    weights = np.ones((3, 3)) - np.eye(3)
    return bf.Network(node, bf.DiffusiveCoupling(weights, k=0.05, delays=3 * u.ms))


def numbers(samples):
    if isinstance(samples, records.Recording):
        return samples.data_si
    return np.asarray(u.get_mantissa(samples), float)


@every_forward_model
def test_a_forward_model_is_a_monitor(make):
    model = make()
    monitors = {'seen': model}
    sim = bf.Simulator(network(), dt=DT)
    whole = sim.run(56 * u.ms, monitors=monitors, seed=1)
    assert isinstance(whole['seen'], np.ndarray if isinstance(model, bf.BOLDSignal | bf.HRFBold) else records.Recording)
    assert numbers(whole['seen']).shape == (14, *model.out_size)
    assert np.isfinite(numbers(whole['seen'])).all()
    assert (numbers(whole['seen'])[-1] != 0).all()

    first = sim.run(28 * u.ms, monitors=monitors, seed=1)
    rest = sim.run(28 * u.ms, monitors=monitors, resume=first)
    parts = [numbers(part['seen']) for part in (first, rest)]
    np.testing.assert_array_equal(np.concatenate(parts), numbers(whole['seen']))


@pytest.mark.parametrize('name', [name for name in FORWARD if 'BOLD' not in name])
def test_a_recording_knows_its_noise_head_and_band(name):
    model = FORWARD[name]()
    recording = bf.Simulator(network(), dt=DT).run(20 * u.ms, monitors={'seen': model}, transient=8 * u.ms)['seen']
    np.testing.assert_allclose(recording.times.mantissa, np.arange(3, 8) * 0.004, rtol=1e-12)
    assert recording.channels is model.channels
    assert recording.head == model.head
    assert [float(edge.mantissa) for edge in recording.band] == [model.high_pass, model.low_pass]
    if model.noise_cov is None:
        assert recording.noise_cov is None
    else:
        np.testing.assert_array_equal(recording.noise_cov.matrix_si, model.noise_cov.matrix_si)


# ---- solvers


@pytest.fixture(scope='module')
def head():
    normals = RNG.normal(size=(N_SOURCES, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sources = records.SourceSpace(
        0.07 * normals * u.meter, normals, np.full(N_SOURCES, 20.0) * u.mm**2, np.zeros(N_SOURCES, int),
        np.arange(N_SOURCES), np.repeat([1, 2, 3], 4),
    )  # fmt: skip
    channels = records.Channels(tuple(f'E{i}' for i in range(8)), ('eeg',) * 8)
    return records.LeadField(50 * RNG.normal(size=(8, N_SOURCES)), channels, sources, head='small')


@pytest.fixture(scope='module')
def eeg(head):
    regions = records.Connectome(np.ones((3, 3)), np.ones((3, 3)) * u.mm, ('a', 'b', 'c'), (1, 2, 3))
    return bf.EEGLeadFieldModel.from_lead_field(
        head, regions, aggregate='sum', dipole_scale=10 * MOMENT, high_pass=None, low_pass=None, sampling_period=DT
    )


@pytest.fixture(scope='module')
def fitted(head):
    noise_cov = records.NoiseCovariance.diagonal(1.0 * u.uvolt, head.channels)

    def fitted(make):
        solver = make()
        data_cov = solver.data_record(100 * noise_cov.matrix_si, head.channels) if solver.needs_data else None
        return solver.fit(head, noise_cov, data_cov=data_cov, inverse_crime=True)

    return fitted


def solvers_of(base):
    """Those that can be made of what inherits from it."""
    return {base} if not inspect.isabstract(base) else set().union(*map(solvers_of, base.__subclasses__()))


def test_every_solver_is_listed():
    assert solvers_of(bf.inverse.LinearInverse) == set(SOLVERS)


@every_solver
def test_a_solver_inside_the_loop_equals_one_after_it(solver, eeg, fitted):
    solve = fitted(solver)
    monitors = {
        'eeg': eeg,
        'estimate': bf.Monitor(lambda network: solve.update(eeg.project(network.output())), sampling_period=DT),
    }
    result = bf.Simulator(network(), dt=DT).run(20 * u.ms, monitors=monitors)
    after = solve.update(result['eeg'])
    inside = result['estimate']
    assert inside.shape == (20, N_SOURCES)
    assert u.get_unit(inside) == u.get_unit(after.data)
    np.testing.assert_allclose(u.get_mantissa(inside), u.get_mantissa(after.data), rtol=1e-3, atol=1e-5)


@every_solver
def test_what_a_solver_says_may_steer_the_network(solver, eeg, fitted):
    """A loop that is closed compiles into one, and does what it does step by step."""
    solve = fitted(solver)
    net = network()

    def step(_):
        estimate = u.get_mantissa(solve.update(eeg.project(net.output()))).reshape(3, 4).mean(axis=1)
        return net.update(x_inp=-0.01 * estimate)

    with brainstate.environ.context(dt=DT):
        net.init_all_states()
        compiled = brainstate.transform.for_loop(step, np.arange(4))
        net.init_all_states()
        by_hand = [step(i) for i in range(4)]
        net.init_all_states()
        open_loop = [net.update() for _ in range(4)]
    np.testing.assert_allclose(compiled, np.stack(by_hand), atol=1e-6)
    assert abs(np.asarray(compiled) - np.stack(open_loop)).max() > 1e-3
