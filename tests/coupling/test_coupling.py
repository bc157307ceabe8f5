"""What couplings do, and what they refuse."""

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.coupling import AdditiveCoupling, DiffusiveCoupling

SPEED = 1.0 * u.meter / u.second
both = pytest.mark.parametrize('coupling', [AdditiveCoupling, DiffusiveCoupling])


def call(coupling, source, target=None):
    coupling.init_all_states()
    return coupling(source, source if target is None else target)


def test_weights_are_target_source():
    weights = np.array([[0.0, 2.0], [0.0, 0.0]])  # from the second region to the first
    received = call(AdditiveCoupling(weights), np.array([1.0, 10.0]))
    np.testing.assert_array_equal(received, [20.0, 0.0])
    received = call(DiffusiveCoupling(weights), np.array([1.0, 10.0]))
    np.testing.assert_array_equal(received, [18.0, 0.0])


def test_delays_are_target_source():
    weights, delays = np.ones((2, 2)) - np.eye(2), np.array([[0.0, 3.0], [1.0, 0.0]])
    coupling = AdditiveCoupling(weights, delays=delays * u.ms)
    x = np.cumsum(np.ones((6, 2)), axis=0) * [1, 10]
    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states()
        received = brainstate.transform.for_loop(lambda x: coupling(x, x), x.astype(np.float32))
    np.testing.assert_array_equal(received[-1], [30.0, 5.0])


def test_strength_per_target_and_its_unit():
    coupling = AdditiveCoupling(np.ones((2, 2)), k=np.array([1.0, -2.0]) * u.Hz / u.mV)
    received = call(coupling, np.array([3.0, 4.0]) * u.mV)
    assert received.unit == u.Hz
    np.testing.assert_allclose(received.mantissa, [7.0, -14.0])


@both
def test_batch_equals_loop(coupling):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3, 4)).astype(np.float32)
    each = coupling(rng.normal(size=(4, 4)), k=0.3, delays=rng.integers(0, 4, (4, 4)) * 1.0 * u.ms)

    def run(x, batch):
        each.init_all_states(batch_size=batch)
        return brainstate.transform.for_loop(lambda x: each(x, x), x)

    with brainstate.environ.context(dt=1.0 * u.ms):
        together = run(x, 3)
        for member in range(3):
            np.testing.assert_allclose(run(x[:, member], None), together[:, member], atol=1e-5)


def test_diffusion_between_equals_is_nothing():
    rng = np.random.default_rng(1)
    coupling = DiffusiveCoupling(rng.uniform(size=(5, 5)), delays=3.0 * u.ms)
    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states()
        received = brainstate.transform.for_loop(lambda x: coupling(x, x), np.full((10, 5), 7.5, np.float32))
    np.testing.assert_allclose(received, 0.0, atol=7.5 * 5 * 1e-6)


def test_symmetric_diffusion_keeps_the_mean_and_relaxes_to_it(linear):
    brainstate.environ.set(precision=64)
    rng = np.random.default_rng(2)
    weights = rng.uniform(size=(6, 6))
    start = rng.normal(size=6)
    node = linear(6, init_x=start * u.mV)
    network = bf.Network(node, DiffusiveCoupling(weights + weights.T, k=5.0 * u.Hz))
    x = bf.Simulator(network, dt=1 * u.ms).run(2 * u.second, sampling_period=20 * u.ms)['output'].mantissa
    np.testing.assert_allclose(x.mean(axis=1), start.mean(), atol=1e-12)
    assert (np.diff(np.ptp(x, axis=1)) <= 1e-15).all()
    np.testing.assert_allclose(x[-1], start.mean(), atol=1e-6)


def test_diffusion_is_the_laplacian():
    rng = np.random.default_rng(3)
    weights, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    expected = 0.3 * (weights - np.diag(weights.sum(axis=1))) @ x
    np.testing.assert_allclose(call(DiffusiveCoupling(weights, k=0.3), x), expected, rtol=1e-5)


