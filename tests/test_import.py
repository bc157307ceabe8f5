"""``import brainfwd`` is quick, and does nothing yet."""

import json
import subprocess
import sys

import pytest

LOOK = """
import json, sys
{first}
before = set(sys.modules)
import brainfwd
from jax._src import xla_bridge
print(json.dumps([sorted(set(sys.modules) - before), xla_bridge.backends_are_initialized()]))
"""


@pytest.fixture(scope='module')
def after_brainstate():
    """Modules that brainfwd adds to those of brainstate, and whether JAX has started a device."""
    # without bytecode of the test run: a fresh interpreter each
    out = subprocess.run(
        [sys.executable, '-c', LOOK.format(first='import brainstate')], capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)


def test_no_jax_operation_runs(after_brainstate):
    # the first operation would start a device
    assert after_brainstate[1] is False


def test_nothing_but_brainfwd_is_added(after_brainstate):
    added = {name.split('.')[0] for name in after_brainstate[0]}
    others = added - set(sys.stdlib_module_names) - {'brainfwd'}
    # jax and scipy load parts of themselves when first asked for
    assert not others & {'pandas', 'xarray', 'mne', 'matplotlib', 'tqdm', 'netCDF4', 'h5netcdf', 'h5py'}


def test_records_come_alone():
    run = 'from brainfwd.records import Connectome; import sys; assert "matplotlib.pyplot" not in sys.modules'
    assert subprocess.run([sys.executable, '-c', run], capture_output=True).returncode == 0
