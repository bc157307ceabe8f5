"""What holds for every process noise. A new one is one line in the list."""

import brainstate
import brainunit as u
import numpy as np
import pytest

import brainfwd as bf
from brainfwd.noise.base import CorrelatedNoise, ProcessNoise, WienerNoise

NOISES = {
    bf.noise.WhiteNoise: ('x', lambda size: bf.noise.WhiteNoise(size / u.second**0.5)),
    bf.noise.MultiplicativeNoise: (
        'x',
        lambda size: bf.noise.MultiplicativeNoise(size / u.second**0.5, of=lambda x, y: 1 + x - y, milstein=True),
    ),
    bf.noise.OrnsteinUhlenbeck: ('x_inp', lambda size: bf.noise.OrnsteinUhlenbeck(0.0 * size, size, 5.0 * u.ms)),
    bf.noise.ColouredNoise: ('x_inp', lambda size: bf.noise.ColouredNoise(0.0 * size, size)),
}
every_noise = pytest.mark.parametrize('cls', NOISES, ids=lambda cls: cls.__name__)


def run(cls, size, seed=0, n=4, **options):
    fed, make = NOISES[cls]
    network = bf.Network(bf.HopfOscillator(n, a=-1.0, tau=10.0 * u.ms, init_x=0.0), noise={fed: make(size)})
    return bf.Simulator(network, dt=1 * u.ms).run(30 * u.ms, seed=seed, **options)['output']


def test_every_noise_is_listed():
    families = WienerNoise, CorrelatedNoise
    assert set(ProcessNoise.__subclasses__()) == set(families)
    assert {cls for family in families for cls in family.__subclasses__()} == set(NOISES)


@every_noise
def test_the_seed_decides(cls):
    np.testing.assert_array_equal(run(cls, 0.1), run(cls, 0.1))
    assert abs(run(cls, 0.1, seed=1) - run(cls, 0.1)).max() > 1e-4


@every_noise
def test_no_amplitude_is_no_noise(cls):
    np.testing.assert_array_equal(run(cls, 0.0), 0.0)


@every_noise
def test_small_noise_moves_a_stable_node_in_proportion(cls):
    np.testing.assert_allclose(run(cls, 2e-4), 2 * run(cls, 1e-4), rtol=1e-3, atol=1e-9)


@every_noise
def test_one_amplitude_per_region(cls):
    size = np.array([0.0, 1e-4, 2e-4, 0.0])
    together = run(cls, size)
    np.testing.assert_array_equal(together[:, [0, 3]], 0.0)
    np.testing.assert_allclose(together[:, 1], run(cls, 1e-4)[:, 1], rtol=1e-5, atol=1e-10)


@every_noise
def test_every_member_of_a_batch_has_its_own(cls):
    fed, make = NOISES[cls]
    network = bf.Network(bf.HopfOscillator(500, a=-1.0, init_x=0.0), noise={fed: make(0.1)})

    def first_steps(batch_size):
        network.init_all_states(batch_size=batch_size)
        network.seed(0)
        return np.stack([network.update() for _ in range(2)])

    with brainstate.environ.context(dt=1 * u.ms):
        x, alone = first_steps(3), first_steps(None)
    assert x.shape == (2, 3, 500)
    np.testing.assert_allclose(np.corrcoef(x[-1]), np.eye(3), atol=4 / np.sqrt(500))
    # one region and the next
    assert abs(np.corrcoef(x[-1, :, 1:].ravel(), x[-1, :, :-1].ravel())[0, 1]) < 4 / np.sqrt(1500)
    # alone is member 0
    np.testing.assert_allclose(alone, x[:, 0], rtol=1e-5, atol=1e-8)


@every_noise
def test_in_pieces_as_in_one(cls):
    fed, make = NOISES[cls]
    network = bf.Network(bf.HopfOscillator(4, a=-1.0, tau=10.0 * u.ms, init_x=0.0), noise={fed: make(0.1)})
    simulator = bf.Simulator(network, dt=1 * u.ms)
    first = simulator.run(10 * u.ms, seed=0)
    rest = simulator.run(20 * u.ms, resume=first)
    np.testing.assert_array_equal(np.concatenate([first['output'], rest['output']]), run(cls, 0.1))


@every_noise
def test_declaration(cls):
    assert 'Parameters' in cls.__doc__
    assert repr(NOISES[cls][1](0.1)).startswith(f'{cls.__name__}(')