def test_a_subclass_writes_what_travels_and_what_arrives():
    class Saturating(AdditiveCoupling):
        def pre(self, source):
            return np.tanh(source)

        def post(self, total, target):
            return total**2

    received = call(Saturating(np.ones((2, 2)), k=2.0), np.array([0.5, 1.0]))
    np.testing.assert_allclose(received, 2 * (np.tanh(0.5) + np.tanh(1.0)) ** 2 * np.ones(2), rtol=1e-6)


# ---- what is refused


@both
@pytest.mark.parametrize(
    ('arguments', 'error', 'said'),
    [
        (
            dict(conn=np.ones((2, 3))),
            bf.ShapeError,
            r'\.conn is a square matrix \[target, source\]; got shape \(2, 3\)',
        ),
        (dict(conn=np.ones(4)), bf.ShapeError, r'\.conn is a square matrix \[target, source\]; got shape \(4,\)'),
        (dict(conn=[[0.0, np.nan], [1.0, 0.0]]), ValueError, r'\.conn must be finite; got 1 .* at index \(0, 1\)'),
        (dict(conn=np.ones((2, 2)) * u.mm), bf.UnitError, r'\.conn is an array without a unit; got one in mm'),
        (dict(conn='all'), bf.ShapeError, r'\.conn is an array of numbers; got str'),
        (
            dict(tract_lengths=np.ones((2, 2)) * u.mm),
            ValueError,
            'got tract_lengths without conduction_speed: give both',
        ),
        (dict(conduction_speed=SPEED), ValueError, 'got conduction_speed without tract_lengths: give both'),
        (
            dict(tract_lengths=-np.ones((2, 2)) * u.mm, conduction_speed=SPEED),
            ValueError,
            r'\.tract_lengths must not be negative; got -1 as the smallest value',
        ),
        (
            dict(tract_lengths=np.ones((2, 2)), conduction_speed=SPEED),
            bf.UnitError,
            r'\.tract_lengths is the tract lengths, in mm; got a bare array: write <array> \* u\.mm',
        ),
        (
            dict(tract_lengths=np.ones((2, 2)) * u.ms, conduction_speed=SPEED),
            bf.UnitError,
            r'\.tract_lengths is the tract lengths, in mm; got ms',
        ),
        (
            dict(tract_lengths=np.ones((3, 3)) * u.mm, conduction_speed=SPEED),
            bf.ShapeError,
            r'\.tract_lengths has shape \(2, 2\) \[target, source\]; got \(3, 3\)',
        ),
        (
            dict(tract_lengths=np.ones((2, 2)) * u.mm, conduction_speed=6.0),
            bf.UnitError,
            r'\.conduction_speed is the conduction speed, in m / s; got a bare number: write 6\. \* u\.meter',
        ),
        (
            dict(tract_lengths=np.ones((2, 2)) * u.mm, conduction_speed=0 * SPEED),
            ValueError,
            r'\.conduction_speed must be above zero; got 0',
        ),
        (dict(delays=np.full((2, 2), np.nan) * u.ms), ValueError, r'\.delays must be finite'),
        (dict(delays=-1.0 * u.ms), ValueError, r'\.delays must not be negative'),
        (dict(delays=10.0), bf.UnitError, r'\.delays is the delays, in ms; got a bare number: write 10\. \* u\.ms'),
        (
            dict(delays=1.0 * u.ms, tract_lengths=np.ones((2, 2)) * u.mm, conduction_speed=SPEED),
            ValueError,
            'takes delays, or tract_lengths with conduction_speed; got both',
        ),
        (dict(k=np.ones(3)), bf.ShapeError, r'\.k is a number or an array that fits \(2,\); got shape \(3,\)'),
    ],
)
def test_bad_input(coupling, arguments, error, said):
    with pytest.raises(error, match=said) as caught:
        coupling(**{'conn': np.ones((2, 2)), **arguments})
    assert str(caught.value).startswith(coupling.__name__)


def test_a_connectome_is_taken_apart():
    connectome = bf.datasets.load_connectome()
    with pytest.raises(TypeError, match=r'\.conn .*; got a Connectome: write conn=connectome\.weights, tract'):
        AdditiveCoupling(connectome)


