"""A model per region: what a group does is what its models do, each in its place."""

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest

import brainfwd as bf

RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(size=(5, 5)) * (1 - np.eye(5))
STEPS = RNG.integers(0, 30, (5, 5))
CORTEX, THALAMUS = [0, 3, 4], [2, 1]  # interleaved, and not in order
DT = 0.5 * u.ms


def mixed(**values):
    """Columns that answer to the rate of oscillators, and the other way round."""
    return bf.Group(
        {
            'cortex': bf.JansenRitModel(3, A=np.array([3.0, 3.25, 3.5]) * u.mV, init_y1=20.0 * u.mV),
            'thalamus': bf.WilsonCowanModel(2, init_rE=np.array([0.3, 0.1])),
        },
        {'cortex': CORTEX, 'thalamus': THALAMUS},
        source={'cortex': 'firing_rate', 'thalamus': ('rE', 80.0 * u.Hz)},
        target={'thalamus': ('rE_inp', 0.05 / u.Hz)},
        **values,
    )


def coupled(delays=None, **values):
    return bf.Network(mixed(), bf.AdditiveCoupling(WEIGHTS, k=0.7, delays=delays), **values)


# ---- the same as one model


def test_two_groups_of_columns_are_one_network_of_them():
    gains = np.linspace(3.0, 3.5, 5) * u.mV
    halves = bf.Group(
        {'a': bf.JansenRitModel(3, A=gains[np.array(CORTEX)]), 'b': bf.JansenRitModel(2, A=gains[np.array(THALAMUS)])},
        {'a': CORTEX, 'b': THALAMUS},
    )
    whole = bf.JansenRitModel(5, A=gains)

    def run(node, names, **inputs):
        coupling = bf.DiffusiveCoupling(WEIGHTS, k=4.0 * u.Hz / u.mV, delays=STEPS * DT)
        return bf.Simulator(bf.Network(node, coupling), DT).run(100 * u.ms, inputs=inputs, monitors=names)

    drive = np.linspace(120.0, 220.0, 5) * u.Hz
    one = run(whole, ['output', 'y0'], p=drive)
    two = run(halves, ['output', 'a.y0'], **{'a.p': drive[np.array(CORTEX)], 'b.p': drive[np.array(THALAMUS)]})
    np.testing.assert_array_equal(two['output'].mantissa, one['output'].mantissa)
    np.testing.assert_array_equal(two['a.y0'].mantissa, one['y0'].mantissa[:, CORTEX])


def test_a_group_of_one_model_has_the_noise_of_the_model():
    def run(node, prefix):
        noise = {
            f'{prefix}p': bf.noise.OrnsteinUhlenbeck(220.0 * u.Hz, 30.0 * u.Hz, 10.0 * u.ms),
            f'{prefix}y4': bf.noise.WhiteNoise(100.0 * u.mV / u.second**1.5),
        }
        network = bf.Network(node, noise=noise)
        with brainstate.environ.context(dt=DT):
            network.init_all_states()
            for seed, each in enumerate(noise.values()):  # otherwise their keys go by their names
                each.seed(seed)
            return brainstate.transform.for_loop(lambda _: network.update(), np.arange(50)).mantissa

    group = bf.Group({'all': bf.JansenRitModel(3)}, {'all': [2, 0, 1]})
    np.testing.assert_array_equal(run(group, 'all.'), run(bf.JansenRitModel(3), '')[:, [1, 2, 0]])


# ---- models that differ


