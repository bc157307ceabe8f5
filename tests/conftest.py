"""What all tests share."""

import os

os.environ.setdefault('MPLBACKEND', 'Agg')
# before NumPy is imported: tests run side by side, and the threads of one would wait for those of another
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

import brainstate
import brainunit as u
import hypothesis
import jax
import pytest

import brainfwd as bf

# the same examples in every run, and no clock: the first example may compile
hypothesis.settings.register_profile('brainfwd', deadline=None, derandomize=True, max_examples=30)
hypothesis.settings.load_profile('brainfwd')


@pytest.fixture(autouse=True)
def _environment():
    """No time step or precision leaks from one test into the next."""
    yield
    if 'dt' in brainstate.environ.all():
        brainstate.environ.pop('dt')
    if brainstate.environ.get_precision() != 32:
        brainstate.environ.set(precision=32)


@pytest.fixture(scope='session')
def linear():
    """A node whose every answer is known: it decays, and integrates its input."""

    class Linear(bf.NeuralMass):
        r"""Linear relaxation, :math:`\dot x = I - \gamma x`."""

        rate = bf.Parameter(0.0 * u.Hz, 'rate of decay')
        x = bf.Variable(0.0 * u.mV, 'potential')
        inp = bf.Input(0.0 * u.mV / u.second, 'drive of the potential')

        def derivative(self, x, inp):
            return {'x': inp - self.rate * x}

        def output(self, x):
            return x

    return Linear


class _Compilations:
    """Counts what XLA compiles inside ``with``."""

    def __init__(self):
        self.total = self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event, duration, **details):
        self.total += event == '/jax/core/compile/backend_compile_duration'

    def __enter__(self):
        self._before = self.total
        return self

    def __exit__(self, *error):
        self.count = self.total - self._before


@pytest.fixture(scope='session')
def compilations():
    return _Compilations()
