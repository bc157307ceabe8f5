"""Keys of random numbers."""

import jax
import numpy as np
import pytest

from brainfwd._core.keys import as_key, as_seed, key_for, member_keys


def numbers(key):
    return np.asarray(jax.random.key_data(key)).tolist()


def test_a_seed_a_typed_key_and_a_raw_one_are_the_same():
    key = jax.random.key(3, impl='threefry2x32')
    assert numbers(as_key(3, 'key')) == numbers(key)
    assert numbers(as_key(np.int32(3), 'key')) == numbers(key)
    assert as_key(key, 'key') is key
    for raw in (jax.random.key_data(key), np.asarray(jax.random.key_data(key))):
        assert numbers(as_key(raw, 'key')) == numbers(key)


@pytest.mark.parametrize('seed', [-1, 2**31, 1.5, True, 'zero', None])
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match=r'Simulator\.run\(seed\) is a whole number from 0 to 2147483647; got'):
        as_seed(seed, 'Simulator.run(seed)')


@pytest.mark.parametrize('key', [1.5, 'zero', None, np.ones(2), jax.random.key(0, impl='rbg')], ids=str)
def test_bad_keys(key):
    with pytest.raises(ValueError, match=r'seed\(key\) is a whole number, or one threefry key'):
        as_key(key, 'seed(key)')


def test_names_and_members_have_keys_of_their_own():
    key = as_key(0, 'key')
    assert numbers(key_for(key, 'noise.p')) != numbers(key_for(key, 'noise.q'))
    members = member_keys(key, 4)
    assert len({str(numbers(one)) for one in members}) == 4
    # whatever the size of the batch; alone is member 0
    assert numbers(member_keys(key, 7)[2]) == numbers(members[2])
    assert numbers(member_keys(key, None)) == numbers(members[0])
