"""``import brainfwd`` loads nothing that ``import brainstate`` does not, and does nothing yet."""

import json
import subprocess
import sys

import pytest

LOOK = """
import json, sys
import brainstate
before = set(sys.modules)
import brainfwd
added = sorted(set(sys.modules) - before)
from jax._src import xla_bridge
print(json.dumps([added, xla_bridge.backends_are_initialized()]))
"""


@pytest.fixture(scope='module')
def looked():
    """Modules that brainfwd adds to those of brainstate, and whether JAX has started a device."""
    out = subprocess.run([sys.executable, '-c', LOOK], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def test_no_jax_operation_runs(looked):
    # the first operation would start a device
    assert looked[1] is False


def test_nothing_but_brainfwd_is_loaded(looked):
    added = {name.split('.')[0] for name in looked[0]}
    assert added - set(sys.stdlib_module_names) == {'brainfwd'}
