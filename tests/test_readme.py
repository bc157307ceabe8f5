"""The example of the README is run as it stands, only shorter."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / 'README.md'


@pytest.fixture(scope='module')
def example():
    (code,) = re.findall(r'^```python\n(.*?)^```$', README.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    assert code.count('10 * u.second') == 1
    names = {}
    exec(code.replace('10 * u.second', '0.5 * u.second'), names)
    return names


def test_it_says_what_comes_out(example):
    assert example['brain'].n_regions == 68
    assert (example['head'].n_sensors, example['head'].n_sources) == (64, 4738)
    recording, estimate = example['result']['eeg'], example['estimate']
    assert recording.channels.unit == example['u'].volt
    assert recording.data_si.shape == (250, 64)
    assert estimate.data.shape == (250, 4738)
    assert np.isfinite(estimate.data).all()
