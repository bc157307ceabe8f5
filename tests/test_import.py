"""``import brainfwd`` is quick, and does nothing yet."""

import json
import subprocess
import sys

import pytest

LOOK = """
import json, sys, time
import brainstate
before, start = set(sys.modules), time.perf_counter()
import brainfwd
took, added = time.perf_counter() - start, sorted(set(sys.modules) - before)
from jax._src import xla_bridge
print(json.dumps([added, took, xla_bridge.backends_are_initialized()]))
"""


def look():
    """Modules that brainfwd adds to those of brainstate, seconds it takes, whether JAX has started a device."""
    out = subprocess.run([sys.executable, '-c', LOOK], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


@pytest.fixture(scope='module')
def looked():
    look()  # writes the bytecode
    return [look(), look()]


def test_no_jax_operation_runs(looked):
    # the first operation would start a device
    assert looked[0][2] is False


def test_nothing_but_brainfwd_is_loaded(looked):
    added = {name.split('.')[0] for name in looked[0][0]}
    assert added - set(sys.stdlib_module_names) == {'brainfwd'}


def test_quick(looked):
    assert min(took for _, took, _ in looked) < 0.3
