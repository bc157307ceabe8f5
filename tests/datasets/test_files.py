"""What is shipped: small, without pickles, with its terms beside it."""

from pathlib import Path

import numpy as np
import pytest

import brainfwd.datasets

DATA = Path(brainfwd.datasets.__file__).parent / 'data'
ARRAYS = sorted(DATA.rglob('*.npz'))


def test_the_package_stays_small():
    assert sum(path.stat().st_size for path in DATA.rglob('*') if path.is_file()) < 12e6


@pytest.mark.parametrize('path', ARRAYS, ids=lambda path: path.stem)
def test_nothing_is_pickled(path):
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[key].dtype != object for key in archive)


def test_every_file_has_its_terms_beside_it():
    assert ARRAYS
    for path in ARRAYS:
        assert path.name in (path.parent / 'NOTICE.md').read_text(encoding='utf-8')
        assert list(path.parent.glob('LICENSE-*.txt'))


def test_what_the_eupl_covers_lies_apart():
    covered = {'weights', 'lengths_mm', 'fc', 'dk_id'}
    for path in ARRAYS:
        with np.load(path) as archive:
            assert path.parent.name == 'desikan_killiany' or not covered & set(archive)