def test_what_is_set_later_passes_the_same_checks():
    coupling = AdditiveCoupling(np.ones((2, 2)), delays=1.0 * u.ms)
    with pytest.raises(
        bf.ShapeError, match=r'AdditiveCoupling\.conn has shape \(2, 2\) \[target, source\]; got \(3, 3'
    ):
        coupling.conn = np.ones((3, 3))
    with pytest.raises(bf.UnitError, match=r'AdditiveCoupling\.delays is the delays, in ms; got a bare number'):
        coupling.delays = 2.0
    coupling.delays = 2.0 * u.ms
    np.testing.assert_array_equal(coupling.delays.mantissa, np.full((2, 2), 2.0))
    coupling.tract_lengths = np.ones((2, 2)) * u.mm
    coupling.conduction_speed = SPEED
    with brainstate.environ.context(dt=1.0 * u.ms), pytest.raises(ValueError, match='takes delays, or tract_lengths'):
        coupling.init_all_states()


def test_a_wrong_strength_names_the_right_one():
    network = bf.Network(bf.JansenRitModel(2), DiffusiveCoupling(np.ones((2, 2)), k=1.0 * u.Hz / u.mV))
    said = (
        r'DiffusiveCoupling\.k is what turns output of JansenRitModel \(mV\) into its input p \(Hz\), in Hz / mV; got '
    )
    for k, got in (
        (10.0, r'a bare number: write 10\. \* u\.Hz / u\.mV'),
        (10.0 * u.Hz, r'Hz: write 1\. \* u\.Hz / u\.mV'),
    ):
        with pytest.raises(bf.UnitError, match=said + got):
            bf.Network(bf.JansenRitModel(2), DiffusiveCoupling(np.ones((2, 2)), k=k))
        with pytest.raises(bf.UnitError, match=said + got):
            network.coupling[0].k = k
    # from firing rates the strength is a number
    bf.Network(bf.JansenRitModel(2), AdditiveCoupling(np.ones((2, 2)), k=10.0, source='firing_rate'))


def test_a_step_or_a_unit_that_changes_on_the_way():
    coupling = AdditiveCoupling(np.ones((2, 2)), delays=2.0 * u.ms)
    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states()
        coupling(np.ones(2) * u.mV, np.ones(2) * u.mV)
        with pytest.raises(bf.UnitError, match=r'the source of AdditiveCoupling is in mV; got a bare array'):
            coupling(np.ones(2), np.ones(2))
    with (
        brainstate.environ.context(dt=0.5 * u.ms),
        pytest.raises(ValueError, match=r'its delays were rounded to steps of 1 ms; now dt is 0\.5 ms: call init_all'),
    ):
        coupling(np.ones(2) * u.mV, np.ones(2) * u.mV)


@both
@pytest.mark.parametrize('delays', [None, 3.0])
def test_connections_that_are_made_later_act_as_if_they_had_been_there(coupling, delays):
    rng = np.random.default_rng(5)
    weights, x = rng.normal(size=(4, 4)), rng.normal(size=(20, 4)).astype(np.float32)
    delays = None if delays is None else rng.integers(0, 4, (4, 4)) * 1.0 * u.ms

    def run(each):
        return brainstate.transform.for_loop(lambda x: each(x, x), x)

    with brainstate.environ.context(dt=1.0 * u.ms):
        expected = run(coupling(weights, delays=delays).init_all_states())
        later = coupling(np.zeros((4, 4)), delays=delays).init_all_states()
        later.conn = weights
        np.testing.assert_allclose(run(later), expected, atol=1e-5)


def test_a_loop_of_ones_own_has_to_begin():
    coupling = AdditiveCoupling(np.ones((2, 2)), delays=1.0 * u.ms)
    with pytest.raises(ValueError, match=r'AdditiveCoupling has no history yet: call init_all_states\(\) first'):
        coupling(np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match=r'AdditiveCoupling\.init_all_states needs the time step'):
        coupling.init_all_states()
    with brainstate.environ.context(dt=1.0 * u.ms):
        coupling.init_all_states()
        with pytest.raises(bf.ShapeError, match=r'AdditiveCoupling: the source has shape \(\.\.\., 2\).*; got \(3,\)'):
            coupling(np.ones(3), np.ones(3))
