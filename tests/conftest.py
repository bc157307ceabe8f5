"""What all tests share."""

import os

os.environ.setdefault('MPLBACKEND', 'Agg')

import brainstate
import hypothesis
import pytest

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