def by_hand(steps, dt):
    """Heun, in plain NumPy: six variables of a column, two of an oscillator, in the order of the regions."""
    logistic = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    gains = np.array([3.0, 3.25, 3.5])
    cortex = np.zeros((6, 3))
    cortex[1] = 20.0
    oscillators = np.array([[0.3, 0.1], [0.1, 0.1]])

    def rate(v):
        return 5 * logistic(0.56 * (v - 6))

    def source(cortex, oscillators):
        all_regions = np.empty(5)
        all_regions[CORTEX] = rate(cortex[1] - cortex[2])
        all_regions[THALAMUS] = 80 * oscillators[0]
        return all_regions

    past = []

    def slopes(cortex, oscillators, step):
        now = source(cortex, oscillators)
        seen = np.empty((5, 5))
        for i in range(5):
            for j in range(5):
                seen[i, j] = now[j] if STEPS[i, j] == 0 else past[max(step - STEPS[i, j], 0)][j]
        received = 0.7 * (WEIGHTS * seen).sum(axis=1)
        y0, y1, y2, y3, y4, y5 = cortex
        p = 220 + received[CORTEX]
        E, I = oscillators
        P = 0.05 * received[THALAMUS]
        S_E = logistic(1.3 * (16 * E - 12 * I + P - 4)) - logistic(-1.3 * 4)
        S_I = logistic(2 * (15 * E - 3 * I - 3.7)) - logistic(-2 * 3.7)
        return (
            np.array([
                y3,
                y4,
                y5,
                gains * 100 * rate(y1 - y2) - 200 * y3 - 1e4 * y0,
                gains * 100 * (p + 108 * rate(135 * y0)) - 200 * y4 - 1e4 * y1,
                1100 * 33.75 * rate(33.75 * y0) - 100 * y5 - 2500 * y2,
            ]),
            np.array([(-E + (1 - E) * S_E) / 8e-3, (-I + (1 - I) * S_I) / 8e-3]),
        )  # fmt: skip

    rows = []
    for n in range(steps):
        past.append(source(cortex, oscillators))
        first = slopes(cortex, oscillators, n)
        second = slopes(cortex + dt * first[0], oscillators + dt * first[1], n + 1)
        cortex = cortex + dt * (first[0] + second[0]) / 2
        oscillators = oscillators + dt * (first[1] + second[1]) / 2
        rows.append((source(cortex, oscillators), cortex[0], oscillators[1]))
    return (np.array(each) for each in zip(*rows, strict=True))


def test_columns_and_oscillators_equal_a_loop_by_hand():
    brainstate.environ.set(precision=64)
    run = bf.Simulator(coupled(STEPS * DT), DT).run(100 * u.ms, monitors=['output', 'cortex.y0', 'thalamus.rI'])
    for name, expected in zip(run, by_hand(200, 5e-4), strict=True):
        np.testing.assert_allclose(u.get_mantissa(run[name]), expected, rtol=1e-9, atol=1e-12, err_msg=name)
    assert run['output'].unit == u.Hz


def test_what_goes_from_model_to_model_alone():
    # nothing projects onto the cortex
    weights = WEIGHTS.copy()
    weights[CORTEX] = 0
    network = bf.Network(mixed(), bf.AdditiveCoupling(weights, k=0.7))
    run = bf.Simulator(network, DT).run(50 * u.ms, monitors='cortex.y0')
    columns = bf.JansenRitModel(3, A=np.array([3.0, 3.25, 3.5]) * u.mV, init_y1=20.0 * u.mV)
    alone = bf.Simulator(columns, DT).run(50 * u.ms, monitors='y0')
    np.testing.assert_allclose(run['cortex.y0'].mantissa, alone['y0'].mantissa, rtol=1e-6)


def test_coupling_within_a_model_reads_and_feeds_what_that_has():
    within = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    values = dict(k=3.0 * u.Hz / u.mV, source='y1', target='p', delays=3.0 * u.ms)
    alone = bf.Network(
        bf.JansenRitModel(3, init_y1=np.array([20.0, 0.0, 5.0]) * u.mV), bf.AdditiveCoupling(within, **values)
    )
    group = bf.Group({'cortex': alone.node, 'other': bf.JansenRitModel(2)})
    values.update(source='cortex.y1', target='cortex.p')
    both = bf.Network(group, bf.AdditiveCoupling(within, **values))
    expected = bf.Simulator(alone, DT).run(20 * u.ms)['output'].mantissa
    np.testing.assert_array_equal(bf.Simulator(both, DT).run(20 * u.ms)['output'].mantissa[:, :3], expected)


def test_values_over_regions_and_of_each_model():
    group = mixed()
    joined = group.joined(
        {'cortex': np.array([1.0, 2.0, 3.0]) * u.mV, 'thalamus': np.array([4.0, 5.0]) * 1e3 * u.uvolt}
    )
    np.testing.assert_allclose(joined.in_unit(u.mV).mantissa, [1.0, 5.0, 4.0, 2.0, 3.0])
    parts = group.split(joined)
    np.testing.assert_allclose(parts['cortex'].in_unit(u.mV).mantissa, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(parts['thalamus'].in_unit(u.mV).mantissa, [4.0, 5.0])
    np.testing.assert_array_equal(group.regions['thalamus'], THALAMUS)
    joined = group.joined({'cortex': np.zeros((2, 3)), 'thalamus': 1.0})
    np.testing.assert_array_equal(joined, [[0, 1, 1, 0, 0]] * 2)
    # one number is for all
    assert group.split(7.0) == {'cortex': 7.0, 'thalamus': 7.0}


# ---- what feeds it


def test_noise_stimuli_and_inputs_act_on_the_model_that_they_name():
    def moved(noise=None, **inputs):
        network = bf.Network(mixed(), noise=noise)
        run = bf.Simulator(network, DT).run(10 * u.ms, inputs=inputs, seed=0)['output'].mantissa[-1]
        return set(np.flatnonzero(np.abs(run - quiet) > 1e-6))

    quiet = np.zeros(5)
    quiet = bf.Simulator(mixed(), DT).run(10 * u.ms)['output'].mantissa[-1]
    cortex, thalamus = set(CORTEX), set(THALAMUS)
    assert moved() == set()
    assert moved({'cortex.p': bf.noise.OrnsteinUhlenbeck(220.0 * u.Hz, 50.0 * u.Hz, 5.0 * u.ms)}) == cortex
    assert moved({'thalamus.rE': bf.noise.WhiteNoise(0.1 / u.second**0.5)}) == thalamus
    assert moved({'thalamus.rE': bf.noise.MultiplicativeNoise(0.5 / u.second**0.5, of='rI')}) == thalamus
    assert moved(**{'cortex.p': np.array([220.0, 500.0, 220.0]) * u.Hz}) == {CORTEX[1]}
    assert moved(**{'thalamus.rE_inp': bf.stimuli.Step(1.0, onset=0.0 * u.ms)}) == thalamus
    # to all: over regions, each model by its scale
    drive = np.zeros(5)
    drive[[0, 1]] = 50.0
    assert moved(input=drive * u.Hz) == {0, 1}


def test_noise_on_the_input_of_the_group_reaches_every_region_by_its_scale():
    models = {'a': bf.LinearModel(2, init_x=0.0), 'b': bf.LinearModel(1, init_x=0.0)}
    group = bf.Group(models, {'a': [2, 0], 'b': [1]}, target={'b': ('x_inp', -3.0)})
    network = bf.Network(group, noise={'input': bf.noise.WhiteNoise(0.1 * u.Hz * u.second**0.5)})
    with brainstate.environ.context(dt=DT):
        network.init_all_states()
        network.update()
    drawn = network.noise['input'].increment(0, DT, {}) / DT
    ratio = u.get_mantissa(network.output() / drawn)
    np.testing.assert_allclose(ratio / ratio[0], [1.0, -3.0, 1.0], rtol=1e-3)


# ---- as any other node


@pytest.fixture(scope='module')
def simulation():
    return bf.Simulator(coupled(STEPS * DT), DT).simulation(20 * u.ms, sampling_period=5 * u.ms)


def test_names_of_parameters(simulation):
    names = set(simulation.parameters)
    assert {'node.cortex.A', 'node.cortex.init_y1', 'node.thalamus.w_EE', 'coupling.0.k'} <= names
    assert {name for name in names if 'scale' in name} == {'node.source.thalamus.scale', 'node.target.thalamus.scale'}


def test_gradient_equals_finite_differences():
    brainstate.environ.set(precision=64)
    simulation = bf.Simulator(coupled(STEPS * DT), DT).simulation(20 * u.ms, sampling_period=5 * u.ms)
    directions = {
        'node.cortex.A': np.array([1.0, -0.5, 0.3]) * u.mV,
        'node.thalamus.w_EE': 1.0,
        'node.source.thalamus.scale': 10.0 * u.Hz,
        'node.cortex.init_y1': np.array([1.0, 0.2, -1.0]) * u.mV,
    }

    @jax.jit
    def loss(steps):
        moved = {
            name: simulation.parameters[name] + step * along
            for step, (name, along) in zip(steps, directions.items(), strict=True)
        }
        return (simulation(moved)['output'].mantissa ** 2).mean()

    gradient = jax.grad(loss)(np.zeros(4))
    for i, name in enumerate(directions):
        h = 1e-5 * np.eye(4)[i]
        assert float(gradient[i]) == pytest.approx(float(loss(h) - loss(-h)) / 2e-5, rel=1e-6), name


def test_batch_equals_loop_and_a_run_goes_on(tmp_path):
    noise = {'cortex.p': bf.noise.OrnsteinUhlenbeck(220.0 * u.Hz, 50.0 * u.Hz, 5.0 * u.ms)}
    simulator = bf.Simulator(coupled(STEPS * DT, noise=noise), DT)
    run = lambda **how: simulator.run(20 * u.ms, **how)  # noqa: E731
    together = run(seed=[3, 4])['output'].mantissa
    first = run(seed=3)
    np.testing.assert_allclose(together[0], first['output'].mantissa, rtol=1e-4, atol=1e-5)
    first.state.save(tmp_path / 'state.npz')
    on = run(resume=tmp_path / 'state.npz')['output'].mantissa
    whole = simulator.run(40 * u.ms, seed=3)['output'].mantissa
    np.testing.assert_array_equal(on, whole[40:])
    # another model of the same variables is another group
    twins = [
        bf.Group({'a': bf.HopfOscillator(1), 'b': b}) for b in (bf.HopfOscillator(1), bf.StuartLandauOscillator(1))
    ]
    first = bf.Simulator(twins[0], DT).run(1 * u.ms)
    with pytest.raises(
        ValueError, match=r'a: HopfOscillator, b: HopfOscillator; .*\n.*\n  .* b: StuartLandauOscillator;'
    ):
        bf.Simulator(twins[1], DT).run(1 * u.ms, resume=first)


def test_a_sweep_of_what_one_model_has():
    swept = bf.sweep(bf.Simulator(coupled(), DT), 10 * u.ms, {'node.cortex.C': [120.0, 140.0]})
    network = coupled()
    network.node.cortex.C = 140.0
    expected = bf.Simulator(network, DT).run(10 * u.ms)['output'].mantissa
    np.testing.assert_allclose(swept['output'].mantissa[1].reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)


def test_a_run_that_diverges_names_the_region():
    # the cube of 1e15 is beyond float32
    models = {'calm': bf.LinearModel(2), 'wild': bf.HopfOscillator(2, init_x=np.array([1e15, 0.1]))}
    group = bf.Group(models, {'calm': [3, 1], 'wild': [2, 0]}, target={'wild': ('x_inp', 1.0 / u.Hz)})
    network = bf.Network(group, labels=list('abcd'))
    with pytest.raises(bf.SimulationError, match=r'region 2 \(c\) is not finite at t = 0\.0005 s'):
        bf.Simulator(network, DT).run(5 * u.ms)


def test_parameters_are_set_by_name():
    network = coupled(noise={'cortex.p': bf.noise.OrnsteinUhlenbeck(220.0 * u.Hz, 50.0 * u.Hz, 5.0 * u.ms)})
    from brainfwd._core.module import set_parameter

    set_parameter(network, 'node.cortex.C', 140.0)
    set_parameter(network, 'noise.cortex.p.mean', 180.0 * u.Hz)
    set_parameter(network, 'node.source.thalamus.scale', 90.0 * u.Hz)
    assert network.node.cortex.C == 140.0
    assert network.noise['cortex.p'].mean == 180.0 * u.Hz
    assert network.node.source['thalamus'].scale == 90.0 * u.Hz
    with pytest.raises(bf.UnitError, match=r"Group\.source\['thalamus'\]\.scale is the scale, in Hz; got a bare"):
        network.node.source['thalamus'].scale = 90.0


def test_one_scheme_for_all():
    group = mixed()
    group.method = 'rk4'
    assert group.cortex.method == group.thalamus.method == 'rk4'
    group.cortex.method = 'heun'
    with pytest.raises(ValueError, match=r"Group\.method is the same for all models; got {'cortex': 'heun', 'thal"):
        bf.Simulator(group, DT).run(1 * u.ms)


def test_repr():
    group = bf.Group({'a': bf.JansenRitModel(2), 'b': bf.WendlingModel(3)})
    assert repr(group) == 'Group(a=JansenRitModel(2), b=WendlingModel(3))'


# ---- what is refused


@pytest.mark.parametrize(
    ('arguments', 'error', 'said'),
    [
        (([bf.JansenRitModel(2)],), TypeError, r"Group\(models\) is a dict of neural masses, {'cortex'"),
        (({'a': 3},), TypeError, r"Group\(models={'a': \.\.\.}\) is a neural mass over regions; got 3"),
        (({'a.b': bf.JansenRitModel(2)},), ValueError, r"a name is one word, .*; got 'a\.b'"),
        (({'values': bf.JansenRitModel(2)},), ValueError, r"none that a group has already; got 'values'"),
        (
            ({'a': bf.JansenRitModel(2)}, {'a': [0, 2]}),
            ValueError,
            r'Group\.regions has each of the 2 regions once, from 0 to 1',
        ),
        (
            ({'a': bf.JansenRitModel(2)}, {'a': [0, 1, 2]}),
            bf.ShapeError,
            r"Group\.regions\['a'\] are 2 whole numbers, one per region of JansenRitModel\(2\); got shape \(3,\)",
        ),
        (({'a': bf.JansenRitModel(2)}, {'b': [0, 1]}), ValueError, r'names the regions of a; got b'),
        (
            ({'a': bf.JansenRitModel(2), 'b': bf.HopfOscillator(1)},),
            bf.UnitError,
            r'Group\.source has one unit over all regions; got a\.output \(mV\), b\.output \(1\): choose others, '
            r"or give scales that turn one into the other, source={\.\.\., 'b': \('rE', 100 \* u\.Hz\)}",
        ),
    ],
)
def test_bad_groups(arguments, error, said):
    with pytest.raises(error, match=said):
        bf.Group(*arguments)


def test_bad_ports():
    models = lambda: {'a': bf.JansenRitModel(2), 'b': bf.WilsonCowanModel(1)}  # noqa: E731
    with pytest.raises(ValueError, match=r"Group\.source is one of 'a', 'b'; got 'c'"):
        bf.Group(models(), source={'c': 'output'})
    with pytest.raises(ValueError, match=r"Group\.source\['a'\] is one of 'y0', .*; got 'firing'"):
        bf.Group(models(), source={'a': 'firing'})
    with pytest.raises(
        bf.UnitError, match=r'Group\.target has one unit over all regions; got a\.p \(Hz\), b\.rE_inp \(1\)'
    ):
        bf.Group(models(), source={'b': ('rE', 1.0 * u.mV)})
    model = bf.JansenRitModel(2)
    with pytest.raises(ValueError, match='got one model twice'):
        bf.Group({'a': model, 'b': model})


def test_bad_use():
    with pytest.raises(ValueError, match=r'Group\.joined takes values of cortex, thalamus; got cortex'):
        mixed().joined({'cortex': 1.0})
    with pytest.raises(bf.ShapeError, match=r'AdditiveCoupling\.conn couples 3 regions; Group has \(5,\)'):
        bf.Network(mixed(), bf.AdditiveCoupling(np.ones((3, 3))))
    with pytest.raises(bf.ShapeError, match=r'AdditiveCoupling\.conn couples 5 regions; JansenRitModel has \(3,\)'):
        bf.Network(mixed(), bf.AdditiveCoupling(WEIGHTS, source='cortex.firing_rate'))
    with pytest.raises(
        bf.UnitError, match=r'k is what turns output of Group \(Hz\) into its input input \(Hz\), dimens'
    ):
        bf.Network(mixed(), bf.AdditiveCoupling(WEIGHTS, k=1.0 * u.Hz))
    with pytest.raises(ValueError, match=r"what noise feeds in Group is one of 'input', 'cortex\.p', .*; got 'p'"):
        bf.Network(mixed(), noise={'p': bf.noise.WhiteNoise(1.0)})
    with pytest.raises(ValueError, match=r'Group\.derivative is not affine in input'):
        bf.Network(mixed(), noise={'input': bf.noise.WhiteNoise(1.0 * u.Hz**0.5)})
    with pytest.raises(bf.ShapeError, match=r'is a number, \(3,\) \(regions,\), or .*; got \(5,\)'):
        bf.Simulator(mixed(), DT).run(1 * u.ms, inputs={'cortex.p': np.ones(5) * u.Hz})
